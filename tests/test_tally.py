"""The arithmetic of progress: stories on a simulated clock."""

from __future__ import annotations

import math
import random

import pytest

from offlinedl.tally import Tally

MB = 1_000_000


def fetch(tally: Tally, estimate: int, size: int, at: float, *, fails_after: int | None = None) -> None:
    """What the engine tells of one attempt at a fetch, in four chunks within a second."""
    came, expected = 0, estimate
    for quarter in range(4):
        came += size // 4
        grown = max(0, came - expected)
        expected += grown
        tally.advance(size // 4, grown, at + quarter / 4)
        if fails_after == quarter:
            tally.advance(-came, estimate - expected, at + quarter / 4)
            return
    tally.advance(0, came - expected, at + 0.75)


def test_a_steady_download_says_where_it_is_how_fast_and_how_long() -> None:
    tally = Tally()
    tally.begin(0, 60 * MB, 1000.0)
    for second in range(30):
        fetch(tally, MB, MB, 1000.0 + second)
    assert (tally.done, tally.total, tally.percent) == (30 * MB, 60 * MB, 50.0)
    assert tally.speed(1030.0) == pytest.approx(MB, rel=0.05)
    assert tally.seconds_left(1030.0) == pytest.approx(30, rel=0.05)


def test_what_was_there_already_is_nobodys_speed() -> None:
    """C61."""
    tally = Tally()
    tally.begin(50 * MB, 100 * MB, 1000.0)
    assert (tally.done, tally.percent, tally.speed(1000.0), tally.seconds_left(1000.0)) == (50 * MB, 50.0, 0, None)
    for second in range(5):
        fetch(tally, MB, MB, 1000.0 + second)
    assert tally.speed(1005.0) == pytest.approx(MB, rel=0.05)
    tally.begin(55 * MB, 100 * MB, 1005.0)
    assert tally.speed(1005.6) == 0


def test_what_was_lost_and_fetched_again_counts_once() -> None:
    """C61: nothing goes back, and the speed is that of what stays."""
    tally = Tally()
    tally.begin(0, 20 * MB, 1000.0)
    shown = []
    for second in range(20):
        fetch(tally, MB, MB, 1000.0 + second, fails_after=2 if second % 2 else None)
        shown.append((tally.done, tally.percent))
    assert shown == sorted(shown)
    assert shown[-1] == (10 * MB + 3 * MB // 4, 53.7)
    assert tally.speed(1020.0) == pytest.approx(MB / 2, rel=0.1)


@pytest.mark.parametrize("real", [0.2, 0.7, 1.0, 1.5, 4.0])
def test_guessed_sizes_count_by_time(real: float) -> None:
    """Half of the segments are half of the title, also where they are smaller or larger than was thought."""
    tally = Tally()
    tally.begin(0, 40 * MB, 1000.0)
    for second in range(20):
        fetch(tally, MB, int(real * MB), 1000.0 + second)
    assert tally.percent == 50.0
    assert tally.total == 40 * real * MB
    assert tally.seconds_left(1020.0) == pytest.approx(20, rel=0.06)
    for second in range(20, 40):
        fetch(tally, MB, int(real * MB), 1000.0 + second)
    assert (tally.percent, tally.done, tally.total) == (99.9, 40 * real * MB, 40 * real * MB)


def test_where_no_size_is_known_durations_count() -> None:
    tally = Tally()
    tally.begin(0, 0, 1000.0)
    assert (tally.percent, tally.total) == (0, 0)
    for second in range(10):
        fetch(tally, 0, MB, 1000.0 + second)
        tally.finished(1 / 40, MB, 1001.0 + second)
    assert tally.percent == 25.0
    assert tally.total == pytest.approx(40 * MB, rel=0.01)
    assert tally.seconds_left(1010.0) == pytest.approx(30, rel=0.06)


def test_what_is_under_way_says_nothing_of_how_much_there_will_be() -> None:
    """Sixteen are, and one is done."""
    tally = Tally()
    tally.begin(0, 0, 1000.0)
    for _ in range(16):
        tally.advance(MB // 2, 0, 1000.0)
    tally.advance(MB // 2, 0, 1001.0)
    tally.finished(1 / 40, MB, 1001.0)
    assert tally.total == 40 * MB


def test_where_no_size_is_known_and_some_is_there_durations_count_too() -> None:
    tally = Tally()
    tally.begin(10 * MB, 10 * MB, 1000.0, share=0.25)
    assert (tally.percent, tally.total) == (25.0, 40 * MB)
    fetch(tally, 0, MB, 1000.0)
    tally.finished(0.025, MB, 1001.0)
    assert (tally.percent, tally.total) == (27.5, 40 * MB)


def test_durations_do_not_count_where_sizes_are_known() -> None:
    tally = Tally()
    tally.begin(0, 10 * MB, 1000.0)
    tally.finished(0.5, MB, 1000.0)
    fetch(tally, MB, MB, 1000.0)
    assert tally.percent == 10.0


def test_where_nothing_is_known_nothing_is_claimed() -> None:
    tally = Tally()
    tally.begin(0, 0, 1000.0)
    fetch(tally, 0, MB, 1000.0)
    assert (tally.done, tally.percent, tally.total, tally.seconds_left(1001.0)) == (MB, 0, 0, None)
    assert tally.speed(1001.0) == MB


def test_all_that_is_there_is_not_yet_ready() -> None:
    """B35."""
    tally = Tally()
    tally.begin(10 * MB, 10 * MB, 1000.0)
    assert (tally.percent, tally.total) == (99.9, 10 * MB)


def test_a_stall_is_seen() -> None:
    tally = Tally()
    tally.begin(0, 100 * MB, 1000.0)
    for second in range(20):
        fetch(tally, MB, MB, 1000.0 + second)
    before = tally.seconds_left(1020.0)
    assert tally.speed(1200.0) < MB / 10
    after = tally.seconds_left(1200.0)
    assert before is not None
    assert after is not None
    assert 10 * before < after
    tally.advance(MB, 0, 1200.0)
    for second in range(12):
        fetch(tally, MB, MB, 1200.0 + second)
    assert tally.speed(1212.0) == pytest.approx(MB, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_nothing_goes_back_and_all_is_finite(seed: int) -> None:
    """C61, B35."""
    chance = random.Random(seed)
    tally = Tally()
    now, before = 1000.0, (0, 0.0)
    tally.begin(chance.choice([0, 0, 5 * MB]), chance.choice([0, 5 * MB, 50 * MB]), now)
    for _ in range(200):
        now += chance.choice([0, 0, 0.01, 1, 60])
        estimate = chance.choice([0, 1, MB, 10 * MB])
        fetch(tally, estimate, chance.choice([0, 4, MB, 8 * MB]), now, fails_after=chance.choice([None, None, 0, 3]))
        if chance.random() < 0.05:
            tally.begin(tally.done, tally.done + chance.choice([0, MB]), now)
        seen = (tally.done, tally.percent)
        assert before[0] <= seen[0]
        assert before[1] <= seen[1] <= 99.9
        before = seen
        left = tally.seconds_left(now)
        assert left is None or (math.isfinite(left) and left >= 0)
        assert 0 <= tally.speed(now) < math.inf
        assert tally.total == 0 or tally.total >= tally.done


def test_a_long_download_is_not_remembered_in_full() -> None:
    tally = Tally()
    tally.begin(0, 10**12, 1000.0)
    for chunk in range(100_000):
        tally.advance(1000, 0, 1000.0 + chunk / 1000)
    assert len(tally._samples) < 50
    assert tally.speed(1100.0) == pytest.approx(MB, rel=0.05)
