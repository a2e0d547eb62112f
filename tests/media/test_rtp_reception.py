"""A source's sequence numbers, losses and jitter, and what it takes to become the source."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.reception import MOST_LATE, MOST_MISSING, PROBATION, Place, Reception

HERE, OTHER = 0x1234, 0x9999


def after(sequences: Iterable[int], source: int = HERE) -> tuple[Reception, list[Place]]:
    reception = Reception()
    return reception, [reception.take(sequence & 0xFFFF, source) for sequence in sequences]


def test_the_first_packet_makes_the_source() -> None:
    reception, places = after([65_535, 0, 1])
    assert places == [Place.FIRST, Place.NEXT, Place.NEXT]
    assert (reception.source, reception.expected, reception.received, reception.lost) == (HERE, 3, 3, 0)


def test_what_is_missing_is_lost_and_each_run_of_it_is_one_burst() -> None:
    reception, _ = after([10, 11, 14, 15, 17])
    assert (reception.expected, reception.lost, reception.bursts) == (8, 3, 2)


def test_a_packet_that_comes_late_is_not_lost_and_one_that_comes_twice_counts_once() -> None:
    reception, places = after([10, 12, 11, 11, 12, 13])
    assert places[2:] == [Place.LATE, Place.DUPLICATE, Place.DUPLICATE, Place.NEXT]
    assert (reception.lost, reception.late, reception.duplicates) == (0, 1, 2)


def test_the_very_first_may_have_been_overtaken() -> None:
    reception, places = after([10, 9, 9, 11])
    assert places == [Place.FIRST, Place.LATE, Place.DUPLICATE, Place.NEXT]
    assert (reception.expected, reception.lost) == (3, 0)


def test_sequence_numbers_wrap_any_number_of_times() -> None:
    reception, places = after(range(65_000, 65_000 + 200_000))
    assert set(places[1:]) == {Place.NEXT}
    assert (reception.expected, reception.lost) == (200_000, 0)
    assert reception.report().highest == 65_000 + 199_999


@pytest.mark.parametrize("jump", [MOST_MISSING + 1, 30_000, 65_536 - MOST_LATE - 1])
def test_one_packet_out_of_all_order_is_nothing(jump: int) -> None:
    reception, places = after([100, 101, 101 + jump, 102, 103])
    assert places == [Place.FIRST, Place.NEXT, Place.STRANGE, Place.NEXT, Place.NEXT]
    assert (reception.received, reception.lost) == (4, 0)


def test_a_source_that_begins_anew_is_believed_after_a_few_in_a_row() -> None:
    _, places = after([100, 101, 40_000, 40_001, 40_002, 40_003])
    assert places[2:] == [Place.STRANGE, Place.STRANGE, Place.FIRST, Place.NEXT]
    assert PROBATION == 3


def test_another_source_counts_only_when_it_is_alone_and_in_order() -> None:
    reception, _ = after(range(10))
    for at in range(10, 40):  # injected beside a source that goes on: never
        assert reception.take(7000 + at, OTHER) is Place.STRANGE
        assert reception.take(at, HERE) is Place.NEXT
    for sequence in (1, 3, 5, 7, 9):  # out of order: never
        assert reception.take(sequence, OTHER) is Place.STRANGE
    for source in (1, 2, 3, 1, 2, 3):  # a different one each time: never
        assert reception.take(500, source) is Place.STRANGE
    places = [reception.take(at, OTHER) for at in (600, 601, 602, 603)]
    assert places == [Place.STRANGE, Place.STRANGE, Place.FIRST, Place.NEXT]
    assert (reception.source, reception.expected, reception.received, reception.lost) == (OTHER, 42, 42, 0)


def test_figures_of_an_earlier_source_are_kept() -> None:
    reception, _ = after([1, 2, 5])
    reception.forget_source()
    assert reception.take(900, OTHER) is Place.FIRST
    assert reception.take(902, OTHER) is Place.NEXT
    assert (reception.expected, reception.received, reception.lost) == (8, 5, 3)
    assert reception.report()[1:] == (1, 902)


def test_a_report_has_the_fraction_since_the_last_one() -> None:
    reception, _ = after([0, 1, 2, 5])
    assert reception.report() == (2 * 256 // 6, 2, 5)
    for sequence in (6, 7, 8):
        reception.take(sequence, HERE)
    assert reception.report() == (0, 2, 8)
    assert reception.report() == (0, 2, 8)


def test_no_report_before_anything_came() -> None:
    assert Reception().report() == (0, 0, 0)


def test_jitter_is_what_the_standard_says() -> None:
    reception = Reception()
    expected, before = 0.0, 0.0
    network = random.Random(5)
    for at in range(200):
        delay = network.random() * 0.03
        reception.timing(at * 160, at * 0.02 + delay)
        if at:
            expected += (abs(delay - before) * 8000 - expected) / 16
        before = delay
    assert reception.jitter == pytest.approx(expected, rel=1e-6)
    assert reception.max_jitter >= reception.jitter > 0


def test_an_even_stream_has_no_jitter_also_where_timestamps_wrap_or_jump() -> None:
    reception = Reception()
    for at in range(20):
        reception.timing((2**32 - 800 + at * 160) % 2**32, at * 0.02)
    assert reception.jitter == pytest.approx(0.0, abs=1e-6)
    reception.timing(2**31, 0.4)
    assert reception.jitter == pytest.approx(0.0, abs=1e-6)


@given(st.lists(st.integers(0, 99), max_size=200), st.integers(0, 65_535))
def test_what_is_received_lost_and_doubled_always_adds_up(order: list[int], start: int) -> None:
    reception, places = after(start + at for at in order)
    assert Place.STRANGE not in places
    assert reception.received == len(set(order))
    assert reception.duplicates == len(order) - len(set(order))
    if order:
        assert reception.expected == max(order) - min(order) + 1
        assert reception.lost == reception.expected - reception.received
