"""What the command line can ask for, an application can: the verbs of the library beside those of test_api.py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from offlinedl import (
    Access,
    Decision,
    Library,
    Network,
    NotFoundError,
    Playback,
    RefusedError,
    Request,
    State,
    StorageError,
    UsageError,
)
from tests import origin as o
from tests.origin import Origin
from tests.test_api import HARBOUR, LIGHTHOUSE, fetched, first_media, told

if TYPE_CHECKING:
    from offlinedl.actions.sitting import Sitting

FERRY = "demo:ferry"


# downloads


def test_titles_are_queued_and_come_in_their_turn(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        first = await library.queue(HARBOUR)
        second = await library.queue(Request(ref=LIGHTHOUSE, priority=7, keep=True))
        assert (first.priority, second.priority) == (0, 7)
        assert [title.id for title in library.waiting()] == [LIGHTHOUSE, HARBOUR]
        assert (await library.download(second)).kept
        assert (await library.resume(HARBOUR)).state is State.READY
        assert library.waiting() == ()
        with pytest.raises(NotFoundError):
            await library.resume(FERRY)

    told(tmp_path, origin, story)


def test_what_was_removed_before_its_turn_does_not_come(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        queued = await library.queue(LIGHTHOUSE)
        await library.remove(LIGHTHOUSE)
        with pytest.raises(NotFoundError, match="before its turn"):
            await library.download(queued)
        assert (await library.download(LIGHTHOUSE)).state is State.READY

    told(tmp_path, origin, story)


def test_a_size_decides_the_quality_of_all(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        measured = [await library.measure(ref) for ref in (HARBOUR, LIGHTHOUSE)]
        needed = sum(plan.estimated_bytes for plan in measured)
        assert (library.fit(measured, needed), library.fit(measured, needed - 1)) == ("1080p", "720p")
        with pytest.raises(StorageError):
            library.fit(measured, 1000)

    told(tmp_path, origin, story)


def test_a_plan_names_what_would_be_asked_for(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        plan = await library.prepare(Request(ref=HARBOUR, quality="720p"))
        assert {fetch.rendition for fetch in plan.fetches} == {rendition.id for rendition in plan.chosen}
        assert [fetch.init for fetch in plan.fetches].count(True) == 2
        whole = await library.prepare(HARBOUR, everything=True)
        assert {fetch.rendition for fetch in whole.fetches} == {rendition.id for rendition in whole.renditions}
        assert not (tmp_path / "titles").exists()

    told(tmp_path, origin, story)


class Heard:
    """A Progress that adds up."""

    def __init__(self) -> None:
        self.bytes = 0
        self.said: list[str] = []

    def begin(self, name: str, done: int, total: int, share: float | None = None) -> None:
        self.said.append(name)

    def step(self, what: str) -> None:
        self.said.append(what)

    def advance(self, count: int, total_change: int = 0) -> None:
        self.bytes += count

    def finished(self, share: float, size: int) -> None:
        pass

    def end(self, message: str, name: str, size: int) -> None:
        self.said.append(message)


def test_who_watches_may_hear_of_every_piece(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        heard = Heard()
        title = await library.download(LIGHTHOUSE, progress=heard)
        assert heard.bytes == title.bytes_done
        assert heard.said[:-1] == ["The Lighthouse", "media", "check"]

    told(tmp_path, origin, story)


def test_one_session_serves_titles_in_turn(tmp_path: Path, origin: Origin) -> None:
    """What the last one was asked with is not told to the next."""

    async def story(library: Library) -> None:
        async with library.session() as service:
            await service.download(HARBOUR, access=Access(headers=[("X-Seat", "12A"), ("X-Row", "12")]))
            assert (await service.download(LIGHTHOUSE)).state is State.READY
        asked = origin.asked("/titles/harbour-1/")
        assert {(a.headers.get("X-Seat"), a.headers.get("X-Row")) for a in asked} == {("12A", "12")}
        assert not any("X-Seat" in a.headers for a in origin.asked("/titles/lighthouse/"))

    told(tmp_path, origin, story)


def test_a_rate_that_means_nothing_is_refused_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with Library.open(tmp_path, network=Network(limit_rate="fast")):
            pass

    with pytest.raises(UsageError):
        asyncio.run(story())


# what there is


def test_a_title_is_told_in_full(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        title = await library.download(HARBOUR)
        details = library.details("Low Tide")
        assert details.title == replace(title, clocks=details.title.clocks)
        assert [stored.track for stored in details.tracks] == list(title.tracks)
        files = [file for stored in details.tracks for file in stored.files]
        assert [(details.folder / file.path).stat().st_size for file in files] == [file.bytes for file in files]
        assert [event for _, event in details.history][-1] == "ready"
        assert details.policy["playback_duration_seconds"] == 172800

    told(tmp_path, origin, story)


def test_what_is_decided_elsewhere_holds(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(HARBOUR)
        title = library.mark(HARBOUR, Decision(watched=True, position_seconds=4))
        assert (title.watched, title.position_seconds, title.kept) == (True, 4, False)
        with pytest.raises(UsageError):
            library.mark(HARBOUR, Decision(position_seconds=4000))
        assert title.plays_at(datetime.now(UTC))
        assert title.clocks is not None
        assert title.clocks.deadline is not None
        assert not title.plays_at(title.clocks.deadline)
        assert library.clock_fault() == ""

    told(tmp_path, origin, story)


def test_what_is_damaged_is_found_and_fetched_again(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(LIGHTHOUSE)
        details = library.details(LIGHTHOUSE)
        assert (await library.check(LIGHTHOUSE)).error is None
        lost = details.tracks[0].files[0].path
        (details.folder / lost).write_bytes(b"")
        (details.folder / "note.txt").write_text("mine")
        (details.folder.parent / "stray").mkdir()
        verdict = await library.check(LIGHTHOUSE, tidies=True)
        assert ([d.path for d in verdict.damaged], verdict.orphans, verdict.tidied) == ([lost], ("note.txt",), True)
        assert verdict.title.state is State.FAILED
        origin.forget()
        verdict = await library.repair(verdict)
        assert (verdict.error, verdict.repaired, verdict.title.state) == (None, True, State.READY)
        assert len(origin.asked("/titles/lighthouse/")) <= 3
        assert (library.strays(), library.strays(deletes=True), library.strays()) == (
            {"stray": False},
            {"stray": True},
            {},
        )

    told(tmp_path, origin, story)


def test_a_title_leaves_where_its_rights_allow_it(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(LIGHTHOUSE)
        await library.download(HARBOUR)
        file = tmp_path / "lighthouse.mkv"
        assert await library.export(LIGHTHOUSE, file) == file.stat().st_size
        with pytest.raises(UsageError):
            await library.export(LIGHTHOUSE, file)
        assert await library.export(LIGHTHOUSE, str(file), replaces=True) == file.stat().st_size
        with pytest.raises(RefusedError):
            await library.export(HARBOUR, tmp_path / "tide.mkv")

    told(tmp_path, origin, story)


class Seat:
    """A Telling that keeps the address."""

    def __init__(self) -> None:
        self.told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def address(self, address: str) -> None:
        self.told.set_result(address)

    def page(self, address: str, is_unheard: bool) -> None:
        pass

    def player(self, name: str) -> None:
        assert name == "none"

    def now(self, sitting: Sitting) -> None:
        pass


def test_a_title_is_played_as_the_command_line_does_it(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(LIGHTHOUSE)
        seat = Seat()
        with pytest.raises(NotFoundError):
            await library.play(LIGHTHOUSE, Playback(player="mpv", audio=("tlh",)), seat)
        with pytest.raises(UsageError):
            await library.play(LIGHTHOUSE, Playback(player="none", start=1.0), seat)
        playing = asyncio.ensure_future(library.play(LIGHTHOUSE, Playback(player="none"), seat))
        assert (await asyncio.to_thread(fetched, await seat.told)).startswith(b"#EXTM3U")
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing
        assert playing.cancelled()

    told(tmp_path, origin, story)


# now and then


def test_a_pass_tells_of_its_steps_and_is_written_down(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        await library.download(HARBOUR)
        assert await library.remove(HARBOUR, tells=False) > 0
        assert [step.result for step in await library.sync(dry_run=True)] == ["would"]
        assert library.runs() == ()
        heard: list[str] = []
        steps = await library.sync(tell=lambda step: heard.append(step.does))
        assert heard == [step.does for step in steps] == ["release"]
        assert [dict(run.done) for run in library.runs()] == [{"release": 1}]
        with pytest.raises(UsageError):
            await library.sync(between="noon")

    told(tmp_path, origin, story)


def test_one_look_at_the_clock_destroys_no_license(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass that comes right after the library was opened is no later look."""
    origin.fault("/license", o.license_with(lambda said: said["policy"].update(playback_duration_seconds=1)))

    def sealed() -> int:
        return len(list((tmp_path / "vault").glob("*.sealed")))

    async def until_over(library: Library) -> None:
        await library.download(HARBOUR)
        async with library.open_local(HARBOUR) as media:
            assert await asyncio.to_thread(first_media, media.address)
            await media.ended()

    async def later(library: Library) -> None:
        assert library.title(HARBOUR).state is State.EXPIRED
        before = sealed()
        await library.sync()
        assert sealed() == before
        monkeypatch.setattr("offlinedl.endings._SELDOM_SECONDS", -1.0)
        await library.sync()
        assert sealed() == before - 1

    told(tmp_path, origin, until_over)
    told(tmp_path, origin, later)


def test_servers_of_several_titles_are_told_together(tmp_path: Path, origin: Origin) -> None:
    async def story(library: Library) -> None:
        for title_id in (HARBOUR, "demo:harbour-2"):
            await library.download(title_id)
            await library.remove(title_id, tells=False)
        origin.forget()
        assert await library.release(HARBOUR, "demo:harbour-2") == ()
        assert len(origin.asked("/license")) == 2
        assert await library.release(HARBOUR) == ()
        assert len(origin.asked("/license")) == 2

    told(tmp_path, origin, story)
