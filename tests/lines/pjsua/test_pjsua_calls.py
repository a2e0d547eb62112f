"""What the pjsua2 line never does for a caller. What both SIP lines do is in `test_wire_calls`."""

from __future__ import annotations

import pytest
from desk import Desk
from sip_caller import Refused, SipCaller

pytestmark = pytest.mark.sip


async def test_a_caller_may_not_have_us_call_others(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    reply = await call.request("REFER", headers={"Refer-To": "<sip:9999@127.0.0.1:9>"})
    assert reply.status == 403
    await call.hang_up()


async def test_a_stranger_may_not_take_over_a_call(desk: Desk, caller: SipCaller) -> None:
    call = await caller.dial()
    our_tag = call.to.partition("tag=")[2]
    their_tag = call.from_header.partition("tag=")[2]
    replaces = f"{call.call_id};to-tag={our_tag};from-tag={their_tag}"
    with pytest.raises(Refused) as refused:
        await caller.dial(headers={"Replaces": replaces, "Require": "replaces"})
    assert refused.value.status == 403
    assert not call.ended.is_set()
    await call.hang_up()
