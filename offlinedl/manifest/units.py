"""Numbers, ranges and durations as manifests write them. What cannot be read is None: the caller knows more."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache

from offlinedl.streams import ByteRange

_WHOLE = re.compile(r"\s*\+?([0-9]{1,20})\s*")
_SIGNED = re.compile(r"\s*([+-]?[0-9]{1,20})\s*")
_DECIMAL = re.compile(r"\s*([0-9]{1,20}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?![0-9.eE])")
_RANGE = re.compile(r"\s*([0-9]{1,20})\s*-\s*([0-9]{1,20})\s*")
_DURATION = re.compile(
    r"\s*P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,9})D)?"
    r"(?:T(?:(\d{1,9})H)?(?:(\d{1,12})M)?(?:(\d{1,15}(?:\.\d{0,30})?)S)?)?\s*"
)
_RATIO = re.compile(r"\s*([0-9]{1,9})\s*(?:/\s*([0-9]{1,9})\s*)?")
_UNITS = (31_536_000, 2_592_000, 86_400, 3_600, 60, 1)


def whole(text: str | None) -> int | None:
    """A number that counts: 0 or more."""
    if text and len(text) <= 20 and text.isascii() and text.isdigit():
        return int(text)
    match = _WHOLE.fullmatch(text) if text else None
    return int(match[1]) if match else None


def signed(text: str | None) -> int | None:
    """A number that may be below 0, as S@r is."""
    match = _SIGNED.fullmatch(text) if text else None
    return int(match[1]) if match else None


@lru_cache(maxsize=4096)
def seconds(text: str) -> Fraction | None:
    """The decimal number that `text` begins with, exactly: "6.006" is 6006/1000. No sign, and none with an exponent."""
    match = _DECIMAL.match(text)
    return Fraction(match[1]) if match else None


def ratio(text: str | None) -> Fraction | None:
    """A positive number or a ratio of two: "30000/1001"."""
    match = _RATIO.fullmatch(text) if text else None
    if match is None or not int(match[1]) or not int(match[2] or 1):
        return None
    return Fraction(int(match[1]), int(match[2] or 1))


def moment(text: str | None) -> datetime | None:
    """An xs:dateTime (XML Schema part 2 section 3.2.7); without a zone it is UTC."""
    try:
        found = datetime.fromisoformat((text or "").strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def iso_duration(text: str | None) -> Fraction | None:
    """An xs:duration in seconds (XML Schema part 2 section 3.2.6); a year is 365 days and a month 30."""
    match = _DURATION.fullmatch(text) if text else None
    if match is None or not any(match.groups()):
        return None
    return sum((Fraction(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part), Fraction(0))


def first_to_last(text: str | None) -> ByteRange | None:
    """The byte range of "first-last", both included (RFC 9110 section 14.1.2). DamagedError where no file has it."""
    match = _RANGE.fullmatch(text) if text else None
    if match is None or int(match[1]) > int(match[2]):
        return None
    return ByteRange(first=int(match[1]), last=int(match[2]))


def base64_bytes(text: str) -> bytes | None:
    """The bytes of `text` in base64, of either alphabet, with or without spaces and padding; None where it is not."""
    letters = re.sub(r"\s+", "", text).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def key_id(text: str) -> bytes | None:
    """A key id as 16 bytes, from a UUID or "0x" and 32 digits; None where it is neither, or all zero: no key id."""
    digits = text.strip().removeprefix("0x").removeprefix("0X").strip("{}").replace("-", "")
    if not re.fullmatch(r"[0-9a-fA-F]{32}", digits):
        return None
    kid = bytes.fromhex(digits)
    return kid if any(kid) else None
