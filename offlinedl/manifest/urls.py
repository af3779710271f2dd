"""The URLs of a manifest: references become absolute, and only http and https leave (RFC 3986 section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from offlinedl.errors import DamagedError, UnsupportedError, shown
from offlinedl.manifest.limits import ADDRESS, check_address

# A path with nothing to resolve, and perhaps a query: no dot segment, no empty segment, no fragment.
_PATH = r"[\w~%][\w~%$.,;=&@!()+-]*(?:/[\w~%$,;=&@!()+-][\w~%$.,;=&@!()+-]*)*(?:\?[\w~%$.,:;=&@!()*/+-]*)?"
_PLAIN = re.compile(_PATH, re.ASCII)
_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?")
_BLANKS = re.compile(r"[\t\r\n]")
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,4})?/" + _PATH, re.ASCII)


def join(base: str, reference: str) -> str:
    """`reference` as an absolute http(s) URL, seen from `base`. Raises DamagedError and UnsupportedError."""
    check_address(reference)
    url = _checked(_resolved(base, _BLANKS.sub("", reference.strip())))
    check_address(url)
    return url


def _checked(url: str) -> str:
    """`url`, if it is one that can be asked."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise DamagedError("an address in it is not a URL", _AGAIN) from None
    try:
        _ = parts.port
    except ValueError:  # RFC 3986 section 3.2.3, RFC 9293 section 3.1
        raise DamagedError(f"{shown(url)}: its port is not a number up to 65535", _AGAIN) from None
    if parts.scheme not in {"http", "https"}:
        raise UnsupportedError(
            f"it points to {shown(url)}, and only http and https are fetched",
            "give the manifest's own http or https address",
        )
    if not host:
        raise DamagedError("an address in it has no host", _AGAIN)
    return url


def _resolved(base: str, reference: str) -> str:
    """RFC 3986 section 5.2.2. Not urllib's urljoin, which takes empty segments out of paths. Without the fragment."""
    scheme, authority, path, query = _split(reference)
    above = _split(base)
    if scheme is None and authority is None:
        authority = above[1]
        if not path:
            path, query = above[2], above[3] if query is None else query
        elif not path.startswith("/"):
            path = above[2].rpartition("/")[0] + "/" + path
    host = "" if authority is None else f"//{authority}"
    tail = "" if query is None else f"?{query}"
    return f"{(scheme or above[0] or '').lower()}:{host}{_without_dots(path)}{tail}"


def _split(url: str) -> tuple[str | None, str | None, str, str | None]:
    """RFC 3986 appendix B: scheme, authority, path and query; None where a part is missing."""
    match = _PARTS.match(url)
    assert match is not None  # noqa: S101 - every part is optional, so every text matches
    return match[1], match[2], match[3], match[4]


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4: . and .. resolved, empty segments kept."""
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == ".." and len(kept) > 1:
            kept.pop()
        elif segment not in {".", ".."}:
            kept.append(segment)
    return "/".join([*kept, ""] if segments[-1] in {".", ".."} else kept)


_AGAIN = "the manifest is damaged: fetch it again, or tell its publisher"


@lru_cache(maxsize=64)
def joiner(base: str) -> Callable[[str], str]:
    """`join` for many references to one `base`: those that need no resolving cost next to nothing."""
    root = _checked(_resolved(base, ""))  # of any length: what is long about it is often its query
    folder = join(root, ".")
    room = ADDRESS - len(folder.encode(errors="surrogatepass")) if folder.endswith("/") else -1

    def absolute(reference: str) -> str:
        if len(reference) <= room and _PLAIN.fullmatch(reference):
            return folder + reference
        if len(reference) <= ADDRESS and _ABSOLUTE.fullmatch(reference):
            return reference
        return join(root, reference)

    return absolute


def folder(url: str) -> str:
    """`url` up to the last slash of its path."""
    path = url.partition("?")[0]
    return path[: path.rfind("/") + 1]


def extension(url: str) -> str:
    """The file extension of the URL's path, lower-case and without its dot; "" where there is none."""
    name = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
