"""The two clocks: rows of a license, the moment, and what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offlinedl import expiry
from offlinedl.model import License, Windows

ISSUED = datetime(2026, 11, 1, tzinfo=UTC)
DAY, HOUR = 86400, 3600


def license(
    storage: int | None = 30 * DAY,
    playback: int | None = 48 * HOUR,
    played: timedelta | None = None,
    ends: timedelta | None = None,
) -> License:
    end = None if ends is None else ISSUED + ends
    return License(
        id="l",
        system="clearkey",
        kids=(),
        issued_at=ISSUED,
        windows=Windows(storage_seconds=storage, playback_seconds=playback, ends_at=end),
        first_played_at=None if played is None else ISSUED + played,
    )


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        pytest.param({"storage_seconds": 5}, {"storage_seconds": 3}, {"storage_seconds": 3}, id="the shorter"),
        pytest.param({"playback_seconds": 5}, {}, {"playback_seconds": 5}, id="a limit and none"),
        pytest.param({}, {}, {}, id="none and none"),
        pytest.param({"unknown": frozenset({"storage", "license"})}, {"unknown": frozenset({"license", "playback"})},
                     {"unknown": frozenset({"license"})}, id="unknown is what neither tells"),
        pytest.param({"ends_at": ISSUED}, {"ends_at": ISSUED + timedelta(1)}, {"ends_at": ISSUED}, id="the earlier"),
        pytest.param({"soft": frozenset({"storage"})}, {}, {"soft": frozenset({"storage"})}, id="soft for one"),
    ],
)  # fmt: skip
def test_of_two_that_state_windows_the_stricter_holds(
    one: dict[str, Any], other: dict[str, Any], both: dict[str, Any]
) -> None:
    assert expiry.stricter(Windows(**one), Windows(**other)) == Windows(**both)
    assert expiry.stricter(Windows(**other), Windows(**one)) == Windows(**both)


def days(count: float) -> timedelta:
    return timedelta(days=count)


@pytest.mark.parametrize(
    ("given", "ends", "window"),
    [
        pytest.param(license(), days(30), "storage", id="never played: the storage window"),
        pytest.param(license(played=days(19)), days(21), "playback", id="played on the 20th: ends on the 22nd"),
        pytest.param(license(played=days(29)), days(30), "storage", id="B1 played on day 29 of 30: ends on day 30"),
        pytest.param(license(storage=None), None, None, id="not played, no storage window: nothing runs"),
        pytest.param(license(storage=None, played=days(100)), days(102), "playback", id="only a playback window"),
        pytest.param(license(playback=None, played=days(3)), days(30), "storage", id="only a storage window, played"),
        pytest.param(license(ends=days(7)), days(7), "license", id="the license's own end comes first"),
        pytest.param(license(storage=2**61), None, None, id="a window past the calendar's end is none"),
    ],
)
def test_the_earliest_clock_ends_a_title(given: License, ends: timedelta | None, window: str | None) -> None:
    assert expiry.deadline(given) == expiry.Deadline(
        at=None if ends is None else ISSUED + ends,
        window=window,  # type: ignore[arg-type]  # the table's words are checked by the comparison
    )


@pytest.mark.parametrize(
    ("given", "after", "words"),
    [
        pytest.param(license(), timedelta(seconds=1), "Available for 29 more days", id="floors, never up"),
        pytest.param(license(), days(0), "Available for 30 more days", id="at issue"),
        pytest.param(license(), days(28), "Available for 2 more days", id="48 hours are days"),
        pytest.param(license(), days(28) + timedelta(seconds=1), "Available for 47 more hours", id="less are hours"),
        pytest.param(license(), days(30) - timedelta(minutes=60), "Available for 1 more hour", id="60 minutes"),
        pytest.param(license(), days(30) - timedelta(seconds=3599), "Available for 59 more minutes", id="minutes"),
        pytest.param(license(), days(30) - timedelta(seconds=61), "Available for 1 more minute", id="one"),
        pytest.param(license(), days(30) - timedelta(seconds=1), "Available for 0 more minutes", id="the last one"),
        pytest.param(license(), days(30), "Expired 0 minutes ago", id="B4 over at the deadline, not after it"),
        pytest.param(license(), days(33), "Expired 3 days ago", id="for three days"),
        pytest.param(license(played=days(1)), days(1), "Expires in 2 days", id="just played"),
        pytest.param(license(played=days(1)), days(1.01), "Expires in 47 hours", id="the playback window"),
        pytest.param(license(played=days(29)), days(29) + timedelta(hours=13), "Expires in 11 hours", id="storage"),
        pytest.param(license(storage=None), days(400), "Available", id="nothing runs"),
        pytest.param(None, days(400), "Available", id="no license, no window"),
    ],
)
def test_what_is_left_in_words(given: License | None, after: timedelta, words: str) -> None:
    assert expiry.message(given, ISSUED + after) == words


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [(None, None), (0, None), (-1, None), (2**62, None), (2**63 - 1, None), (float("inf"), None), (float("nan"), None),
     (1, 1), (0.5, 1), (2592000, 2592000), (2**62 - 1, 2**62 - 1)],
)  # fmt: skip
def test_unlimited_has_many_spellings(seconds: float | None, limit: int | None) -> None:
    """B7: unknown, unlimited and finite are told apart."""
    assert expiry.limit(seconds) == limit


def test_the_shorter_window_wins() -> None:
    narrowed = expiry.narrowed(Windows(storage_seconds=10, playback_seconds=None), 20, 5)
    assert narrowed == Windows(storage_seconds=10, playback_seconds=5)
