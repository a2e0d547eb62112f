"""Pairs of ports: in turn, rested, bounded, and given back."""

from __future__ import annotations

import resource
from datetime import UTC, datetime

import pytest
from rtp_kit import HOST, bound, free_pair

from ivr.clock import VirtualClock
from ivr.errors import LineError
from ivr.lines.sip.rtp_ports import RtpPorts, raise_file_limit


def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


def pass_time(time: VirtualClock, seconds: float) -> None:
    time.call_at(time.time() + seconds, lambda: None)
    time.advance_to_next()


def test_pairs_are_even_and_odd_and_bound_to_the_address() -> None:
    first = free_pair(pairs=3)
    ports = RtpPorts(first - 1, 7, HOST)
    assert ports.size == 3
    taken = [ports.take() for _ in range(3)]
    for at, pair in enumerate(taken):
        assert pair.port == first + 2 * at
        assert pair.rtp.getsockname() == (HOST, pair.port)
        assert pair.rtcp.getsockname() == (HOST, pair.port + 1)
        assert not pair.rtp.getblocking()
        pair.close()
        pair.close()
    assert ports.used == 0


def test_the_longest_unused_comes_first() -> None:
    ports = RtpPorts(free_pair(pairs=4), 8, HOST)
    seen = []
    for _ in range(8):
        pair = ports.take()
        seen.append(pair.port)
        pair.close()
    assert seen[:4] == seen[4:]
    assert len(set(seen)) == 4


def test_a_pair_just_given_back_is_better_than_no_call() -> None:
    ports = RtpPorts(free_pair(pairs=2), 4, HOST)
    first, second = ports.take(), ports.take()
    first.close()
    again = ports.take()
    assert again.port == first.port
    with pytest.raises(LineError, match="H230"):
        ports.take()
    again.close()
    second.close()


def test_a_pair_that_another_program_has_is_passed_over() -> None:
    first = free_pair(pairs=2)
    for taken_port in (first, first + 1):
        with bound(taken_port):
            ports = RtpPorts(first, 4, HOST)
            pair = ports.take()
            assert pair.port == first + 2
            with pytest.raises(LineError, match="H230"):
                ports.take()
            pair.close()


def test_a_pair_opened_anew_keeps_its_ports() -> None:
    ports = RtpPorts(free_pair(), 2, HOST)
    pair = ports.take()
    before = pair.rtp
    pair.renew()
    assert pair.rtp is not before
    assert pair.rtp.getsockname()[1] == pair.port
    pair.close()
    assert ports.used == 0


def test_a_renewed_pair_whose_port_was_taken_is_an_error_that_says_so() -> None:
    first = free_pair()
    ports = RtpPorts(first, 2, HOST)
    pair = ports.take()
    pair.rtp.close()
    with bound(first), pytest.raises(LineError, match="H230"):
        pair.renew()
    pair.close()


@pytest.mark.parametrize(("first", "count"), [(20_001, 2), (20_000, 1), (0, 10), (65_535, 2), (70_000, 10)])
def test_a_range_without_a_pair_is_refused(first: int, count: int) -> None:
    with pytest.raises(LineError, match="H201"):
        RtpPorts(first, count, HOST)


def test_the_limit_of_open_files_goes_up_to_what_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
        assert raise_file_limit() == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_port_at_which_somebody_still_speaks_is_told_from_a_quiet_one() -> None:
    ports = RtpPorts(free_pair(pairs=3), 6, HOST)
    opened = ports.listen(10)
    assert [pair.quiet for pair in opened] == [True] * 3
    with bound() as old:
        old.sendto(b"x", (HOST, opened[0].port))
        old.sendto(b"x", (HOST, opened[1].port + 1))
        assert [pair.quiet for pair in opened] == [False, False, True]
    for pair in opened:
        pair.close()
    assert ports.used == 0
