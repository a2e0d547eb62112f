"""`/twilio/stream`: the WebSocket of a call's sound, carried to a worker; a ticket proves which call it is."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, WebSocket
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ivr.console.parts import ConsoleParts, parts_of
from ivr.console.phone.relay import Relay, way_to
from ivr.console.twilio.house import TwilioHouse, house_of
from ivr.lines.twilio.line import parameters_of
from ivr.lines.twilio.tickets import StreamTicket
from policy_db.errors import PolicyDatabaseError
from policy_db.workers import SILENCE, WorkerFact

router = APIRouter()

#: Where a worker takes such streams.
PATH: Final = "/stream/twilio"
#: Seconds in which a socket must say `start`, and how many texts may come before it.
_START_WITHIN: Final = 10.0
_MOST_BEFORE: Final = 5
#: Close codes: 4000 and a SIP status.
_FORBIDDEN, _NO_WORKER = 4403, 4503
_NORMAL: Final = 1000


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Carry one call. 403 for what is not Twilio's; 4403 for a start without a ticket of its own, 4503."""
    parts = parts_of(socket)
    house = house_of(parts)
    if house is None or not house.signatures.of_stream(socket.headers.get("x-twilio-signature", "")):
        if house is not None:
            house.count("stream", "wrong_signature")
        await socket.close(1008)
        return
    await socket.accept()
    message = await _start(socket)
    call = _text(message, "callSid")
    ticket = house.tickets.take(_text(message, "customParameters", "ticket"), call)
    if ticket is None or call in house.live:
        house.count("stream", "wrong_ticket")
        await socket.close(_FORBIDDEN)
        return
    house.count("stream", "ok")
    house.live[call] = ticket.nonce
    try:
        await _carry(socket, parts, house, ticket, message)
    finally:
        house.left(call, ticket.nonce)


async def _carry(
    socket: WebSocket, parts: ConsoleParts, house: TwilioHouse, ticket: StreamTicket, message: dict[str, Any]
) -> None:
    """Open the way to the first worker that takes it, and relay until one side is gone."""
    call = _text(message, "callSid")
    address = socket.client.host if socket.client is not None else ""
    parameters = parameters_of(ticket)
    message["start"]["customParameters"] = dict(parameters)
    for worker in await _workers(parts, ticket):
        there = await way_to(parts, worker, address, PATH)
        if there is not None and await _begun(there, message):
            over = partial(_over, house, ticket, call)
            await Relay(socket, there, parameters, started=True, over=over).run()
            return
    _over(house, ticket, call, _NO_WORKER)
    await socket.close(_NO_WORKER)


async def _begun(there: ClientConnection, message: dict[str, Any]) -> bool:
    """Let a worker have the start; False if it is gone."""
    try:
        await there.send(json.dumps(message))
    except ConnectionClosed:
        return False
    return True


def _over(house: TwilioHouse, ticket: StreamTicket, call: str, code: int | None) -> None:
    """A stream is over, and its worker closed it with `code`: what follows is asked as soon as Twilio knows."""
    house.left(call, ticket.nonce)
    if code is not None and code != _NORMAL:
        house.ended(call, "refused" if code >= 4000 else "lost")


async def _workers(parts: ConsoleParts, ticket: StreamTicket) -> tuple[WorkerFact, ...]:
    """Whoever asked for the call; else those that take calls, in order."""
    try:
        if not ticket.key:
            return await parts.database.workers.serving(parts.clock())
        worker = await parts.database.workers.find(ticket.worker)
    except PolicyDatabaseError:
        return ()
    alive = worker is not None and worker.state != "stopped" and parts.clock() - worker.seen_at < SILENCE
    return (worker,) if worker is not None and alive else ()


async def _start(socket: WebSocket) -> dict[str, Any]:
    """The start of a stream; empty if none came in time."""
    try:
        async with asyncio.timeout(_START_WITHIN):
            for _ in range(_MOST_BEFORE):
                said = await socket.receive()
                if said["type"] == "websocket.disconnect":
                    break
                message = _read(said.get("text") or "")
                if message.get("event") == "start" and isinstance(message.get("start"), dict):
                    return message
    except TimeoutError:
        pass
    return {}


def _read(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _text(message: dict[str, Any], *path: str) -> str:
    """A text of the start, or nothing."""
    found: Any = message.get("start")
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
