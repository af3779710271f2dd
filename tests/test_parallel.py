"""How many fetches run at once, against simulated servers on a simulated clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import pytest

from offlinedl.parallel import Parallelism

MB, PACKET = 1_000_000, 100_000


@dataclass
class Server:
    """`speed` says how many bytes a second it gives when so many fetches run at once, but for the first of a
    connection, which takes `slow_start` seconds longer. It pushes back every request beyond `allowed` at once, and
    drops those beyond `stable` half-way; `flaky` is the part of all that it drops. Sizes `vary`."""

    speed: Callable[[int], float]
    size: float = 2 * MB
    allowed: int = 1000
    stable: int = 1000
    flaky: float = 0.0
    vary: float = 0.0
    slow_start: float = 0.0
    pushed: list[float] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)

    def serve(self, parallelism: Parallelism, seconds: float, start: float = 1000.0) -> None:
        """Fetch one after the other, as many at once as may be, for so long. All that run get the same: `given` counts
        what each of them had so far, and tells what happens next."""
        chance = random.Random(1)
        events: list[tuple[float, int, str, int]] = []
        now, given, number, running, connections = start, 0.0, 0, 0, 0
        while now < start + seconds:
            while running < parallelism.limit:
                number, running = number + 1, running + 1
                pace = self.speed(running) / running
                size = int(self.size * chance.uniform(1 - self.vary, 1 + self.vary))
                first = given + (self.slow_start * pace if running > connections else 0.0)
                connections = max(running, connections)
                if running > self.allowed:
                    heapq.heappush(events, (first + 0.05 * pace, number, "pushed back", 0))
                elif running > self.stable or chance.random() < self.flaky:
                    heapq.heappush(events, (first + size / 2, number, "failed", 0))
                else:
                    ends = [0, *range(chance.randrange(1, PACKET), size, PACKET), size]
                    for begin, end in pairwise(ends):
                        what = "finished" if end == size else "came"
                        heapq.heappush(events, (first + end, number, what, end - begin))
            at, _, what, size = heapq.heappop(events)
            now += (at - given) * running / self.speed(running)
            given = at
            running -= what != "came"
            self._tell(parallelism, what, size, now)
            self.limits.append((now - start, parallelism.limit))

    def _tell(self, parallelism: Parallelism, what: str, size: int, now: float) -> None:
        parallelism.came(size, now)
        if what == "finished":
            parallelism.finished(now)
        elif what == "failed":
            parallelism.failed(now)
        elif what == "pushed back":
            self.pushed.append(now)
            parallelism.pushed_back(now)

    def after(self, seconds: float) -> list[int]:
        """Every limit from then on."""
        return [limit for at, limit in self.limits if at >= seconds]


def latency(count: int) -> float:
    """Far away: each connection waits, and all together are nowhere near what the line holds."""
    return count * MB


def line(most: int) -> Callable[[int], float]:
    """A line that so many connections fill."""
    return lambda count: min(count, most) * MB


def congested(count: int) -> float:
    """More than twelve are in each other's way."""
    return count * MB if count <= 12 else 12 * MB * 0.95 ** (count - 12)


SERVERS = [
    pytest.param(Server(latency), 64, (64, 64), id="each one more brings more"),
    pytest.param(Server(lambda count: count**0.5 * MB), 64, (64, 64), id="each one more brings a bit less"),
    pytest.param(Server(latency), 20, (20, 20), id="never above the most"),
    pytest.param(Server(latency), 8, (8, 8), id="no more than it begins with"),
    pytest.param(Server(latency), 3, (3, 3), id="fewer than it begins with"),
    pytest.param(Server(latency), 1, (1, 1), id="one"),
    pytest.param(Server(line(1)), 64, (8, 12), id="one fills the line"),
    pytest.param(Server(line(20)), 64, (18, 27), id="twenty fill the line"),
    pytest.param(Server(line(20), vary=0.5), 64, (18, 27), id="twenty, and segments are of all sizes"),
    pytest.param(Server(congested), 64, (8, 12), id="more than twelve are in each other's way"),
    pytest.param(Server(latency, size=MB / 20), 64, (64, 64), id="many small ones"),
    pytest.param(Server(line(20), size=50 * MB), 64, (18, 27), id="large ones"),
    pytest.param(Server(latency, allowed=4), 64, (3, 4), id="C25: four are allowed"),
    pytest.param(Server(latency, allowed=20), 64, (12, 20), id="C25: twenty are allowed"),
    pytest.param(Server(latency, allowed=1), 64, (1, 1), id="C25: one is allowed"),
    pytest.param(Server(latency, stable=6), 64, (5, 6), id="more than six fail"),
    pytest.param(Server(latency, flaky=0.02), 64, (60, 64), id="a few fail, however many run"),
    pytest.param(Server(latency, flaky=0.3), 20, (16, 20), id="many fail, however many run"),
]


