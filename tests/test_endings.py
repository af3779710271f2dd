"""Licenses that are over: what the next run does about them, by clocks that are moved."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offlinedl import endings, playing, removal
from offlinedl.api.home import Home, Network
from offlinedl.api.library import Library as Application
from offlinedl.catalog import Catalog
from offlinedl.custody import following
from offlinedl.errors import RefusedError
from offlinedl.library import Library
from offlinedl.mark import Boot
from offlinedl.model import (
    ContentKey,
    Entry,
    Held,
    License,
    MediaSource,
    Rights,
    State,
    Title,
    Wanted,
    Windows,
)
from offlinedl.store import Store
from offlinedl.streams import Plan
from offlinedl.vault import Vault

GOT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEY = ContentKey(kid=b"k" * 16, key=b"s" * 16)
MONTH = Windows(storage_seconds=30 * 86400, playback_seconds=48 * 3600)
READY, EXPIRED, SUSPECT = State.READY, State.EXPIRED, State.CLOCK_SUSPECT


@dataclass
class Machine:
    """A machine with a home, and clocks that are moved."""

    folder: Path
    wall: datetime = GOT
    on: timedelta = DAY
    boots: int = 1

    def open(self) -> Library:
        """The library, as the next command has it."""
        library = self.library()
        library.time.keep()
        endings.heed(library)
        return library

    def library(self) -> Library:
        catalog = Catalog(self.folder / "catalog.db")
        vault = Vault(self.folder / "vault")
        return Library(catalog, Store(self.folder / "titles"), vault, lambda: self.wall, boot=self.boot)

    def boot(self) -> Boot:
        return Boot(id=str(self.boots), seconds=self.on.total_seconds())

    def run(self, time: timedelta) -> None:
        """Time passes while it is on."""
        self.wall += time
        self.on += time

    def rest(self, time: timedelta) -> None:
        """Time passes while it is off."""
        self.wall += time
        self.boots, self.on = self.boots + 1, HOUR

    @property
    def state(self) -> State:
        """Of the title, as the next command sees it."""
        return entry(self.open()).state

    @property
    def secrets(self) -> int:
        """Licenses in the vault."""
        return len(list((self.folder / "vault").glob("*.sealed")))

    def history(self) -> list[str]:
        events = [event for _, event in self.library().catalog.history("t")]
        return events[events.index("ready") + 1 :]

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Look into the catalog, or change it."""
        with closing(sqlite3.connect(self.folder / "catalog.db", isolation_level=None)) as catalog:
            return catalog.execute(statement).fetchall()


def entry(library: Library) -> Entry:
    found = library.entry("t")
    assert found is not None
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """It has a title that was got with 30 days and 48 hours."""
    machine = Machine(tmp_path)
    get(machine, MONTH)
    return machine


def get(machine: Machine, windows: Windows, *, rights: Rights | None = None, id: str = "t") -> None:
    """Have a title, with a license that has these windows, or with none but its rights."""
    library = machine.library()
    title = Title(id=id, name="T", sources=(MediaSource(url="http://127.0.0.1/t"),), rights=rights or Rights())
    plan = Plan(manifest_url="http://127.0.0.1/t", wanted=Wanted(), tracks=(), fetches=())
    begun = asyncio.run(library.begin(title, plan))
    if rights is None:
        library.protected(begun)
        slot = library.drop_license(begun, "no longer served").license_slot
        granted = License(id=slot, system="clearkey", kids=(KEY.kid,), issued_at=library.time(), windows=windows)
        library.licenses.keep(begun, Held(license=granted, keys=(KEY,)))
    asyncio.run(library.start(begun))
    asyncio.run(library.ready(begun))
    library.time.keep()


