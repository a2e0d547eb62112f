"""A leg's sound on real sockets, under virtual time."""

from __future__ import annotations

import struct

import pytest
from rtp_kit import HEADER, HOST, FarEnd, Here, bound, call

from ivr.media import g711, rtcp
from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.media.keys import TelephoneEvents, press
from ivr.media.relay import Relay

A = b"\x11" * 160
QUIET = g711.SILENCE[Law.A]


def talk(here: Here, far: FarEnd, count: int, payload: bytes = A) -> None:
    for _ in range(count):
        far.say(here.stream.local_port, payload)
        here.beat()


def test_each_beat_sends_a_frame_and_each_packet_is_heard() -> None:
    with call() as (here, far):
        here.port.play([Clip(bytes(range(160)) * 10)], lambda: None)
        here.stream.agree(far.terms())
        talk(here, far, 10)
        packets = far.got()
        assert [packet[12:] for packet in packets] == [here_frame(here)] * 10
        assert [packet[1] for packet in packets] == [0x88] + [8] * 9
        assert here.heard == [A] * 10
        assert here.told == ["media"]


def here_frame(here: Here) -> bytes:
    return Clip(bytes(range(160))).frames(here.port.law)[:160]


def test_nothing_is_sent_or_heard_before_terms_are_agreed() -> None:
    with call() as (here, far):
        talk(here, far, 5)
        assert (far.got(), here.heard) == ([], [])
        here.stream.agree(far.terms())  # what waited in the socket came from nobody that was agreed
        here.beat(2)
        assert here.heard == []
        talk(here, far, 5)
        assert here.heard == [A] * 5


def test_a_stranger_is_not_heard_on_rtp_or_rtcp() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        stranger = FarEnd(source=far.source)
        stranger.sequence = 1
        for _ in range(20):
            stranger.say(here.stream.local_port, next(press("5"))[0], kind=101)
            stranger.say(here.stream.local_port, b"\xee" * 160)
            stranger.rtcp.sendto(rtcp.report(far.source, "x", None), (HOST, here.stream.local_port + 1))
            talk(here, far, 1)
        assert (here.keys, set(here.heard)) == ([], {A})
        quality = here.stream.report()
        assert (quality.packets_received, quality.dropped, quality.lost) == (20, 0, 0)
        stranger.close()


def test_the_right_address_with_another_port_is_a_stranger_too() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        with bound() as sock:
            sock.sendto(far.packet(A), (HOST, here.stream.local_port))
            here.beat(3)
        assert here.heard == []


def test_keys_come_by_the_agreed_type_and_go_out_by_it() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms(events=96))
        for payload, _ in press("#", 60):
            far.say(here.stream.local_port, payload, kind=96, timestamp=800)
            here.beat()
        assert here.keys == ["#"]
        far.got()
        assert here.stream.press("42", 60)
        here.beat(30)
        events = TelephoneEvents()
        pressed = [HEADER.unpack_from(one)[3] for one in far.got() if one[1] & 0x7F == 96]
        assert len(set(pressed)) == 2
        assert here.stream.press("0", 60)
        here.beat(5)
        found = [
            events.packet(one[12:], HEADER.unpack_from(one)[3]) for one in far.got() if one[1] & 0x7F == 96
        ]
        assert [key for key in found if key] == ["0"]


def test_while_sending_is_not_wanted_nothing_is_sent_and_time_goes_on() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        here.beat(3)
        here.stream.agree(far.terms(sends=False))
        before = far.got()
        here.beat(10)
        assert far.got() == []
        here.stream.agree(far.terms())
        here.beat(1)
        after = far.got()[0]
        assert after[1] == 0x88
        assert (stamp(after) - stamp(before[-1])) % 2**32 == 11 * 160
        assert (number(after) - number(before[-1])) % 2**16 == 1


def stamp(packet: bytes) -> int:
    return int(HEADER.unpack_from(packet)[3])


def number(packet: bytes) -> int:
    return int(HEADER.unpack_from(packet)[2])


