"""Live pages: nudges of the bus as server-sent events, and a slow beat in case one was lost."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse

from ivr.bus import Bus, Nudge
from ivr.console.access import Anyone

router = APIRouter()
#: Seconds after which a page reads again although nothing was heard.
BEAT: Final = 15.0
#: Nudges that wait for one browser; beyond that it is told to read everything again.
MOST_WAITING: Final = 200
#: Seconds in which nudges of calls gather for one browser: hundreds of calls move at any moment. Of so many at once it
#: is told that some call changed, and not which.
GATHER: Final = 0.25
_MANY: Final = 20
_GATHERED: Final = frozenset({"call", "queue"})
_ALL: Final = Nudge("*")


class Hub:
    """Gives every nudge to every browser that listens; one that is slow gets one "read all" instead of many."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Nudge]] = set()

    def hear(self, nudge: Nudge) -> None:
        """Tell all listeners."""
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                nudge = _ALL
            queue.put_nowait(nudge)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[Nudge]]:
        """A queue of nudges for the length of the block."""
        queue: asyncio.Queue[Nudge] = asyncio.Queue(MOST_WAITING)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    @property
    def listeners(self) -> int:
        """How many browsers listen."""
        return len(self._queues)


@asynccontextmanager
async def hub(bus: Bus) -> AsyncIterator[Hub]:
    """The hub of one console process, fed by the bus."""
    made = Hub()
    async with bus.listening(made.hear):
        yield made


@router.get("/events", include_in_schema=False)
async def events(request: Request, visitor: Anyone) -> EventSourceResponse:
    """Nudges for a browser: `{"topic", "id"}`; ids of seats and calls only, no facts about anybody."""
    found: Hub = request.app.state.hub
    return EventSourceResponse(_stream(found), ping=20)


async def _stream(found: Hub) -> AsyncIterator[dict[str, Any]]:
    clock = asyncio.get_running_loop().time
    gathered: dict[Nudge, None] = {}
    due = 0.0
    async with found.listening() as queue:
        yield _event(_ALL)
        while True:
            wait = max(0.001, due - clock()) if gathered else BEAT
            try:
                nudge = await asyncio.wait_for(queue.get(), wait)
            except TimeoutError:
                for one in _thinned(gathered) or [_ALL]:
                    yield _event(one)
                gathered.clear()
                continue
            if nudge.topic not in _GATHERED:
                yield _event(nudge)
            elif gathered:
                gathered[nudge] = None
            else:
                gathered, due = {nudge: None}, clock() + GATHER
            if gathered and clock() >= due:
                for one in _thinned(gathered):
                    yield _event(one)
                gathered.clear()


def _thinned(gathered: Iterable[Nudge]) -> list[Nudge]:
    """Each nudge once; instead of very many of a topic one that names nothing."""
    nudges = list(gathered)
    many = [topic for topic, count in Counter(one.topic for one in nudges).items() if count > _MANY]
    return [*(Nudge(topic) for topic in many), *(one for one in nudges if one.topic not in many)]


def _event(nudge: Nudge) -> dict[str, Any]:
    return {"event": "nudge", "data": json.dumps({"topic": nudge.topic, "id": nudge.id})}