def test_an_expired_title_loses_its_keys_by_the_next_run(machine: Machine) -> None:
    machine.run(30 * DAY)
    assert (machine.state, machine.secrets) == (EXPIRED, 1)
    assert (machine.state, machine.secrets) == (EXPIRED, 0)
    assert machine.state is EXPIRED
    assert machine.history() == ["expired", "keys destroyed"]
    owed = machine.sql("SELECT title_id, destroyed_at FROM destructions")
    assert owed == [("t", "2026-12-01T12:00:00.000000+00:00")]
    assert machine.library().licenses.held(entry(machine.library())) is None


def test_an_application_that_runs_for_long_destroys_them_by_its_passes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in a session of its own. Two looks within an hour are one clock's word."""

    def ticks() -> float:
        return machine.on.total_seconds()

    monkeypatch.setattr("offlinedl.clock.ticks", ticks)
    application = Application(Home.at(machine.folder), machine.open(), Network())

    async def secrets_after(time: timedelta) -> int:
        machine.run(time)
        async with application.session() as session:
            await session.sync()
        return machine.secrets

    assert [asyncio.run(secrets_after(time)) for time in (30 * DAY, HOUR / 2, HOUR)] == [1, 1, 0]


def test_where_the_time_is_confirmed_the_first_run_destroys(machine: Machine) -> None:
    machine.library().time.trust(machine.wall)
    machine.run(30 * DAY - timedelta(seconds=1))
    assert (machine.state, machine.secrets) == (READY, 1)
    machine.run(timedelta(seconds=1))
    assert (machine.state, machine.secrets) == (EXPIRED, 0)


def test_a_title_expires_while_the_machine_is_off(machine: Machine) -> None:
    machine.rest(31 * DAY)
    assert (machine.state, machine.secrets) == (EXPIRED, 1)
    assert (machine.state, machine.secrets) == (EXPIRED, 0)


def test_a_clock_that_is_put_forward_destroys_nothing_however_often_it_is_seen(machine: Machine) -> None:
    """B6: forward by a year, and back."""
    machine.wall += 365 * DAY
    assert [machine.state for _ in range(3)] == [EXPIRED] * 3
    machine.wall -= 365 * DAY
    assert (machine.state, machine.secrets) == (READY, 1)
    assert machine.history() == ["expired", "not expired after all"]
    machine.run(29 * DAY)
    assert machine.state is READY


def test_a_clock_that_was_wrong_from_the_start_of_the_system_is_corrected_by_a_trusted_date(machine: Machine) -> None:
    """B6: nobody measured what passed, so the year is believed once. When the clock is right again, it is suspect."""
    machine.rest(365 * DAY)
    assert (machine.state, machine.secrets) == (EXPIRED, 1)
    machine.wall -= 364 * DAY
    assert [machine.state for _ in range(3)] == [EXPIRED] * 3
    assert machine.secrets == 1
    machine.library().time.trust(machine.wall)
    assert (machine.state, machine.secrets) == (READY, 1)
    assert entry(machine.library()).license == replace(_license(machine), expired_at=None)
    assert machine.history() == ["expired", "clock set back by 364 days", "not expired after all"]


def _license(machine: Machine) -> License:
    license = entry(machine.library()).license
    assert license is not None
    return license


def test_a_year_too_many_is_corrected_while_the_clock_still_has_it(machine: Machine) -> None:
    machine.wall += 365 * DAY
    assert machine.state is EXPIRED
    machine.library().time.trust(GOT)
    assert machine.state is READY
    machine.run(30 * DAY)
    assert (machine.state, machine.secrets) == (EXPIRED, 1)
    machine.wall -= 365 * DAY
    assert (machine.state, machine.secrets) == (EXPIRED, 0)


def test_a_clock_that_is_set_back_revives_nothing(machine: Machine) -> None:
    """B5: it stays expired, and the event is recorded once."""
    machine.run(30 * DAY)
    assert machine.state is EXPIRED
    machine.wall -= DAY
    for _ in range(3):
        machine.run(HOUR)
        assert machine.state is EXPIRED
    assert machine.secrets == 1  # nothing is destroyed by a clock that is wrong
    assert machine.history() == ["expired", "clock set back by 24 hours"]


