"""Calls that change hands: Replaces from outside, REFER both ways, and who may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from desk import TONE, Desk, open_desk, outside
from sip_caller import Message, OutsideCall, Refused, SipCaller, dominant

from ivr.errors import LineError
from ivr.lines.base import Answered, Ended, KeyDown, TransferAsked
from ivr.lines.sip import SipLeg

pytestmark = pytest.mark.sip


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk("sip") as one:
        yield one


def replaces(call: OutsideCall) -> dict[str, str]:
    """The headers of an INVITE that is to stand for this call."""
    ours, theirs = call.to.partition("tag=")[2], call.from_header.partition("tag=")[2]
    return {"Replaces": f"{call.call_id};to-tag={ours};from-tag={theirs}", "Require": "replaces"}


def notified(call: OutsideCall) -> list[str]:
    """The status lines that NOTIFYs of a REFER brought."""
    return [request.body.strip() for request in call.requests if request.method == "NOTIFY"]


async def until(found: object, seconds: float = 4.0) -> None:
    async with asyncio.timeout(seconds):
        while not found():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_an_invite_with_replaces_takes_a_call_over_and_the_call_does_not_notice(
    desk: Desk, caller: SipCaller
) -> None:
    first = await caller.dial()
    reception = await desk.answered()
    async with outside(desk, host="127.0.0.2") as other:
        second = await other.dial(headers=replaces(first))
        await asyncio.wait_for(first.ended.wait(), 2)
        heard_at = await second.until_sound()
        await asyncio.sleep(0.2)
        assert abs(dominant(second.pcm(since=heard_at)) - TONE) < 10
        await second.press("42")
        assert await reception.settled("42") == "42"
        assert [type(event) for event in reception.events] == [Answered, KeyDown, KeyDown]
        assert len(desk.calls) == 1
        assert desk.line.active == 1
        assert second.rtp.remote == first.rtp.remote, "the same port of ours"
        await second.hang_up()
        assert (await reception.event(Ended)).by == "caller"


async def test_a_call_that_cannot_be_taken_over_goes_on_with_its_caller(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial()
    await desk.answered()
    wrong = {**replaces(call), "Replaces": f"{call.call_id};to-tag=guess;from-tag=guess"}
    with pytest.raises(Refused) as refused:
        await caller.dial(headers=wrong)
    assert refused.value.status == 481
    before = len(call.heard)
    await asyncio.sleep(0.2)
    assert len(call.heard) > before + 5
    await call.hang_up()


async def test_a_caller_may_not_have_us_call_others(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reply = await call.request("REFER", headers={"Refer-To": "<sip:9999@127.0.0.1:9>"})
    assert reply.status == 603
    assert (await call.request("OPTIONS")).status == 200
    await call.hang_up()


async def test_where_the_site_allows_it_a_call_goes_on_with_whom_its_caller_named(
    desk: Desk, caller: SipCaller
) -> None:
    asked: list[tuple[str, str]] = []

    def allow(leg: SipLeg, to: str) -> bool:
        asked.append((leg.info.leg_id, to))
        return True

    desk.line.on_refer = allow
    call = await caller.dial()
    reception = await desk.answered()
    async with outside(desk) as other:
        there = f"sip:seat@{other.address[0]}:{other.address[1]}"
        assert (await call.request("REFER", headers={"Refer-To": f"<{there}>"})).status == 202
        await until(lambda: other.came and other.came[0].acknowledged.is_set())
        assert asked == [(reception.leg.info.leg_id, there)]
        await until(lambda: any("200" in line for line in notified(call)))
        await asyncio.wait_for(call.ended.wait(), 2)
        seat = other.came[0]
        await seat.until_sound()
        await seat.press("7")
        assert await reception.settled("7") == "7"
        assert desk.line.active == 1
        assert not reception.all(Ended)
        await seat.hang_up()
        await reception.event(Ended)
        await until(lambda: desk.line.active == 0)


async def test_a_transfer_that_is_refused_leaves_the_call_with_its_caller(
    desk: Desk, caller: SipCaller
) -> None:
    desk.line.on_refer = lambda _leg, _to: True
    call = await caller.dial()
    reception = await desk.answered()
    async with outside(desk) as other:
        other.answers = False
        there = f"<sip:seat@{other.address[0]}:{other.address[1]}>"
        assert (await call.request("REFER", headers={"Refer-To": there})).status == 202
        await until(lambda: any("486" in line for line in notified(call)))
    await call.press("5")
    assert await reception.settled("5") == "5"
    await call.hang_up()
    await reception.event(Ended)
    await until(lambda: desk.line.active == 0)


async def test_a_call_that_ends_while_it_is_transferred_takes_the_other_one_with_it(
    desk: Desk, caller: SipCaller
) -> None:
    desk.line.on_refer = lambda _leg, _to: True
    call = await caller.dial()
    reception = await desk.answered()
    async with RingingPhone(("127.0.0.1", desk.line.port)) as phone:
        there = f"<sip:seat@{phone.address[0]}:{phone.address[1]}>"
        assert (await call.request("REFER", headers={"Refer-To": there})).status == 202
        await until(lambda: phone.rang)
        await call.hang_up()
        await reception.event(Ended)
        await until(lambda: phone.cancelled)
    await until(lambda: desk.line.active == 0 and desk.line.figures.sessions == 0)


async def test_we_send_a_caller_elsewhere_and_hear_how_it_went(desk: Desk, caller: SipCaller) -> None:
    await caller.dial()
    leg: SipLeg = (await desk.answered()).leg
    told: list[int] = []
    leg.refer("sip:seat@127.0.0.1:9", report=told.append)
    await until(lambda: told)
    assert told[-1] >= 300, "this telephone refuses a REFER"
    with pytest.raises(LineError, match="H212"):
        leg.refer("nobody")
    leg.hang_up()


class RingingPhone(SipCaller):
    """Rings, and knows when its caller gave up."""

    rang = False
    cancelled = False

    def _called(self, request: Message) -> None:
        self.rang = True
        self._invite = request
        self.reply(request, "180 Ringing", "", f"<sip:{self.address[0]}:{self.address[1]}>")

    def took_stray(self, message: Message) -> None:
        if message.method == "CANCEL":
            self.cancelled = True
            self.reply(message, "200 OK", "", f"<sip:{self.address[0]}:{self.address[1]}>")
            self.reply(
                self._invite, "487 Request Terminated", "", f"<sip:{self.address[0]}:{self.address[1]}>"
            )


async def test_whoever_has_the_call_is_asked_for_a_transfer_and_tells_how_it_went(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    reception.leg.hears_transfers = True
    reply = await call.request("REFER", headers={"Refer-To": "<sip:seat2@127.0.0.1>"})
    assert reply.status == 202
    asked = await reception.event(TransferAsked)
    assert (asked.to, asked.replaces) == ("sip:seat2@127.0.0.1", "")
    await until(lambda: notified(call))
    asked.report(200)
    await until(lambda: "SIP/2.0 200 OK" in notified(call))
    assert reception.leg.ended is False
    await call.hang_up()


async def test_an_attended_transfer_goes_on_with_the_one_that_was_named(
    desk: Desk, caller: SipCaller
) -> None:
    call = await caller.dial()
    reception = await desk.answered()
    reception.leg.hears_transfers = True
    async with SipCaller(("127.0.0.1", desk.line.port)) as phone:
        there = f"sip:seat@{phone.address[0]}:{phone.address[1]}"
        place = "Replaces=1%40x%3Bto-tag%3Da%3Bfrom-tag%3Db"
        await call.request("REFER", headers={"Refer-To": f"<{there}?{place}>"})
        asked = await reception.event(TransferAsked)
        assert asked.replaces
        reception.leg.take_over(asked)
        await until(lambda: phone.came)
        assert phone.came[0].requests[0].get("replaces") == asked.replaces
        await until(lambda: "SIP/2.0 200 OK" in notified(call))
        reception.leg.hang_up()


async def test_who_is_sent_away_is_told_of_in_the_end(desk: Desk, caller: SipCaller) -> None:
    await caller.dial()
    leg: SipLeg = (await desk.answered()).leg
    async with asyncio.timeout(5):
        assert await leg.send_away("13800138000") >= 300, "this telephone refuses a REFER"
    leg.hang_up()
    async with asyncio.timeout(5):
        assert await leg.send_away("13800138000") == 487


async def test_a_caller_whose_side_takes_them_elsewhere_is_sent_away(
    desk: Desk, caller: SipCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await caller.dial()
    leg: SipLeg = (await desk.answered()).leg
    asked = asyncio.Event()
    took = call._took_request

    def take(message: Message) -> None:
        if message.method != "REFER":
            took(message)
            return
        caller.reply(message, "202 Accepted", "", call.contact_header)
        call.refer_to = message.get("refer-to")
        asked.set()

    monkeypatch.setattr(call, "_took_request", take)
    sent = asyncio.create_task(leg.send_away("13800138000"))
    await asyncio.wait_for(asked.wait(), 4)
    assert call.refer_to == "<sip:13800138000@127.0.0.1>"
    for body, state in (
        ("SIP/2.0 100 Trying", "active;expires=60"),
        ("SIP/2.0 200 OK", "terminated;reason=noresource"),
    ):
        headers = {
            "Event": "refer",
            "Subscription-State": state,
            "Content-Type": "message/sipfrag;version=2.0",
        }
        assert (await call.request("NOTIFY", body + "\r\n", headers)).status == 200
    assert await asyncio.wait_for(sent, 4) == 200
    await call.hang_up()
