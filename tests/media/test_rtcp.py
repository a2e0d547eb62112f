"""RTCP: what is built can be read, and nothing else is believed."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media import rtcp
from ivr.media.rtcp import Compound, ReportBlock, SenderInfo

words = st.integers(0, 2**32 - 1)
blocks = st.builds(
    ReportBlock, words, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), words, words, words, words
)
senders = st.none() | st.builds(SenderInfo, st.integers(0, 2**64 - 1), words, words, words)


@given(words, st.text(max_size=20), senders, st.lists(blocks, max_size=31), st.booleans())
def test_what_is_built_can_be_read(
    source: int, cname: str, sender: SenderInfo | None, given_blocks: list[ReportBlock], last: bool
) -> None:
    packet = rtcp.report(source, cname, sender, given_blocks)
    if last:
        packet += rtcp.goodbye(source)
    assert len(packet) % 4 == 0
    left = (source,) if last else ()
    assert rtcp.parse(packet) == Compound(source, sender, tuple(given_blocks), left)


def test_a_report_is_laid_out_as_the_standard_draws_it() -> None:
    packet = rtcp.report(
        0x01020304, "me", SenderInfo(0x1111111122222222, 3, 4, 5), [ReportBlock(6, 7, -1, 8, 9, 10, 11)]
    )
    head = bytes.fromhex("81c8000c010203041111111122222222000000030000000400000005")
    block = bytes.fromhex("0000000607ffffff00000008000000090000000a0000000b")
    names = bytes.fromhex("81ca00030102030401026d6500000000")
    assert packet == head + block + names


PADDED = b"\xa1\xcb\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04"
GOOD = rtcp.report(1, "x", None)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\x80",
        GOOD[:-1],
        GOOD + b"\x80\xcb\x00",
        b"\x40" + GOOD[1:],
        rtcp.goodbye(1) + GOOD,
        GOOD + PADDED + rtcp.goodbye(1),
        b"\xa0\xc9\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04",
        b"\xa0" + GOOD[1:],
        b"\x81" + GOOD[1:],
        GOOD + b"\x83\xcb\x00\x01\x00\x00\x00\x01",
        GOOD + b"\x80\x63\x00\x00",
        GOOD + b"\xa0\xcb\x00\x01\x00\x00\x00\x00",
        GOOD + b"\xa0\xcb\x00\x01\x00\x00\x00\x09",
        b"\x80\xc9\xff\xff" + b"\x00" * 400,
        b"\x80\xc8\x00\x01\x00\x00\x00\x01",
    ],
)
def test_what_is_not_quite_a_compound_packet_is_none(wrong: bytes) -> None:
    assert rtcp.parse(wrong) is None


def test_the_last_may_be_padded() -> None:
    assert rtcp.parse(GOOD + PADDED) == Compound(1, left=(1,))


@given(st.binary(max_size=400))
def test_no_bytes_at_all_are_a_trouble(junk: bytes) -> None:
    rtcp.parse(junk)
    rtcp.parse(b"\x80\xc9\x00\x01\x00\x00\x00\x01" + junk)


def test_reports_come_every_five_seconds_in_the_mean_and_never_in_step() -> None:
    rolls = random.Random(3)
    times = [rtcp.interval(rolls.random) for _ in range(5000)]
    assert min(times) >= 2.5
    assert max(times) <= 7.5
    assert sum(times) / len(times) == pytest.approx(5.0, rel=0.02)
    assert rtcp.interval(lambda: 0.5, first=True) == rtcp.interval(lambda: 0.5) / 2


def test_ntp_time_begins_in_1900() -> None:
    seconds, fraction = struct.unpack("!II", rtcp.ntp_time(0.5).to_bytes(8, "big"))
    assert (seconds, fraction) == (2_208_988_800, 1 << 31)
    assert SenderInfo(0x1111222233334444, 0, 0, 0).middle == 0x22223333
