"""The other side of the stream line: an independent WebSocket client that plays Twilio's part, and a worker's address."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from contract import Samples, TestCaller
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ivr.clock import Clock, SystemClock
from ivr.lines.stream import SeatTickets, StreamLine
from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.worker.control import NoControl, listening

TOKEN = "the worker's token"
SECRET = "the tickets' secret"


@asynccontextmanager
async def at_an_address(line: StreamLine, **options: Any) -> AsyncIterator[str]:
    """The line, at an address of its own; gives its `ws://` URL."""
    given = {"calls": list, "control": NoControl(), **options}
    async with listening("127.0.0.1", 0, token=TOKEN, stream=line, **given) as url:
        yield f"ws{url.removeprefix('http')}/stream"


def start_message(stream: str, parameters: dict[str, str], **more: Any) -> dict[str, Any]:
    """A `start` as Twilio sends it."""
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream,
        "start": {
            "streamSid": stream,
            "accountSid": "AC0",
            "callSid": f"CA-{stream}",
            "tracks": ["inbound"],
            "customParameters": parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            **more,
        },
    }


class StreamPeer(TestCaller):
    """Calls over a WebSocket: sends a frame each 20 ms, plays what comes at once, and answers marks and clears.

    It lives by `clock`.
    """

    def __init__(self, socket: ClientConnection, stream: str = "MZ1", clock: Clock | None = None) -> None:
        self.socket = socket
        self.stream = stream
        self._clock = clock or SystemClock()
        self.messages: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self._answered = False
        self._hung_up = False
        self._heard: list[bytes] = []
        self._says: list[bytes] = []
        self._sequence = 1
        self._sent = 0
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def call(
        cls,
        url: str,
        parameters: dict[str, str],
        *,
        stream: str = "MZ1",
        token: str = TOKEN,
        clock: Clock | None = None,
    ) -> StreamPeer:
        headers = {"authorization": f"Bearer {token}"}
        peer = cls(
            await connect(url, additional_headers=headers, compression=None, proxy=None), stream, clock
        )
        peer._tasks = [asyncio.create_task(peer._listen()), asyncio.create_task(peer._speak())]
        await peer.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await peer.say(start_message(stream, parameters))
        return peer

    @property
    def status(self) -> int | None:
        if self._answered:
            return 200
        if self.close_code is not None and self.close_code >= 4000:
            return self.close_code - 4000
        return 487 if self.over else None

    @property
    def over(self) -> bool:
        return self.close_code is not None

    def heard(self) -> Samples:
        if not self._heard:
            return np.zeros(0, dtype=np.int16)
        return g711.decode(b"".join(self._heard), Law.MU)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["event"] == name]

    async def say(self, message: dict[str, Any]) -> None:
        with suppress(ConnectionClosed):
            await self.socket.send(json.dumps(message))

    def press(self, key: str) -> None:
        self._later(self.numbered({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}}))

    def send(self, sound: Clip) -> None:
        audio = sound.frames(Law.MU)
        self._says.extend(audio[at : at + FRAME] for at in range(0, len(audio), FRAME))

    def hold(self, on: bool) -> None:
        raise NotImplementedError("Media Streams knows no hold")

    def hang_up(self) -> None:
        self._hung_up = True
        self._tasks.append(asyncio.ensure_future(self._leave()))

    async def settle(self) -> None:
        """Wait until what was sent has come, both ways."""
        with suppress(ConnectionClosed):
            await (await self.socket.ping())

    async def close(self) -> None:
        """Give everything back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()

    def numbered(self, message: dict[str, Any]) -> dict[str, Any]:
        self._sequence += 1
        return {**message, "sequenceNumber": str(self._sequence), "streamSid": self.stream}

    def _later(self, message: dict[str, Any]) -> None:
        self._tasks.append(asyncio.ensure_future(self.say(message)))

    async def _leave(self) -> None:
        await self.say(self.numbered({"event": "stop", "stop": {"accountSid": "AC0", "callSid": "CA"}}))
        await self.socket.close()

    async def _listen(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.socket:
                await self._took(json.loads(text))
        self.close_code = self.socket.close_code or 1006

    async def _took(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["event"] == "media":
            self._answered = True
            self._heard.append(base64.b64decode(message["media"]["payload"]))
        elif message["event"] == "mark":
            await self.say(self.numbered({"event": "mark", "mark": message["mark"]}))

    async def _speak(self) -> None:
        """A frame each 20 ms, silence where nothing is said."""
        began = self._clock.time()
        while not self.over:
            frame = self._says.pop(0) if self._says else SILENCE[Law.MU]
            await self.say(self.numbered(self.media(frame)))
            due = asyncio.Event()
            self._clock.call_at(began + self._sent * 0.02, due.set)
            await due.wait()

    def media(self, frame: bytes) -> dict[str, Any]:
        at = self._sent * 20
        self._sent += 1
        payload = base64.b64encode(frame).decode()
        told = {"track": "inbound", "chunk": str(self._sent), "timestamp": str(at), "payload": payload}
        return {"event": "media", "media": told}


def seat_line(**options: Any) -> StreamLine:
    """A line whose seats prove themselves by tickets."""
    return StreamLine(seat_of=SeatTickets(SECRET).seat_of, **options)


async def until(condition: Callable[[], bool], longest: float = 5.0) -> None:
    async with asyncio.timeout(longest):
        while not condition():
            await asyncio.sleep(0.005)
