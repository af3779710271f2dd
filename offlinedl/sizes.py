"""Sizes and rates as people write them. Decimal units, as they are shown too; binary ones with an `i`."""

from __future__ import annotations

import re

from offlinedl.errors import UsageError


def size(text: str, option: str) -> int:
    """Bytes: 4GB, 3.5GiB, 700M, or a number without a unit. What is none is an error that names `option`."""
    return _count(text, f"{option} {text}: not a size", "write it like 4GB, 3.5GiB or 700M")


def rate(text: str, option: str) -> int:
    """Bytes a second: 500K, 1.5MB, 2M/s. K is 1000 here as everywhere in offlinedl; where curl, wget, aria2 and yt-dlp
    read 1024, this is slower by 2 %, and by 5 % with M."""
    plain = re.sub(r"/s$", "", text, flags=re.IGNORECASE)
    return _count(plain, f"{option} {text}: not a rate", "write it like 500K or 2M")


def _count(text: str, wrong: str, hint: str) -> int:
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*(?:([kmgt])(i)?)?b?", text.strip(), re.IGNORECASE | re.ASCII)
    count = float(found[1]) * (1024 if found[3] else 1000) ** " kmgt".index((found[2] or " ").lower()) if found else 0
    if count < 1:
        raise UsageError(wrong, hint)
    return int(count)
