"""ffplay: reads the address from its input, as a list of one file. It shows no subtitles that lie beside the media, and
cannot begin elsewhere than at the beginning of a playlist of fragments: its seeking there loses the pictures."""

from __future__ import annotations

import os
import re

from offlinedl.playback.players.process import running
from offlinedl.playback.players.show import At, Show

_POSITION = re.compile(rb"(\d+\.\d+) (?:A-V|M-V|M-A):")
_QUIT_BY_SIGNAL = 123
_OPTIONS = ("-hide_banner", "-autoexit", "-loglevel", "error", "-stats")
_INPUT = ("-f", "concat", "-safe", "0", "-protocol_whitelist", "pipe,http,tcp", "-i", "pipe:0")


async def play(program: str, show: Show, at: At) -> None:
    """See Player."""
    command = [program, *_OPTIONS, "-window_title", show.name, *_INPUT]
    source, sink = os.pipe()
    try:
        os.write(sink, f"ffconcat version 1.0\nfile '{show.address}'\n".encode())
        os.close(sink)
        async with running("ffplay", command, show.address, stdin=source) as child:
            places: list[float] = []

            def heard(piece: bytes) -> None:
                if found := _POSITION.findall(piece):
                    places[:] = [float(found[-1])]
                    at(places[0])

            child.heard = heard
            if await child.ended(_QUIT_BY_SIGNAL) and not places:  # it says so with no code
                raise child.failed("played nothing")
    finally:
        os.close(source)
