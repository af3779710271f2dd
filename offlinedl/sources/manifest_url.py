"""A URL of a manifest as a source of exactly one title."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from offlinedl.errors import printable
from offlinedl.model import MediaSource, Title
from offlinedl.signatures import unsigned

_COMMON_NAMES = re.compile(r"(master|manifest|index|playlist|main|stream|video|dash|hls|prog_index|\d+)", re.IGNORECASE)


def is_url(ref: str) -> bool:
    """Is the reference a URL?"""
    return re.match(r"https?://", ref, re.IGNORECASE) is not None


def title_id(url: str) -> str:
    """The id of the title behind `url`: "url:" with a readable part and a hash of the address without what signs it."""
    parts = urlsplit(unsigned(url))
    query = urlencode(parse_qsl(parts.query, keep_blank_values=True))
    address = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path}?{query}"
    plain = re.sub(r"[^a-z0-9]+", "-", name_of(url).lower()).strip("-")[:40] or "title"
    return f"url:{plain}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def name_of(url: str) -> str:
    """What a person would call it: the last part of the path that is not what every manifest is called, and assigns
    nothing, as signatures do."""
    parts = urlsplit(url)
    steps = [re.sub(r"\.[A-Za-z0-9]{2,4}$", "", unquote(step)) or step for step in parts.path.split("/") if step]
    telling = [step for step in steps if not _COMMON_NAMES.fullmatch(step) and "=" not in step]
    return printable((telling or steps or [parts.hostname or url])[-1])


def title(url: str) -> Title:
    """The title of a URL. Nothing is read: the manifest is, later, as that of any title."""
    return Title(id=title_id(url), name=name_of(url), sources=(MediaSource(url=url),))