def test_a_clock_that_is_set_back_lengthens_nothing(machine: Machine) -> None:
    """B5: the title does not play until the time is known, and then as long as it would have."""
    machine.run(29 * DAY)
    assert machine.state is READY
    machine.wall -= 20 * DAY
    library = machine.open()
    assert entry(library).state is SUSPECT
    with pytest.raises(RefusedError) as refused:
        playing.play(entry(library), library)
    assert (refused.value.code, refused.value.exit_code) == ("clock-suspect", 5)
    machine.library().time.trust(GOT + 29 * DAY)
    assert entry(machine.open()).state is READY
    machine.run(DAY)
    assert machine.state is EXPIRED


def test_a_clock_that_is_set_back_while_the_machine_is_off(machine: Machine) -> None:
    machine.run(29 * DAY)
    assert machine.state is READY
    machine.rest(-20 * DAY)
    assert machine.state is SUSPECT
    machine.run(DAY)
    assert machine.state is EXPIRED
    machine.wall += 20 * DAY
    assert machine.state is EXPIRED


def test_a_clock_that_is_set_right_is_not_suspect_any_more(machine: Machine) -> None:
    machine.run(DAY)
    assert machine.state is READY
    machine.wall -= DAY
    assert machine.state is SUSPECT
    machine.wall += DAY
    assert machine.state is READY


def test_a_wall_time_before_a_license_was_issued_is_proof(machine: Machine) -> None:
    """Also where the mark is not there: a catalog of an older offlinedl."""
    machine.sql("DELETE FROM clock")
    machine.wall -= 4 * timedelta(minutes=1)
    assert machine.state is READY
    machine.sql("DELETE FROM clock")
    machine.wall -= 2 * timedelta(minutes=1)
    assert machine.state is SUSPECT


def test_a_wall_time_before_the_last_play_is_proof(machine: Machine) -> None:
    machine.run(2 * DAY)
    for _ in range(2):
        machine.run(HOUR)
        playing.play(entry(machine.library()), machine.library())
    machine.sql("DELETE FROM clock")
    machine.wall -= HOUR
    assert machine.state is SUSPECT


def test_titles_without_any_limit_are_never_suspect(machine: Machine) -> None:
    get(machine, Windows(), id="u")
    assert {e.id: e.state for e in machine.open().entries()} == {"t": READY, "u": READY}
    machine.wall -= 1000 * DAY
    assert {e.id: e.state for e in machine.open().entries()} == {"t": SUSPECT, "u": READY}


def test_what_was_seen_before_does_not_matter_to_the_first_license_of_a_home(machine: Machine) -> None:
    """The way back from a year too many where no server tells the time."""
    machine.rest(365 * DAY)
    assert machine.state is EXPIRED
    machine.wall -= 364 * DAY
    library = machine.open()
    removal.remove(entry(library), library)
    get(machine, MONTH)
    assert machine.state is READY
    machine.run(30 * DAY)
    assert machine.state is EXPIRED


def test_a_first_play_in_a_year_that_was_none_is_pulled_to_the_present(machine: Machine) -> None:
    """The playback window is not lengthened by playing in the future."""
    machine.wall += 20 * DAY
    library = machine.open()
    playing.play(entry(library), library)
    machine.wall -= 20 * DAY
    machine.run(HOUR)
    assert machine.state is READY
    assert _license(machine).first_played_at == GOT + HOUR
    machine.run(2 * DAY)
    assert machine.state is EXPIRED


def test_a_first_play_in_a_year_that_was_none_is_pulled_to_a_trusted_date(machine: Machine) -> None:
    machine.rest(20 * DAY)
    library = machine.open()
    playing.play(entry(library), library)
    machine.wall -= 20 * DAY
    library.time.trust(machine.wall)
    assert _license(machine).first_played_at == GOT
    machine.run(2 * DAY)
    assert machine.state is EXPIRED


