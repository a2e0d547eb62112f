"""Keys on both SIP lines: every way they come, each once, and none from strangers."""

from __future__ import annotations

import asyncio

import pytest
from desk import Desk, Kind, open_desk, outside, stranger_presses
from sip_caller import Offer, SipCaller, sine

from ivr.lines.base import Ended, KeyDown

pytestmark = pytest.mark.sip


@pytest.mark.parametrize("via", ["rfc4733", "info", "info-plain"])
async def test_keys_come_once_and_in_order(desk: Desk, caller: SipCaller, via: str) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.press("18880*#", via=via, seconds=0.06, gap=0.05)
    assert await reception.settled("18880*#") == "18880*#"
    source = "rfc4733" if via == "rfc4733" else "info"
    assert {event.source for event in reception.all(KeyDown)} == {source}


async def test_a_named_key_by_info_is_understood(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    for signal in ("10", "11", " 5"):
        reply = await call.request(
            "INFO", f"Signal={signal}\r\nDuration=100\r\n", {"Content-Type": "application/dtmf-relay"}
        )
        assert reply.status == 200
    assert await reception.settled("*#5") == "*#5"


async def test_a_key_is_told_at_its_first_packet(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    held = asyncio.create_task(call.press("7", seconds=1.0))
    await asyncio.sleep(0.25)
    assert reception.keys == "7"
    await held
    assert await reception.settled("7") == "7"


async def test_a_second_press_counts_though_its_first_packets_are_lost(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.rtp.key("4", 0.1)
    await asyncio.sleep(0.1)
    await call.rtp.key("4", 0.2, lose=range(7))
    assert await reception.settled("44") == "44"


async def test_the_payload_type_that_the_caller_offers_for_keys_is_taken(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial(offer=Offer(events=96))
    assert call.rtp.events == 96
    reception = await desk.answered()
    await call.press("25")
    assert await reception.settled("25") == "25"


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_keys_that_come_only_as_sound_are_heard_where_that_is_wanted(kind: Kind) -> None:
    for _ in range(3):  # on a busy machine the caller's own sound may be torn
        async with open_desk(kind, inband_keys=True) as desk, outside(desk) as caller:
            call = await caller.dial(offer=Offer(events=None))
            reception = await desk.answered()
            await call.press("159#", via="inband", gap=0.15)
            await asyncio.sleep(0.5)
            heard = reception.keys
            assert {event.source for event in reception.all(KeyDown)} <= {"inband"}
        if heard == "159#":
            break
    assert heard == "159#"


async def test_a_strangers_keys_and_sound_are_not_the_callers(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    stranger_presses(call, "127.0.0.2", 0)
    await asyncio.sleep(0.2)
    assert reception.keys == ""
    await call.press("1")
    assert await reception.settled("1") == "1"
    before = len(call.heard)
    await asyncio.sleep(0.2)
    assert len(call.heard) > before + 5, "what the hotline sends still goes to the caller"


@pytest.mark.parametrize(
    ("named", "real"),
    [("127.0.0.2", "127.0.0.2"), ("127.0.0.3", "127.0.0.1")],
    ids=["elsewhere", "behind a NAT"],
)
async def test_media_may_come_from_where_the_sdp_says_or_from_where_the_signalling_comes(
    desk: Desk, caller: SipCaller, named: str, real: str
) -> None:
    call = await caller.dial(offer=Offer(address=named), rtp_host=real)
    reception = await desk.answered()
    await call.press("42")
    assert await reception.settled("42") == "42"
    await call.until_sound()


async def test_keys_before_the_answer_do_no_harm(desk: Desk, caller: SipCaller) -> None:
    desk.on_call = desk.ring
    call = caller.begin()
    await call.provisional(180)
    await call.cancel()
    reception = await desk.call()
    await reception.event(Ended)
    call.rtp.start(("127.0.0.1", 9), 0, 101)
    await call.press("1")
    assert reception.keys == ""


async def test_keys_are_not_printed(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    await call.press("5")
    assert await reception.settled("5") == "5"
    assert "5" not in repr(reception.all(KeyDown))


async def test_nothing_that_a_caller_says_or_presses_is_written(
    caller: SipCaller, desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    call = await caller.dial(caller="13855559999")
    await call.press("246810")
    await call.press("246810", via="info")
    call.say(sine(500, 0.1))
    await (await desk.answered()).until(lambda: len(desk.calls[0].keys) >= 6)
    await call.hang_up()
    await desk.calls[0].event(Ended)
    written = "".join(capfd.readouterr())
    assert "13855559999" not in written
    assert "Signal" not in written
    assert "246810" not in written
