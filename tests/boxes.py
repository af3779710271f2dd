"""Boxes written by hand (ISO/IEC 14496-12 section 4.2), for the shapes that no packager makes."""

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
