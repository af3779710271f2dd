"""How far ahead a player may read: tables of the rule, and readings as players make them."""

from __future__ import annotations

import pytest

from offlinedl.playback import pacing
from offlinedl.playback.pacing import Reading, asked, told, wait

TITLE = 3600.0
HOUR = 3600.0


def at(place: float) -> Reading:
    """A player there, that began long before."""
    return Reading(began=place - 100, place=place, since=0, last=(place, place + 4))


WAITS = [
    # where the piece begins, where the player is, what is left, and what it waits for
    pytest.param(3000, 0, None, 0, id="no-deadline"),
    pytest.param(3000, 0, 48 * HOUR, 0, id="a-deadline-far-away"),
    pytest.param(3000, 0, TITLE + pacing.PAUSE, 0, id="time-for-the-title-and-a-pause"),
    pytest.param(3000, 0, TITLE + pacing.PAUSE - 1, 3000 - 32, id="a-second-less"),
    pytest.param(3596, 3590, 620, 0, id="time-for-the-rest-and-a-pause"),
    pytest.param(4, 0, 600, 0, id="the-piece-after-the-first"),
    pytest.param(32, 0, 600, 0, id="as-far-ahead-as-may-be"),
    pytest.param(36, 0, 600, 4, id="further"),
    pytest.param(136, 100, 600, 4, id="further-in-the-middle"),
    pytest.param(8, 0, 6, 0, id="what-still-plays"),
    pytest.param(12, 0, 6, 4, id="what-does-not-play-any-more"),
    pytest.param(12, 4, 2, 4, id="nor-when-the-player-went-on"),
    pytest.param(2, 0, 0.5, 0, id="the-margin"),
    pytest.param(4, 0, 0.5, 1.5, id="beyond-the-margin"),
    pytest.param(0, 30, 6, 0, id="what-lies-behind"),
    pytest.param(3700, 3700, 6, 0, id="past-the-end"),
]


@pytest.mark.parametrize(("start", "place", "left", "seconds"), WAITS)
def test_a_piece_waits(start: float, place: float, left: float | None, seconds: float) -> None:
    assert wait(at(place), start, 0, left, TITLE) == seconds


def test_what_is_held_back_leaves_when_the_player_comes_near() -> None:
    reading = at(0)
    seconds = wait(reading, 100, 0, 300, TITLE)
    assert wait(reading, 100, seconds - 0.1, 300 - seconds + 0.1, TITLE) == pytest.approx(0.1)
    assert wait(reading, 100, seconds, 300 - seconds, TITLE) == 0


def test_what_cannot_play_before_the_deadline_never_leaves() -> None:
    reading = at(0)
    assert all(wait(reading, 12, now, 6 - now, TITLE) == pytest.approx(4) for now in (0, 2, 5.9))


READINGS = [
    # pieces that are asked for, each with when; and where the player is at most, at 20
    pytest.param([(0, 0)], 20, id="one"),
    pytest.param([(0, 0), (4, 0), (8, 0), (12, 0)], 20, id="one-after-the-other-at-once"),
    pytest.param([(0, 0), (4, 20)], 4, id="who-asks-for-the-next-one-so-late-has-waited"),
    pytest.param([(0, 0), (0, 1), (0, 2)], 18, id="the-same-again-in-ranges"),
    pytest.param([(0, 0), (600, 20)], 600, id="a-jump-ahead"),
    pytest.param([(0, 0), (4, 0), (12, 20)], 12, id="a-jump-over-one-piece"),
    pytest.param([(600, 0), (0, 20)], 0, id="a-jump-back"),
    pytest.param([(600, 0), (604, 0), (600, 20)], 600, id="a-jump-back-by-one-piece"),
    pytest.param([(600, 0), (0, 10), (4, 10)], 10, id="and-on-from-there"),
    pytest.param([(0, 0), (4.9, 0)], 20, id="durations-that-are-rounded-are-no-jump"),
]


@pytest.mark.parametrize(("pieces", "place"), READINGS)
def test_a_player_is_reckoned_to_be_somewhere(pieces: list[tuple[float, float]], place: float) -> None:
    reading: Reading | None = None
    for start, now in pieces:
        reading = asked(reading, (start, start + 4), now)
    assert reading is not None
    assert reading.at(20) == place


TOLD = [
    pytest.param(45, 45, id="further-than-reckoned"),
    pytest.param(3, 10, id="stale-after-a-jump"),
]


@pytest.mark.parametrize(("seconds", "place"), TOLD)
def test_a_player_tells_where_it_is(seconds: float, place: float) -> None:
    assert told(at(0), seconds, 10).at(10) == place


FILLS = [
    pytest.param(0, 8, 0, id="what-a-player-wants-before-it-begins"),
    pytest.param(0, 10, 7, id="and-no-more"),
    pytest.param(600, 608, 0, id="wherever-it-begins"),
]


@pytest.mark.parametrize(("place", "start", "seconds"), FILLS)
def test_a_player_fills_its_buffer_first(place: float, start: float, seconds: float) -> None:
    reading = asked(None, (place, place + 2), 0)
    assert wait(reading, start, 0, 1, TITLE) == seconds
    later = asked(reading, (place + 2, place + 4), 0.9)
    assert wait(later, start, 0.9, 0.1, TITLE) == pytest.approx(seconds)


def test_every_rendition_from_its_beginning_and_then_one_of_them() -> None:
    """mpv opens them all, and reads the first pieces of each."""
    rungs = [asked(asked(None, (0, 4), 0), (4, 8), 0) for _ in range(4)]
    assert all(wait(rung, 4, 0, 6, TITLE) == 0 for rung in rungs)
    chosen = asked(rungs[2], (8, 12), 0.1)
    assert wait(chosen, 8, 0.1, 5.9, TITLE) == 0
