"""A worker's own address: who is let in, what may be asked of its calls, and what becomes of slow and dead sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from ivr.errors import SeatError, WorkerError
from ivr.lines.base import Ended, Leg, LegEvent
from ivr.lines.stream import StreamLine, asgi, wire
from ivr.worker.control import COMMANDS, NoControl, listening

TOKEN = "a token"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
START = {
    "event": "start",
    "streamSid": "MZ1",
    "start": {"streamSid": "MZ1", "callSid": "CA1", "customParameters": {"caller": "13800138000"}},
}


class Control:
    """Notes what it is asked, and answers or fails as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.fault: Exception | None = None

    async def control(
        self, call_id: str, command: str, *, seat: str, by: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.asked.append((call_id, command, seat, by, dict(arguments)))
        if self.fault is not None:
            raise self.fault
        return {"state": "held"}


class House:
    """A stream line at its address."""

    def __init__(self, url: str, line: StreamLine, control: Control, legs: list[Leg]) -> None:
        self.url = url
        self.line = line
        self.control = control
        self.legs = legs

    async def post(self, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(headers=HEADERS) as client:
            return await client.post(self.url + path, **options)

    async def call(self) -> ClientConnection:
        """A socket that has begun a call which is answered."""
        before = len(self.legs)
        address = f"ws{self.url.removeprefix('http')}/stream"
        peer = await connect(address, additional_headers=HEADERS, compression=None, proxy=None)
        await peer.send(json.dumps(START))
        while len(self.legs) == before:
            await asyncio.sleep(0.005)
        self.legs[-1].answer()
        return peer


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    legs: list[Leg] = []
    line, control = StreamLine(), Control()
    await line.start(legs.append)
    calls = [{"call": "call-1", "step": "main.menu"}]
    try:
        async with listening(
            "127.0.0.1", 0, token=TOKEN, stream=line, calls=lambda: calls, control=control
        ) as url:
            yield House(url, line, control, legs)
            await line.stop()
    finally:
        await line.stop()


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}])
async def test_nobody_is_let_in_without_the_token(headers: dict[str, str]) -> None:
    async with house() as one:
        async with httpx.AsyncClient(headers=headers) as client:
            assert (await client.get(f"{one.url}/control/calls")).status_code == 401
            assert (await client.post(f"{one.url}/control/call-1/hold", json={"by": "x"})).status_code == 401
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws{one.url.removeprefix('http')}/stream", additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 403
        assert (one.control.asked, one.legs) == ([], [])


async def test_the_running_calls_are_told_with_their_steps() -> None:
    async with house() as one, httpx.AsyncClient(headers=HEADERS) as client:
        answer = await client.get(f"{one.url}/control/calls")
        assert answer.json() == {"calls": [{"call": "call-1", "step": "main.menu"}]}


async def test_a_command_reaches_the_call_with_who_asked_and_its_arguments() -> None:
    async with house() as one:
        answer = await one.post(
            "/control/call-1/transfer", json={"seat": "anna", "by": "mei", "queue": "claims"}
        )
        assert (answer.status_code, answer.json()) == (200, {"state": "held"})
        assert one.control.asked == [("call-1", "transfer", "anna", "mei", {"queue": "claims"})]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (SeatError("no such call", code="H640"), 404, "H640"),
        (SeatError("no such queue", code="H641"), 422, "H641"),
        (SeatError("the call is held already", code="H642"), 409, "H642"),
        (RuntimeError("a secret"), 500, "H000"),
    ],
)
async def test_what_cannot_be_done_has_a_code_and_says_why(fault: Exception, status: int, code: str) -> None:
    async with house() as one:
        one.control.fault = fault
        answer = await one.post("/control/call-1/hold", json={"by": "mei"})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "secret" not in answer.text
        assert not answer.json()["message"].startswith("H6")


BROKEN = [
    {"content": b"{"}, {"content": b"[]"}, {"json": {}}, {"json": {"by": 7}}, {"json": {"by": "x", "seat": 7}},
    {"content": b"[" * 5000}, {"json": {"by": "x", "more": "y" * 20_000}}, {"content": b"\xff"},
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN)
async def test_a_body_that_is_none_is_refused(body: dict[str, Any]) -> None:
    async with house() as one:
        assert (await one.post("/control/call-1/hold", **body)).status_code == 422
        assert one.control.asked == []


async def test_a_command_that_is_none_is_refused_and_other_addresses_are_not_there() -> None:
    async with house() as one:
        assert (await one.post("/control/call-1/explode", json={"by": "x"})).status_code == 422
        assert (await one.post("/control/calls", json={"by": "x"})).status_code in (404, 405)
        assert (await one.post("/elsewhere", json={})).status_code == 404
        assert "hold" in COMMANDS


async def test_a_worker_without_seats_has_no_such_call() -> None:
    with pytest.raises(SeatError) as error:
        await NoControl().control("call-1", "hold", seat="", by="x", arguments={})
    assert error.value.code == "H640"


async def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WorkerError, match=f"H501 .*{port}.*HOTLINE_STREAM_PORT"):
            async with listening(
                "127.0.0.1", port, token=TOKEN, stream=StreamLine(), calls=list, control=NoControl()
            ):
                pass


async def test_a_socket_that_is_cut_ends_the_call_at_once() -> None:
    async with house() as one:
        peer = await one.call()
        events: list[LegEvent] = []
        one.legs[0].attach(events.append)
        peer.transport.abort()
        async with asyncio.timeout(3):
            while one.line.active:
                await asyncio.sleep(0.005)
        assert isinstance(events[-1], Ended)
        assert events[-1].status == 408


async def test_a_peer_that_answers_no_ping_is_gone_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "PING_EVERY", 0.1)
    monkeypatch.setattr(asgi, "PONG_WITHIN", 0.1)
    async with house() as one:
        peer = await one.call()
        peer.transport.pause_reading()
        async with asyncio.timeout(5):
            while one.line.active:
                await asyncio.sleep(0.01)
        peer.transport.abort()


async def test_who_does_not_read_is_dropped_and_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "STALL", 0.2)
    async with house() as one:
        peer = await one.call()
        peer.transport.pause_reading()
        leg: Any = one.legs[0]
        async with asyncio.timeout(5):
            while one.line.active:  # more than sockets hold: what a line gives in a quarter of an hour
                for _ in range(200):
                    leg._wire.send("x" * 300, sound=True)
                await asyncio.sleep(0.001)
        assert len(leg._wire._waiting) <= wire.MOST_SOUND + wire.MOST_OTHERS
        assert leg._wire.dropped > 0
        peer.transport.abort()


async def test_a_message_that_is_too_large_ends_the_socket() -> None:
    async with house() as one:
        peer = await one.call()
        await peer.send("x" * 100_000)
        async with asyncio.timeout(3):
            await peer.wait_closed()
        assert peer.close_code == 1009
        async with asyncio.timeout(3):
            while one.line.active:
                await asyncio.sleep(0.005)


async def test_binary_messages_are_nothing() -> None:
    async with house() as one:
        peer = await one.call()
        await peer.send(b"\x00\x01")
        assert json.loads(await peer.recv())["event"] == "media"
        await peer.close()
