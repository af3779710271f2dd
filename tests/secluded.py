"""What runs where there is no network: a title is played by ffmpeg, mpv and Chromium, over loopback alone.

    python -m tests.secluded TITLE ORIGIN FOLDER

As JSON: what each player decoded, and whether ORIGIN (host:port), which has the title, could be reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import offlinedl
from tests.browser import chromium
from tests.presented import frames

TELLS = """
mp.observe_property("track-list", "native", function(_, tracks)
    local place = io.open(os.getenv("TOLD"), "a")
    for _, track in ipairs(tracks or {}) do place:write(track.type, "\\n") end
    place:close()
end)
"""


def is_reached(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=10):
        return True
    return False


async def opened(title: str, folder: Path) -> dict[str, object]:
    """What ffmpeg and Chromium decode of the title, which is open."""
    async with offlinedl.Library.open() as library, library.open_local(title) as media:
        pictures = await asyncio.to_thread(frames, media.address, "v")
        sound = await asyncio.to_thread(frames, media.address, "a", quiet=False)
        async with chromium(folder / "profile") as tab:
            await tab.go(media.page())
            await tab.until("document.querySelector('video').ended")
            script = """(() => {
                const video = document.querySelector('video');
                return {frames: video.getVideoPlaybackQuality().totalVideoFrames,
                        sound: video.webkitAudioDecodedByteCount > 0, texts: video.textTracks.length};
            })()"""
            browser = {**await tab.run(script), "faults": tab.faults}
    return {"pictures": pictures, "sound": sound, "chromium": browser}


def played(title: str, folder: Path) -> dict[str, object]:
    """How mpv ends, and the kinds of track that it found."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/tells.lua").write_text(TELLS)
    (folder / "mpv.conf").write_text("vo=null\nao=null\nuntimed=yes\n")
    command = [sys.executable, "-m", "offlinedl", "play", title, "--player", "mpv", "--from", "0"]
    environment = {**os.environ, "MPV_HOME": str(folder), "TOLD": str(folder / "told")}
    code = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL).returncode
    return {"code": code, "tracks": sorted({*(folder / "told").read_text().split()})}


def main(title: str, origin: str, folder: Path) -> None:
    host, _, port = origin.partition(":")
    said = {"reached": is_reached(host, int(port)), **asyncio.run(opened(title, folder))}
    print(json.dumps({**said, "mpv": played(title, folder / "mpv")}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
