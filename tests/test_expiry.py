"""The two clocks: rows of a license, the moment, and what is said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offlinedl import expiry
from offlinedl.model import Clock, License, Rights, Windows
from tests.conftest import Offlinedl

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


def unknown(*clocks: Clock, ends: timedelta | None = None) -> License:
    """A license that does not tell of these clocks."""
    base = license(None, None, ends=ends)
    return replace(base, windows=replace(base.windows, unknown=frozenset(clocks)))


def destroyed(license: License) -> License:
    return replace(license, destroyed_at=ISSUED)


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
        pytest.param(license(ends=days(-1)), days(0), "Expired 24 hours ago", id="A62 over when it was issued"),
        pytest.param(unknown("storage", "playback", "license"), days(400), "Available", id="A60 it does not tell"),
        pytest.param(unknown("storage", ends=days(9)), days(0), "Available for 9 more days", id="B7 a part is known"),
        pytest.param(destroyed(license()), days(1), "Expired 0 minutes ago", id="its keys are gone, whatever the time"),
        pytest.param(destroyed(license()), days(33), "Expired 3 days ago", id="its keys are gone"),
        pytest.param(destroyed(license(storage=None)), days(1), "Expired 0 minutes ago", id="gone without a deadline"),
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
    rights = Rights(storage_seconds=20, playback_seconds=5, available_until=ISSUED)
    end = ISSUED + days(1)
    narrowed = expiry.narrowed(Windows(storage_seconds=10, playback_seconds=None, ends_at=end), rights)
    assert narrowed == Windows(storage_seconds=10, playback_seconds=5, ends_at=ISSUED)
    assert expiry.narrowed(narrowed, Rights(available_until=end)) == narrowed


def test_what_a_license_does_not_tell_stays_unknown_under_rights() -> None:
    """B7: its own limit may be shorter than that of the rights."""
    narrowed = expiry.narrowed(Windows(unknown=frozenset({"storage"})), Rights(storage_seconds=20))
    assert narrowed == Windows(storage_seconds=20, unknown=frozenset({"storage"}))


RENEWED = ISSUED + timedelta(days=20)


@pytest.mark.parametrize(
    ("new", "ends", "window"),
    [
        pytest.param(Windows(storage_seconds=30 * DAY, playback_seconds=48 * HOUR), days(21), "playback",
                     id="B3 the first play stays the first"),
        pytest.param(Windows(storage_seconds=30 * DAY, playback_seconds=10 * DAY), days(29), "playback",
                     id="B3 a longer playback window"),
        pytest.param(Windows(storage_seconds=30 * DAY), days(50), "storage", id="B3 no playback window any more"),
        pytest.param(Windows(storage_seconds=30 * DAY, unknown=frozenset({"playback"})), days(21), "playback",
                     id="B3 it does not tell of a playback window: that which there was"),
        pytest.param(Windows(playback_seconds=10 * DAY, ends_at=ISSUED + timedelta(days=25)), days(25), "license",
                     id="B3 an end of its own"),
    ],
)  # fmt: skip
def test_a_renewal_moves_storage_and_playback_only_where_it_says_so(new: Windows, ends: timedelta, window: str) -> None:
    old = replace(license(played=days(19)), expired_at=RENEWED)
    renewed = expiry.renewed(
        old, replace(old, id="n", issued_at=RENEWED, windows=new, first_played_at=None, expired_at=None)
    )
    deadline = expiry.deadline(renewed)
    assert deadline.at is not None
    assert (deadline.at - ISSUED, deadline.window) == (ends, window)
    assert (renewed.id, renewed.first_played_at, renewed.expired_at) == ("n", old.first_played_at, None)


@pytest.mark.parametrize(
    ("given", "limited"),
    [
        (None, False),
        (license(), True),
        (license(storage=None, playback=None), False),
        (license(storage=None), True),
        (license(storage=None, playback=None, ends=days(1)), True),
        (unknown("storage"), False),
    ],
)
def test_a_license_is_limited_where_a_clock_runs_or_will(given: License | None, limited: bool) -> None:
    assert expiry.is_limited(given) is limited


def change(offlinedl: Offlinedl, values: str) -> None:
    """Change the license of the one title."""
    with closing(sqlite3.connect(offlinedl.home / "catalog.db", isolation_level=None)) as catalog:
        catalog.execute(f"UPDATE licenses SET {values}")


def test_show_tells_the_clocks_and_the_policy(demo: Offlinedl) -> None:
    """A61, B7: what is unknown, unlimited and finite; what is soft; what the license stated."""

    def words() -> list[str]:
        told = demo.ok("show", "demo:harbour-1").out.splitlines()
        return [line.strip() for line in told if line.startswith(("  storage", "  playback", "  expires", "  policy"))]

    demo.ok("get", "demo:harbour-1")
    [title] = demo.listed()
    assert words()[:3] == [
        "storage   30 days from issue",
        "playback  2 days from first play",
        f"expires   {title['license']['expires_at']}, by the storage window",
    ]
    assert "policy    rental_duration_seconds: 2592000" in words()
    assert demo.ok("show", "demo:harbour-1", "--json").json["policy"]["playback_duration_seconds"] == 172800
    assert (title["license"]["unknown"], title["license"]["soft"]) == ([], [])
    change(demo, "storage_seconds = NULL, soft = 'playback'")
    assert words()[:2] == [
        "storage   no limit",
        "playback  2 days from first play (what plays then may play to its end)",
    ]
    change(demo, "unknown = 'license storage', playback_seconds = NULL, soft = '', policy = ''")
    assert words() == [
        "storage   its license does not tell",
        "playback  no limit",
        "expires   its license does not tell",
    ]
    [title] = demo.listed()
    assert (title["license"]["unknown"], title["license"]["storage_seconds"]) == (["license", "storage"], None)
    assert (title["state"], title["message"]) == ("ready", "Available")
    change(
        demo, "unknown = 'playback', playback_seconds = 3600, ends_at = '2036-01-01T00:00:00+00:00', soft = 'license'"
    )
    assert words() == [
        "storage   no limit",
        "playback  its license does not tell; at most 1 hour from first play",
        "expires   2036-01-01T00:00:00Z, by its own end (what plays then may play to its end)",
    ]
