"""What goes out: numbers, stamps, talk spurts and keys."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from ivr.media.keys import TelephoneEvents
from ivr.media.rtp import HEADER
from ivr.media.rtp_sender import MOST_WAITING, RtpSender

FRAME = b"s" * 160


def sender(seed: int = 1) -> RtpSender:
    made = RtpSender(random.Random(seed))
    made.agree(8, 101)
    return made


def sent(one: RtpSender, beats: int) -> list[tuple[int, bool, int, int, bytes]]:
    """Packets as (payload type, marker, sequence, timestamp, payload)."""
    found = []
    for _ in range(beats):
        packet = one.packet(FRAME)
        flags, kind, sequence, timestamp, source = HEADER.unpack_from(packet)
        assert (flags, source) == (0x80, one.source)
        found.append((kind & 0x7F, bool(kind & 0x80), sequence, timestamp, packet[12:]))
    return found


def test_numbers_and_stamps_go_on_by_one_and_by_a_frame_also_where_they_wrap() -> None:
    one = sender()
    packets = sent(one, 70_000)
    for before, after in pairwise(packets):
        assert (after[2] - before[2]) % 2**16 == 1
        assert (after[3] - before[3]) % 2**32 == 160
    assert (one.packets, one.octets) == (70_000, 70_000 * 160)


def test_a_talk_spurt_begins_with_the_marker_and_time_goes_on_without_packets() -> None:
    one = sender()
    first = sent(one, 3)
    for _ in range(10):
        one.pause()
    then = sent(one, 2)
    assert [packet[1] for packet in first + then] == [True, False, False, True, False]
    assert (then[0][3] - first[-1][3]) % 2**32 == 11 * 160
    assert (then[0][2] - first[-1][2]) % 2**16 == 1


def test_no_two_streams_begin_alike_and_sequence_numbers_begin_low() -> None:
    begun = [sent(sender(seed), 1)[0] for seed in range(20)]
    assert len({packet[3] for packet in begun}) == 20
    assert all(packet[2] <= 2**15 for packet in begun)


def test_keys_take_the_place_of_sound_and_are_heard_once_each() -> None:
    one, events = sender(), TelephoneEvents()
    assert one.press("1*1", 100)
    packets = sent(one, 50)
    pressed = [packet for packet in packets if packet[0] == 101]
    keys = [events.packet(packet[4], packet[3]) for packet in pressed]
    assert [key for key in keys if key] == ["1", "*", "1"]
    assert [packet[1] for packet in pressed].count(True) == 3
    assert len({packet[3] for packet in pressed}) == 3
    assert sum(1 for packet in pressed if packet[4][1] & 0x80) == 9
    assert packets[-1][0] == 8
    sequences = [packet[2] for packet in packets]
    assert sequences == list(range(sequences[0], sequences[0] + 50))
    assert (packets[-1][3] - packets[0][3]) % 2**32 == 49 * 160


def test_keys_that_cannot_be_sent_are_refused() -> None:
    one = sender()
    with pytest.raises(KeyError):
        one.press("1x", 100)
    assert not one.press("1" * (MOST_WAITING + 1), 100)
    assert one.press("1" * MOST_WAITING, 100)
    assert not one.press("1", 100)
    one.agree(8, None)
    assert not one.press("1", 100)
    assert {packet[0] for packet in sent(one, 20)} == {8}
