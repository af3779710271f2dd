"""What is tried again, how often, and when: rows, no network and no waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from offlinedl.patience import Attempts, Holds, Patience, retry_after

NOW = datetime(1994, 11, 6, 8, 49, 30, tzinfo=UTC)

SAID = [
    pytest.param("2", 2, id="C24: seconds"),
    pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 7, id="C24: a date"),
    pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 7, id="a date of RFC 850"),
    pytest.param("Sun Nov  6 08:49:37 1994", 7, id="a date of asctime"),
    pytest.param("Sun, 06 Nov 1994 09:49:37 +0100", 7, id="a date in another zone"),
    pytest.param(" 2 ", 2, id="blanks around"),
    pytest.param("0", 0, id="at once"),
    pytest.param("-5", 0, id="less than nothing"),
    pytest.param("Sun, 06 Nov 1994 08:00:00 GMT", 0, id="a date that is past"),
    pytest.param("3600", 3600, id="the longest"),
    pytest.param("3601", 3600, id="longer than the longest"),
    pytest.param("9" * 5000, 3600, id="more digits than a number has"),
    pytest.param("-" + "9" * 5000, 0, id="far less than nothing"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", 3600, id="a date at the end of the calendar"),
    pytest.param("Fri, 31 Dec 9999 23:59:59 -2359", 3600, id="a date after the end of the calendar"),
    pytest.param("", None, id="nothing"),
    pytest.param("soon", None, id="a word"),
    pytest.param("2 s", None, id="a unit"),
    pytest.param("1e3", None, id="no digits"),
    pytest.param("\N{ARABIC-INDIC DIGIT TWO}", None, id="digits of another script"),
    pytest.param("Sun, 06 Nov", None, id="half a date"),
    pytest.param("Sun, 32 Nov 1994 08:49:37 GMT", None, id="a day that is none"),
    pytest.param("Sun, 06 Nov 99999 08:49:37 GMT", None, id="a year that is none"),
    pytest.param(f"Sun, 06 Nov 1994 08:49:37 +{10**20}", None, id="a zone that is none"),
]


@pytest.mark.parametrize(("value", "seconds"), SAID)
def test_retry_after_is_read_in_each_of_its_forms(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
    assert retry_after(value, NOW.astimezone(timezone(timedelta(hours=3)))) == seconds


TRIES = [
    (None, 5), (408, 5), (425, 5), (429, 5), (500, 5), (502, 5), (503, 5), (504, 5),
    (404, 1), (410, 1), (200, 1), (206, 1),
    (400, 0), (401, 0), (403, 0), (405, 0), (416, 0), (451, 0), (499, 0),
]  # fmt: skip


@pytest.mark.parametrize(("status", "tries"), TRIES)
def test_how_often_a_failure_is_worth_another_try(status: int | None, tries: int) -> None:
    assert Patience(retries=5, backoff=0.5).tries(status) == tries
    assert Patience(retries=0, backoff=0.5).tries(status) == 0


def test_each_wait_is_twice_the_one_before_and_none_is_longer_than_the_longest() -> None:
    patience = Patience(retries=100, backoff=0.5)
    longest = [patience.wait(failures, 1.0) for failures in range(1, 9)]
    assert longest == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [patience.wait(failures, 0.0) for failures in range(1, 9)] == [wait / 2 for wait in longest]
    assert patience.wait(100, 0.5) == 22.5
    assert Patience(retries=5, backoff=0).wait(1, 0.5) == 0


def outcome(patience: Patience, received: list[int | None]) -> tuple[int, bool]:
    """How many attempts a fetch had, and whether one came through: each got so far and failed, or came through (None);
    what comes after them got nowhere."""
    attempts = Attempts()
    for number in range(1, 100):
        got = received[number - 1] if number <= len(received) else 0
        if got is None:
            return number, True
        if attempts.failed(got) > patience.tries(503):
            return number, False
    raise AssertionError


FETCHES = [
    pytest.param([], (3, False), id="A3: no progress, N + 1 attempts"),
    pytest.param([10, 10, 10, 10], (3, False), id="A3: each as far as the first is no progress"),
    pytest.param([0, 0, None], (3, True), id="A4: the last attempt counts"),
    pytest.param([0, 0, 10, 0, None], (5, True), id="A5: progress begins a new count"),
    pytest.param([10, 20, 30, 40, None], (5, True), id="A5: always a bit further"),
    pytest.param([0, 0, 10], (5, False), id="A6: progress, then N + 1 attempts with it"),
    pytest.param([30, 20, 25, None], (3, False), id="further than the one before is not further than all"),
]


@pytest.mark.parametrize(("received", "ended"), FETCHES)
def test_progress_forgives_what_failed_before(received: list[int | None], ended: tuple[int, bool]) -> None:
    assert outcome(Patience(retries=2, backoff=0), received) == ended


def test_a_host_is_left_alone_until_the_latest_time_that_it_named() -> None:
    """C24: per host."""
    holds = Holds()
    holds.hold("one", 12.0)
    holds.hold("one", 11.0)
    assert holds.free_at("one") == 12.0
    assert holds.free_at("two") < 0
    holds.hold("two", -1.0)
    assert holds.free_at("two") == -1.0
