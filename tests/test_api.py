"""The library that applications use, against the demo origin: what its functions promise, as stories."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

import pytest

from examples.offline_app import SqliteLicenses
from offlinedl import (
    Access,
    BusyError,
    DamagedError,
    Event,
    Library,
    LicenseStore,
    NotFoundError,
    RefusedError,
    Settings,
    State,
    StorageError,
    UsageError,
)
from offlinedl.api.conformance import check_license_store
from offlinedl.demo import origin as demo
from offlinedl.vault import Vault
from tests import origin as o
from tests.origin import Asked, Origin

T = TypeVar("T")
DATA = demo.DATA / "titles"
HARBOUR, LIGHTHOUSE = "demo:harbour-1", "demo:lighthouse"


class Memory:
    """Licenses in a dictionary: as many processes as a test has see the same one."""

    def __init__(self) -> None:
        self.licenses: dict[str, bytes] = {}

    def save(self, license_id: str, license: bytes) -> None:
        self.licenses[license_id] = license

    def load(self, license_id: str) -> bytes | None:
        return self.licenses.get(license_id)

    def remove(self, license_id: str) -> None:
        self.licenses.pop(license_id, None)


@asynccontextmanager
async def opened(home: Path, origin: Origin, store: LicenseStore | None = None) -> AsyncIterator[Library]:
    """The library of `home`, which knows the demo service. Requests are counted from here."""
    async with Library.open(home, license_store=store, settings=Settings(backoff=0)) as library:
        await library.add_source("demo", f"{origin.url}/feed.json")
        origin.forget()
        yield library


def told(home: Path, origin: Origin, story: Callable[[Library], Awaitable[T]], store: LicenseStore | None = None) -> T:
    """What `story` gives of an open library."""

    async def whole() -> T:
        async with opened(home, origin, store) as library:
            return await story(library)

    return asyncio.run(whole())


def files(home: Path) -> set[str]:
    """The media in a home."""
    found = (home / "titles").rglob("*")
    return {f.name for f in found if f.is_file() and not f.name.startswith(".")}


# what would be, and what is


def test_a_plan_says_what_would_be_fetched_and_why_and_nothing_is_written(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        plan = await library.prepare(HARBOUR, quality="720p", audio=("en", "fr"), subtitles=("none",))
        assert (plan.id, plan.name) == (HARBOUR, "Low Tide")
        assert sorted(r.language or f"{r.height}p" for r in plan.chosen) == ["720p", "en", "fr"]
        assert {r.height: r.why for r in plan.renditions if r.height}[1080] == "taller than 720"
        assert 100_000 < plan.estimated_bytes < plan.free_bytes
        assert plan.systems == ("clearkey",)
        assert (plan.refusal, len(plan.kids[0])) == (None, 16)
        assert plan.rights.storage_seconds == 30 * 86400
        assert library.titles() == ()

    told(tmp_path, origin, story)
    assert not any(a.method == "POST" or a.path.endswith((".m4s", ".mp4")) for a in origin.log)
    assert not (tmp_path / "titles").exists()
    assert not list((tmp_path / "vault").glob("*")) if (tmp_path / "vault").exists() else True


def test_a_download_tells_of_its_steps_and_is_ready(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        events: list[Event] = []
        title = await library.download(HARBOUR, quality="high", audio="en,fr", progress=events.append)
        assert [e.step for e in events if e.event == "step"] == ["license", "media", "proof"]
        assert (events[0].event, events[-1].event, events[-1].percent) == ("begin", "end", 100.0)
        assert events[-1].message is not None
        assert {e.title for e in events} == {HARBOUR}
        assert (title.state, title.message, title.percent) == (State.READY, "Available for 29 more days", 100.0)
        assert [t.language for t in title.tracks if t.kind == "audio"] == ["en", "fr"]
        assert title.clocks is not None
        assert (title.clocks.window, title.clocks.first_played_at, title.clocks.system) == ("storage", None, "clearkey")
        assert title.clocks.seconds_left is not None
        assert 30 * 86400 - 60 < title.clocks.seconds_left <= 30 * 86400
        assert [library.title("Low Tide").id, *(t.id for t in library.titles())] == [HARBOUR, HARBOUR]

    told(tmp_path, origin, story)


def test_a_plan_is_downloaded_as_it_was_chosen(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        plan = await library.prepare(HARBOUR, quality="data-saver", audio=["fr"])
        title = await library.download(plan, subtitles=("fr",))
        assert title.quality == "data-saver"
        assert [(t.height, t.language) for t in title.tracks] == [(360, ""), (0, "fr"), (0, "fr")]

    told(tmp_path, origin, story)


def test_what_a_source_offers_is_listed(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        assert [offer.name for offer in library.offers("demo")][:2] == ["Low Tide", "High Water"]
        assert await library.refresh("demo") == library.offers("demo")
        with pytest.raises(NotFoundError):
            library.offers("nobody")

    told(tmp_path, origin, story)


def test_the_command_line_sees_the_same_library(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLINEDL_HOME", str(tmp_path))

    async def story() -> list[str]:
        async with Library.open() as library:
            return [title.id for title in library.titles()]

    told(tmp_path, origin, lambda library: library.download(LIGHTHOUSE))
    assert asyncio.run(story()) == [LIGHTHOUSE]
    listed = subprocess.run([sys.executable, "-m", "offlinedl", "list"], capture_output=True, text=True, check=True)
    assert listed.stdout.count(LIGHTHOUSE) == 1


# what goes wrong


@pytest.mark.parametrize(
    ("quality", "audio", "access"),
    [
        pytest.param("huge", None, None, id="quality"),
        pytest.param(None, (), None, id="no-language"),
        pytest.param(None, ("all", "en"), None, id="all-and-one"),
        pytest.param(None, None, Access(license_url="ftp://x"), id="license-url"),
    ],
)
def test_what_means_nothing_is_refused_before_anything_is_asked(
    tmp_path: Path, origin: Origin, quality: str | None, audio: tuple[str, ...] | None, access: Access | None
) -> None:
    async def story(library: Library) -> None:
        with pytest.raises(UsageError):
            await library.download(HARBOUR, quality=quality, audio=audio, access=access)
        assert not origin.log

    told(tmp_path, origin, story)


def test_a_license_that_is_refused_is_raised_and_kept_with_the_title(tmp_path: Path, origin: Origin) -> None:
    origin.fault("/license", o.status(403))

    async def story(library: Library) -> None:
        with pytest.raises(RefusedError) as refused:
            await library.download(HARBOUR)
        title = library.title(HARBOUR)
        assert (title.state, title.error and title.error.code) == (State.FAILED, refused.value.code)
        assert title.clocks is None

    told(tmp_path, origin, story)


def test_a_cancelled_download_is_paused_and_the_next_one_goes_on(tmp_path: Path, origin: Origin) -> None:
    origin.fault("/3.m4s", o.held(asyncio.Event()))

    async def story(library: Library) -> None:
        events: list[Event] = []
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch(asked: Asked) -> None:
            if "/3.m4s" in asked.path:
                loop.call_soon_threadsafe(begun.set)

        origin.watchers.append(watch)
        task = asyncio.ensure_future(library.download(HARBOUR, progress=events.append))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (library.title(HARBOUR).state, events[-1].event) == (State.PAUSED, "paused")
        origin.mend()
        kept = files(tmp_path)
        origin.forget()
        assert (await library.download(HARBOUR)).state is State.READY
        assert kept <= files(tmp_path)
        assert not origin.asked("/license")

    told(tmp_path, origin, story)


def test_several_at_once_and_one_title_once(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        titles = await asyncio.gather(*(library.download(ref) for ref in (HARBOUR, "demo:harbour-2", "demo:ferry")))
        assert {title.state for title in titles} == {State.READY}
        twice = await asyncio.gather(library.download(LIGHTHOUSE), library.download(LIGHTHOUSE), return_exceptions=True)
        assert [type(came) for came in twice].count(BusyError) == 1
        assert library.title(LIGHTHOUSE).state is State.READY

    told(tmp_path, origin, story)


def test_what_one_title_is_asked_with_is_told_to_no_other(tmp_path: Path, origin: Origin) -> None:
    """Both are of one origin, and under way at the same time."""

    async def story(library: Library) -> None:
        own = Access(headers={"X-Seat": "12A"})
        await asyncio.gather(library.download(HARBOUR, access=own), library.download(LIGHTHOUSE))
        assert all("X-Seat" in asked.headers for asked in origin.asked("/titles/harbour-1/"))
        assert not any("X-Seat" in asked.headers for asked in origin.asked("/titles/lighthouse/"))

    told(tmp_path, origin, story)


def test_what_is_not_there_is_not_found(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        for work in (library.download("demo:nothing"), library.renew(HARBOUR), library.remove(HARBOUR)):
            with pytest.raises(NotFoundError):
                await work
        with pytest.raises(NotFoundError):
            library.title(HARBOUR)

    told(tmp_path, origin, story)


# what is there already, and what is played


def test_media_that_another_tool_downloaded_become_a_title(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        events: list[Event] = []
        title = await library.register(HARBOUR, DATA / "harbour-1", progress=events.append)
        assert (title.state, title.clocks is None) == (State.READY, False)
        assert "copying" in {event.step for event in events}
        assert not any(a.path.endswith(("1.m4s", "2.m4s", "3.m4s")) for a in origin.log)
        with pytest.raises(NotFoundError):
            await library.register(LIGHTHOUSE, tmp_path / "nothing")

    told(tmp_path, origin, story)


def test_a_title_is_open_to_a_player_with_its_clocks_and_subtitles(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(HARBOUR, audio=["en", "fr"], subtitles=["en"])
        origin.fault("/", o.dropped())
        async with library.open_local(HARBOUR) as media:
            before, waiting = media.title.clocks, asyncio.ensure_future(media.ended())
            assert before is not None
            assert (before.first_played_at, before.window) == (None, "storage")
            assert [(text.language, text.forced) for text in media.subtitles] == [("en", False)]
            assert b"WEBVTT" in await asyncio.to_thread(fetched, media.subtitles[0].address)
            assert b"<video" in await asyncio.to_thread(fetched, media.page())
            assert await asyncio.to_thread(decoded, media.address) == b""
            after = media.title.clocks
            assert after is not None
            assert (after.first_played_at is None, after.window) == (False, "playback")
            assert media.seconds_left is not None
            assert 172_800 - 60 < media.seconds_left <= 172_800
            assert media.start == 0.0
            media.at(5.0)
            assert not waiting.done()
            waiting.cancel()
        assert library.title(HARBOUR).position_seconds == 5
        async with library.open_local(HARBOUR) as again:
            assert again.start == 5.0
        with pytest.raises(URLError):
            await asyncio.to_thread(fetched, media.address)

    told(tmp_path, origin, story)


def test_an_open_title_ends_at_its_deadline_and_opens_no_more(tmp_path: Path, origin: Origin) -> None:
    origin.fault("/license", o.license_with(lambda said: said["policy"].update(playback_duration_seconds=2)))

    async def story(library: Library) -> None:
        await library.download(HARBOUR)
        async with library.open_local(HARBOUR) as media:
            assert await asyncio.to_thread(first_media, media.address)
            async with asyncio.timeout(10):
                ended = await media.ended()
            assert isinstance(ended, RefusedError)
            assert (ended.code, media.seconds_left, media.title.state) == ("expired", 0.0, State.EXPIRED)
            with pytest.raises(HTTPError):
                await asyncio.to_thread(fetched, media.address)
        with pytest.raises(RefusedError):
            async with library.open_local(HARBOUR):
                pass

    told(tmp_path, origin, story)


def fetched(address: str) -> bytes:
    """What is at an address; through no proxy."""
    with build_opener(ProxyHandler({})).open(address) as answer:
        content: bytes = answer.read()
    return content


def first_media(address: str) -> bytes:
    """The first piece of media that is named below a playlist."""
    content = fetched(address)
    while content.startswith(b"#EXTM3U"):
        named = next(line for line in content.decode().splitlines() if line and not line.startswith("#"))
        address = urljoin(address, named)
        content = fetched(address)
    return content


def decoded(address: str) -> bytes:
    """What ffmpeg has to say of the media at an address: nothing where all of it decodes."""
    command = ["ffmpeg", "-v", "error", "-i", address, "-map", "0:v", "-map", "0:a", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stderr


# licenses


def test_a_renewal_begins_the_storage_window_anew(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        before = (await library.download(HARBOUR)).clocks
        after = (await library.renew(HARBOUR)).clocks
        assert before is not None
        assert after is not None
        assert after.issued_at > before.issued_at
        assert not [step for step in await library.sync() if step.result == "failed"]

    told(tmp_path, origin, story)


@pytest.mark.parametrize("store", [None, Memory()], ids=["vault", "own"])
def test_a_removal_frees_everything_and_tells_the_server(tmp_path: Path, origin: Origin, store: Memory | None) -> None:
    async def story(library: Library) -> None:
        title = await library.download(HARBOUR)
        origin.forget()
        assert await library.remove(HARBOUR) == title.bytes_done
        assert library.titles() == ()
        assert len(origin.asked("/license")) == 1
        assert await library.sync() == ()

    told(tmp_path, origin, story, store)
    assert not files(tmp_path)
    assert not list((tmp_path / "vault").glob("*.sealed"))
    assert not store or not store.licenses


def test_licenses_are_in_the_store_of_the_application_and_nowhere_else(tmp_path: Path, origin: Origin) -> None:
    store = Memory()
    told(tmp_path, origin, lambda library: library.download(HARBOUR), store)
    [(license_id, license)] = store.licenses.items()
    assert {f.name for f in (tmp_path / "vault").iterdir()} == {"key", f"{license_id}.elsewhere"}
    [(_, key), *_] = json.loads(license)["keys"]
    everything = [f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()]
    assert not any(secret in content for content in everything for secret in (key.encode(), bytes.fromhex(key)))
    told(tmp_path, origin, lambda library: library.renew(HARBOUR), store)
    assert list(store.licenses) == [f"{license_id}-1"]


class Locked(Memory):
    """A keychain that is locked."""

    def load(self, license_id: str) -> bytes | None:
        raise PermissionError(f"{license_id} {self.licenses}")


class Full(Memory):
    def save(self, license_id: str, license: bytes) -> None:
        raise OSError(28, str(license))


@pytest.mark.parametrize("store", [Locked(), Full()], ids=lambda store: type(store).__name__.lower())
def test_a_store_that_fails_is_told_of_without_its_words(tmp_path: Path, origin: Origin, store: Memory) -> None:
    async def story(library: Library) -> None:
        with pytest.raises(StorageError) as failed:
            await library.download(HARBOUR)
        assert failed.value.message.removeprefix("the application's license store: ") in {"PermissionError", "OSError"}
        assert library.title(HARBOUR).state is State.PAUSED

    told(tmp_path, origin, story, store)


def test_a_license_that_is_gone_from_the_store_is_asked_for_anew(tmp_path: Path, origin: Origin) -> None:
    store = Memory()
    told(tmp_path, origin, lambda library: library.download(HARBOUR), store)
    store.licenses.clear()

    async def story(library: Library) -> None:
        assert (await library.download(HARBOUR)).state is State.READY
        assert len(origin.asked("/license")) == 1
        assert not any(a.path.endswith(".m4s") for a in origin.log)

    told(tmp_path, origin, story, store)


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.sabotage import *
{before}
from examples.offline_app import SqliteLicenses
from offlinedl import Library
async def main():
    async with Library.open(sys.argv[1], license_store=SqliteLicenses(Path(sys.argv[2]))) as library:
        await library.{work}
asyncio.run(main())
"""


