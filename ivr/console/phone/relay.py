"""`/phone/stream`: carries the WebSocket of a browser phone to the worker that has, or takes, its call.

Texts pass as they come, one at a time each way, so that a slow side slows the other and nothing piles up. Only the
`start` is read: what a caller may say of itself, and which seat a browser is, is decided here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from ivr.console.access import Visitor, visitor_of
from ivr.console.parts import ConsoleParts, parts_of
from ivr.console.phone.api import session_mark, tickets_of
from ivr.console.phone.limits import CallLimits, TooManyCallsError
from ivr.lines.stream.messages import LARGEST
from policy_db.errors import PolicyDatabaseError
from policy_db.workers import CONTROL, SILENCE, WorkerFact

log = structlog.get_logger(__name__)
router = APIRouter()

#: Seconds in which a worker must take the socket, and either side a text.
_OPENING: Final = 3.0
_STALL: Final = 5.0
#: Texts that wait between the worker and its reader here.
_MOST_WAITING: Final = 16
#: Close codes: 4000 and a SIP status say how a call was refused.
_FORBIDDEN, _TOO_MANY, _NO_WORKER, _GONE = 4403, 4429, 4503, 4481
_NORMAL: Final = 1000
_LOST: Final = 1011
_CLEAN: Final = frozenset({_NORMAL, 1001, 1005})


@dataclass(frozen=True, slots=True)
class Passage:
    """Which workers a socket may go to, in order, and what its `start` says there instead of its own parameters."""

    workers: tuple[WorkerFact, ...]
    parameters: Mapping[str, str]
    #: Whether the address counts against the limits.
    public: bool = False


@router.websocket("/phone/stream")
async def stream(socket: WebSocket) -> None:
    """Carry one call. Refused with a close code: 4403 not allowed, 4429 too often, 4481 rings no more, 4503."""
    if not is_own_page(socket.headers):
        await socket.close(1008)
        return
    await socket.accept()
    parts = parts_of(socket)
    try:
        passage = await _passage(socket, parts)
    except PolicyDatabaseError:
        passage = _NO_WORKER
    if isinstance(passage, int):
        await socket.close(passage)
        return
    limits: CallLimits = parts.shared.setdefault("phone.limits", CallLimits(asyncio.get_running_loop().time))
    address = socket.client.host if socket.client is not None else ""
    try:
        if not passage.public:
            await _carry(socket, parts, passage, address)
            return
        with limits.call(address):
            await _carry(socket, parts, passage, address)
    except TooManyCallsError:
        await socket.close(_TOO_MANY)


def is_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a socket was opened by a page of this host (RFC 6455, section 10.2)."""
    origin = urlsplit(headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == headers.get("host", "")


async def _passage(socket: WebSocket, parts: ConsoleParts) -> Passage | int:
    """Where the socket may go; a close code if nowhere."""
    visitor = await visitor_of(socket)
    ticket = socket.query_params.get("ticket")
    if ticket is not None:
        return await _to_seat(parts, visitor, ticket)
    if visitor is None and not parts.settings.web_phone:
        return _FORBIDDEN
    workers = await parts.database.workers.serving(parts.clock())
    name = {} if visitor is None else {"name": visitor.user.display}
    return Passage(workers, {"called": "hotline", **name}, public=visitor is None) if workers else _NO_WORKER


async def _to_seat(parts: ConsoleParts, visitor: Visitor | None, text: str) -> Passage | int:
    """A seat picks up: in its own session only, on the worker where it rings."""
    ticket = tickets_of(parts).read(text)
    if ticket is None or visitor is None or ticket.session != session_mark(visitor):
        return _FORBIDDEN
    worker = await parts.database.workers.find(ticket.worker)
    if worker is None or worker.state == "stopped" or parts.clock() - worker.seen_at > SILENCE:
        return _GONE
    return Passage((worker,), {"seat": ticket.seat, "ticket": text})


async def _carry(socket: WebSocket, parts: ConsoleParts, passage: Passage, address: str) -> None:
    """Open the way to the first worker that takes it, and relay until one side is gone."""
    for worker in passage.workers:
        there = await way_to(parts, worker, address)
        if there is not None:
            await Relay(socket, there, passage.parameters).run()
            return
    await socket.close(_NO_WORKER)


async def way_to(
    parts: ConsoleParts, worker: WorkerFact, address: str, path: str = "/stream"
) -> ClientConnection | None:
    """A socket to a worker's line, for a call from `address`; None where the worker takes none."""
    token = parts.database.keys.token(CONTROL)
    try:
        return await connect(
            f"ws{worker.url.removeprefix('http')}{path}",
            additional_headers={"authorization": f"Bearer {token}", "x-remote-address": address},
            compression=None,
            proxy=None,
            max_size=LARGEST,
            max_queue=_MOST_WAITING,
            write_limit=LARGEST,
            open_timeout=_OPENING,
            close_timeout=_OPENING,
            ping_interval=_STALL,
            ping_timeout=_STALL,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        log.warning("a worker takes no stream", worker=worker.name, error=type(error).__name__)
        return None


class Relay:
    """Two sockets, one call. `started` says that its start has been sent to the worker already.

    `over` hears what `run` will give, before either side knows that the call is over and can ask what follows.
    """

    def __init__(
        self,
        here: WebSocket,
        there: ClientConnection,
        parameters: Mapping[str, str],
        *,
        started: bool = False,
        over: Callable[[int | None], None] = lambda code: None,
    ) -> None:
        self._here = here
        self._there = there
        self._parameters = parameters
        self._started = started
        self._over = over
        #: A seat hangs up in so many words; one whose page is gone is lost, and its caller goes to another.
        self._clean = frozenset({_NORMAL}) if "ticket" in parameters else _CLEAN

    async def run(self) -> int | None:
        """Carry texts both ways until one side closes; close the other in the same way.

        Gives the code with which the worker closed, None where the other side was first.
        """
        out, back = ways = [asyncio.create_task(self._out()), asyncio.create_task(self._back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = _left(out)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            # A worker that is gone may be noticed by what cannot be sent to it, before it is heard.
            code = None if left else _result(out if back.cancelled() else back)
            self._over(code)
            with suppress(Exception):
                await self._there.close(_NORMAL if _result(out) in self._clean else _LOST)
            with suppress(Exception):
                async with asyncio.timeout(_STALL):
                    await self._here.close(_told(_result(back) if code is None else code))
        return code

    async def _out(self) -> int:
        """From the browser to the worker; the code with which the browser closed."""
        while True:
            message = await self._here.receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or _NORMAL)
            text = message.get("text")
            if text is not None:
                await _within(_STALL, self._there.send(text if self._started else self._begun(text)))

    async def _back(self) -> int:
        """From the worker to the browser; the code with which the worker closed."""
        try:
            while True:
                text = await self._there.recv(decode=True)
                await _within(_STALL, self._here.send_text(text))
        except ConnectionClosed as closed:
            return _code(closed)

    def _begun(self, text: str) -> str:
        """Until the call has begun texts are looked at: its parameters are ours, not the browser's."""
        try:
            message: Any = json.loads(text)
        except (ValueError, RecursionError):
            return "{}"
        if not isinstance(message, dict) or message.get("event") != "start":
            return text
        start = message.get("start")
        if isinstance(start, dict):
            start["customParameters"] = dict(self._parameters)
            self._started = True
            return json.dumps(message)
        return "{}"


async def _within(seconds: float, work: Awaitable[None]) -> None:
    async with asyncio.timeout(seconds):
        await work


def _left(way: asyncio.Task[int]) -> bool:
    """Whether the browser has closed its side, rather than that nothing could be sent on."""
    return way.done() and not way.cancelled() and way.exception() is None


def _result(way: asyncio.Task[int]) -> int:
    """The code with which a way ended; that of a fault if it did not end by itself."""
    error = None if way.cancelled() else way.exception()
    if isinstance(error, ConnectionClosed):
        return _code(error)
    return _LOST if way.cancelled() or error is not None else way.result()


def _code(closed: ConnectionClosed) -> int:
    """The code with which the worker closed."""
    return closed.rcvd.code if closed.rcvd is not None else _LOST


def _told(code: int) -> int:
    """The code that a browser is told instead."""
    return code if code in _CLEAN or code >= 3000 else _LOST
