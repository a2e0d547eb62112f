"""Signalling of both SIP lines, seen by an outside caller of our own."""

from __future__ import annotations

import asyncio

import pytest
from desk import TONE, Desk, Kind, open_desk, outside
from sip_caller import PCMA, PCMU, Offer, Refused, SipCaller, dominant, sine

from ivr.lines.base import Answered, Ended, HoldChanged, PlayEnded
from ivr.media.clip import Clip

pytestmark = pytest.mark.sip


async def test_an_answered_call_hears_the_prompt_and_ends_when_the_caller_hangs_up(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial("4001")
    heard_at = await call.until_sound()
    await asyncio.sleep(0.3)
    assert abs(dominant(call.pcm(since=heard_at)) - TONE) < 10
    assert desk.line.active == 1
    await call.hang_up()
    reception = await desk.call()
    ended = await reception.event(Ended)
    assert (ended.by, ended.status) == ("caller", 200)
    assert [type(event) for event in reception.events] == [Answered, Ended]
    assert desk.line.active == 0


async def test_a_clip_is_heard_whole_and_its_end_is_told(desk: Desk, caller: SipCaller) -> None:
    clip = Clip.from_samples(sine(600, 0.4))
    desk.on_call = desk.answer
    call = await caller.dial()
    reception = await desk.answered()
    reception.leg.play([clip], token="one")
    reception.leg.play([clip, clip], token="two")
    await reception.until(lambda: len(reception.all(PlayEnded)) == 2)
    assert reception.all(PlayEnded) == [PlayEnded("one"), PlayEnded("two")]
    await call.until_silence()
    loud = [packet for packet in call.heard if packet.loud]
    assert len(loud) == 60, "three clips of twenty frames each"
    assert [p.sequence for p in loud] == list(range(loud[0].sequence, loud[0].sequence + 60))


@pytest.mark.parametrize("payload_type", [PCMU, PCMA])
async def test_samples_arrive_exactly_as_the_clip_has_them(
    desk: Desk, caller: SipCaller, payload_type: int
) -> None:
    clip = Clip.from_samples(sine(350, 0.2, 12_000))
    desk.on_call = desk.answer
    call = await caller.dial(offer=Offer(payload_types=(payload_type,)))
    reception = await desk.answered()
    assert reception.leg.port.law.payload_type == payload_type
    reception.leg.play([clip], token="one")
    await reception.event(PlayEnded)
    await call.until_silence()
    heard = b"".join(p.payload for p in call.heard if p.loud)
    assert heard == clip.frames(reception.leg.port.law)[: len(heard)]
    assert len(heard) >= 1280


async def test_we_hang_up(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    reception.leg.hang_up()
    reception.leg.hang_up()
    assert (await reception.event(Ended)).by == "us"
    await asyncio.wait_for(call.ended.wait(), 2)
    assert len(reception.all(Ended)) == 1


@pytest.mark.parametrize(("status", "seconds"), [(486, None), (503, 17), (404, None)])
async def test_a_refused_call_is_told_the_status(
    desk: Desk, caller: SipCaller, status: int, seconds: int | None
) -> None:
    desk.on_call = lambda reception: reception.leg.refuse(status, retry_after=seconds)
    with pytest.raises(Refused) as refused:
        await caller.dial()
    assert refused.value.status == status
    assert refused.value.response.get("retry-after") == (str(seconds) if seconds else "")
    ended = await (await desk.call()).event(Ended)
    assert (ended.by, ended.status) == ("us", status)


async def test_ringing_is_said_before_the_answer(desk: Desk, caller: SipCaller) -> None:
    desk.on_call = desk.ring
    call = caller.begin()
    await call.provisional(180)
    (await desk.call()).leg.answer()
    assert (await call.answered()).status == 200
    await call.hang_up()


async def test_a_caller_who_gives_up_before_the_answer_ends_the_call(desk: Desk, caller: SipCaller) -> None:
    desk.on_call = desk.ring
    call = caller.begin()
    await call.provisional(180)
    assert (await call.cancel()).status == 487
    reception = await desk.call()
    ended = await reception.event(Ended)
    assert (ended.by, ended.status) == ("caller", 487)
    reception.leg.answer()  # too late, and harmless
    await asyncio.sleep(0.05)
    assert reception.events == [ended]
    assert desk.line.active == 0


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_on_hold_the_prompt_waits_and_goes_on_where_it_was(
    desk: Desk, caller: SipCaller, direction: str
) -> None:
    call = await caller.dial()
    await call.until_sound()
    await asyncio.sleep(0.2)
    assert (await call.hold(direction)).status == 200
    reception = await desk.call()
    assert await reception.event(HoldChanged) == HoldChanged(True)
    await asyncio.sleep(0.3)
    so_far = sum(packet.loud for packet in call.heard)
    await asyncio.sleep(0.3)
    assert sum(packet.loud for packet in call.heard) == so_far
    assert (await call.resume()).status == 200
    await reception.until(lambda: reception.all(HoldChanged)[-1] == HoldChanged(False))
    await reception.event(PlayEnded)
    await call.until_silence()
    assert 95 <= sum(packet.loud for packet in call.heard) <= 100, "two seconds, less what a switch may lose"
    await call.hang_up()


async def test_we_put_the_caller_on_hold_and_take_it_back(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    for on, direction in ((True, "sendonly"), (False, "sendrecv")):
        reception.leg.hold(on)
        async with asyncio.timeout(2):
            while not any(f"a={direction}" in request.body for request in call.requests):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    assert not reception.all(Ended)
    await call.hang_up()


async def test_beyond_what_the_library_carries_a_call_is_busy_and_a_place_comes_free(
    desk: Desk, caller: SipCaller
) -> None:
    capacity = desk.line.capacity
    assert capacity >= 4
    calls = [await caller.dial() for _ in range(capacity)]
    assert desk.line.active == capacity
    with pytest.raises(Refused) as refused:
        await caller.dial()
    assert refused.value.status == 486
    assert len(desk.calls) == capacity, "the hotline never hears of it"
    await calls[0].hang_up()
    await (await desk.call(0)).event(Ended)
    again = await caller.dial()
    await again.until_sound()
    assert desk.line.active == capacity


async def test_a_line_being_drained_refuses_new_calls_and_keeps_the_running_one(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial()
    desk.line.drain()
    with pytest.raises(Refused) as refused:
        await caller.dial()
    assert refused.value.status == 503
    assert refused.value.response.get("retry-after") == "30"
    before = len(call.heard)
    await asyncio.sleep(0.2)
    assert len(call.heard) > before + 5
    assert len(desk.calls) == 1
    assert desk.line.refused == 1


async def test_options_are_answered(caller: SipCaller) -> None:
    reply = await caller.ask("OPTIONS")
    assert reply.status == 200
    assert "INVITE" in reply.get("allow")


async def test_session_timers_are_agreed_when_the_caller_offers_them(caller: SipCaller) -> None:
    call = await caller.dial(headers={"Supported": "timer", "Session-Expires": "120;refresher=uac"})
    answer = call.responses[-1]
    assert answer.get("session-expires") == "120;refresher=uac"
    assert (await call.request("UPDATE", headers={"Session-Expires": "120;refresher=uac"})).status == 200
    await call.hang_up()


async def test_a_session_interval_that_is_too_short_is_named(caller: SipCaller) -> None:
    with pytest.raises(Refused) as refused:
        await caller.dial(headers={"Supported": "timer", "Session-Expires": "20"})
    assert refused.value.status == 422
    assert refused.value.response.get("min-se") == "90"


async def test_a_call_without_a_codec_of_ours_is_refused(desk: Desk, caller: SipCaller) -> None:
    offer = Offer(payload_types=(), events=None, extra=("a=rtpmap:96 opus/48000/2",))
    call = caller.begin(offer=offer)
    assert (await call.final()).status in (400, 488)
    assert desk.line.active == 0


async def test_who_calls_is_read_from_the_signalling(desk: Desk, caller: SipCaller) -> None:
    name = "王芳".encode("gb18030").decode("utf-8", "surrogateescape")
    async with caller.calling(
        "4008001234",
        from_header=f'"{name}" <sip:1001@pbx.invalid>',
        headers={
            "P-Asserted-Identity": "<sip:+86-138-0013-8000@trunk.invalid;user=phone>, <tel:+8613900000000>"
        },
    ) as call:
        info = (await desk.call()).leg.info
        assert (info.caller, info.called, info.display_name) == ("+8613800138000", "4008001234", "王芳")
        assert info.remote_id == call.call_id
        assert info.remote_address.startswith("127.0.0.1:")
        assert len({info.leg_id for info in [info]}) == 1


async def test_a_withheld_number_is_empty(desk: Desk, caller: SipCaller) -> None:
    async with caller.calling(from_header='"Anonymous" <sip:anonymous@anonymous.invalid>'):
        assert (await desk.call()).leg.info.caller == ""


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_only_named_networks_are_answered(kind: Kind) -> None:
    async with open_desk(kind, peers=("127.0.0.2/32",)) as desk:
        async with outside(desk) as stranger:
            with pytest.raises(TimeoutError):
                await stranger.ask(seconds=0.4)
        async with outside(desk, host="127.0.0.2") as friend:
            assert (await friend.ask()).status == 200


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_stopping_the_line_hangs_up_and_every_leg_hears_its_end(kind: Kind) -> None:
    async with open_desk(kind) as desk, outside(desk) as caller:
        call = await caller.dial()
        ringing = caller.begin(caller="2")
        await desk.call(1)
        stopping = asyncio.create_task(desk.line.stop())
        await stopping
        assert [len(reception.all(Ended)) for reception in desk.calls] == [1, 1]
        await asyncio.wait_for(call.ended.wait(), 2)
        assert ringing.responses
        assert desk.line.active == 0
