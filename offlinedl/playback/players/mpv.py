"""mpv: spoken to over a socket that it inherits (its JSON IPC), which ends it when it is closed, too."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing, suppress
from typing import Any

from offlinedl.aside import aside
from offlinedl.playback.players.edl import edl
from offlinedl.playback.players.process import asking, running
from offlinedl.playback.players.show import At, Show, subtitle

_OPTIONS = (
    "--idle=once",  # it waits for the address, and ends after it
    "--input-terminal=no",
    "--msg-level=all=warn",
    "--ytdl=no",  # else what it cannot open goes to the command line of another program, address and all
    "--save-position-on-quit=no",  # under an address that there is never again
)
_LONGEST = 2**20
_PLACE = 1
_QUIT_BY_SIGNAL = 4


async def play(program: str, show: Show, at: At) -> None:
    """See Player."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        command = [program, *_OPTIONS, f"--input-ipc-client=fd://{theirs.fileno()}"]
        async with running("mpv", command, show.address, pass_fds=(theirs.fileno(),)) as child:
            theirs.close()
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST)
            child.quit = lambda: _say(writer, "quit")
            for name, value in _settings(show).items():
                _say(writer, "set_property", name, value)
            _say(writer, "loadfile", await aside(lambda: edl(show.presentation, show.address)) or show.address)
            try:
                await _follow(reader, writer, show, at)
                await child.ended(_QUIT_BY_SIGNAL)
            finally:
                writer.close()


def _settings(show: Show) -> dict[str, Any]:
    """Where nothing was asked for, the person's own settings hold."""
    settings: dict[str, Any] = {"force-media-title": show.name, "start": f"{show.start:.3f}"}
    if show.audio:
        settings["alang"] = ",".join(show.audio)
    return settings


async def _follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, show: Show, at: At) -> None:
    """Until mpv has ended."""
    with suppress(ConnectionError):
        async with asking(lambda: _say(writer, "get_property", "time-pos", id_=_PLACE)):
            while line := await reader.readline():
                said = json.loads(line)
                if said.get("event") == "file-loaded":
                    _add_texts(writer, show)
                elif said.get("event") == "end-file" and said.get("reason") == "eof":
                    at(show.presentation.duration)
                elif said.get("request_id") == _PLACE and isinstance(said.get("data"), int | float):
                    at(said["data"])


def _add_texts(writer: asyncio.StreamWriter, show: Show) -> None:
    chosen = subtitle([text for text, _ in show.texts], show.subtitles)
    for number, (text, address) in enumerate(show.texts):
        how = "select" if number == chosen else "auto"
        _say(writer, "sub-add", address, how, text.name, text.language)


def _say(writer: asyncio.StreamWriter, *words: object, id_: int = 0) -> None:
    writer.write(json.dumps({"command": words, "request_id": id_, "async": True}).encode() + b"\n")
