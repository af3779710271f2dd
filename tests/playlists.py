"""HLS playlists as short texts, for the stories about them."""

from __future__ import annotations

from offlinedl.manifest import hls
from offlinedl.streams import Rendition

URL = "https://media.test/film/index.m3u8?sig=1"


def media(*lines: str, end: str = "#EXT-X-ENDLIST") -> bytes:
    """A media playlist of these lines."""
    return "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:6", *lines, end]).encode()


def rung(*lines: str, url: str = URL) -> Rendition:
    """The one rendition of a media playlist."""
    (rendition,) = hls.parse(media(*lines), url).renditions
    return rendition


def segment(uri: str = "a.ts", seconds: str = "6") -> str:
    return f"#EXTINF:{seconds},\n{uri}"


def top(*lines: str, url: str = URL) -> tuple[Rendition, ...]:
    """The renditions of a multivariant playlist."""
    return hls.parse("\n".join(["#EXTM3U", *lines]).encode(), url).renditions


def variant(uri: str = "v.m3u8", attributes: str = "BANDWIDTH=1000000,RESOLUTION=1280x720") -> str:
    return f"#EXT-X-STREAM-INF:{attributes}\n{uri}"
