"""A small offline app on offlinedl: takes a title of a feed on a journey, and keeps its licenses itself.

offlinedl demo serve --port 8765            leaves a service running, to try it with
python examples/offline_app.py http://127.0.0.1:8765/feed.json --home /tmp/journey
python examples/offline_app.py --home /tmp/journey      without a network: plays what is there
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sqlite3
import sys
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

from offlinedl import Event, Library, LocalMedia, OfflinedlError, State

SOURCE = "service"
_URI = re.compile(r'^([^#\s].*)$|URI="(.*?)"', re.MULTILINE)


class SqliteLicenses:
    """A license store in a database of the application's own: offlinedl.LicenseStore says what it has to hold."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None)  # each statement is a transaction
        self._db.execute("PRAGMA synchronous = FULL")  # on the disk when it returns
        self._db.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten
        self._db.execute("CREATE TABLE IF NOT EXISTS licenses (id TEXT PRIMARY KEY, license BLOB NOT NULL) STRICT")

    def save(self, license_id: str, license: bytes) -> None:
        """Keep it, in the place of one of the same id."""
        self._db.execute("INSERT OR REPLACE INTO licenses VALUES (?, ?)", (license_id, license))

    def load(self, license_id: str) -> bytes | None:
        """What was saved last under this id."""
        row = self._db.execute("SELECT license FROM licenses WHERE id = ?", (license_id,)).fetchone()
        return None if row is None else row[0]

    def remove(self, license_id: str) -> None:
        """Destroy it."""
        self._db.execute("DELETE FROM licenses WHERE id = ?", (license_id,))

    def ids(self) -> list[str]:
        """Those that are there."""
        return [license_id for (license_id,) in self._db.execute("SELECT id FROM licenses ORDER BY id")]


async def pack(library: Library, feed: str) -> None:
    """Show what the service offers, and download the first of it that may be."""
    offers = await library.add_source(SOURCE, feed)
    for offer in offers:
        print(f"{offer.id}  {offer.name}" + ("" if offer.download else "  (no download)"))
    chosen = next(offer for offer in offers if offer.download)
    plan = await library.prepare(chosen.id, quality="standard")
    print(f"{plan.name}: about {plan.estimated_bytes:,} bytes, {plan.free_bytes:,} are free")
    for rendition in plan.chosen:
        print(f"  {rendition.kind} {rendition.height or rendition.language}: {rendition.why}")
    title = await library.download(plan, progress=show)
    print(f"{title.name}: {title.message}")


def show(event: Event) -> None:
    """What goes on, and how far it is."""
    print(f"{event.name}: {event.step or event.event}, {event.percent:.0f} %", file=sys.stderr)


async def play(library: Library, title_id: str) -> None:
    """Play a title. Here an ordinary HTTP client is the player; a real one is given `media.address`."""
    async with library.open_local(title_id) as media:
        print(f"{media.title.name}: {media.duration:.0f} seconds, {', '.join(t.id for t in media.tracks)}")
        player = asyncio.create_task(asyncio.to_thread(read, media.address))
        time_is_up = asyncio.create_task(media.ended())
        await asyncio.wait({player, time_is_up}, return_when=asyncio.FIRST_COMPLETED)
        if player.done():
            print(f"{media.title.name}: {await player:,} bytes of media and text came. {media.title.message}")
            media.at(media.duration)
        time_is_up.cancel()
        clocks(media)


def clocks(media: LocalMedia) -> None:
    """How long the title may be played."""
    now = media.title.clocks
    if now is not None and media.seconds_left is not None:
        print(f"  until {now.deadline:%Y-%m-%d %H:%M} UTC ({now.window} window): {media.seconds_left:.0f} seconds")


def read(address: str) -> int:
    """Fetch what is at `address` and all that it names, as a player does. Bytes, playlists apart."""
    with build_opener(ProxyHandler({})).open(address) as answer:
        content: bytes = answer.read()
    if not content.startswith(b"#EXTM3U"):
        return len(content)
    return sum(read(urljoin(address, beside or alone)) for alone, beside in _URI.findall(content.decode()))


async def main(feed: str | None, home: Path, *, keep: bool) -> None:
    """A journey: pack, play, unpack."""
    store = SqliteLicenses(home / "licenses.db")
    async with Library.open(home, license_store=store) as library:
        if feed is not None:
            await pack(library, feed)
        for title in library.titles():
            if title.state is State.READY:
                await play(library, title.id)
            if not keep:
                print(f"{title.name}: removed, {await library.remove(title.id):,} bytes freed")
    print(f"{len(store.ids())} licenses in the store")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Take a title of a feed on a journey.")
    arguments.add_argument("feed", nargs="?", help="the address of a feed; without it, what is there is played")
    arguments.add_argument("--home", type=Path, required=True, help="the folder of this app")
    arguments.add_argument("--keep", action="store_true", help="do not remove the titles in the end")
    given = arguments.parse_args()
    try:
        asyncio.run(main(given.feed, given.home, keep=given.keep))
    except OfflinedlError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")
