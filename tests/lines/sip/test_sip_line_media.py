"""The sound of calls on the SIP line: how good it was, when it dies, and what offers and answers make of it."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator

import pytest
from desk import TONE, Desk, open_desk, outside
from rtp_kit import free_pair
from sip_caller import PCMA, PCMU, Message, Offer, SipCaller, bound_udp, dominant, sine

from ivr.errors import LineError
from ivr.lines.base import Answered, Ended, HoldChanged, PlayEnded
from ivr.media.clip import Clip
from ivr.media.g711 import Law

pytestmark = pytest.mark.sip


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk("sip") as one:
        yield one


async def until(found: object, seconds: float = 4.0) -> None:
    async with asyncio.timeout(seconds):
        while not found():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_every_call_ends_with_a_report_of_how_it_was_heard(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await asyncio.sleep(0.6)
    await call.hang_up()
    await reception.event(Ended)
    (report,) = reception.reports
    assert report.quality["mos"] == pytest.approx(4.4, abs=0.3)
    assert report.quality["loss"] == 0
    assert report.quality["jitter_ms"] < 20  # type: ignore[operator]
    assert 20 <= report.quality["packets_received"] <= 45  # type: ignore[operator]
    assert report.quality["packets_sent"] >= 20  # type: ignore[operator]


async def test_packets_that_never_came_are_in_the_report(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await asyncio.sleep(0.3)
    call.rtp._sequence += 10
    await asyncio.sleep(0.3)
    await call.hang_up()
    await reception.event(Ended)
    assert reception.reports[0].quality["lost"] == 10
    assert reception.reports[0].quality["mos"] < 4.0  # type: ignore[operator]


async def test_a_call_that_was_never_answered_has_no_report(desk: Desk, caller: SipCaller) -> None:
    desk.on_call = desk.ring
    call = caller.begin()
    await call.provisional(180)
    await call.cancel()
    reception = await desk.call()
    await reception.event(Ended)
    assert reception.reports == []


async def test_a_caller_whose_sound_dies_is_hung_up_on_by_the_line() -> None:
    async with open_desk("sip", dead_media_seconds=0.6) as desk, outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        call.rtp.sending = False
        ended = await reception.event(Ended)
        assert (ended.by, ended.text) == ("line", "no media")
        await asyncio.wait_for(call.ended.wait(), 2)


async def test_on_hold_nobody_need_send() -> None:
    async with open_desk("sip", dead_media_seconds=0.6) as desk, outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        await call.hold("inactive")
        assert await reception.event(HoldChanged) == HoldChanged(True)
        await asyncio.sleep(1.6)
        assert not reception.all(Ended)
        await call.resume()
        await call.until_sound(after=call.heard[-1].at)
        await call.hang_up()


async def test_what_is_played_before_the_answer_is_heard_from_its_beginning(
    desk: Desk, caller: SipCaller
) -> None:
    clip = Clip.from_samples(sine(600, 0.4))
    desk.on_call = lambda reception: reception.leg.play([clip], token="one")
    call = caller.begin()
    reception = await desk.call()
    await asyncio.sleep(0.3)
    reception.leg.answer()
    await call.answered()
    await reception.event(PlayEnded)
    await call.until_silence()
    assert sum(packet.loud for packet in call.heard) == 20


async def test_a_caller_whose_ack_is_lost_is_heard_all_the_same(desk: Desk, caller: SipCaller) -> None:
    call = caller.begin()
    call._acknowledge = lambda _message: None  # type: ignore[method-assign]  # the network swallows them
    await call.answered()
    reception = await desk.call()
    await reception.event(Answered, seconds=1.0)
    heard_at = await call.until_sound()
    await asyncio.sleep(0.2)
    assert abs(dominant(call.pcm(since=heard_at)) - TONE) < 10


class LateOffer(Offer):
    """A caller that leaves the offer to the line, and answers it with µ-law in its ACK."""

    def sdp(self, port: int, version: int) -> str:
        return super().sdp(port, version) if version > 1 else ""


async def test_a_call_without_an_offer_gets_ours_and_its_answer_counts(desk: Desk, caller: SipCaller) -> None:
    call = caller.begin(offer=LateOffer(payload_types=(PCMU,)))

    def acknowledge(message: Message) -> None:
        body = call.offer.sdp(call.rtp.port, 2)
        number, branch = int(message.get("cseq").split()[0]), call._new_branch()
        call._send("ACK", number, branch, body, {"Content-Type": "application/sdp"}, to=message.get("to"))

    call._acknowledge = acknowledge  # type: ignore[method-assign]
    reply = await call.answered()
    assert f"RTP/AVP {PCMA} {PCMU}" in reply.body
    call.rtp.payload_type = PCMU
    reception = await desk.answered()
    assert reception.leg.port.law is Law.MU
    await call.until_sound()
    assert {packet.payload_type for packet in call.heard} == {PCMU}
    await call.hang_up()


async def test_the_callers_own_change_of_law_is_followed(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial(offer=Offer(payload_types=(PCMA,)))
    reception = await desk.answered()
    assert reception.leg.port.law is Law.A
    call.offer = Offer(payload_types=(PCMU,))
    await call.resume()
    assert reception.leg.port.law is Law.MU
    at = call.heard[-1].at
    await call.until_sound(after=at)
    assert call.heard[-1].payload_type == PCMU
    assert reception.all(HoldChanged) == []
    await call.hang_up()


async def test_an_offer_within_the_call_that_cannot_be_answered_leaves_things_as_they_were(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    good, call.offer = call.offer, Offer(payload_types=(), events=None, extra=("a=rtpmap:96 opus/48000/2",))
    call.invite()
    assert (await call.final()).status in (400, 488)
    call.offer = good
    await call.press("3")
    assert await reception.settled("3") == "3"
    await call.hang_up()


async def test_keys_are_sent_by_rtp_and_by_info(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    reception.leg.press("1#", seconds=0.06)
    await until(lambda: len({packet.timestamp for packet in call.heard if packet.payload_type == 101}) == 2)
    reception.leg.press("9", info=True)
    await until(lambda: any("Signal=9" in request.body for request in call.requests))
    with pytest.raises(LineError, match="H214"):
        reception.leg.press("x")
    await call.hang_up()


async def test_a_call_that_is_placed_tells_what_became_of_it(desk: Desk, caller: SipCaller) -> None:
    host, port = caller.address
    leg = await desk.line.dial(f"<sip:seat@{host}:{port}>", caller="95500", headers={"X-Hint": "renewal"})
    placed = caller.came[0]
    assert "<sip:95500@127.0.0.1>" in placed.requests[0].get("from")
    assert placed.requests[0].get("x-hint") == "renewal"
    assert (leg.info.called, leg.info.caller) == (f"<sip:seat@{host}:{port}>", "95500")
    leg.hang_up()
    await asyncio.wait_for(placed.ended.wait(), 2)
    caller.answers = False
    with pytest.raises(LineError, match="H210 the call was refused: 486"):
        await desk.line.dial(f"sip:seat@{host}:{port}")
    for wrong in ("12345", "sip:", "tel:12345", "sip:x@host:99999"):
        with pytest.raises(LineError, match="H212"):
            await desk.line.dial(wrong)
    await until(lambda: desk.line.active == 0 and desk.line.figures.sessions == 0)


async def test_a_call_that_nobody_answers_is_given_up(desk: Desk) -> None:
    with bound_udp() as deaf, pytest.raises(LineError, match="H211"):
        await desk.line.dial(f"sip:seat@127.0.0.1:{deaf.getsockname()[1]}", timeout=0.3)
    assert desk.line.active == 0


async def test_a_name_that_leads_nowhere_is_told(desk: Desk) -> None:
    with pytest.raises(LineError, match=r"H21[12]"):
        await desk.line.dial("sip:seat@nowhere.invalid", timeout=2.0)
    assert desk.line.active == 0


async def test_callers_of_a_process_that_died_are_not_put_through_to_new_ones() -> None:
    """They speak from the trunk's own address, behind a translator: from there sound is believed."""
    first = free_pair(pairs=8)
    with bound_udp("127.0.0.2") as old:

        async def go_on() -> None:
            number = 0
            while True:
                number += 1
                packet = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160, 77) + b"\x20" * 160
                for port in range(first, first + 6, 2):
                    old.sendto(packet, ("127.0.0.1", port))
                await asyncio.sleep(0.02)

        speaking = asyncio.create_task(go_on())
        try:
            async with (
                open_desk("sip", rtp_port=first, rtp_ports=16, symmetric_rtp="auto") as desk,
                outside(desk, host="127.0.0.2") as caller,
            ):
                call = await caller.dial(offer=Offer(address="10.255.255.1"), rtp_host="127.0.0.2")
                await call.until_sound()
                assert call.rtp.remote is not None
                assert call.rtp.remote[1] == first + 6
                await call.hang_up()
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)


