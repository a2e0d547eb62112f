"""The way from a browser phone to a worker: who is let in, what it may say of itself, and what happens at its ends."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from relay_house import RelayHouse, relay_house, start, until
from websockets.exceptions import InvalidStatus

from ivr.console.access import COOKIE, Visitor
from ivr.console.phone.api import session_mark, tickets_of
from ivr.console.phone.limits import MOST_A_MINUTE, MOST_AT_ONCE, CallLimits, TooManyCallsError
from ivr.console.phone.relay import is_own_page, router
from ivr.lines.base import Ended, LegEvent
from ivr.lines.stream import Ticket
from tests.console.console_kit import Console, parts_for


@pytest.fixture
async def house(tmp_path: Path, demo_file: Path, content: Any) -> AsyncIterator[RelayHouse]:
    """The relay alone, with the parts of a console."""
    (tmp_path / "hotline.db").write_bytes(demo_file.read_bytes())
    async with parts_for(tmp_path, content, None) as parts:
        app = FastAPI()
        app.state.parts = parts
        app.include_router(router)
        console = Console(app, parts, None)
        async with relay_house(console) as one:
            yield one
        for client in console.clients:
            await client.aclose()


async def begun(house: RelayHouse, worker: str = "w0", **parameters: str) -> Any:
    """A call of anybody that a worker has."""
    peer = await house.open()
    await peer.send(start(**parameters))
    await until(lambda: house.workers.legs[worker])
    return peer


async def test_what_is_said_and_played_passes_both_ways(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peer = await begun(house)
    leg: Any = house.workers.legs["w0"][0]
    heard: list[bytes] = []
    leg.port.listen(heard.append)
    leg.answer()
    assert json.loads(await peer.recv())["event"] == "media"
    payload = base64.b64encode(b"\x05" * 160).decode()
    for at in range(0, 100, 20):
        message = {"event": "media", "streamSid": "MZ1", "media": {"timestamp": str(at), "payload": payload}}
        await peer.send(json.dumps(message))
    await until(lambda: b"\x05" * 160 in heard)
    await peer.close()
    await until(lambda: house.workers.lines["w0"].active == 0)


async def test_a_caller_says_nothing_of_itself_that_counts(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peer = await begun(house, caller="13800138000", name="the police", seat="anna", ticket="x", called="9")
    info = house.workers.legs["w0"][0].info
    assert (info.caller, info.called, info.display_name, dict(info.headers)) == ("", "hotline", "", {})
    assert info.remote_address == "127.0.0.1"
    await peer.close()


async def test_a_call_goes_to_the_worker_with_the_fewest(house: RelayHouse) -> None:
    await house.workers.add("w0", calls=3)
    await house.workers.add("w1", calls=1)
    await house.workers.add("w2", state="draining")
    peer = await begun(house, "w1")
    assert not house.workers.legs["w0"]
    assert not house.workers.legs["w2"]
    await peer.close()


async def test_a_worker_that_is_gone_is_passed_over(house: RelayHouse) -> None:
    await house.workers.add("w1", calls=9)
    await house.workers.say("w0", "http://127.0.0.1:1")
    peer = await begun(house, "w1")
    await peer.close()


async def test_without_a_worker_the_browser_is_told(house: RelayHouse) -> None:
    peer = await house.open()
    await peer.wait_closed()
    assert peer.close_code == 4503


@pytest.mark.parametrize("origin", ["", "http://evil.example", "https://127.0.0.1", "null", "file://"])
async def test_another_sites_page_is_not_let_in(house: RelayHouse, origin: str) -> None:
    await house.workers.add("w0")
    with pytest.raises(InvalidStatus) as refused:
        await house.open(origin=origin)
    assert refused.value.response.status_code == 403


def test_a_page_is_our_own_by_host_and_port() -> None:
    assert is_own_page({"origin": "https://hotline.example", "host": "hotline.example"})
    assert is_own_page({"origin": "http://[::1]:8080", "host": "[::1]:8080"})
    assert not is_own_page({"origin": "https://hotline.example:444", "host": "hotline.example"})
    assert not is_own_page({"host": "hotline.example"})


async def test_where_the_web_phone_is_off_only_who_is_signed_in_may_call(house: RelayHouse) -> None:
    await house.workers.add("w0")
    parts = house.console.parts
    parts.settings = parts.settings.model_copy(update={"web_phone": False})
    peer = await house.open()
    await peer.wait_closed()
    assert peer.close_code == 4403
    client = await house.console.signed_in("anna")
    peer = await house.open(cookie=f"{COOKIE}={client.cookies[COOKIE]}")
    await peer.send(start())
    await until(lambda: house.workers.legs["w0"])
    assert house.workers.legs["w0"][0].info.display_name == "Anna"
    await peer.close()


async def test_how_a_call_was_refused_reaches_the_browser(house: RelayHouse) -> None:
    line = await house.workers.add("w0")
    line.drain()
    peer = await house.open()
    await peer.send(start())
    await peer.wait_closed()
    assert peer.close_code == 4503


async def test_a_hang_up_of_the_hotline_closes_the_browsers_socket(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peer = await begun(house)
    leg = house.workers.legs["w0"][0]
    leg.answer()
    leg.hang_up()
    async with asyncio.timeout(5):
        await peer.wait_closed()
    assert peer.close_code == 1000


@pytest.mark.parametrize("how", ["closed", "cut"])
async def test_a_browser_that_goes_ends_the_call(house: RelayHouse, how: str) -> None:
    await house.workers.add("w0")
    peer = await begun(house)
    events: list[LegEvent] = []
    leg = house.workers.legs["w0"][0]
    leg.attach(events.append)
    leg.answer()
    if how == "cut":
        peer.transport.abort()
    else:
        await peer.close()
    await until(lambda: events and isinstance(events[-1], Ended))
    assert events[-1] == (Ended("caller", 200) if how == "closed" else Ended("line", 408, "connection lost"))


async def test_an_office_may_call_and_a_flood_may_not(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peers = [await house.open() for _ in range(MOST_AT_ONCE + 1)]
    await until(lambda: any(peer.close_code for peer in peers))
    assert [peer.close_code for peer in peers if peer.close_code] == [4429]
    for peer in peers:
        await peer.close()


def test_calls_are_counted_by_address_and_minute() -> None:
    now = [0.0]
    limits = CallLimits(lambda: now[0])
    for _ in range(MOST_A_MINUTE):
        with limits.call("2001:db8::1"):
            pass
    with pytest.raises(TooManyCallsError), limits.call("2001:db8::2"):
        pass  # of the same customer
    with limits.call("2001:db8:0:1::1"), limits.call("192.0.2.1"), limits.call("not an address"):
        pass
    now[0] = 61.0
    with limits.call("2001:db8::2"):
        pass


async def seat_call(house: RelayHouse, user: str) -> tuple[Any, str, asyncio.Task[Any]]:
    """The seat of a user rings: its visitor's cookie, a ticket for it, and who waits."""
    line = house.workers.lines["w0"]
    client = await house.console.signed_in(user)
    cookie = f"{COOKIE}={client.cookies[COOKIE]}"
    session = await house.console.database.users.session(client.cookies[COOKIE])
    visitor = Visitor(session.user, session.csrf, session.id)
    ticket = Ticket("anna", "call-1", "w0", session_mark(visitor))
    dialling = asyncio.create_task(line.dial("browser:anna", caller="13800138000"))
    await until(lambda: line.rings("anna"))
    return cookie, tickets_of(house.console.parts).issue(ticket), dialling


