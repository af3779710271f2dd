"""Titles of 20 segments, and a server on loopback that is slow, loses one, lets signatures expire, and kills."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from content import Content, make

from offlinedl.demo import origin as demo

SEGMENTS = 20
_SLICES = 8
_FMP4 = (
    f"ffmpeg -v error -f lavfi -i testsrc2=size=1280x720:rate=25:duration={SEGMENTS} -c:v libx264 -preset ultrafast"
    " -g 25 -b:v 16M -pix_fmt yuv420p -f hls -hls_time 1 -hls_list_size 0 -hls_segment_type fmp4 index.m3u8"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """Its bytes by name in playback order, an init segment first: as they are `served`, and in the `clear`."""

    served: dict[str, bytes]
    clear: dict[str, bytes]


@dataclass(slots=True, kw_only=True)
class Origin:
    """A server of `root`. A segment takes so many seconds; `gone` is 404 for ever; a signature in an address holds
    `expires` seconds from when its playlist was asked for. Once `fatal` bytes were sent, the process group `victim` is
    killed."""

    root: Path
    seconds: float
    gone: str | None = None
    expires: float | None = None
    victim: int | None = None
    fatal: float = 0.0

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve while the block runs; the address."""
        app = web.Application()
        app.router.add_get("/{path:.+}", self._answer)
        with demo.in_thread(app) as url:
            yield url

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        file = self.root / request.match_info["path"]
        if file.name == self.gone or not file.is_file():
            raise web.HTTPNotFound
        if file.suffix == ".m3u8":
            return web.Response(text=self._signed(file.read_text()), content_type="application/vnd.apple.mpegurl")
        if float(request.query.get("until", "inf")) < time.time():
            raise web.HTTPForbidden
        if file.name == "key":
            return web.Response(body=file.read_bytes())
        return await self._send(request, file.read_bytes())

    def _signed(self, playlist: str) -> str:
        if self.expires is None:
            return playlist
        return re.sub(r"(?m)^([^#].*)$", rf"\1?until={time.time() + self.expires}", playlist)

    async def _send(self, request: web.Request, content: bytes) -> web.StreamResponse:
        """What was asked for of it, in slices."""
        first, stop, _ = request.http_range.indices(len(content))
        response = web.StreamResponse(headers={"ETag": f'"{len(content)}"', "Content-Length": str(stop - first)})
        if "Range" in request.headers:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {first}-{stop - 1}/{len(content)}"
        size = len(content) // _SLICES + 1
        with suppress(ConnectionError):  # of a client that was killed
            await response.prepare(request)
            for at in range(first, stop, size):
                await asyncio.sleep(self.seconds / _SLICES)
                await response.write(content[at : min(at + size, stop)])
                self._count(size)
        return response

    def _count(self, sent: int) -> None:
        self.fatal -= sent
        if self.victim is not None and self.fatal <= 0:
            with suppress(ProcessLookupError):
                os.killpg(self.victim, signal.SIGKILL)
            self.victim = None


def titles(root: Path) -> dict[str, Title]:
    """Make one of MPEG-TS, one of fragmented MP4 with an init segment, and one with AES-128 without IV."""
    clear = Content(folder="ts", count=SEGMENTS, size=2_000_000)
    sealed = Content(folder="aes", count=SEGMENTS, size=2_000_000, sealed=True)
    make(root, clear)
    make(root, sealed)
    playlist = root / "aes" / "index.m3u8"
    playlist.write_text(re.sub(",IV=0x[0-9a-f]+", "", playlist.read_text()))  # the number is the IV that is implied
    (root / "fmp4").mkdir()
    subprocess.run(_FMP4.split(), check=True, cwd=root / "fmp4")
    pieces = ["init.mp4", *(f"index{number}.m4s" for number in range(SEGMENTS))]
    ts, mp4 = _read(root / "ts", clear.names), _read(root / "fmp4", pieces)
    return {
        "ts": Title(served=ts, clear=ts),
        "aes": Title(served=_read(root / "aes", sealed.names), clear=ts),
        "fmp4": Title(served=mp4, clear=mp4),
    }


def _read(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}
