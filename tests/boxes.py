"""Boxes (ISO/IEC 14496-12 section 4.2) and EBML (RFC 8794) written by hand, for the shapes that no packager makes."""

from __future__ import annotations

import struct


def box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def full_box(kind: str, version: int, *content: bytes, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def numbers(*values: int) -> bytes:
    """32-bit fields, signed ones too."""
    return b"".join((value % 2**32).to_bytes(4) for value in values)


def element(number: int, *content: bytes) -> bytes:
    """An element of EBML, with a size of 4 bytes."""
    body = b"".join(content)
    return number.to_bytes((number.bit_length() + 7) // 8) + (len(body) | 1 << 28).to_bytes(4) + body


def matroska(kind: bytes, *tracks: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """A file of this document type (RFC 9559 section 5.1) with these tracks, and perhaps more around them."""
    head = element(0x1A45DFA3, element(0x4282, kind))
    return head + element(0x18538067, before, element(0x1654AE6B, *tracks), after)


def track(codec: bytes, *encodings: bytes) -> bytes:
    """A track of a codec; an encoding is what its ContentEncoding holds."""
    inside = element(0x6D80, *(element(0x6240, encoding) for encoding in encodings)) if encodings else b""
    return element(0xAE, element(0x86, codec), inside)
