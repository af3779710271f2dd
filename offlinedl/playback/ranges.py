"""Which bytes a Range field asks for. Pure."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


def wanted(field: str, size: int) -> range | None:
    """The bytes of `size` that are asked for, an empty range where there are none such; None for all of them: nothing
    is asked for, several ranges, or what makes no sense (RFC 9110 sections 14.1.2 and 14.2)."""
    found = _RANGE.fullmatch(field.strip())
    first, last = found.groups() if found else ("", "")
    if not first and not last:
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1 if last else size, size))
