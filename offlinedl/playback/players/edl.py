"""A presentation as mpv's own list of segments (its EDL): the HLS reader of FFmpeg 5 loses the media of fragments when
it seeks, and mpv's does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from offlinedl.errors import DamagedError
from offlinedl.media import timed
from offlinedl.playback import MASTER, Presentation

_STREAM = re.compile(r"^#EXT-X-STREAM-INF.*\n(.+)$", re.MULTILINE)
_SOUND = re.compile(r"^#EXT-X-MEDIA:TYPE=AUDIO,(.*)$", re.MULTILINE)
_ATTRIBUTE = re.compile(r'([A-Z-]+)=(?:"([^"]*)"|([^,]*))')
_INIT = re.compile(r'^#EXT-X-MAP:URI="(.*)"$', re.MULTILINE)
_PIECE = re.compile(r"^#EXTINF:([\d.]+),\n(.+)$", re.MULTILINE)
_NEAR_SECONDS = 0.5
"""Frames are reordered, and sound has some before its first: what is no further off is no other clock."""


def edl(presentation: Presentation, address: str) -> str | None:
    """The title whose multivariant playlist is at `address`, None where that is better read by FFmpeg: where it is not
    in fragments, or where these do not go on from one to the next."""
    tracks = [_track(presentation, address, *each) for each in _tracks(_text(presentation, MASTER))]
    found = [track for track in tracks if track is not None]
    return f"edl://{';!new_stream;'.join(found)}" if found and len(found) == len(tracks) else None


def _tracks(master: str) -> Iterator[tuple[str, str, str]]:
    """The path of each playlist, with its language and name: of the pictures, which are one variant, and of sound."""
    yield from ((path, "", "") for path in _STREAM.findall(master))
    for said in _SOUND.findall(master):
        values = {name: quoted or bare for name, quoted, bare in _ATTRIBUTE.findall(said)}
        yield values["URI"], values.get("LANGUAGE", ""), values["NAME"]


def _track(presentation: Presentation, address: str, path: str, language: str, name: str) -> str | None:
    playlist, base = _text(presentation, path), urljoin(address, path)
    inits, pieces = _INIT.findall(playlist), _PIECE.findall(playlist)
    if len(inits) != 1 or not pieces or "#EXT-X-DISCONTINUITY" in playlist or "#EXT-X-GAP" in playlist:
        return None
    if not _begins_at_0(presentation, urljoin(path, inits[0]), urljoin(path, pieces[0][1])):
        return None
    headers = [f"!mp4_dash,init={_quoted(urljoin(base, inits[0]))}"]
    if name:
        headers.append(f"!track_meta,lang={_quoted(language)},title={_quoted(name)}")
    return ";".join([*headers, *(f"{_quoted(urljoin(base, uri))},length={seconds}" for seconds, uri in pieces)])


def _begins_at_0(presentation: Presentation, init: str, first: str) -> bool:
    """mpv takes the times of the fragments as they are, and those of the list from 0 on."""
    head, media = presentation.part(init), presentation.part(first)
    try:
        if head is None or media is None:
            return False
        sample = next(timed.samples(timed.read_head(head.make()), media.make()))
    except (DamagedError, StopIteration):
        return False
    return abs(sample.start / 1000) < _NEAR_SECONDS


def _text(presentation: Presentation, path: str) -> str:
    part = presentation.part(path)
    return part.make().decode() if part else ""


def _quoted(text: str) -> str:
    return f"%{len(text.encode())}%{text}"
