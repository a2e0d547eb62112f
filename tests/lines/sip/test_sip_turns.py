"""Connections share the loop's time: a window's worth of work, then somebody else's audio."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from functools import partial

from ivr.lines.sip.turns import SHARE, WINDOW, Turns


class FakeTimer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Time that passes by work alone, or when there is nothing to do before the next timer."""

    def __init__(self) -> None:
        self.now = 100.0
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> FakeTimer:
        timer = FakeTimer()
        heapq.heappush(self._timers, (when, next(self._numbers), timer, callback))
        return timer

    def run(self) -> None:
        while self._timers:
            when, _, timer, callback = heapq.heappop(self._timers)
            if not timer.cancelled:
                self.now = max(self.now, when)
                callback()


class Bench:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.turns = Turns(self.loop)
        self.done: list[tuple[object, float]] = []

    def work(self, name: object, seconds: float) -> None:
        self.done.append((name, self.loop.now))
        self.loop.now += seconds


def test_a_hundred_connections_with_something_to_do_leave_the_loop_free_in_between() -> None:
    bench = Bench()
    took = [bench.turns.take(partial(bench.work, name, SHARE / 2)) for name in range(100)]
    assert took == [True] * 2 + [False] * 98
    bench.loop.run()
    assert [name for name, _ in bench.done] == list(range(100))
    for _, group in itertools.groupby(bench.done, key=lambda one: int((one[1] - 100.0) / WINDOW + 1e-6)):
        assert len(list(group)) <= 2


def test_work_that_takes_longer_than_its_share_is_done_alone_in_its_window() -> None:
    bench = Bench()
    for name in range(4):
        bench.turns.take(partial(bench.work, name, 3 * SHARE))
    bench.loop.run()
    begun = [at for _, at in bench.done]
    assert all(later - earlier >= WINDOW * 0.99 for earlier, later in itertools.pairwise(begun))


def test_newcomers_wait_behind_those_who_wait() -> None:
    bench = Bench()
    for name in ("first", "second"):
        bench.turns.take(partial(bench.work, name, 2 * SHARE))
    bench.loop.now += WINDOW  # the next window has begun, but "second" has not had his turn
    assert not bench.turns.take(partial(bench.work, "newcomer", SHARE))
    bench.loop.run()
    assert [name for name, _ in bench.done] == ["first", "second", "newcomer"]


def test_who_asks_again_in_his_turn_waits_for_the_next_window() -> None:
    bench = Bench()

    def again(times: int) -> None:
        bench.work(times, 0.0)
        if times:
            bench.turns.wait(partial(again, times - 1))

    bench.turns.take(partial(again, 3))
    bench.loop.run()
    begun = [at for _, at in bench.done]
    assert [name for name, _ in bench.done] == [3, 2, 1, 0]
    assert all(later - earlier >= WINDOW * 0.99 for earlier, later in itertools.pairwise(begun))


def test_a_closed_one_does_nothing_more() -> None:
    bench = Bench()
    for name in range(5):
        bench.turns.take(partial(bench.work, name, 2 * SHARE))
    bench.turns.close()
    bench.loop.run()
    assert [name for name, _ in bench.done] == [0]