@pytest.fixture
def no_libsrtp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where the `srtp` extra was not installed."""
    monkeypatch.setitem(sys.modules, "pylibsrtp", None)


@pytest.mark.usefixtures("no_libsrtp")
async def test_without_libsrtp_two_lines_that_would_encrypt_talk_in_the_clear() -> None:
    async with open_desk("sip") as desk, open_desk("sip") as other:
        leg = await other.line.dial(f"sip:4001@127.0.0.1:{desk.line.port}")
        await desk.answered()
        assert leg.quality() is not None
        leg.hang_up()


@pytest.mark.usefixtures("no_libsrtp")
async def test_without_libsrtp_a_key_beside_a_plain_offer_is_passed_over() -> None:
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
    async with open_desk("sip") as desk, outside(desk) as caller:
        call = await caller.dial(offer=Offer(extra=(key,)))
        (answer,) = [reply for reply in call.responses if reply.status == 200]
        assert "RTP/AVP " in answer.body
        assert "a=crypto" not in answer.body
        await call.hang_up()


@pytest.mark.usefixtures("no_libsrtp")
async def test_encryption_that_is_demanded_and_not_installed_keeps_the_line_from_starting() -> None:
    with pytest.raises(LineError, match="H231"):
        async with open_desk("sip", srtp="required"):
            pass
