"""Who is let in: by list, by digest, by how much the line carries; and what is counted of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from desk import open_desk, outside
from prometheus_client import CollectorRegistry
from sip_caller import Refused, SipCaller, bound_udp

from ivr.errors import LineError
from ivr.lines.base import Leg
from ivr.lines.sip import SipLine, SipMetrics, SipSettings
from ivr.lines.sip.doorway import PATIENCE
from ivr.sip.digest import Credentials, answer
from ivr.sip.message import parse

pytestmark = pytest.mark.sip

SETTINGS = {"host": "127.0.0.1", "port": 0, "most_calls": 4}


def settings(**more: object) -> SipSettings:
    return SipSettings(**{**SETTINGS, **more})  # type: ignore[arg-type]


def refuse(leg: Leg) -> None:
    leg.refuse(480)


def authorised(refused: Refused, user: str, secret: str, uri: str) -> dict[str, str]:
    """The header that answers a 401."""
    response = refused.response
    lines = [response.first, *(f"{name}: {one}" for name, all_ in response.headers.items() for one in all_)]
    parsed = parse("\r\n".join([*lines, "", ""]).encode())
    found = answer(parsed, Credentials(user, secret), "INVITE", uri, cnonce="c0ffee", count=1)  # type: ignore[arg-type]
    assert found is not None
    return {found[0]: found[1]}


async def test_a_stranger_is_asked_for_a_password_and_taken_with_it() -> None:
    async with (
        open_desk("sip", accept_user="trunk", accept_secret="between us") as desk,
        outside(desk) as stranger,
    ):
        with pytest.raises(Refused) as refused:
            await stranger.dial()
        assert refused.value.status == 401
        assert desk.calls == []
        uri = f"sip:4001@127.0.0.1:{desk.line.port}"
        call = await stranger.dial(headers=authorised(refused.value, "trunk", "between us", uri))
        await desk.answered()
        await call.hang_up()
        with pytest.raises(Refused) as again:
            await stranger.dial()
        with pytest.raises(Refused) as wrong:
            await stranger.dial(headers=authorised(again.value, "trunk", "guess", uri))
        assert wrong.value.status == 401
        assert desk.line.figures.notices["unauthorised"] == 1


async def test_whoever_is_on_the_list_is_asked_for_nothing() -> None:
    options = {"accept_user": "trunk", "accept_secret": "between us", "peers": ("127.0.0.2/32",)}
    async with open_desk("sip", **options) as desk:
        async with outside(desk, host="127.0.0.2") as friend:
            call = await friend.dial()
            await desk.answered()
            await call.hang_up()
        async with outside(desk) as stranger:
            with pytest.raises(Refused) as refused:
                await stranger.dial()
            assert refused.value.status == 401


async def test_a_draining_line_tells_balancers_so_and_a_full_one_does_not() -> None:
    async with open_desk("sip", most_calls=1) as desk, outside(desk) as caller:
        call = await caller.dial()
        await desk.answered()
        assert (await caller.ask("OPTIONS")).status == 200
        with pytest.raises(Refused) as refused:
            await caller.dial()
        assert refused.value.status == 486
        desk.line.drain()
        reply = await caller.ask("OPTIONS")
        assert (reply.status, reply.get("retry-after")) == (503, "30")
        await call.hang_up()
        assert desk.line.refused == 1


async def test_a_source_that_guesses_is_shut_out_and_counted_and_its_calls_are_not_heard_of() -> None:
    registry = CollectorRegistry()
    offered: list[Leg] = []
    line = SipLine(settings(), metrics=SipMetrics(registry))
    await line.start(offered.append)
    try:
        async with SipCaller(("127.0.0.1", line.port)) as stranger:
            for _ in range(20):
                await stranger_registers(stranger)
            with pytest.raises(TimeoutError):
                await stranger.ask("OPTIONS", 0.3)
        async with SipCaller(("127.0.0.1", line.port)) as other:
            assert (await other.ask("OPTIONS")).status == 200
        figures = line.figures
        assert figures.shut_out == 1
        assert figures.shut_out_now == 1
        assert figures.notices["forbidden"] >= 10
        assert figures.dropped["banned"] >= 1
    finally:
        await line.stop()
    assert registry.get_sample_value("hotline_sip_shut_out_total") == 1
    assert (
        registry.get_sample_value("hotline_sip_dropped_total", {"reason": "banned"})
        == figures.dropped["banned"]
    )
    assert registry.get_sample_value("hotline_sip_messages_total", {"direction": "in"}) >= 20  # type: ignore[operator]
    assert offered == []


async def stranger_registers(stranger: SipCaller) -> None:
    with suppress(TimeoutError):
        await stranger.ask("REGISTER", 0.1)


async def test_an_offer_that_cannot_be_answered_is_refused_before_anybody_hears_of_the_call() -> None:
    async with open_desk("sip", srtp="required") as desk, outside(desk) as caller:
        with pytest.raises(Refused) as refused:
            await caller.dial()
        assert refused.value.status == 488
        assert desk.calls == []
        assert desk.line.active == 0
        assert desk.line.figures.refused["488"] == 1


async def test_where_no_port_is_left_the_caller_is_told_to_come_again() -> None:
    with bound_udp() as taken:
        port = taken.getsockname()[1]
        first = port - port % 2
        async with (
            open_desk("sip", most_calls=1, rtp_port=first, rtp_ports=2) as desk,
            outside(desk) as caller,
        ):
            with pytest.raises(Refused) as refused:
                await caller.dial()
            assert refused.value.status == 503
            assert desk.line.active == 0


async def test_an_address_in_use_is_named() -> None:
    with bound_udp() as taken:
        line = SipLine(settings(port=taken.getsockname()[1], transports=("udp",)))
        with pytest.raises(LineError, match="H202"):
            await line.start(refuse)
        await line.stop()


async def test_a_certificate_that_is_none_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", encoding="utf-8")
    line = SipLine(settings(tls_port=5999, tls_certificate=str(broken), tls_key=str(broken)))
    with pytest.raises(LineError, match="H205"):
        await line.start(refuse)
    assert line.active == 0
    assert line.port == 0


async def test_a_line_can_be_stopped_and_started_again_and_stopped_twice() -> None:
    line = SipLine(settings())
    assert (line.active, line.port, line.refused, line.registered) == (0, 0, 0, False)
    for _ in range(2):
        await line.start(refuse)
        async with SipCaller(("127.0.0.1", line.port)) as caller:
            with pytest.raises(Refused):
                await caller.dial()
        await line.stop()
        await line.stop()
    await asyncio.sleep(0)
    with pytest.raises(LineError, match="H213"):
        await line.dial("sip:x@127.0.0.1")


async def test_a_source_that_acknowledges_nothing_does_not_take_every_place() -> None:
    async with (
        open_desk("sip", most_calls=16) as desk,
        outside(desk) as silent,
        outside(desk, host="127.0.0.3") as honest,
    ):
        desk.on_call = desk.answer
        asyncio.get_running_loop().remove_reader(silent.socket)
        for _ in range(20):
            silent.begin()
        await wait_until(lambda: desk.line.refused == 12)
        assert desk.line.active == 8
        assert desk.line.figures.notices["unacknowledged"] == 12
        call = await honest.dial()
        await call.hang_up()
        for one in silent.calls.values():
            await one.rtp.close()


async def test_where_everybody_acknowledges_nothing_the_oldest_makes_room() -> None:
    async with (
        open_desk("sip", most_calls=4) as desk,
        outside(desk) as silent,
        outside(desk, host="127.0.0.3") as honest,
    ):
        desk.on_call = desk.answer
        asyncio.get_running_loop().remove_reader(silent.socket)
        for _ in range(4):
            silent.begin()
        await wait_until(lambda: desk.line.active == 4)
        with pytest.raises(Refused) as refused:
            await honest.dial()
        assert refused.value.status == 486
        await asyncio.sleep(PATIENCE)
        sessions = desk.line.figures.sessions
        call = await honest.dial()
        assert desk.line.active == 4
        assert desk.line.figures.sessions == sessions
        await call.hang_up()
        for one in silent.calls.values():
            await one.rtp.close()


async def wait_until(found: Callable[[], object]) -> None:
    async with asyncio.timeout(4):
        while not found():
            await asyncio.sleep(0.01)
