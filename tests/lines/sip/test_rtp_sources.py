"""From where sound may come: SDP's own address, or, where that cannot be, the first that proves right."""

from __future__ import annotations

import pytest
from rtp_kit import HOST, FarEnd, Here, bound, call

from ivr.lines.sip.rtp_path import RtpPath, open_to
from ivr.lines.sip.rtp_stream import STALE
from ivr.lines.sip.rtp_terms import RtpTerms, Symmetric
from ivr.media import rtcp
from ivr.media.g711 import Law
from ivr.media.keys import press

A = b"\x11" * 160
ELSEWHERE = "127.0.0.2"  # all of 127/8 is this machine
SYMMETRIC: tuple[Symmetric, ...] = ("off", "auto", "on")
PRIVATE = "10.255.255.1"


def say(here: Here, far: FarEnd, count: int = 3) -> None:
    for _ in range(count):
        far.say(here.stream.local_port, A)
        here.beat()


@pytest.mark.parametrize(
    ("symmetric", "address", "signalling", "hosts"),
    [
        ("off", "10.0.0.1", "203.0.113.9", set()),
        ("on", "10.0.0.1", "203.0.113.9", {"10.0.0.1", "203.0.113.9"}),
        ("on", "203.0.113.9", "203.0.113.9", {"203.0.113.9"}),
        ("auto", "10.0.0.1", "203.0.113.9", {"10.0.0.1", "203.0.113.9"}),
        ("auto", "100.64.0.1", "203.0.113.9", {"100.64.0.1", "203.0.113.9"}),
        ("auto", "203.0.113.9", "203.0.113.9", set()),
        ("auto", "10.0.0.1", "10.0.0.1", set()),
        ("auto", "8.8.8.8", "203.0.113.9", set()),
        ("auto", "10.0.0.1", "", set()),
        ("auto", "fd00::1", "2001:db8::1", {"fd00::1", "2001:db8::1"}),
    ],
)
def test_who_may_send_the_first_packet(
    symmetric: Symmetric, address: str, signalling: str, hosts: set[str]
) -> None:
    terms = RtpTerms(address, 4000, 4001, Law.A, 8, signalling=signalling)
    assert open_to(terms, symmetric) == hosts


@pytest.mark.parametrize("symmetric", SYMMETRIC)
@pytest.mark.parametrize("far_host", [HOST, "::1"])
def test_a_line_on_every_address_hears_and_is_heard_by_ipv4_and_ipv6(
    symmetric: Symmetric, far_host: str
) -> None:
    with call(symmetric, host="::", far_host=far_host) as (here, far):
        here.stream.agree(far.terms())
        say(here, far, 5)
        assert here.sounds()[0] == A
        assert len(far.got()) >= 4
        here.beat(400)
        assert far.got_rtcp()


def test_sound_that_moves_is_not_mistaken_for_the_old_source_that_goes_on_for_a_moment() -> None:
    with call("auto") as (here, old):
        here.stream.agree(old.terms())
        say(here, old, 3)
        new = FarEnd(ELSEWHERE, source=99)
        here.stream.agree(new.terms(signalling=HOST))
        old.got()
        say(here, old, 10)
        new.rtp.sendto(new.packet(b"\x22" * 160), (HOST, here.stream.local_port))
        here.beat(3)
        assert b"\x22" * 160 in here.heard
        assert here.sounds()[-1] != A
        assert not old.got()
        assert new.got()
        new.close()


def test_a_translator_that_keeps_the_old_way_for_the_moved_sound_is_believed_after_a_moment() -> None:
    with call("auto") as (here, far):
        here.stream.agree(far.terms())
        say(here, far, 3)
        here.heard.clear()
        here.stream.agree(far.terms(address=PRIVATE, port=40_000, rtcp_port=40_001))
        say(here, far, 5)
        assert not here.sounds()
        here.beat(int(STALE / 0.02))
        say(here, far, 5)
        assert here.sounds()


