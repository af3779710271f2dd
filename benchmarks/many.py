"""Many titles: `sync` with nothing to do beside a feed of 50,000, and `list` of a catalog with 10,000.

    python benchmarks/many.py            prints seconds and memory; the promise is at most 1.5 s, 150 MB, and 0.5 s

Whole processes, the median of several runs. The feed says that it did not change; in the second line it is sent again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measured import measured

OFFERED, STORED, ROUNDS = 50_000, 10_000, 7
AT = "2026-11-01T00:00:00.000000+00:00"
RIGHTS = {
    "download": True, "reason": None, "storage_seconds": None, "playback_seconds": None, "available_from": None,
    "available_until": None, "max_height": None, "export": False,
}  # fmt: skip


def feed() -> bytes:
    """500 series of 100 episodes."""
    titles = [
        {
            "id": f"s{number // 100}e{number % 100}", "name": f"Episode {number}", "season": 1,
            "episode": number % 100 + 1, "duration": 60, "series": {"id": f"s{number // 100}", "name": "Harbour"},
            "sources": [{"url": f"{number}/manifest.mpd", "type": "application/dash+xml"}],
        }
        for number in range(OFFERED)
    ]  # fmt: skip
    return json.dumps({"offlinedl": 1, "name": "TV", "titles": titles}).encode()


class Feed(BaseHTTPRequestHandler):
    """The feed, which has a version."""

    protocol_version = "HTTP/1.1"
    content, version, asks = feed(), '"1"', True

    def do_GET(self) -> None:
        known = self.asks and self.headers.get("If-None-Match") == self.version
        content = b"" if known else self.content
        self.send_response(304 if known else 200)
        self.send_header("ETag", self.version)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing."""


def fill(catalog: Path) -> None:
    """Ready titles with a license and two tracks each, as rows: to download them takes an hour."""
    with closing(sqlite3.connect(catalog)) as db, db:
        for number in range(STORED):
            id_, slot = f"tv:own-{number}", f"{number:032x}"
            db.execute(
                "INSERT INTO licenses (id, title_id, system, kids, issued_at, storage_seconds, renewable)"
                " VALUES (?, ?, 'clearkey', ?, ?, 31536000, 1)", (slot, id_, "00" * 16, AT),
            )  # fmt: skip
            db.execute(
                "INSERT INTO titles (id, name, series_id, series_name, season, episode, state, folder, license_slot,"
                " license_id, protected, rights, manifest_url, quality, audio, subtitles, kids, bytes_done,"
                " bytes_total, added_at)"
                " VALUES (?, ?, ?, 'Harbour', 1, ?, 'ready', ?, ?, ?, 1, ?, '', 'standard', '', '', '', 1000000,"
                " 1000000, ?)",
                (id_, f"Tide {number}", f"tv:o{number // 100}", number, id_, slot, slot, json.dumps(RIGHTS), AT),
            )
            db.executemany(
                "INSERT INTO tracks (title_id, position, id, kind, container, bandwidth, width, height, codecs,"
                " language, name, why) VALUES (?, ?, ?, ?, 'mp4', ?, 0, ?, 'avc1.64001f', 'en', '', '')",
                [(id_, 0, "v", "video", 10**6 + number, 720), (id_, 1, "a", "audio", 10**5, 0)],
            )


def tell(name: str, words: Sequence[str], home: Path) -> None:
    environment = {**os.environ, "OFFLINEDL_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    command = [sys.executable, "-m", "offlinedl", *words]
    runs = [measured(command, Path.cwd(), environment, home / "log") for _ in range(ROUNDS + 1)][1:]
    assert all(run.code == 0 for run in runs), (home / "log").read_text()
    wall, cpu = statistics.median(run.wall for run in runs), statistics.median(run.cpu for run in runs)
    print(f"{name:<34} {wall:5.2f} s  {cpu:5.2f} s of a processor  {max(run.peak for run in runs) / 1e6:4.0f} MB")


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for words in (
            ["source", "add", "tv", f"http://127.0.0.1:{server.server_port}/feed.json"],
            *(["follow", f"s{number}", "--from", "S2E1"] for number in range(5)),
        ):
            measured(
                [sys.executable, "-m", "offlinedl", *words, "--home", folder], Path.cwd(), os.environ, home / "log"
            )
        tell("sync, nothing to do", ["sync"], home)
        Feed.asks = False
        tell("sync, the same feed sent again", ["sync"], home)
        fill(home / "catalog.db")
        tell("list", ["list"], home)
        tell("list --json", ["list", "--json"], home)
        Feed.asks = True
        tell("sync, beside 10,000 titles", ["sync"], home)


if __name__ == "__main__":
    main()
