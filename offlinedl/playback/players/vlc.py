"""VLC: spoken to over a socket in a folder of our own, with its remote control."""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from offlinedl.playback.players.process import asking, running
from offlinedl.playback.players.show import At, Show

_OPTIONS = (
    "--play-and-exit",
    "--no-video-title-show",
    "--intf=qt,macosx,dummy",  # without windows of its own it would read commands where there are none, and end
    "--extraintf=oldrc",
    "--rc-fake-tty",
)
_SOON_SECONDS = 0.05
_NUMBER = re.compile(rb"(?:> )*(\d+)\s*")


async def play(program: str, show: Show, at: At) -> None:
    """See Player."""
    with tempfile.TemporaryDirectory(prefix="offlinedl-") as folder:  # which only we may enter
        place = Path(folder) / "vlc"
        command = [program, *_OPTIONS, f"--rc-unix={place}"]
        command += [f"--audio-language={','.join(show.audio)}"] if show.audio else []
        command += [f"--sub-language={','.join(show.subtitles)}"] if show.subtitles else []
        async with running("VLC", command, show.address) as child:
            places: list[float] = []

            def heard(seconds: float) -> None:
                places[:] = [seconds]
                at(seconds)

            speaking = asyncio.ensure_future(_speak(place, show, heard))
            try:
                if await child.ended() and not places:  # it says so with no code
                    raise child.failed("played nothing")
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)


async def _speak(place: Path, show: Show, at: At) -> None:
    """Tell it what to play, then ask again and again where it is. Its end ends this."""
    with suppress(ConnectionError):
        reader, writer = await _connected(place)
        try:
            writer.write(f"add {show.address}\n".encode())
            to_seek = show.start > 0
            async with asking(lambda: writer.write(b"get_time\n")):
                while line := await reader.readline():
                    found = _NUMBER.fullmatch(line)
                    if found and to_seek and int(found[1]):  # it plays: before that it forgets what it was told
                        to_seek = False
                        writer.write(f"seek {int(show.start)}\n".encode())
                    elif found and not to_seek:
                        at(float(found[1]))
        finally:
            writer.close()


async def _connected(place: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """It takes a moment before it listens."""
    while True:
        try:
            return await asyncio.open_unix_connection(place)
        except OSError:
            await asyncio.sleep(_SOON_SECONDS)
