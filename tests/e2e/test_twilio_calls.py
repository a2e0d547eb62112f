"""Whole calls over Twilio: the fake Twilio, a proxy before the hotline, and the hotline in its own processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hotline_process import HotlineProcess, until
from twilio_proxy import proxy

from ivr.testing.twilio import FakeTwilio, Faults, Person

pytestmark = pytest.mark.sip

ANNA = "+8613800138000"


@asynccontextmanager
async def twilio_and_hotline(
    start_hotline: Any,
    people: dict[str, Person] | None = None,
    faults: Faults | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[FakeTwilio, HotlineProcess]]:
    """A hotline that takes the fake for Twilio, reached through a proxy."""
    async with proxy() as way, FakeTwilio(way.url, people=people, faults=faults) as twilio:
        hotline = await asyncio.to_thread(lambda: start_hotline(**twilio.settings, **settings))
        way.target = f"http://127.0.0.1:{hotline.http_port}"
        yield twilio, hotline


def steps(hotline: HotlineProcess) -> list[str]:
    rows = hotline.rows("select data from call_events where kind = 'step_entered' order by call_id, seq")
    return [f"{one.get('flow')}.{one.get('step')}" for one in (json.loads(data) for (data,) in rows)]


async def there(condition: Any, what: str, seconds: float = 40.0) -> Any:
    return await asyncio.to_thread(until, condition, seconds, what)


async def test_a_caller_hears_the_hotline_and_their_keys_lead_through_it(start_hotline) -> None:
    async with twilio_and_hotline(start_hotline) as (twilio, hotline):
        call = await twilio.call(ANNA)
        assert call.status == "in-progress", call.problems
        await there(lambda: "main.menu" in steps(hotline), "the menu")
        await call.until(lambda: bytes(call.stream.heard).strip(b"\xff\x7f") != b"")
        await call.press("0")
        await there(lambda: any(one.startswith("person.") for one in steps(hotline)), "the way to a person")
        await call.until(lambda: bool(call.stream.marks))
        await call.hang_up()
        query = "select channel, caller, called, state from calls where state != 'running'"
        found = await there(lambda: hotline.rows(query), "the record")
        assert found[0][:3] == ("twilio", ANNA, twilio.number)
