"""The media clock: never drifts, spreads legs over the tick, catches up a little after a stall."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from ivr.clock import SystemClock, VirtualClock
from ivr.media.clock import MOST_BEHIND, Beat, Lateness, MediaClock


def virtual() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def let(clock: VirtualClock, seconds: float) -> None:
    end = clock.time() + seconds
    while (due := clock.next_timer()) is not None and due < end:
        clock.advance_to_next()


def no_fault(error: Exception) -> None:
    raise error


def test_every_leg_is_called_fifty_times_a_second_and_never_drifts() -> None:
    clock = virtual()
    media = MediaClock(clock)
    times: list[float] = []
    beat = media.add(lambda: times.append(clock.time()), no_fault)
    let(clock, 600.0)
    assert len(times) == 30_000
    assert times[-1] == pytest.approx(times[0] + 29_999 * 0.02, abs=1e-6)
    media.remove(beat)
    media.remove(beat)
    assert clock.next_timer() is None


def test_legs_are_spread_over_the_quarters_of_a_tick() -> None:
    clock = virtual()
    media = MediaClock(clock)
    times: dict[int, float] = {}
    for leg in range(8):
        media.add(lambda leg=leg: times.setdefault(leg, clock.time()), no_fault)  # type: ignore[misc]
    let(clock, 0.02)
    assert sorted(round(at * 1000) for at in times.values()) == [0, 0, 5, 5, 10, 10, 15, 15]


def test_it_stands_still_while_nobody_needs_it_and_begins_again() -> None:
    clock = virtual()
    media = MediaClock(clock)
    assert clock.next_timer() is None
    media.remove(media.add(lambda: None, no_fault))
    assert clock.next_timer() is None
    count: list[int] = []
    media.add(lambda: count.append(1), no_fault)
    let(clock, 0.1)
    assert len(count) == 5
    media.close()
    assert (media.active, clock.next_timer()) == (0, None)


def test_after_a_stall_a_few_beats_are_made_up_for_and_the_rest_is_skipped() -> None:
    clock = virtual()
    media = MediaClock(clock)
    times: list[float] = []
    media.add(lambda: times.append(clock.time()), no_fault)
    clock.call_at(1.0, lambda: clock.call_at(3.0, lambda: None))
    let(clock, 1.0)
    before = len(times)
    clock._time = 3.001  # the process was stopped for two seconds
    let(clock, 0.5)
    burst = [at for at in times[before:] if at == pytest.approx(3.001)]
    assert MOST_BEHIND <= len(burst) <= MOST_BEHIND + 1
    assert len(times) - before - len(burst) == pytest.approx(25, abs=1)
    assert media.lateness.largest == pytest.approx(2.0, abs=0.02)
    assert media.lateness.skipped == pytest.approx(400, abs=30)


def test_a_short_stall_loses_no_beat() -> None:
    clock = virtual()
    media = MediaClock(clock)
    times: list[float] = []
    media.add(lambda: times.append(clock.time()), no_fault)
    let(clock, 1.0)
    clock._time = 1.07
    let(clock, 0.93)
    assert len(times) == 100
    assert media.lateness.skipped == 0


def test_a_leg_that_fails_is_taken_out_and_told_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = virtual()
    media = MediaClock(clock)
    faults: list[Exception] = []
    good: list[int] = []

    def bad() -> None:
        raise ValueError("a fault of the leg")

    media.add(bad, faults.append)
    for _ in range(4):
        media.add(lambda: good.append(1), no_fault)
    with caplog.at_level(logging.ERROR):
        let(clock, 0.2)
    assert [str(fault) for fault in faults] == ["a fault of the leg"]
    assert len(good) == 40
    assert media.active == 4
    assert len(caplog.records) == 1


def test_a_leg_may_leave_and_another_come_in_the_middle_of_a_beat() -> None:
    clock = virtual()
    media = MediaClock(clock)
    count: list[str] = []
    times: list[float] = []
    beats: list[Beat] = []

    def second() -> None:
        count.append("second")
        times.append(clock.time())

    def swap() -> None:
        count.append("first")
        media.remove(beats.pop())
        media.add(second, no_fault)

    beats.append(media.add(swap, no_fault))
    let(clock, 0.2)
    assert count[0] == "first"
    assert count.count("first") == 1
    assert times == pytest.approx([at * 0.02 for at in range(10)])


def test_a_hook_runs_before_each_quarters_beats_while_anybody_is_beaten_for() -> None:
    clock = virtual()
    media = MediaClock(clock)
    order: list[str] = []
    hook = lambda: order.append("hook")  # noqa: E731  # compared by identity below
    media.add_hook(hook)
    assert clock.next_timer() is None
    beat = media.add(lambda: order.append("beat"), no_fault)
    let(clock, 0.04)
    assert order == ["hook", "beat", "hook", "hook", "hook"] * 2
    media.remove_hook(hook)
    let(clock, 0.02)
    assert order.count("hook") == 8
    media.remove(beat)


def test_a_hook_may_take_out_the_last_leg() -> None:
    clock = virtual()
    media = MediaClock(clock)
    count: list[str] = []
    beat = media.add(lambda: count.append("beat"), no_fault)
    media.add_hook(lambda: media.remove(beat))
    let(clock, 0.1)
    assert count == []
    assert clock.next_timer() is None


def test_beats_left_out_after_a_stall_are_told() -> None:
    clock = virtual()
    media = MediaClock(clock)
    count: list[int] = []
    media.add(lambda: count.append(1), no_fault)
    let(clock, 1.0)
    clock._time = 3.0
    let(clock, 1.0)
    assert len(count) + media.skipped == pytest.approx(200, abs=1)
    assert media.skipped > 90


async def test_on_the_real_clock_it_keeps_time() -> None:
    media = MediaClock(SystemClock())
    loop = asyncio.get_running_loop()
    times: list[float] = []
    media.add(lambda: times.append(loop.time()), no_fault)
    while len(times) < 15:
        await asyncio.sleep(0.02)
    media.close()
    assert times[-1] - times[0] == pytest.approx((len(times) - 1) * 0.02, abs=0.05)


def test_lateness_is_counted_by_edges() -> None:
    lateness = Lateness()
    assert lateness.percentile(0.99) == 0.0
    for _ in range(98):
        lateness.add(0.0005)
    lateness.add(0.012)
    lateness.add(2.5)
    assert lateness.count == 100
    assert lateness.percentile(0.5) == 0.001
    assert lateness.percentile(0.99) == 0.015
    assert lateness.percentile(1.0) == lateness.largest == 2.5
