"""MPDs as short texts, for the stories about them."""

from __future__ import annotations

import struct

from offlinedl.manifest import dash
from offlinedl.streams import Manifest, Rendition

URL = "https://media.test/film/title.mpd?sig=1"


def mpd(inside: str, attributes: str = 'mediaPresentationDuration="PT10S"') -> Manifest:
    """An MPD with these periods."""
    return dash.parse(mpd_text(inside, attributes), URL)


def mpd_text(inside: str, attributes: str = 'mediaPresentationDuration="PT10S"') -> bytes:
    names = 'xmlns:cenc="urn:mpeg:cenc:2013" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {names} {attributes}>{inside}</MPD>'.encode()


def video(addressing: str, representation: str = 'id="v" bandwidth="9"', around: str = "") -> Rendition:
    """The one video rendition of an MPD of 10 s, with its addressing in the representation."""
    body = f"<Representation {representation}>{addressing}</Representation>"
    (only,) = mpd(f'<Period><AdaptationSet mimeType="video/mp4">{around}{body}</AdaptationSet></Period>').renditions
    return only


def files(rendition: Rendition) -> list[str]:
    """The URLs of the segments, below the folder of the MPD."""
    return [s.resource.url.removeprefix("https://media.test/film/") for s in rendition.segments]


def timeline(*elements: str, attributes: str = 'timescale="1"') -> str:
    inside = "".join(elements)
    template = f'<SegmentTemplate media="$Time$.m4s" {attributes}>'
    return f"{template}<SegmentTimeline>{inside}</SegmentTimeline></SegmentTemplate>"


def period(inits: str, *representations: str, attributes: str = 'duration="PT4S"') -> str:
    """A period of 4 s with segments of 2 s."""
    template = (
        f'<SegmentTemplate media="{inits}/$RepresentationID$-$Number$.m4s" initialization="{inits}.mp4" duration="2"/>'
    )
    rungs = "".join(f'<Representation codecs="avc1.4d401f" {r}/>' for r in representations)
    return f'<Period {attributes}><AdaptationSet mimeType="video/mp4">{template}{rungs}</AdaptationSet></Period>'


def track(lang: str, kind: str = "audio", name: str = "") -> str:
    template = f'<SegmentTemplate media="{lang or name}/$Number$" duration="4"/>'
    body = f'{template}<Representation id="{lang}{name}"/>'
    return f'<AdaptationSet mimeType="{kind}/mp4" lang="{lang}">{body}</AdaptationSet>'


def sidx(version: int, first_offset: int, *references: tuple[int, int], tail: bytes = b"") -> bytes:
    """A segment index of (size with the index bit, duration in thousandths of a second)."""
    times = struct.pack(">QQ" if version else ">II", 0, first_offset)
    body = struct.pack(">BxxxII", version, 1, 1000) + times + struct.pack(">HH", 0, len(references))
    body += b"".join(struct.pack(">III", size, duration, 0x90000000) for size, duration in references)
    return struct.pack(">I4s", 8 + len(body), b"sidx") + body + tail


SINGLE = '<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="100-{last}"><Initialization range="0-99"/></SegmentBase>'