@pytest.mark.parametrize(("server", "most", "usual"), SERVERS)
def test_it_settles_where_the_server_is_at_its_best(server: Server, most: int, usual: tuple[int, int]) -> None:
    server.serve(Parallelism(most), 600)
    assert usual[0] <= median(server.after(120)) <= usual[1]
    assert max(server.after(0)) <= most


def test_more_is_tried_rarely_once_it_did_not_pay() -> None:
    server = Server(line(1), size=MB / 10)
    server.serve(Parallelism(64), 3600)
    limits = server.after(0)
    assert 30 <= sum(later > earlier for earlier, later in pairwise(limits)) <= 60
    assert limits.count(8) > 0.9 * len(limits)


FIRST_STEPS = [
    pytest.param(Server(latency, size=MB / 20, slow_start=0.2), 1.5, id="small segments, far away"),
    pytest.param(Server(latency, size=2.6 * MB, slow_start=0.2), 3.0, id="large segments, which take seconds"),
]


@pytest.mark.parametrize(("server", "seconds"), FIRST_STEPS)
def test_sixteen_run_before_a_short_title_is_over(server: Server, seconds: float) -> None:
    server.serve(Parallelism(16), 6)
    assert set(server.after(seconds)) == {16}


def test_what_was_under_way_is_not_what_a_change_brought() -> None:
    parallelism = Parallelism(64)

    def finish(fetches: int, first: float) -> None:
        """Eight a second."""
        for number in range(fetches):
            parallelism.came(MB // 10, first + number / 8)
            parallelism.finished(first + number / 8)

    finish(8 + 16, 0.0)
    assert parallelism.limit == 12
    for _ in range(12):
        parallelism.finished(3.0)
    finish(2 * 12, 3.125)
    assert parallelism.why == "8 at once instead of 12: more brought no more"


def test_bytes_that_came_in_vain_pay_nothing() -> None:
    """A server that drops some half-way sends more at once, and brings no more."""
    parallelism = Parallelism(64)
    now = 0.0
    for limit, sent in ((8, 1), (12, 2)):
        assert parallelism.limit == limit
        for _ in range(3 * limit):
            now += 1 / 8
            for _ in range(sent):
                parallelism.came(MB // 10, now)
            parallelism.came(MB // 10 * (1 - sent), now)
            parallelism.finished(now)
    assert parallelism.why == "8 at once instead of 12: more brought no more"


def test_where_too_many_is_known_one_more_is_tried() -> None:
    server = Server(latency, allowed=20)
    server.serve(Parallelism(64), 600)
    assert max(server.after(120)) == 21


def test_those_that_are_pushed_back_together_count_once() -> None:
    """C25."""
    parallelism = Parallelism(8)
    for at in (0.0, 0.1, 0.2, 0.9):
        parallelism.pushed_back(at)
    assert parallelism.limit == 4
    for at in (1.0, 1.5, 2.0, 3.0, 4.0):
        parallelism.pushed_back(at)
    assert parallelism.limit == 1
    assert parallelism.why == "1 at once instead of 1: a server asked for less"


def test_what_was_lowered_recovers_slowly() -> None:
    """C25."""
    parallelism = Parallelism(8)
    parallelism.pushed_back(1000.0)
    server = Server(latency)
    server.serve(parallelism, 120)
    first = {limit: at for at, limit in reversed(server.limits)}
    assert sorted(first, key=first.__getitem__) == [4, 5, 6, 7, 8]
    assert 1 <= first[5] <= 20
    assert first[8] > 60
    assert set(server.after(first[8] + 0.1)) == {8}


def test_a_network_that_is_gone_is_not_a_server_that_has_enough() -> None:
    parallelism = Parallelism(8)
    Server(latency).serve(parallelism, 30)
    gone = Server(latency, stable=0)
    gone.serve(parallelism, 300, start=1030)
    assert min(gone.after(0)) >= 4
    back = Server(latency)
    back.serve(parallelism, 120, start=1330)
    assert back.limits[-1][1] == 8


def test_one_error_changes_nothing() -> None:
    parallelism = Parallelism(8)
    Server(latency).serve(parallelism, 30)
    parallelism.failed(1030.0)
    parallelism.failed(1030.1)
    assert parallelism.limit == 8


def test_every_decision_says_why() -> None:
    parallelism = Parallelism(64)
    said = [parallelism.why]
    for server in (Server(line(12)), Server(latency, allowed=4, size=MB / 4), Server(latency, stable=2)):
        start = 1000.0 * len(said)
        for second in range(300):
            server.serve(parallelism, 1, start=start + second)
            said += [parallelism.why] if parallelism.why != said[-1] else []
    assert said[0] == "8 at once to begin with"
    assert said[1] == "12 at once instead of 8: more may pay"
    reasons = {why.partition(": ")[2] for why in said[1:]}
    assert reasons == {
        "more may pay",
        "more brought no more",
        "a server asked for less",
        "it is quiet again",
        "errors are rising",
    }