def test_a_renegotiation_takes_the_sound_elsewhere_and_in_another_law() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        talk(here, far, 5)
        moved = FarEnd(source=99)
        here.stream.agree(moved.terms(law=Law.MU, payload_type=0))
        far.got()
        talk(here, far, 5)
        talk(here, moved, 1)
        moved.say(here.stream.local_port, b"\x22" * 160, kind=0)
        here.beat()
        assert far.got() == []
        packets = moved.got()
        assert {packet[1] & 0x7F for packet in packets} == {0}
        assert {packet[12:] for packet in packets} == {g711.SILENCE[Law.MU]}
        assert [frame for frame in here.heard if frame != g711.SILENCE[Law.MU]][5:] == [b"\x22" * 160]
        moved.close()


def test_a_far_end_that_is_not_there_is_counted_and_no_fault() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        far.close()
        here.beat(200)  # the kernel answers each packet with "port unreachable"
        assert here.told == []
        assert here.media.active == 1
        assert here.poller.counts["send_errors"] + here.poller.counts["receive_errors"] > 50
        assert here.poller.dropped == {}


@pytest.mark.parametrize("address", ["0.0.0.0", "239.1.2.3", "255.255.255.255", "::1", "no.address"])
def test_an_address_that_nobody_can_have_is_sent_nothing(address: str) -> None:
    with call() as (here, far):
        here.stream.agree(far.terms(address=address))
        here.beat(30)
        far.say(here.stream.local_port, A)
        here.beat()
        assert A not in here.heard
        assert here.told == []
        here.stream.agree(far.terms())
        talk(here, far, 3)
        assert here.sounds() == [A] * 3
        assert len(far.got()) == 3
        here.stream.agree(far.terms(address=address))  # and what was agreed before gets nothing either
        here.beat(3)
        assert far.got() == []


def test_dead_media_is_told_once() -> None:
    with call(dead_after=10.0) as (here, far):
        here.stream.agree(far.terms())
        talk(here, far, 20)
        here.beat(450)
        assert here.told == ["media"]
        here.beat(2000)
        assert here.told == ["media", "dead"]


def test_a_call_on_hold_or_with_reports_alone_is_not_dead() -> None:
    with call(dead_after=10.0) as (here, far):
        for terms in (far.terms(sends=False), far.terms(receives=False)):
            here.stream.agree(terms)
            here.beat(1500)
        here.stream.agree(far.terms())
        for _ in range(10):
            far.rtcp.sendto(rtcp.report(far.source, "x", None), (HOST, here.stream.local_port + 1))
            here.beat(250)
        assert here.told == []
    with call(dead_after=0.0) as (here, far):
        here.stream.agree(far.terms())
        here.beat(5000)
        assert here.told == []


def test_reports_go_out_and_the_far_ends_figures_come_in() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        talk(here, far, 400)
        got = [rtcp.parse(packet) for packet in far.got_rtcp()]
        assert 1 <= len(got) <= 4
        last = got[-1]
        assert last is not None
        assert last.sender is not None
        assert last.blocks[0].source == far.source
        lost = rtcp.ReportBlock(last.source, 51, 40, 9, 160, last.sender.middle, 0)
        far.rtcp.sendto(rtcp.report(far.source, "x", None, [lost]), (HOST, here.stream.local_port + 1))
        here.beat()
        quality = here.stream.report()
        assert quality.remote_loss == pytest.approx(40 / quality.packets_sent, rel=0.01)
        assert quality.remote_jitter_ms == 20.0
        assert quality.round_trip_ms is not None


def test_the_report_tells_of_losses_and_the_score_suffers() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        assert here.stream.report().mos is None
        talk(here, far, 100)
        good = here.stream.report()
        for at in range(100):
            if at % 10 == 0:
                far.sequence += 1
            talk(here, far, 1)
        bad = here.stream.report()
        assert (good.lost, good.loss, good.packets_received) == (0, 0.0, 100)
        assert good.mos == pytest.approx(4.4, abs=0.05)
        assert (bad.lost, bad.packets_received, bad.packets_sent) == (10, 200, 200)
        assert bad.loss == pytest.approx(10 / 210)
        assert bad.mos is not None
        assert bad.mos < 3.0
        here.stream.close()
        assert here.stream.report() == bad


