"""What a seat's console, or a supervisor, asks of a running call, and where it is asked.

`SeatTransfers.control` is called by the worker's own address (`POST /control/{call}/{command}`). The call's task
answers when it comes to it, in the order in which things happen to the call; `commands` says what there is to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from ivr.errors import SeatError
from ivr.seats.news import Command, News

#: Seconds that a call may take to answer.
PATIENCE: Final = 10.0


class Asked(Protocol):
    """Whoever handles a call."""

    def post(self, news: News) -> None:
        """Tell it."""


async def ask(
    handling: Asked | None,
    call_id: str,
    command: str,
    *,
    seat: str,
    by: str,
    arguments: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Ask, and wait for the answer.

    Raises SeatError: H640 no such call is here, H602 not now, H603 not the asker's, H604 whom it names is unknown
    or not free, H605 not possible in this call, H606 no answer in time, H641 unreadable.
    """
    if handling is None:
        raise SeatError(f"the call {call_id} is not with a seat here; it may be over", code="H640")
    answer: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
    handling.post(Command(command, seat, by, arguments, answer))
    try:
        async with asyncio.timeout(PATIENCE):
            return await answer
    except TimeoutError:
        raise SeatError(
            f"the call did not answer within {PATIENCE:.0f} s; look at its state, and ask again", code="H606"
        ) from None
