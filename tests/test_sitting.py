"""A sitting: its clocks cannot be turned, and its place is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from offlinedl import clock
from offlinedl.actions.sitting import Sitting
from offlinedl.catalog import Catalog
from offlinedl.engine import Engine
from offlinedl.errors import RefusedError
from offlinedl.http import Http
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.model import Windows
from offlinedl.playing import check
from offlinedl.store import Store
from offlinedl.vault import Vault
from tests.conftest import Offlinedl


class Sat:
    """A sitting that has begun, on clocks that can be set. Whoever asks lets a quarter of a second pass: by then it
    sees what others did."""

    def __init__(self, home: Path, window: Windows) -> None:
        self.now, self.ticks = clock.now(), 1000.0
        self.catalog = Catalog(home / "catalog.db")
        self.library = Library(self.catalog, Store(home / "titles"), Vault(home / "vault"), lambda: self.now)
        entry = self.library.find("demo:harbour-1")
        assert entry.license is not None
        with self.catalog.transaction():
            self.catalog.license(entry.id, replace(entry.license, windows=window))
        self.sitting = asyncio.run(self._begun())

    async def _begun(self) -> Sitting:
        async with Http(connections=1) as http:
            licensing = Licensing(engine=Engine(http=http))
            entry = self.library.must("demo:harbour-1")
            sitting = Sitting(entry, self.library, licensing, 100.0, lambda: self.ticks)
            await sitting.begin()
            return sitting

    def left(self) -> float | None:
        self.ticks += 0.25
        left = self.sitting.left()
        return left if left is None else round(left)

    @property
    def is_over(self) -> bool:
        self.ticks += 0.25
        return self.sitting.is_over


@pytest.fixture
def sat(demo: Offlinedl) -> Iterator[Callable[..., Sat]]:
    demo.ok("get", "demo:harbour-1")
    with ExitStack() as open_:

        def begin(**windows: Any) -> Sat:
            sat = Sat(demo.home, Windows(**windows))
            open_.callback(sat.catalog.close)
            return sat

        yield begin


def test_a_clock_that_is_set_back_while_it_plays_lengthens_nothing(sat: Callable[..., Sat]) -> None:
    """It is less than what is taken for the clock of a network."""
    playing = sat(playback_seconds=100)
    assert playing.left() == 100
    playing.now -= timedelta(seconds=60)
    assert playing.left() == 100
    playing.now += timedelta(seconds=159)
    assert playing.left() == 1
    assert not playing.is_over
    playing.now += timedelta(seconds=2)
    assert playing.is_over


def test_time_in_which_the_machine_sleeps_passes_whatever_its_clock_says(sat: Callable[..., Sat]) -> None:
    playing = sat(playback_seconds=100)
    assert playing.left() == 100
    playing.ticks += 90
    assert playing.left() == 10
    playing.ticks += 10
    assert playing.is_over


def test_what_is_not_ready_any_more_stops(sat: Callable[..., Sat]) -> None:
    """Another process gets it anew, and replaces its files."""
    playing = sat()
    assert playing.left() is None
    playing.library.queue(playing.sitting.entry)
    assert playing.is_over
    assert (playing.sitting.over().code, playing.sitting.over().exit_code) == ("not-ready", 5)


def test_without_a_clock_nothing_ends_it(sat: Callable[..., Sat]) -> None:
    assert sat().left() is None


def test_a_soft_clock_ends_the_next_start_alone(sat: Callable[..., Sat]) -> None:
    playing = sat(playback_seconds=100, soft=frozenset({"playback"}))
    assert playing.left() is None
    playing.now += timedelta(seconds=200)
    asyncio.run(playing.sitting.begin())
    with pytest.raises(RefusedError, match="Expired"):
        check(playing.library.must("demo:harbour-1"), playing.library)


def test_it_begins_once(sat: Callable[..., Sat]) -> None:
    """Each piece of media asks."""
    playing = sat(playback_seconds=100)
    asyncio.run(playing.sitting.begin())
    assert [event for _, event in playing.catalog.history("demo:harbour-1")].count("played") == 1
    playing.ticks += 100
    with pytest.raises(RefusedError, match="expired while it played"):
        asyncio.run(playing.sitting.begin())


def test_a_renewal_by_another_process_lengthens_it(sat: Callable[..., Sat], demo: Offlinedl) -> None:
    playing = sat(storage_seconds=1000)
    assert (playing.left() or 0) <= 1000
    demo.ok("renew", "demo:harbour-1")
    assert (playing.left() or 0) > 40 * 3600


@pytest.mark.parametrize("seconds", [105.0, 61e6, -1.0, float("nan"), float("inf")])
def test_a_place_that_the_title_has_not_does_not_count(seconds: float, sat: Callable[..., Sat]) -> None:
    playing = sat()
    playing.sitting.at(seconds)
    assert (playing.sitting.position, playing.sitting.is_watched) == (None, False)


def test_a_place_before_anything_was_shown_does_not_count(sat: Callable[..., Sat]) -> None:
    playing = sat()
    playing.sitting.has_begun = False
    playing.sitting.at(95.0)
    playing.sitting.close()
    assert playing.library.must("demo:harbour-1").watched is False


PLACES_KEPT = [
    pytest.param(50.7, 50, False, id="in the middle"),
    pytest.param(89.9, 89, False, id="before nine tenths"),
    pytest.param(90.0, 90, True, id="at nine tenths"),
    pytest.param(94.9, 94, True, id="in the credits"),
    pytest.param(95.0, 0, True, id="at its end"),
]


@pytest.mark.parametrize(("place", "kept", "watched"), PLACES_KEPT)
def test_where_it_stopped_is_kept(place: float, kept: int, watched: bool, sat: Callable[..., Sat]) -> None:
    playing = sat()
    playing.sitting.at(place)
    playing.sitting.close()
    entry = playing.library.must("demo:harbour-1")
    assert (entry.position_seconds, entry.watched) == (kept, watched)