def test_closing_says_goodbye_and_gives_everything_back() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        talk(here, far, 5)
        here.stream.close()
        here.stream.close()
        said = rtcp.parse(far.got_rtcp()[-1])
        assert said is not None
        assert len(said.left) == 1
        assert (here.media.active, here.poller.size, here.ports.used) == (0, 0, 0)
        assert here.poller.counts["sent"] == here.poller.counts["received"] == 5
        here.stream.agree(far.terms())
        assert here.media.active == 0


def test_packets_of_calls_that_go_on_are_counted_twice_a_second() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        talk(here, far, 60)
        assert (here.poller.counts["sent"], here.poller.counts["received"]) == (50, 50)
        here.stream.close()
        assert (here.poller.counts["sent"], here.poller.counts["received"]) == (60, 60)


def test_both_kinds_of_packets_share_a_port_where_that_was_agreed() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms(rtcp_mux=True, rtcp_port=far.port))
        talk(here, far, 400)
        far.rtp.sendto(rtcp.report(far.source, "x", None), (HOST, here.stream.local_port))
        here.beat()
        got = far.got()
        assert any(packet[1] in (200, 201) for packet in got)
        assert far.got_rtcp() == []
        assert here.stream.report().dropped == 0
        assert here.heard[:400] == [A] * 400


def test_a_fault_in_what_a_leg_hears_stops_that_leg_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def next_frame(self, law: Law) -> bytes:
            raise RuntimeError("a fault of ours")

    with call() as (here, far):
        here.port.hear(Broken())
        here.stream.agree(far.terms())
        here.beat(3)
        assert here.told == ["failed: a fault of ours"]
        assert here.media.active == 0
        here.stream.close()
    assert len(caplog.records) == 1


def test_a_fault_in_a_listener_drops_the_packet_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def broken(frame: bytes) -> None:
        raise RuntimeError("a fault of ours")

    with call() as (here, far):
        here.port.listen(broken)
        here.stream.agree(far.terms())
        talk(here, far, 3)
        assert here.poller.dropped == {"fault": 3}
        assert here.media.active == 1
    assert len(caplog.records) == 1


def test_after_a_stall_time_stamps_go_on_by_the_time_that_passed() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        here.beat(5)
        before = far.got()[-1]
        here.clock._time += 2.0  # the process stood still
        here.beat(5)
        after = far.got()[-1]
        beats = round((here.clock.time() - 0.1) / 0.02)
        assert (stamp(after) - stamp(before)) // 160 == pytest.approx(beats, abs=1)


def test_a_bridge_passes_packets_on_untouched() -> None:
    with call() as (here, far), call() as (there, other):
        Relay(here.port, there.port)
        here.stream.agree(far.terms())
        there.stream.agree(other.terms())
        said = [bytes([at]) * 160 for at in range(1, 20)]
        for one in said:
            far.say(here.stream.local_port, one)
            here.beat()
            there.beat()
        assert [packet[12:] for packet in other.got()] == said


def test_a_flood_is_read_at_a_bounded_rate_and_the_beat_goes_on() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        for _ in range(100):
            for _ in range(30):
                far.rtp.sendto(b"\x80\x63" + b"x" * 100, (HOST, here.stream.local_port))
            here.beat()
        assert here.poller.dropped["payload_type"] <= 4 * 101
        assert len(far.got()) == 100


def test_a_stream_is_small() -> None:
    import tracemalloc

    with call() as (here, far):
        here.stream.agree(far.terms())
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with call() as (second, other):
            second.stream.agree(other.terms())
            grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 20_000  # clock, poller and far end included


def test_header_of_a_packet_is_the_standards() -> None:
    with call() as (here, far):
        here.stream.agree(far.terms())
        here.beat()
        flags, kind, _, _, source = struct.unpack_from("!BBHII", far.got()[0])
        assert (flags, kind & 0x7F) == (0x80, 8)
        here.beat(300)
        report = rtcp.parse(far.got_rtcp()[0])
        assert report is not None
        assert report.source == source
