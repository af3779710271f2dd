"""The form of clear samples: what tells a codec's own from noise, or from those of another codec, without a decoder."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate

from offlinedl.errors import DamagedError
from offlinedl.media.mp4 import Data

_FIRST_BITS = {
    "vp09": (0xC000, 0x8000),  # the frame_marker (VP9 section 6.2)
    "av01": (0x8000, 0),  # the obu_forbidden_bit (AV1 section 5.3.2)
    "ac-3": (0xFFFF, 0x0B77),  # the syncword (ATSC A/52 sections 5.4.1.1 and E.1.3.1.1)
    "ec-3": (0xFFFF, 0x0B77),
}
"""By the format of a sample entry: a mask for the first two bytes of each sample, and what is then left."""


def check_units(segment: Data, width: int, at: int, sizes: Sequence[int]) -> None:
    """Samples from byte `at` on are NAL units and nothing else, each behind its length of `width` bytes (ISO/IEC
    14496-15 section 5.3.4.2.1). Errors: DamagedError."""
    read = struct.Struct(f"{width}s").unpack_from
    for size in sizes:
        start, end = at, at + size
        while at + width <= end:
            length = int.from_bytes(read(segment, at)[0])
            at += width + length
            if not length or at > end:
                raise DamagedError(f"the sample at byte {start} is not made of NAL units")
        at = end


def check_begins(segment: Data, form: str, at: int, sizes: Sequence[int]) -> None:
    """Samples of a format begin as all of them do. Errors: DamagedError."""
    if form not in _FIRST_BITS:
        return
    mask, bits = _FIRST_BITS[form]
    for start in list(accumulate(sizes, initial=at))[:-1]:
        if int.from_bytes(segment[start : start + 2]) & mask != bits:
            raise DamagedError(f"the sample at byte {start} is none of {form}")
