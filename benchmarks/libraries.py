"""Large libraries: `sync` with nothing to do beside a feed of 50,000 titles, and `list` of 10,000 titles.

    python benchmarks/libraries.py          prints the figures beside what is promised of them

Whole processes. The time is that of the processor, the least of some runs. Where others keep the machine busy it is up
to twice as long: what an empty list takes, 0.1 s on one that is idle, tells how much.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from measured import Run, measured
from startup import library_title

from offlinedl.catalog import Catalog
from offlinedl.demo import origin
from offlinedl.library import Library
from offlinedl.store import Store
from offlinedl.vault import Vault

FEED, LISTED = 50_000, 10_000
ROUNDS = 5
SYNC_SECONDS, SYNC_MEGABYTES, LIST_SECONDS = 1.5, 150, 0.5
_BEGAN = datetime(2020, 1, 1, tzinfo=UTC)


def feed() -> bytes:
    """Of 50,000 titles in 500 series."""
    titles = [
        {
            "id": f"e{number}",
            "name": f"The {number}th tide",
            "series": {"id": f"s{number // 100}", "name": f"Harbour {number // 100}"},
            "season": number // 10 % 10 + 1,
            "episode": number % 10 + 1,
            "duration": 2700,
            "published": f"{_BEGAN + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}",
            "sources": [{"url": "titles/lighthouse/manifest.mpd", "type": "application/dash+xml"}],
        }
        for number in range(FEED)
    ]
    return json.dumps({"offlinedl": 1, "name": "Harbour TV", "titles": titles}).encode()


def service() -> web.Application:
    """The demo's, with that feed; who knows it is told so."""
    body, tag = feed(), '"50000"'

    async def large(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=body, content_type="application/json", headers={"ETag": tag})

    app = origin.application()
    app.router.add_get("/large.json", large)
    return app


def fill(home: Path) -> None:
    """A catalog of 10,000 ready titles: some are brought to that as any is, and the others are copies of one."""
    now = datetime.now(UTC)
    with closing(Catalog(home / "catalog.db")) as catalog:
        library_title(Library(catalog, Store(home / "titles"), Vault(home / "vault"), lambda: now), 0, now)
    with closing(sqlite3.connect(home / "catalog.db")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        for table in ("titles", "licenses", "tracks", "fetches", "history"):
            _copy(db, table)


def _copy(db: sqlite3.Connection, table: str) -> None:
    """Each row of a table once more for each title; what must be its own of each is told apart by a number."""
    own = (
        {"id", "title_id", "license_id", "license_slot", "folder", "name"}
        if table in {"titles", "licenses"}
        else {"title_id"}
    )
    columns = [(name, bool(key)) for _, name, _, _, _, key in db.execute(f"PRAGMA table_info({table})")]
    names = [name for name, key in columns if not (table == "history" and key)]
    values = ", ".join(f"CASE WHEN {n} IS NULL THEN NULL ELSE {n} || '-' || k END" if n in own else n for n in names)
    db.execute(
        f"""WITH RECURSIVE number(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM number WHERE k < {LISTED - 1})
            INSERT INTO {table} ({", ".join(names)}) SELECT {values} FROM {table}, number"""
    )


def run(home: Path, *words: str) -> Run:
    """A command line, which must succeed."""
    environment = {**os.environ, "OFFLINEDL_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    found = measured([sys.executable, "-m", "offlinedl", *words], Path.cwd(), environment, home / "log")
    if found.code != 0:
        raise SystemExit(f"{' '.join(words)}: {(home / 'log').read_text()[-2000:]}")
    return found


def least(home: Path, *words: str) -> tuple[float, float]:
    """The least processor time of some runs, and the most MB of memory. The first, which compiles, does not count."""
    run(home, *words)
    runs = [run(home, *words) for _ in range(ROUNDS)]
    return min(found.cpu for found in runs), max(found.peak for found in runs) / 1e6


def say(what: str, found: tuple[float, float], limits: Sequence[float | None]) -> bool:
    """Print a line; False where it misses a limit."""
    said = [f"{value:8.2f}" + (f" (at most {most})" if most else "") for value, most in zip(found, limits, strict=True)]
    print(f"{what:<34}{said[0]:<26} s {said[1]:<24} MB")
    return all(most is None or value <= most for value, most in zip(found, limits, strict=True))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        syncs, lists = Path(folder) / "syncs", Path(folder) / "lists"
        for home in (syncs, lists):
            home.mkdir()
        with origin.in_thread(service()) as url:
            run(syncs, "source", "add", "large", f"{url}/large.json")
            for series in ("s7", "s499"):
                run(syncs, "follow", series)
            run(syncs, "sync")
            synced = least(syncs, "sync")
        (Path(folder) / "none").mkdir()
        say("list, nothing", least(Path(folder) / "none", "list"), (None, None))
        fill(lists)
        good = [
            say("sync, a feed of 50,000 titles", synced, (SYNC_SECONDS, SYNC_MEGABYTES)),
            say("list, 10,000 titles", least(lists, "list"), (LIST_SECONDS, None)),
            say("list --json, 10,000 titles", least(lists, "list", "--json"), (LIST_SECONDS, None)),
        ]
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
