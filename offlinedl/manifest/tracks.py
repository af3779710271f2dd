"""What every format says of its tracks in the same way: codecs, and ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from offlinedl.manifest.limits import absurd
from offlinedl.model import Kind
from offlinedl.streams import Rendition

_AUDIO = ("mp4a", "ac-3", "ec-3", "ac-4", "opus", "flac", "alac", "dts", "mp3", "vorbis", "iamf", "mha1", "mhm1")
_TEXT = ("wvtt", "stpp", "vtt")
_MAX_ID = 1024


def kind_of(codecs: str) -> Kind:
    """RFC 6381: what a list of codecs carries. Unknown codecs, and none at all, are taken for pictures."""
    names = [name.strip().lower() for name in codecs.split(",") if name.strip()]
    if names and all(name.startswith(_TEXT) for name in names):
        return Kind.SUBTITLES
    return Kind.AUDIO if names and all(name.startswith((*_AUDIO, *_TEXT)) for name in names) else Kind.VIDEO


def audio_codecs(codecs: str) -> str:
    """Those of a list of codecs that are sound."""
    return ",".join(name.strip() for name in codecs.split(",") if name.strip().lower().startswith(_AUDIO))


def distinct(renditions: Iterable[Rendition]) -> Iterator[Rendition]:
    """Each under an id that no other has: its own, or where that is taken with the next free number after it."""
    last: dict[str, int] = {}
    for rendition in renditions:
        if len(rendition.id) > _MAX_ID:  # it stands beside each segment in the catalog
            raise absurd(f"the id of a {rendition.kind} track has {len(rendition.id)} letters", _MAX_ID)
        name, number = rendition.id, last.get(rendition.id, 0) + 1
        while number > 1 and f"{name}#{number}" in last:
            number += 1
        last[name] = number
        if number > 1:
            last[f"{name}#{number}"] = 1
            yield replace(rendition, id=f"{name}#{number}")
        else:
            yield rendition
