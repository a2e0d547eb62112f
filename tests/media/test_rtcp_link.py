"""Two ends reporting to each other over a line with a known delay and loss."""

from __future__ import annotations

import random

import pytest

from ivr.media import rtcp
from ivr.media.reception import Reception
from ivr.media.rtcp_link import RtcpLink
from ivr.media.rtp_sender import RtpSender


class End:
    def __init__(self, seed: int, now: float = 1000.0) -> None:
        rolls = random.Random(seed)
        self.sender = RtpSender(rolls)
        self.sender.agree(8, None)
        self.reception = Reception()
        self.link = RtcpLink(
            self.sender, self.reception, cname=f"end{seed}", random=rolls.random, now=now, unix=1.7e9
        )

    def hears(self, other: End, count: int, lost: int = 0) -> None:
        for at in range(count):
            packet = other.sender.packet(b"s" * 160)
            if at >= lost:
                self.reception.take(int.from_bytes(packet[2:4], "big"), other.sender.source)


def test_the_round_trip_is_measured_without_the_time_in_between() -> None:
    one, other = End(1), End(2)
    one.hears(other, 10)
    other.hears(one, 10)
    assert other.link.packet(one.link.report(1000.0), 1000.040)  # 40 ms there
    assert one.link.packet(other.link.report(1003.0), 1003.025)  # 25 ms back, 2.96 s later
    assert one.link.round_trip == pytest.approx(0.065, abs=0.0005)
    assert other.link.round_trip is None


def test_the_other_sides_view_of_what_we_sent_is_kept() -> None:
    one, other = End(1), End(2)
    other.hears(one, 1)
    other.hears(one, 100, lost=25)
    other.reception.jitter = 80.0
    assert one.link.packet(other.link.report(1001.0), 1001.0)
    assert one.link.remote_loss == pytest.approx(0.25, abs=0.01)
    assert (one.link.remote_lost, one.link.remote_jitter) == (25, pytest.approx(0.01))


def test_who_sends_nothing_sends_receiver_reports() -> None:
    one, other = End(1), End(2)
    one.hears(other, 5)
    quiet = rtcp.parse(one.link.report(1001.0))
    busy = rtcp.parse(other.link.report(1001.0))
    assert quiet is not None
    assert quiet.sender is None
    assert [block.source for block in quiet.blocks] == [other.sender.source]
    assert busy is not None
    assert busy.sender is not None
    assert (busy.sender.packets, busy.sender.octets, busy.blocks) == (5, 800, ())
    still = rtcp.parse(other.link.report(1006.0))
    assert still is not None
    assert still.sender is None


def test_reports_are_due_at_random_moments_around_five_seconds() -> None:
    one, now, waits = End(1), 1000.0, []
    assert 1.25 <= one.link.due - now <= 3.75
    for _ in range(200):
        now = one.link.due
        one.link.report(now)
        waits.append(one.link.due - now)
    assert 2.5 <= min(waits) < 3 < 7 < max(waits) <= 7.5


def test_a_figure_that_cannot_be_is_not_kept() -> None:
    one, other = End(1), End(2)
    one.hears(other, 5)
    other.hears(one, 5)
    source = one.sender.source
    sent = rtcp.parse(one.link.report(1000.0))
    assert sent is not None
    assert sent.sender is not None
    invented = rtcp.ReportBlock(source, 0, 0, 1, 1, last_report=sent.sender.middle - 1000, delay=0)
    assert one.link.packet(rtcp.report(other.sender.source, "x", None, [invented]), 1001.0)
    assert one.link.round_trip is None
    about_another = rtcp.ReportBlock(source ^ 1, 200, 9, 1, 1)
    assert one.link.packet(rtcp.report(other.sender.source, "x", None, [about_another]), 1001.0)
    assert one.link.remote_loss == 0.0
    of_another = rtcp.ReportBlock(source, 200, 9, 1, 1)
    assert one.link.packet(rtcp.report(other.sender.source ^ 1, "x", None, [of_another]), 1001.0)
    assert one.link.remote_loss == 0.0
    assert not one.link.packet(b"\x80\xc9 no report", 1001.0)


def test_a_delay_that_cannot_be_gives_no_round_trip() -> None:
    one, other = End(1), End(2)
    one.hears(other, 5)
    other.hears(one, 5)
    assert other.link.packet(one.link.report(1000.0), 1000.0)
    report = rtcp.parse(other.link.report(1001.0))
    assert report is not None
    block = report.blocks[0]
    lie = rtcp.ReportBlock(block.source, 0, 0, 1, 1, block.last_report, block.delay + 65536 * 60)
    assert one.link.packet(rtcp.report(other.sender.source, "x", None, [lie]), 1001.0)
    assert one.link.round_trip is None


def test_the_last_report_says_goodbye() -> None:
    one = End(1)
    said = rtcp.parse(one.link.goodbye(1001.0))
    assert said is not None
    assert said.left == (one.sender.source,)