def killed(home: Path, database: Path, before: str, work: str) -> None:
    """A process that is killed in the middle of `work`."""
    program = PROGRAM.format(before=before, work=work)
    done = subprocess.run([sys.executable, "-c", program, str(home), str(database)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "where",
    [
        pytest.param('"offlinedl.custody:Custody", "_name"', id="saved-and-not-named"),
        pytest.param('"offlinedl.actions.acquire", "_trust"', id="named"),
    ],
)
def test_a_license_that_was_saved_before_a_kill_is_found_again(where: str, tmp_path: Path, origin: Origin) -> None:
    home, database = tmp_path / "home", tmp_path / "licenses.db"
    told(home, origin, lambda library: library.refresh("demo"))
    killed(home, database, f"dies_at({where})", f"download({HARBOUR!r})")
    assert len(origin.asked("/license")) == 1
    [license_id] = SqliteLicenses(database).ids()

    async def story(library: Library) -> None:
        assert (await library.download(HARBOUR)).state is State.READY
        assert not origin.asked("/license")

    told(home, origin, story, SqliteLicenses(database))
    assert SqliteLicenses(database).ids() == [license_id]


@pytest.mark.parametrize(
    ("where", "work"),
    [
        pytest.param('"offlinedl.custody:Custody", "clear_destroyed", 2', "remove", id="removed"),
        pytest.param('"offlinedl.custody:Custody", "clear_destroyed", 2', "renew", id="renewed"),
        pytest.param('"examples.offline_app:SqliteLicenses", "remove"', "remove", id="as-the-store-is-asked"),
        pytest.param('"pathlib:Path", "unlink"', "remove", id="mark-still-there"),
    ],
)
def test_what_a_kill_left_in_the_store_is_destroyed_by_the_next(
    where: str, work: str, tmp_path: Path, origin: Origin
) -> None:
    home, database = tmp_path / "home", tmp_path / "licenses.db"
    told(home, origin, lambda library: library.download(HARBOUR), SqliteLicenses(database))
    [before] = SqliteLicenses(database).ids()
    killed(home, database, f"dies_at({where})", f"{work}({HARBOUR!r})")

    async def story(library: Library) -> None:
        if work == "remove":
            await library.remove(HARBOUR)

    told(home, origin, story, SqliteLicenses(database))
    assert SqliteLicenses(database).ids() == ([] if work == "remove" else [f"{before}-1"])
    assert {f.stem for f in (home / "vault").glob("*.elsewhere")} == set(SqliteLicenses(database).ids())


# what a license store has to hold


@pytest.mark.parametrize("kind", ["vault", "memory", "sqlite"])
def test_a_license_store_conforms(kind: str, tmp_path: Path) -> None:
    memory = Memory()
    stores: dict[str, Callable[[], LicenseStore]] = {
        "vault": lambda: Vault(tmp_path),
        "memory": lambda: memory,
        "sqlite": lambda: SqliteLicenses(tmp_path / "licenses.db"),
    }
    check_license_store(stores[kind])
    assert not memory.licenses


class Careless(Memory):
    """Keeps what is there."""

    def save(self, license_id: str, license: bytes) -> None:
        self.licenses.setdefault(license_id, license)


class Prefixed(Memory):
    def load(self, license_id: str) -> bytes | None:
        return next((found for key, found in self.licenses.items() if key.startswith(license_id[:32])), None)


class Stripping(Memory):
    def save(self, license_id: str, license: bytes) -> None:
        super().save(license_id, license.decode(errors="replace").encode())


class Lasting(Memory):
    def remove(self, license_id: str) -> None:
        if license_id in self.licenses:
            self.licenses[license_id] = b""


class Clearing(Memory):
    def remove(self, license_id: str) -> None:
        self.licenses.clear()


class Falsy(Memory):
    def load(self, license_id: str) -> bytes | None:
        return self.licenses.get(license_id) or None


@pytest.mark.parametrize(
    ("store", "promise"),
    [
        pytest.param(Careless, "the last that was saved counts", id="keeps-the-first"),
        pytest.param(Prefixed, "ids are whole words", id="takes-a-prefix"),
        pytest.param(Stripping, "byte for byte", id="makes-text-of-it"),
        pytest.param(Lasting, "what was removed is gone", id="keeps-what-is-removed"),
        pytest.param(Clearing, "remove takes that one alone", id="removes-all"),
        pytest.param(Falsy, "may be empty", id="takes-empty-for-none"),
    ],
)
def test_a_store_that_breaks_a_promise_is_caught(store: type[Memory], promise: str) -> None:
    one = store()
    with pytest.raises(DamagedError, match=promise):
        check_license_store(lambda: one)


def test_a_store_that_forgets_is_caught() -> None:
    with pytest.raises(DamagedError, match="another process"):
        check_license_store(Memory)


# start-up


def test_an_import_of_the_package_reads_nothing_else() -> None:
    program = "import offlinedl, sys; print(*[m for m in sys.modules if m.startswith(('offlinedl.', 'asyncio'))])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_applications_import_is_there_and_nothing_else() -> None:
    import offlinedl
    from offlinedl.api import public

    assert {name for name in public.__all__ if not hasattr(offlinedl, name)} == set()
    assert not hasattr(offlinedl, "Nonsense")
