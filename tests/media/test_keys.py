"""Keys by RFC 4733 and SIP INFO: each press once, whatever the network does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media.keys import KEYS, TelephoneEvents, event_payload, key_from_info, press

Packet = tuple[bytes, int]


def presses(keys: str, start: int = 1000, milliseconds: int = 100) -> list[list[Packet]]:
    """The packets of each press: 100 ms of key, 100 ms of rest."""
    return [
        [(payload, (start + at * 1600) % 2**32) for payload, _ in press(key, milliseconds)]
        for at, key in enumerate(keys)
    ]


def heard(packets: list[Packet]) -> str:
    events = TelephoneEvents()
    return "".join(key for payload, at in packets if (key := events.packet(payload, at)))


def test_a_key_is_given_at_its_first_packet() -> None:
    events = TelephoneEvents()
    given_at = [events.packet(payload, 160) for payload, _ in press("5")]
    assert given_at[0] == "5"
    assert not any(given_at[1:])


def test_every_key_has_its_code() -> None:
    assert heard([packet for one in presses(KEYS) for packet in one]) == KEYS


@given(st.text(KEYS, min_size=1, max_size=12), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_lost_repeated_and_reordered_packets_make_no_key_twice_and_none_less(
    keys: str, start: int, chance: random.Random
) -> None:
    arrived: list[Packet] = []
    for packets in presses(keys, start):
        kept = [packet for packet in packets if chance.random() < 0.4] or [chance.choice(packets)]
        kept += chance.choices(kept, k=chance.randrange(4))
        chance.shuffle(kept)
        stragglers = chance.choices(packets, k=2) if chance.random() < 0.5 else []
        arrived += kept
        at = max(0, len(arrived) - chance.randrange(3))
        arrived[at:at] = [packet for packet in stragglers if packet in kept]
    # A straggler of a press that was heard may come after the next press has begun.
    assert heard(arrived) == keys


def test_a_straggler_of_the_press_before_is_not_another_key() -> None:
    one, other = presses("12")
    assert heard([one[0], other[0], one[1], one[-1], other[1], other[-1]]) == "12"


def test_a_press_longer_than_eight_seconds_is_one_key() -> None:
    first = [(event_payload("7", duration), 5000) for duration in range(160, 65535, 160)]
    second = [(event_payload("7", duration), 5000 + 0xFFFF) for duration in range(160, 2000, 160)]
    assert heard([*first, (event_payload("7", 0xFFFF), 5000), *second]) == "7"
    assert heard([*first[:-3], *second]) == "7"


def test_a_gateway_that_moves_the_timestamp_on_with_every_packet_sends_one_key() -> None:
    assert heard([(event_payload("4", 160 * at), 160 * at) for at in range(1, 8)]) == "4"


def test_the_same_key_again_is_another_press() -> None:
    assert heard([packet for one in presses("0000") for packet in one]) == "0000"


def test_another_source_begins_anew() -> None:
    events = TelephoneEvents()
    payload = event_payload("3", 160)
    assert events.packet(payload, 160, source=1) == "3"
    assert events.packet(payload, 160, source=1) is None
    assert events.packet(payload, 160, source=2) == "3"


@given(st.lists(st.tuples(st.binary(max_size=8), st.integers(0, 2**32 - 1))))
def test_garbage_makes_no_fault(packets: list[Packet]) -> None:
    assert all(key in KEYS for key in heard(packets))


@pytest.mark.parametrize(
    "payload", [b"", b"\x05", b"\x05\x0a\x00", bytes([16, 10, 0, 160]), bytes([255] * 4)]
)
def test_what_is_no_key_gives_none(payload: bytes) -> None:
    assert heard([(payload, 0)]) == ""


def test_the_end_of_a_press_is_sent_three_times_under_one_timestamp() -> None:
    packets = list(press("#", 60))
    assert [marker for _, marker in packets] == [True, False, False, False, False, False]
    assert [payload.hex() for payload, _ in packets] == [
        "0b0a00a0",
        "0b0a0140",
        "0b0a01e0",
        *["0b8a01e0"] * 3,
    ]
    with pytest.raises(KeyError, match="no telephone key"):
        event_payload("x", 160)


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Duration=100\nsignal = *\n", "*"),
        ("Application/DTMF-Relay; charset=utf-8", "Signal=#", "#"),
        ("application/dtmf-relay", "Signal=11", "#"),
        ("application/dtmf-relay", "Signal=a", "A"),
        ("application/dtmf", "7\r\n", "7"),
        ("application/dtmf", "10", "*"),
        ("application/dtmf-relay", "Signal=\r\n", None),
        ("application/dtmf-relay", "Signal=16", None),
        ("application/dtmf-relay", "", None),
        ("application/dtmf", "", None),
        ("application/dtmf", "12345", None),
        ("text/plain", "5", None),
        ("application/media_control+xml", "<media_control/>", None),
    ],
)
def test_info_bodies(kind: str, body: str, key: str | None) -> None:
    assert key_from_info(kind, body) == key
