"""The jitter buffer: order restored, delay small on a steady line and enough on a bad one."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ivr.media.jitter import DEEPEST, JitterBuffer


def frame(number: int) -> bytes:
    return number.to_bytes(2, "big") * 80


def run(arrivals: list[tuple[float, int]], beats: int, start: int = 0) -> list[int | None]:
    """Push frames (time, number) and pull on each 20 ms beat; the numbers pulled."""
    buffer = JitterBuffer()
    pulled: list[int | None] = []
    waiting = sorted(arrivals)
    for beat in range(beats):
        now = beat * 0.02 + 0.01
        while waiting and waiting[0][0] <= now:
            at, number = waiting.pop(0)
            buffer.push((start + number * 160) % 2**32, frame(number), at)
        got = buffer.pull()
        pulled.append(None if got is None else int.from_bytes(got[:2], "big"))
    return pulled


def test_on_a_steady_line_each_frame_comes_out_at_the_next_beat() -> None:
    assert run([(at * 0.02, at) for at in range(50)], 50) == list(range(50))


@given(st.integers(0, 2**32 - 1))
def test_frames_swapped_on_the_way_come_out_in_order_across_the_wrap(start: int) -> None:
    arrivals = [(at * 0.02, at) for at in range(40)]
    arrivals[20], arrivals[21] = (0.4005, 21), (0.401, 20)
    arrivals = [(at + 0.04 if at < 0.001 else at, number) for at, number in arrivals]
    pulled = [number for number in run(arrivals, 50, start) if number is not None]
    assert pulled == sorted(pulled)
    assert len(pulled) >= 38


def test_a_lost_frame_is_a_gap_and_the_rest_stays_in_place() -> None:
    pulled = run([(at * 0.02 + (0.02 if at else 0), at) for at in range(20) if at != 10], 22)
    numbers = [number for number in pulled if number is not None]
    assert 10 not in numbers
    assert numbers == sorted(numbers)
    assert len(numbers) >= 18


@given(st.integers(0, 10**6))
def test_whatever_comes_it_gives_no_frame_twice_and_none_backwards(seed: int) -> None:
    chance = random.Random(seed)
    arrivals = [
        (max(0.0, at * 0.02 + chance.gauss(0.05, 0.03)), at) for at in range(60) if chance.random() < 0.9
    ]
    numbers = [number for number in run(arrivals, 90) if number is not None]
    assert numbers == sorted(set(numbers))


def test_a_bad_line_is_given_more_time_but_never_more_than_the_bound() -> None:
    buffer = JitterBuffer()
    assert buffer.depth == 1
    chance = random.Random(2)
    for at in range(200):
        buffer.push(at * 160, frame(at), at * 0.02 + chance.uniform(0, 0.06))
        buffer.pull()
    assert 2 <= buffer.depth <= DEEPEST
    worse = JitterBuffer()
    for at in range(200):
        worse.push(at * 160, frame(at), at * 0.02 + chance.uniform(0, 0.9))
        worse.pull()
    assert worse.depth == DEEPEST
    assert worse.waiting <= DEEPEST + 4


def test_a_new_stream_begins_anew_and_late_frames_are_counted() -> None:
    buffer = JitterBuffer()
    for at in range(10):
        buffer.push(at * 160, frame(at), at * 0.02)
        assert buffer.pull() == frame(at)
    buffer.push(9 * 160, frame(9), 0.2)
    assert (buffer.late, buffer.pull()) == (1, None)
    for at in range(3):
        buffer.push(5_000_000 + at * 160, frame(at), 0.22 + at * 0.02)
    assert [buffer.pull() for _ in range(4)] == [frame(0), frame(1), frame(2), None]