def test_while_the_clock_is_ahead_nothing_is_pulled(machine: Machine) -> None:
    machine.wall += 20 * DAY
    library = machine.open()
    playing.play(entry(library), library)
    machine.wall -= 10 * DAY
    assert machine.state is READY
    assert _license(machine).first_played_at == GOT + 20 * DAY


def test_a_title_that_another_process_works_on_is_left_alone(machine: Machine) -> None:
    machine.run(31 * DAY)
    with machine.library().lock("t"):
        assert (machine.state, machine.state, machine.secrets) == (EXPIRED, EXPIRED, 1)
    assert machine.history() == []


def test_a_new_license_revives_a_title_whose_keys_were_destroyed(machine: Machine) -> None:
    machine.run(31 * DAY)
    assert (machine.state, machine.state, machine.secrets) == (EXPIRED, EXPIRED, 0)
    get(machine, MONTH)
    assert (machine.state, machine.secrets) == (READY, 1)
    held = machine.library().licenses.held(entry(machine.library()))
    assert held is not None
    assert held.keys == (KEY,)


def test_what_a_kill_left_of_destroyed_keys_opens_nothing_and_goes_with_the_next_run(machine: Machine) -> None:
    machine.run(31 * DAY)
    assert machine.state is EXPIRED
    [secret] = (machine.folder / "vault").glob("*.sealed")
    content = secret.read_bytes()
    assert (machine.state, machine.secrets) == (EXPIRED, 0)
    secret.write_bytes(content)
    library = machine.library()
    assert library.licenses.held(entry(library)) is None
    assert not library.is_whole(entry(library))
    assert (machine.state, machine.secrets) == (EXPIRED, 0)
    assert machine.history() == ["expired", "keys destroyed"]


def test_windows_without_a_license_end_and_there_are_no_keys_to_destroy(tmp_path: Path) -> None:
    """Those of the rights: a window, and the end of the title's availability."""
    machine = Machine(tmp_path)
    get(machine, Windows(), rights=Rights(storage_seconds=30 * 86400, available_until=GOT + DAY))
    assert (machine.state, _license(machine).windows.ends_at) == (READY, GOT + DAY)
    machine.run(DAY)
    assert [machine.state for _ in range(3)] == [EXPIRED] * 3
    assert machine.history() == ["expired"]
    assert machine.sql("SELECT * FROM destructions") == []


def test_a_license_that_was_granted_in_the_place_of_one_that_is_over_stays(machine: Machine) -> None:
    """A renewal that was cut off by a kill: the next `get` takes it up."""
    library = machine.library()
    held = library.licenses.held(entry(library))
    assert held is not None
    library.licenses.offer(entry(library), replace(held, license=replace(held.license, id=following(held.license.id))))
    machine.run(31 * DAY)
    assert (machine.state, machine.state, machine.secrets) == (EXPIRED, EXPIRED, 1)
    assert machine.library().licenses.offered(entry(machine.library())) is not None
    assert machine.sql("SELECT license_id FROM destructions") == [(held.license.id,)]


def test_of_two_runs_within_a_minute_the_second_writes_nothing(machine: Machine) -> None:
    before = machine.library().catalog.clocks.mark()
    machine.run(timedelta(seconds=59))
    machine.open()
    assert machine.library().catalog.clocks.mark() == before
    machine.run(timedelta(seconds=1))
    machine.open()
    assert machine.library().catalog.clocks.mark() != before


def test_a_server_that_tells_an_earlier_time_than_another_did_revives_nothing(machine: Machine) -> None:
    """Whoever has a server of his own, and a clock that he sets."""
    machine.run(31 * DAY)
    library = machine.library()
    library.time.trust(machine.wall)
    assert machine.state is EXPIRED
    machine.wall -= 30 * DAY
    machine.library().time.trust(machine.wall)
    assert machine.state is EXPIRED


def test_the_keys_of_a_download_that_failed_are_destroyed_too(machine: Machine) -> None:
    library = machine.open()
    library.fail(entry(library), RefusedError("no", "none"))
    machine.run(31 * DAY)
    machine.open()
    machine.open()
    assert machine.secrets == 0
