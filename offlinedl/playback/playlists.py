"""HLS playlists as text (RFC 8216, rfc8216bis): what players are given of a stored title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

PLAYLIST = "application/vnd.apple.mpegurl"
"""The media type of playlists (RFC 8216 section 4)."""

_NOT_QUOTED = str.maketrans({'"': "'"} | dict.fromkeys((*range(0x20), 0x7F, 0x85, 0x2028, 0x2029), " "))


class Piece(NamedTuple):
    """A segment of a media playlist. `init` is the address of its init segment, "" where it needs none. The clock of
    its media `breaks` where it does not go on from the piece before. One that `is_gap` is not there."""

    uri: str
    start: float
    duration: float
    init: str = ""
    breaks: bool = False
    is_gap: bool = False


class Rendition(NamedTuple):
    """An EXT-X-MEDIA of the group of its `type` ("AUDIO", "SUBTITLES"); `language` is BCP 47, "" where unknown."""

    type: str
    uri: str
    name: str
    language: str = ""
    is_default: bool = False
    forced: bool = False


class Variant(NamedTuple):
    """What EXT-X-STREAM-INF says. `bandwidth` and `average` are in bits a second; `size` is in pixels, (0, 0) where it
    has none or an unknown one; `codecs` are empty where not all of them are known."""

    uri: str
    bandwidth: int
    average: int
    codecs: Sequence[str] = ()
    size: tuple[int, int] = (0, 0)


def media(pieces: Sequence[Piece], *, independent: bool = False) -> str:
    """A media playlist. Where each piece begins with a key frame, they are `independent`."""
    version = 8 if any(p.is_gap for p in pieces) else 6 if any(p.init for p in pieces) else 3
    longest = max((p.duration for p in pieces), default=0)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(longest))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        *(["#EXT-X-INDEPENDENT-SEGMENTS"] if independent else []),
        *_segments(pieces),
        "#EXT-X-ENDLIST",
    ]
    return "\n".join(lines) + "\n"


def _segments(pieces: Iterable[Piece]) -> Iterator[str]:
    """RFC 8216 sections 4.3.2.3 and 4.3.2.5. A gap has nothing to begin with."""
    before: Piece | None = None
    for piece in pieces:
        if piece.is_gap:
            yield "#EXT-X-GAP"
        else:
            if before and is_break(before, piece):
                yield "#EXT-X-DISCONTINUITY"
            if piece.init and (before is None or piece.init != before.init):
                yield f'#EXT-X-MAP:URI="{piece.init}"'
            before = piece
        yield f"#EXTINF:{_decimal(piece.duration)},\n{piece.uri}"


def is_break(before: Piece, piece: Piece) -> bool:
    """Does the clock of the media not go on, or their encoding? Another init segment is another encoding."""
    return piece.breaks or piece.init != before.init


def master(variants: Iterable[Variant], renditions: Sequence[Rendition], *, independent: bool = False) -> str:
    """A multivariant playlist (RFC 8216 section 4.3.4): any rendition goes with any variant."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", *(["#EXT-X-INDEPENDENT-SEGMENTS"] if independent else [])]
    names: dict[tuple[str, str], int] = {}
    for each in renditions:
        name = quoted(each.name or each.language or each.type.capitalize())
        count = names[each.type, name] = names.get((each.type, name), 0) + 1
        lines.append(_media(each, f'{name[:-1]} ({count})"' if count > 1 else name))  # unique in its group
    groups = {each.type: quoted(each.type.lower()) for each in renditions}
    for variant in variants:
        lines += [_stream(variant, groups), variant.uri]
    return "\n".join(lines) + "\n"


def _media(each: Rendition, name: str) -> str:
    """Section 4.3.4.1."""
    stated = [f"TYPE={each.type}", f"GROUP-ID={quoted(each.type.lower())}", f"NAME={name}"]
    stated += [f"LANGUAGE={quoted(each.language)}"] if each.language else []
    stated += [f"DEFAULT={'YES' if each.is_default else 'NO'}", "AUTOSELECT=YES"]
    stated += ["FORCED=YES"] if each.forced else []
    return "#EXT-X-MEDIA:" + ",".join([*stated, f"URI={quoted(each.uri)}"])


def _stream(variant: Variant, groups: dict[str, str]) -> str:
    """Section 4.3.4.2."""
    stated = [f"BANDWIDTH={variant.bandwidth}"]
    stated += [f"AVERAGE-BANDWIDTH={variant.average}"] if variant.average else []
    stated += [f"CODECS={quoted(','.join(variant.codecs))}"] if variant.codecs else []
    stated += [f"RESOLUTION={variant.size[0]}x{variant.size[1]}"] if all(variant.size) else []
    return "#EXT-X-STREAM-INF:" + ",".join([*stated, *(f"{kind}={group}" for kind, group in groups.items())])


def quoted(text: str) -> str:
    """A quoted-string (section 4.2), which holds no line break and no quotation mark."""
    return f'"{text.translate(_NOT_QUOTED)}"'


def _decimal(seconds: float) -> str:
    """A decimal-floating-point (section 4.2), to the microsecond."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