async def test_a_seat_picks_up_in_its_own_session(house: RelayHouse) -> None:
    await house.workers.add("w0")
    cookie, ticket, dialling = await seat_call(house, "anna")
    other = await house.console.signed_in("boss")
    for wrong in ({}, {"cookie": f"{COOKIE}={other.cookies[COOKIE]}"}):
        stranger = await house.open(f"?ticket={ticket}", **wrong)
        await stranger.wait_closed()
        assert stranger.close_code == 4403
    peer = await house.open(f"?ticket={ticket}", cookie=cookie)
    await peer.send(start())
    leg = await dialling
    assert leg.info.caller == "13800138000"
    again = await house.open(f"?ticket={ticket}", cookie=cookie)
    await again.send(start())
    await again.wait_closed()
    assert again.close_code == 4481
    await peer.close()


async def test_a_ticket_for_a_worker_that_is_gone_says_that_it_rings_no_more(house: RelayHouse) -> None:
    await house.workers.add("w0")
    cookie, ticket, dialling = await seat_call(house, "anna")
    worker = await house.console.database.workers.find("w0")
    await house.console.database.workers.say(replace(worker, state="stopped"))
    peer = await house.open(f"?ticket={ticket}", cookie=cookie)
    await peer.wait_closed()
    assert peer.close_code == 4481
    dialling.cancel()


async def test_a_forged_ticket_is_refused(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peer = await house.open("?ticket=forged")
    await peer.wait_closed()
    assert peer.close_code == 4403


async def test_nonsense_before_the_start_does_not_reach_the_call(house: RelayHouse) -> None:
    await house.workers.add("w0")
    peer = await house.open()
    for text in ("{", "[]", '{"event":"start"}', '{"event":"start","start":7}', "[" * 3000):
        await peer.send(text)
    await peer.send(b"\x00\x01")
    await peer.send(start())
    await until(lambda: house.workers.legs["w0"])
    await peer.close()
