"""SRTP: encrypted both ways, and nothing forged, replayed or plain is heard."""

from __future__ import annotations

import random
from dataclasses import replace

import pylibsrtp
import pytest
from rtp_kit import HOST, FarEnd, Here, call

from ivr.errors import LineError
from ivr.lines.sip.rtp_terms import RtpTerms, SrtpKey
from ivr.lines.sip.srtp import MOST_SOURCES, SUITES, Srtp, available
from ivr.media import rtcp
from ivr.media.clip import Clip
from ivr.media.keys import press

A = b"\x11" * 160
OURS, THEIRS = bytes(range(30)), bytes(range(30, 60))
PROFILES = {
    SUITES[0]: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SUITES[1]: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


def session(key: bytes, suite: str, direction: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=PROFILES[suite]))


def terms(far: FarEnd, suite: str = SUITES[0]) -> RtpTerms:
    return far.terms(local_key=SrtpKey(suite, OURS), remote_key=SrtpKey(suite, THEIRS))


def say(here: Here, far: FarEnd, packet: bytes) -> None:
    far.rtp.sendto(packet, (HOST, here.stream.local_port))
    here.beat()


@pytest.mark.parametrize("suite", SUITES)
def test_sound_keys_and_reports_are_encrypted_both_ways(suite: str) -> None:
    out = session(THEIRS, suite, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    back = session(OURS, suite, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    with call() as (here, far):
        here.port.play([Clip(b"\x33" * 160_000)], lambda: None)
        here.stream.agree(terms(far, suite))
        for _ in range(5):
            say(here, far, out.protect(far.packet(A)))
        for payload, _ in press("9", 60):
            say(here, far, out.protect(far.packet(payload, kind=101, timestamp=99)))
        far.rtcp.sendto(
            out.protect_rtcp(rtcp.report(far.source, "x", None)), (HOST, here.stream.local_port + 1)
        )
        here.beat(300)
        frame = Clip(b"\x33" * 160).frames(here.port.law)[:160]
        packets = far.got()
        assert all(frame not in packet for packet in packets)
        assert {back.unprotect(packet)[12:] for packet in packets} == {frame}
        assert all(rtcp.parse(back.unprotect_rtcp(packet)) for packet in far.got_rtcp())
        assert (here.sounds(), here.keys) == ([A] * 5, ["9"])
        assert here.stream.report().dropped == 0


def test_what_is_plain_forged_or_replayed_is_dropped_and_counted() -> None:
    out = session(THEIRS, SUITES[0], pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    wrong = session(OURS, SUITES[0], pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    network = random.Random(1)
    with call() as (here, far):
        here.stream.agree(terms(far))
        good = out.protect(far.packet(A))
        changed = bytearray(out.protect(far.packet(A)))
        changed[20] ^= 1
        for packet in (
            good,
            good,
            bytes(changed),
            far.packet(A),
            wrong.protect(far.packet(A)),
            b"",
            b"\x80",
            network.randbytes(172),
            network.randbytes(1400),
        ):
            say(here, far, packet)
        for packet in (b"\x80\xc9\x00\x01" + b"x" * 4, rtcp.report(far.source, "x", None), b"\x80\xc8"):
            far.rtcp.sendto(packet, (HOST, here.stream.local_port + 1))
            here.beat()
        assert here.sounds() == [A]
        assert here.poller.dropped == {"srtp": 11}


def test_the_same_keys_go_on_after_a_renegotiation_and_new_ones_take_over() -> None:
    out = session(THEIRS, SUITES[0], pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    with call() as (here, far):
        here.stream.agree(terms(far))
        old = out.protect(far.packet(A))
        say(here, far, old)
        here.stream.agree(replace(terms(far), sends=False))
        say(here, far, old)
        assert here.poller.dropped == {"srtp": 1}
        fresh = bytes(range(60, 90))
        here.stream.agree(replace(terms(far), remote_key=SrtpKey(SUITES[0], fresh)))
        say(here, far, out.protect(far.packet(A)))
        assert here.poller.dropped == {"srtp": 2}
        say(here, far, session(fresh, SUITES[0], pylibsrtp.Policy.SSRC_ANY_OUTBOUND).protect(far.packet(A)))
        assert here.sounds() == [A] * 2


def test_one_key_brings_a_bounded_number_of_sources() -> None:
    ours = Srtp(SrtpKey(SUITES[0], OURS), SrtpKey(SUITES[0], THEIRS))
    out = session(THEIRS, SUITES[0], pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    opened = 0
    with call() as (_, far):
        for source in range(100):
            far.source = source
            opened += ours.unprotect(out.protect(far.packet(A))) is not None
    assert opened == MOST_SOURCES


@pytest.mark.parametrize("key", [SrtpKey("AES_256_CM_HMAC_SHA1_80", OURS), SrtpKey(SUITES[0], OURS[:20])])
def test_a_key_that_cannot_be_used_is_refused_and_never_printed(key: SrtpKey) -> None:
    assert available()
    with call() as (here, far), pytest.raises(LineError, match="H232") as refused:
        here.stream.agree(replace(terms(far), local_key=key))
    assert repr(key.key) not in str(refused.value)
    assert repr(key.key) not in repr(key)
    assert repr(key.key) not in repr(replace(terms(far), local_key=key))
