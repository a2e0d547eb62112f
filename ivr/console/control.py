"""What the console asks of a running call: sent to the worker that carries it, by the worker's own address.

    await command(parts, call_id, "hold", seat="anna", by=visitor.name)
    await command(parts, call_id, "transfer", seat="anna", by=visitor.name, queue="claims")

What may be asked is in `ivr/seats/commands.py`.
"""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ivr.ask_worker import ask_worker
from ivr.console.parts import ConsoleParts
from ivr.errors import SeatError
from policy_db.workers import CONTROL

#: Seconds that a worker may take; ringing somebody goes on after its answer.
ANSWER_WITHIN: Final = 10.0


async def command(
    parts: ConsoleParts,
    call_id: str,
    command: str,
    *,
    seat: str = "",
    by: str,
    **arguments: Any,
) -> dict[str, Any]:
    """Ask the worker of a call to do `command` for a seat, asked by a user; what it gives back.

    Raises SeatError: H640 the call is over or nobody carries it, H643 its worker does not answer, or the worker's
    own refusal with its code.
    """
    url = await worker_url(parts, call_id)
    token = parts.database.keys.token(CONTROL)
    path = f"/control/{quote(call_id, safe='')}/{quote(command, safe='')}"
    body = {"seat": seat, "by": by, **arguments}
    try:
        reply = await asyncio.to_thread(ask_worker, url, path, token, body, within=ANSWER_WITHIN)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SeatError(
            f"the worker of this call does not answer ({type(error).__name__}); try again in a moment",
            code="H643",
        ) from None
    if reply.status >= 400:
        code, message = reply.body.get("code", "H600"), reply.body.get("message", "the worker refused")
        raise SeatError(str(message), code=str(code))
    return reply.body


async def tell_worker(parts: ConsoleParts, url: str, path: str, body: Mapping[str, Any]) -> int:
    """Tell a worker something of no particular call of a seat; the status of its answer.

    Raises OSError, HTTPException or ValueError where it does not answer.
    """
    token = parts.database.keys.token(CONTROL)
    reply = await asyncio.to_thread(ask_worker, url, path, token, body, within=ANSWER_WITHIN)
    return reply.status


async def worker_url(parts: ConsoleParts, call_id: str) -> str:
    """Where the worker of a running call is spoken to. Raises SeatError (H640) if the call runs nowhere."""
    worker = await parts.database.workers.find(await _carrier(parts, call_id))
    if worker is None or not worker.url:
        raise SeatError("nobody knows where the worker of this call is; it may have ended", code="H640")
    return worker.url


async def _carrier(parts: ConsoleParts, call_id: str) -> str:
    """The name of the worker that carries a call: by its place in line, as long as it has one, else by its record.

    Somebody who is to be called back has a place before there is a record. Raises SeatError (H640).
    """
    place = (await parts.database.seats.scene(call=call_id)).call
    if place is not None and place.worker:
        return place.worker
    call = await parts.database.calls.find(call_id)
    if call is None or call.state != "running":
        raise SeatError("this call is over", code="H640")
    return call.worker