def test_behind_a_translator_an_ipv4_caller_of_a_line_on_every_address_is_found() -> None:
    with call("auto", host="::", far_host=HOST) as (here, far):
        here.stream.agree(far.terms(address=PRIVATE, port=40_000, rtcp_port=40_001))
        say(here, far, 5)
        assert here.sounds()[0] == A
        assert len(far.got()) >= 3


def test_behind_a_translator_the_first_right_packet_settles_both_ways() -> None:
    with call("auto") as (here, far):
        here.stream.agree(far.terms(address=PRIVATE, port=40_000, rtcp_port=40_001))
        here.beat(5)
        say(here, far, 5)
        assert here.sounds()[0] == A
        assert len(far.got()) >= 4
        with bound() as late:  # the same address, another port: too late
            late.sendto(far.packet(b"\x22" * 160), (HOST, here.stream.local_port))
            here.beat(2)
        assert b"\x22" * 160 not in here.heard
        far.rtcp.sendto(rtcp.report(far.source, "x", None), (HOST, here.stream.local_port + 1))
        here.beat(400)
        assert far.got_rtcp()


def test_an_address_that_has_nothing_to_do_with_the_call_settles_nothing() -> None:
    with call("auto", host="0.0.0.0", far_host=HOST) as (here, far):
        here.stream.agree(far.terms(address=PRIVATE, port=40_000, rtcp_port=40_001))
        stranger = FarEnd(ELSEWHERE)
        for _ in range(10):
            stranger.rtp.sendto(stranger.packet(A), (HOST, here.stream.local_port))
            here.beat()
        stranger.close()
        assert here.sounds() == []
        assert here.poller.dropped["address"] == 10
        say(here, far)
        assert here.sounds() == [A] * 3


def test_the_right_address_with_the_wrong_packets_settles_nothing() -> None:
    with call("on") as (here, far):
        here.stream.agree(far.terms())
        with bound() as wrong:
            for junk in (
                b"junk",
                far.packet(A, kind=0),
                b"\x00" * 172,
                far.packet(next(press("5"))[0], kind=96),
            ):
                wrong.sendto(junk, (HOST, here.stream.local_port))
                here.beat()
        assert (here.sounds(), here.keys) == ([], [])
        say(here, far)
        assert here.sounds() == [A] * 3


@pytest.mark.parametrize(
    "address", ["239.1.2.3", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "", "name.example"]
)
def test_sound_is_sent_to_no_group_and_to_nobody(address: str) -> None:
    with bound() as sock:
        path = RtpPath(sock)
        assert not path.point(address, 4000, frozenset())
        assert path.send is None
        assert path.point(HOST, 4000, frozenset())
        assert not path.point(HOST, 0, frozenset())
        assert path.send is None


def test_where_it_is_off_a_private_address_is_taken_at_its_word() -> None:
    with call("off") as (here, far):
        here.stream.agree(far.terms(address=PRIVATE, port=40_000, rtcp_port=40_001))
        say(here, far, 5)
        assert here.sounds() == []


def test_a_new_address_is_open_again_and_the_old_one_is_a_stranger() -> None:
    with call("on") as (here, far):
        here.stream.agree(far.terms())
        say(here, far)
        port = here.stream.local_port
        moved = FarEnd(source=5)
        here.stream.agree(moved.terms())
        assert here.stream.local_port == port
        say(here, moved)
        assert here.sounds() == [A] * 6
        moved.got()
        say(here, far)
        assert here.sounds() == [A] * 6
        here.beat(3)
        assert len(moved.got()) >= 3
        moved.close()


def test_the_same_terms_again_keep_what_is_settled() -> None:
    with call("on") as (here, far):
        here.stream.agree(far.terms())
        say(here, far)
        here.stream.agree(far.terms(sends=False))
        here.stream.agree(far.terms())
        with bound() as other:
            other.sendto(far.packet(b"\x22" * 160), (HOST, here.stream.local_port))
            here.beat()
        assert b"\x22" * 160 not in here.heard


def test_all_of_it_works_over_ipv6() -> None:
    for symmetric in SYMMETRIC:
        with call(symmetric, host="::1") as (here, far):
            here.stream.agree(far.terms())
            say(here, far)
            assert here.sounds() == [A] * 3
            assert len(far.got()) >= 2
