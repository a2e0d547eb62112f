"""How keys are read from what the library of the pjsua2 line reports; and what its own checks leave open."""

from __future__ import annotations

import pytest
from desk import open_desk, outside, stranger_presses
from hypothesis import given
from hypothesis import strategies as st
from sip_caller import KEYS

from ivr.lines.pjsua.keys import END, UPDATE, KeyPresses, key_of


@pytest.mark.sip
async def test_without_the_check_a_stranger_is_taken_for_the_caller() -> None:
    """The library's own behaviour, which the check is there for: should it change, the check can go."""
    async with open_desk("pjsua", check_media_source=False) as desk, outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        stranger_presses(call, "127.0.0.2", 0)
        assert await reception.settled("9") == "9"


def test_a_late_packet_of_a_press_is_no_key() -> None:
    presses = KeyPresses()
    assert presses.take("1", 1000, 40, 0)
    assert not presses.take("1", 1000, 20, 0), "the library calls this new: it is shorter than the one before"
    assert presses.take("2", 2000, 20, END)
    assert not presses.take("1", 1000, 60, 0)


def test_a_sender_that_moves_the_timestamp_presses_once() -> None:
    presses = KeyPresses()
    taken = [presses.take("5", 1000 + at, 20 + at, UPDATE if at else 0) for at in range(0, 200, 20)]
    assert taken.count(True) == 1
    assert not presses.take("5", 1200, 220, UPDATE | END)


def test_the_same_key_long_after_counts_though_its_beginning_and_the_others_end_were_lost() -> None:
    presses = KeyPresses()
    assert presses.take("5", 1000, 20, 0)
    assert not presses.take("5", 1000, 40, UPDATE)
    assert presses.take("5", 4000, 60, UPDATE)


def test_what_is_no_key_of_a_telephone_is_left_out() -> None:
    assert not KeyPresses().take("R", 1000, 20, 0)


@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=12), st.data())
def test_each_press_counts_once_whatever_packets_are_lost(keys: list[str], data: st.DataObject) -> None:
    """Packets in order, all but one of a press may be lost, reported as the library reports them.

    That one is not its end: of two presses whose ends alone arrive the library hides the second.
    """
    presses, library, taken = KeyPresses(), _Library(), ""
    for number, key in enumerate(keys):
        ended = data.draw(st.booleans())
        durations = sorted(data.draw(st.sets(st.integers(1, 7), min_size=1))) + [8] * ended
        for duration in durations:
            flags = library.flags(key, duration * 20, end=duration == 8)
            if flags is not None and presses.take(key, number * 400, duration * 20, flags):
                taken += key
    assert taken == "".join(keys)


class _Library:
    """How the library marks packets: against the one before, and nothing else."""

    def __init__(self) -> None:
        self._last: tuple[str, int, bool] = ("", 0, False)

    def flags(self, key: str, duration: int, *, end: bool) -> int | None:
        last, longest, ended = self._last
        same = key == last and duration >= longest
        self._last = (key, duration, end)
        if same and end and ended:
            return None
        return (UPDATE if same else 0) | (END if end else 0)


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160", "5"),
        ("application/dtmf", "5", "5"),
        ("application/sdp", "5", None),
        ("application/dtmf-relay", "", None),
    ],
)
def test_a_key_is_read_from_the_text_of_an_info(kind: str, body: str, key: str | None) -> None:
    assert key_of(f"INFO sip:x SIP/2.0\r\nContent-Type: {kind}\r\n\r\n{body}") == key
    assert key_of(f"INFO sip:x SIP/2.0\r\nc: {kind}\r\n\r\n{body}") == key
