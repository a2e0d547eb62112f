"""What is known of a stream when Twilio hears that it is over."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from ivr.console.phone.relay import Relay

RESTARTS = ConnectionClosedError(Close(1012, "restarts"), None)
HANGS_UP = ConnectionClosedOK(Close(1000, ""), None)
CUT = ConnectionClosedError(None, None)


class Twilio:
    """Brings sound without end, until it is hung up on."""

    def __init__(self, seen: list[object]) -> None:
        self._seen = seen

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "websocket.receive", "text": "{}"}

    async def close(self, code: int) -> None:
        self._seen.append(f"Twilio is told {code}")


class Worker:
    """A worker whose socket closes, which is noticed by whoever listens or by whoever sends."""

    def __init__(self, closed: ConnectionClosed, by: str) -> None:
        self._closed = closed
        self._by = by

    async def recv(self, *, decode: bool) -> str:
        if self._by == "sending":
            await asyncio.Event().wait()
        raise self._closed

    async def send(self, text: str) -> None:
        if self._by == "sending":
            raise self._closed

    async def close(self, code: int) -> None:
        return


@pytest.mark.parametrize("by", ["listening", "sending"])
@pytest.mark.parametrize(
    ("closed", "code", "told"), [(RESTARTS, 1012, 1011), (CUT, 1011, 1011), (HANGS_UP, 1000, 1000)]
)
async def test_how_a_worker_left_is_known_before_twilio_can_ask_what_follows(
    closed: ConnectionClosed, code: int, told: int, by: str
) -> None:
    seen: list[object] = []
    here, there = cast("Any", Twilio(seen)), cast("Any", Worker(closed, by))
    assert await Relay(here, there, {}, started=True, over=seen.append).run() == code
    assert seen == [code, f"Twilio is told {told}"]
