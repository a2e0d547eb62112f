"""Registering with a PBX or trunk, and calling through it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

import pytest
from desk import Desk, Kind, open_desk
from sip_caller import Message, OutsideCall, SipCaller

from ivr.errors import LineError

pytestmark = pytest.mark.sip

USER, SECRET, REALM, NONCE = "4008", "between us", "pbx", "n0nce"


class Pbx(SipCaller):
    """A registrar that asks for a digest (RFC 2617, MD5), and answers calls."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 9))
        #: Seconds of each registration that was accepted; 0 is the end of one.
        self.accepted: list[int] = []
        self.wrong = 0
        self.news = asyncio.Event()

    def took_stray(self, message: Message) -> None:
        if message.method == "REGISTER":
            self._register(message)

    def _register(self, request: Message) -> None:
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', request.get("authorization")))
        if not given:
            challenge = f'Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5'
            self.reply(request, f"401 Unauthorized\r\nWWW-Authenticate: {challenge}", "", "<sip:pbx>")
        elif given["response"] != self._expected(given["uri"]):
            self.wrong += 1
            self.reply(request, "403 Forbidden", "", "<sip:pbx>")
        else:
            seconds = int(request.get("expires") or 0)
            self.accepted.append(seconds)
            self.reply(request, f"200 OK\r\nExpires: {seconds}", "", request.get("contact") or "<sip:pbx>")
        self.news.set()

    @staticmethod
    def _expected(uri: str) -> str:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        return md5(f"{md5(f'{USER}:{REALM}:{SECRET}')}:{NONCE}:{md5(f'REGISTER:{uri}')}")


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    async with Pbx() as one:
        yield one


def settings(pbx: Pbx, secret: str = SECRET) -> dict[str, object]:
    host, port = pbx.address
    return {"registrar": f"sip:{host}:{port}", "user": USER, "secret": secret}


async def until_registered(desk: Desk, registered: bool = True) -> None:
    async with asyncio.timeout(3):
        while desk.line.registered is not registered:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_the_line_registers_and_takes_it_back_when_it_stops(pbx: Pbx, kind: Kind) -> None:
    async with open_desk(kind, **settings(pbx)) as desk:
        await until_registered(desk)
        assert pbx.accepted == [300]
    assert pbx.accepted == [300, 0]
    assert pbx.wrong == 0


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_a_wrong_secret_is_refused_and_the_line_goes_on(pbx: Pbx, kind: Kind) -> None:
    async with open_desk(kind, **settings(pbx, "guess")) as desk:
        async with asyncio.timeout(3):
            await pbx.news.wait()
            while not pbx.wrong:
                await asyncio.sleep(0.01)
        assert not desk.line.registered


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_a_number_is_called_through_the_registrar(pbx: Pbx, kind: Kind) -> None:
    async with open_desk(kind, **settings(pbx)) as desk:
        await until_registered(desk)
        leg = await desk.line.dial("13800138000", caller="95500", timeout=3)
        call: OutsideCall = pbx.came[0]
        assert call.requests[0].first.startswith(f"INVITE sip:13800138000@{pbx.address[0]}")
        assert "sip:95500@" in call.requests[0].get("from")
        assert leg.info.called == "13800138000"
        leg.hang_up()
        await asyncio.wait_for(call.ended.wait(), 2)
        pbx.answers = False
        with pytest.raises(LineError, match="H210 the call was refused: 486"):
            await desk.line.dial("13800138000", timeout=3)


@pytest.mark.parametrize("kind", ["sip", "pjsua"])
async def test_a_call_from_the_registrar_is_taken(pbx: Pbx, kind: Kind) -> None:
    async with open_desk(kind, **settings(pbx)) as desk:
        await until_registered(desk)
        pbx.server = ("127.0.0.1", desk.line.port)
        call = await pbx.dial(USER)
        await call.until_sound()
        assert desk.calls[0].leg.info.called == USER
        await call.hang_up()


async def test_the_registrar_is_never_shut_out_and_the_way_to_it_is_kept_open(pbx: Pbx) -> None:
    async with open_desk("sip", **settings(pbx), peers=("192.0.2.0/24",)) as desk:
        await until_registered(desk)
        pbx.server = ("127.0.0.1", desk.line.port)
        for _ in range(15):
            pbx.socket.sendto(b"nonsense", pbx.server)
        call = await pbx.dial(USER)
        await call.until_sound()
        assert desk.line.figures.shut_out == 0
        await call.hang_up()
