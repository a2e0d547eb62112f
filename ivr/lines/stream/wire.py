"""What a call on the stream line needs of its WebSocket, and how one of ASGI gives it.

Nothing is buffered for ever: sound that waits too long is dropped, the oldest first, and who does not read at
all is cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

#: Frames of sound that wait for a slow reader (500 ms); of more, the oldest is dropped.
MOST_SOUND: Final = 25
#: Other texts that wait; a reader who lets more of them wait is gone.
MOST_OTHERS: Final = 100
#: Seconds in which the reader must take something.
STALL: Final = 5.0
#: Seconds in which it must take the goodbye.
FAREWELL: Final = 2.0
#: Seconds between looks whether it does.
LOOK: Final = 0.5

#: Private codes (RFC 6455, section 7.4.2) say a SIP status: 4486 is busy.
STATUS_BASE: Final = 4000
NORMAL: Final = 1000


class Wire(Protocol):
    """A socket that takes texts without ever being waited for."""

    def send(self, text: str, *, sound: bool = False) -> None:
        """Send it, after what waits. Harmless once closed."""

    def close(self, code: int, reason: str) -> None:
        """Close it after what waits, within FAREWELL seconds. Harmless if repeated."""


class Receiver(Protocol):
    """Who is told what the socket brings."""

    def received(self, text: str) -> None:
        """A text came."""

    def closed(self, *, clean: bool) -> None:
        """It is closed, by either side or by a fault; told once, last."""


class SocketWire:
    """A wire that sends by `send` (an ASGI callable) in a task of its own: `run`."""

    __slots__ = ("_bell", "_closing", "_others", "_send", "_since", "_waiting", "dropped", "failed")

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[tuple[str, bool]] = deque()
        self._others = 0
        self._bell = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        #: Since when (the loop's time) the reader has taken nothing of what is being sent; None: nothing is.
        self._since: float | None = None
        #: Frames dropped because the reader was slow.
        self.dropped = 0
        #: Whether the reader is given up.
        self.failed = False

    def send(self, text: str, *, sound: bool = False) -> None:
        """Send it, after what waits."""
        if self._closing is not None:
            return
        if sound:
            if len(self._waiting) - self._others >= MOST_SOUND:
                self._drop_oldest()
        else:
            self._others += 1
            self.failed = self.failed or self._others > MOST_OTHERS
        self._waiting.append((text, sound))
        self._bell.set()

    def close(self, code: int, reason: str) -> None:
        """Close it after what waits."""
        if self._closing is None:
            self._closing = (code, reason)
            self._bell.set()

    def stuck(self, now: float) -> bool:
        """Whether the reader is to be given up: it has taken nothing for too long."""
        longest = STALL if self._closing is None else FAREWELL
        return self.failed or (self._since is not None and now - self._since > longest)

    async def run(self) -> None:
        """Send until it was closed, or the reader has failed. Cancel it when it is `stuck`."""
        while not self.failed:
            if self._waiting:
                text, sound = self._waiting.popleft()
                self._others -= not sound
                await self._give({"type": "websocket.send", "text": text})
            elif self._closing is not None:
                code, reason = self._closing
                await self._give({"type": "websocket.close", "code": code, "reason": reason[:100]})
                return
            else:
                self._bell.clear()
                await self._bell.wait()

    async def _give(self, message: dict[str, Any]) -> None:
        self._since = asyncio.get_running_loop().time()
        await self._send(message)
        self._since = None

    def _drop_oldest(self) -> None:
        for index, (_, sound) in enumerate(self._waiting):
            if sound:
                del self._waiting[index]
                self.dropped += 1
                return


async def converse(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    wire: SocketWire,
    receiver: Receiver,
    *,
    abort: Callable[[], None],
) -> None:
    """Bring what an accepted ASGI socket receives to `receiver` until it is closed, while the wire sends.

    `abort` cuts the connection of a reader who does not read.
    """
    clean = False

    async def listen() -> bool:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return message.get("code") in (NORMAL, 1001, 1005)
            receiver.received(message.get("text") or "")

    loop = asyncio.get_running_loop()
    listening, sending = asyncio.create_task(listen()), asyncio.create_task(wire.run())
    try:
        while not listening.done() and not wire.stuck(loop.time()):
            done, _ = await asyncio.wait(
                {listening, sending}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
            )
            if sending in done:
                await asyncio.wait({listening}, timeout=FAREWELL)
                break
        clean = listening.done() and listening.exception() is None and listening.result()
        wire.failed = wire.failed or not listening.done()
    finally:
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)
        receiver.closed(clean=clean)
        if wire.failed:
            abort()
