"""--limit-rate: simulated connections that read on a simulated clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from offlinedl.rate import Bucket

RATE = 500_000
FAST = 50_000_000.0


@dataclass
class Arrivals:
    """What came: when, how much, and for whom."""

    rows: list[tuple[float, int, int]]

    def bytes(self, start: float, end: float) -> int:
        return sum(count for at, count, _ in self.rows if start <= at < end)

    def of(self, worker: int) -> int:
        return sum(count for _, count, who in self.rows if who == worker)

    def rates(self, seconds: float, until: float) -> list[float]:
        """Bytes a second in every window of so many seconds, one each tenth of a second, after the first second."""
        starts = [1 + step / 10 for step in range(round((until - seconds - 1) * 10) + 1)]
        return [self.bytes(start, start + seconds) / seconds for start in starts]


def read(
    bucket: Bucket,
    workers: int,
    *,
    piece: Callable[[], int] | None = None,
    speed: float = FAST,
    late: float = 0.0,
    until: float = 12.0,
) -> Arrivals:
    """Workers who get a piece after the other from a link of `speed` bytes a second, and wait as the bucket says.
    Timers wake them up to `late` seconds too late."""
    chance = random.Random(1)
    came: list[tuple[float, int, int]] = []
    queue = [(1000 + worker / 1000, worker) for worker in range(workers)]
    while queue[0][0] < 1000 + until:
        now, worker = heapq.heappop(queue)
        count = piece() if piece else bucket.piece
        came.append((now - 1000, count, worker))
        pause = bucket.take(count, now)
        heapq.heappush(queue, (now + pause + chance.uniform(0, late) + count * workers / speed, worker))
    return Arrivals(came)


SMOOTH = [
    pytest.param(RATE, 1, 0.0, id="one connection"),
    pytest.param(RATE, 8, 0.0, id="C60: eight"),
    pytest.param(RATE, 64, 0.0, id="all that there may be"),
    pytest.param(RATE, 1, 0.005, id="one, and timers that are late"),
    pytest.param(RATE, 8, 0.02, id="eight, and timers that are late"),
    pytest.param(5_000, 8, 0.0, id="slow"),
    pytest.param(40_000_000, 8, 0.0, id="nearly as fast as the link"),
]


@pytest.mark.parametrize(("rate", "workers", "late"), SMOOTH)
def test_the_rate_is_held_over_all_connections(rate: int, workers: int, late: float) -> None:
    came = read(Bucket(rate), workers, late=late)
    assert 0.9 * rate <= came.bytes(0, 10) / 10 <= 1.1 * rate
    assert all(0.9 * rate <= second <= 1.1 * rate for second in came.rates(1, until=12))
    assert came.bytes(0, 1) <= 2 * rate


def test_large_pieces_are_paid_for_too() -> None:
    """Whoever reads more at once than asked for is slowed down for longer: only the beginning is not smooth."""
    came = read(Bucket(RATE), 8, piece=lambda: 64_000)
    assert came.bytes(2, 12) / 10 == pytest.approx(RATE, rel=0.1)
    assert max(came.rates(1, until=12)) <= 1.2 * RATE


def test_nobody_starves_beside_those_who_read_more_at_once() -> None:
    chance = random.Random(2)
    came = read(Bucket(RATE), 8, piece=lambda: chance.choice([100, 5_000, 20_000]), until=60)
    assert all(came.of(worker) > 60 * RATE / 8 / 2 for worker in range(8))


def test_a_link_that_is_slower_than_the_rate_is_not_slowed_down() -> None:
    bucket = Bucket(RATE)
    assert all(bucket.take(4_000, 1000 + step / 100) == 0 for step in range(1, 500))


def test_a_pause_is_not_made_up_for_in_a_burst() -> None:
    bucket = Bucket(RATE)
    read(bucket, 8)
    after = [bucket.take(bucket.piece, 2000.0) for _ in range(100)]
    assert after[0] == 0
    assert after[-1] == pytest.approx(1, abs=0.06)


def test_even_the_lowest_rate_lets_something_through() -> None:
    bucket = Bucket(1)
    assert bucket.piece == 1
    assert bucket.take(1, 0.0) == pytest.approx(0.95)
