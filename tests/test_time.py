"""Trusted time: rows of what was seen last, what the clocks say now, and what that is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from offlinedl import clock
from offlinedl.http import Answer
from offlinedl.mark import Boot, Mark

SEEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def booted(after: timedelta, id_: str = "one") -> Boot:
    """The boot clock, `after` what it said when the mark was made."""
    return Boot(id=id_, seconds=(DAY + after).total_seconds())


MARK = Mark(at=SEEN, boot=booted(timedelta(0)))
KNOWN = Mark(at=SEEN, boot=booted(timedelta(0)), confirmed=True, heard_at=SEEN)
OFF = booted(timedelta(0) - DAY + HOUR, "two")
"""The machine was off, and on again for an hour."""


def row(
    mark: Mark, wall: timedelta, boot: Boot | None, said: tuple[str, timedelta, timedelta, bool], *, id: str
) -> object:
    return pytest.param(mark, wall, boot, said, id=id)


@pytest.mark.parametrize(
    ("mark", "wall", "boot", "said"),
    # said: the verdict, now and the mark as they are beyond what was seen last, and is that confirmed
    [
        row(MARK, HOUR, booted(HOUR), ("agrees", HOUR, HOUR, False), id="an hour passed"),
        row(KNOWN, HOUR, booted(HOUR), ("agrees", HOUR, HOUR, True), id="an hour passed since a trusted date"),
        row(MARK, HOUR - 5 * MINUTE, booted(HOUR), ("agrees", HOUR - 5 * MINUTE, HOUR, False), id="5 minutes less"),
        row(MARK, HOUR + 5 * MINUTE, booted(HOUR), ("agrees", HOUR + 5 * MINUTE, HOUR + 5 * MINUTE, False),
            id="5 minutes more"),
        row(MARK, HOUR - 6 * MINUTE, booted(HOUR), ("behind", HOUR, HOUR, False), id="set back by 6 minutes"),
        row(MARK, -DAY, booted(HOUR), ("behind", HOUR, HOUR, False), id="B5 set back by a day"),
        row(MARK, 9 * DAY, booted(10 * DAY), ("behind", 10 * DAY, 10 * DAY, False), id="set back after ten days on"),
        row(MARK, DAY, booted(HOUR), ("ahead", DAY, HOUR, False), id="B6 put forward: the mark does not believe it"),
        row(KNOWN, DAY, booted(HOUR), ("known", HOUR, HOUR, True), id="B6 put forward, and it is known by how much"),
        row(KNOWN, -DAY, booted(HOUR), ("known", HOUR, HOUR, True), id="set back, and it is known by how much"),
        row(MARK, DAY, OFF, ("later", DAY, DAY, False), id="the machine was off for a day"),
        row(KNOWN, DAY, OFF, ("later", DAY, DAY, False), id="off: who set the clock meanwhile, nobody knows"),
        row(KNOWN, MINUTE, OFF, ("agrees", MINUTE, MINUTE, True), id="off for a minute"),
        row(KNOWN, -DAY, OFF, ("behind", timedelta(0), timedelta(0), False), id="off, and set back"),
        row(MARK, DAY, None, ("later", DAY, DAY, False), id="no boot clock: later"),
        row(KNOWN, -DAY, None, ("behind", timedelta(0), timedelta(0), False), id="no boot clock: set back"),
        row(MARK, DAY, booted(-HOUR), ("later", DAY, DAY, False), id="a boot clock that runs backwards is none"),
    ],
)  # fmt: skip
def test_what_the_clock_is_worth(
    mark: Mark, wall: timedelta, boot: Boot | None, said: tuple[str, timedelta, timedelta, bool]
) -> None:
    reading = clock.judge(mark, SEEN + wall, boot)
    assert (reading.verdict, reading.now - SEEN, reading.mark.at - SEEN, reading.mark.confirmed) == said
    assert reading.mark.at >= mark.at
    assert reading.mark.suspect is reading.is_suspect
    assert reading.mark.heard_at == mark.heard_at
    assert reading.off == SEEN + wall - (mark.at + (_passed(mark.boot, boot) or timedelta(0)))


def _passed(before: Boot | None, after: Boot | None) -> timedelta | None:
    if before is None or after is None or before.id != after.id or after.seconds < before.seconds:
        return None
    return timedelta(seconds=after.seconds - before.seconds)


def test_many_small_steps_back_are_a_large_one() -> None:
    """A mark that never falls does not creep back either."""
    reading = clock.judge(MARK, SEEN, booted(timedelta(0)))
    for step in range(1, 4):
        reading = clock.judge(reading.mark, SEEN - step * 4 * MINUTE, booted(timedelta(0)))
    assert reading.is_suspect


def test_a_clock_that_is_put_back_was_never_trusted() -> None:
    """B6: forward by a year, and back: nothing is suspect, and the hour between counts."""
    ahead = clock.judge(MARK, SEEN + 365 * DAY, booted(MINUTE))
    back = clock.judge(ahead.mark, SEEN + HOUR, booted(HOUR))
    assert (ahead.now, back.verdict, back.now) == (SEEN + 365 * DAY, "agrees", SEEN + HOUR)


def test_a_clock_that_was_put_forward_while_nobody_measured_is_settled_by_a_trusted_date() -> None:
    """B6."""
    ahead = clock.judge(MARK, SEEN + 365 * DAY, OFF)
    back = clock.judge(ahead.mark, SEEN + DAY, OFF)
    assert (back.is_suspect, back.now) == (True, SEEN + 365 * DAY)
    settled = clock.judge(clock.trusted(SEEN + DAY, OFF), SEEN + DAY, OFF)
    assert (settled.verdict, settled.is_sure, settled.now) == ("agrees", True, SEEN + DAY)


def test_nothing_seen_before_nothing_to_doubt() -> None:
    reading = clock.judge(None, SEEN, None)
    assert (reading.verdict, reading.now, reading.mark) == ("agrees", SEEN, Mark(at=SEEN))


@pytest.mark.parametrize(
    ("mark", "wall", "boot", "said"),
    [
        (MARK, HOUR, booted(HOUR), "right, as far as is known; no license server told the time"),
        (KNOWN, HOUR, booted(HOUR), "right, as far as is known; a license server said 2026-11-01 12:00 UTC"),
        (MARK, -3 * DAY, booted(HOUR), "set back by 3 days; no license server told the time"),
        (MARK, 2 * HOUR, booted(HOUR),
         "1 hour ahead of what has passed since this system began; no license server told the time"),
        (KNOWN, -DAY, booted(HOUR),
         "wrong by 25 hours; the time is known since it was asked for; a license server said 2026-11-01 12:00 UTC"),
    ],
)  # fmt: skip
def test_what_is_said_of_the_clock(mark: Mark, wall: timedelta, boot: Boot, said: str) -> None:
    assert clock.words(clock.judge(mark, SEEN + wall, boot)) == said


def test_the_boot_clock_of_this_machine_goes_on() -> None:
    before, after = clock.boot(), clock.boot()
    assert before is not None
    assert after is not None
    assert (before.id, before.seconds <= after.seconds) == (after.id, True)


@pytest.mark.parametrize(
    ("url", "headers", "date"),
    [
        pytest.param("https://a/x", {"date": "Sun, 01 Nov 2026 12:00:00 GMT"}, SEEN, id="over TLS"),
        pytest.param("https://a/x", {"date": "Sunday, 01-Nov-26 12:00:00 GMT"}, SEEN, id="in an older form"),
        pytest.param("http://a/x", {"date": "Sun, 01 Nov 2026 12:00:00 GMT"}, None, id="by whom, nobody knows"),
        pytest.param("https://a/x", {"date": "Sun, 01 Nov 2026 12:00:00 GMT", "age": "0"}, None, id="out of a cache"),
        pytest.param("https://a/x", {"date": "soon"}, None, id="no date"),
        pytest.param("https://a/x", {"date": "Sun, 01 Nov 99999999999 12:00:00 GMT"}, None, id="no date of ours"),
        pytest.param("https://a/x", {"date": "Sun, 01 Nov 9999 12:00:00 GMT"}, None, id="one that cannot be true"),
        pytest.param("https://a/x", {}, None, id="nothing"),
    ],
)
def test_which_dates_are_believed(url: str, headers: dict[str, str], date: datetime | None) -> None:
    """RFC 9110 section 6.6.1, RFC 9111 section 5.1."""
    assert Answer(url=url, status=405, headers=headers, body=b"").date == date
