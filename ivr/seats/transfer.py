"""Callers of one worker brought to people: who waits, and what must be done at the desk as time goes by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from ivr.clock import Clock
from ivr.flow.instructions import Transfer
from ivr.lines.base import Leg, Line
from ivr.seats.changes import Changed
from ivr.seats.choose import Rules
from ivr.seats.desk import Caller, Desk, Offer
from ivr.seats.handling import CallerGone, Handling, Outcome, PlaceLost, Tools
from ivr.seats.sound import Sound
from ivr.seats.store import SeatStore
from ivr.speech import Rendered

_log = logging.getLogger(__name__)
#: Seconds between looks at the line, which see what other processes have changed, and between sweeps.
LOOK: Final = 1.0
#: Seconds between signs of life; a lease is three and more of them.
BEAT: Final = 4.0
#: Seconds that calls may take to give everything back when the worker stops.
_CLOSING: Final = 5.0


class SeatTransfers:
    """Rings seats for the callers that a worker carries. Use it within `tended`.

    `line` dials the seats, `sound` gives music and joins the legs, `whisper` makes what a seat hears on picking
    up. `worker` is the name by which the worker's calls are known in the database.
    """

    def __init__(
        self,
        store: SeatStore,
        *,
        worker: str,
        line: Line,
        sound: Sound,
        whisper: Callable[[Offer, Transfer], Rendered],
        clock: Clock,
        rules: Rules | None = None,
    ) -> None:
        def now() -> datetime:
            return clock.now().astimezone(UTC)

        self.desk = Desk(store, clock=now, rules=rules, listener=self._changed)
        self._clock = clock
        self._worker = worker
        self._tools = Tools(self.desk, worker, line, sound, whisper)
        self._handlings: dict[str, Handling] = {}
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._wake = asyncio.Event()
        self._sweep_at = self._beat_at = 0.0
        self._failing = False

    async def transfer(
        self, call_id: str, leg: Leg, request: Transfer, *, language: str = "", policy: str = ""
    ) -> Outcome:
        """Bring the caller to a person; see `Transfers`. Cancelled, it gives everything back by itself."""
        caller = Caller(leg.info.caller, policy=policy, language=language)
        handling = Handling(self._tools, call_id, leg, request, caller)
        self._handlings[call_id] = handling
        task = asyncio.create_task(handling.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(call_id, handling, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            handling.post(CallerGone())
            raise

    @asynccontextmanager
    async def tended(self) -> AsyncIterator[SeatTransfers]:
        """Tend the line for the length of the block; at its end nothing of it is left."""
        keeper = asyncio.create_task(self._tend())
        try:
            yield self
        finally:
            for handling in self._handlings.values():
                handling.post(CallerGone())
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=_CLOSING)
            left = (keeper, *self._tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _done(self, call_id: str, handling: Handling, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        if self._handlings.get(call_id) is handling:
            del self._handlings[call_id]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a transfer of %s failed: %r", call_id, task.exception())

    def _changed(self, change: Changed) -> None:
        self._wake.set()

    # What goes on all the time

    async def _tend(self) -> None:
        while True:
            await self._until_something()
            try:
                with self._clock.hold():
                    await self._look()
                self._failing = False
            except Exception as error:
                if not self._failing:
                    _log.error("queues and seats are not tended, tried again: %r", error)
                self._failing = True

    async def _until_something(self) -> None:
        """A change of ours, or a while."""
        timer = self._clock.call_at(self._clock.time() + LOOK, self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake.clear()

    async def _look(self) -> None:
        """Ring whom there is to ring first; then what is due."""
        if self._handlings:
            for offer in await self.desk.next_offers(self._worker, call_backs=False):
                await self._offered(offer)
        now = self._clock.time()
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            await self._beat()
        if now >= self._sweep_at:
            self._sweep_at = now + LOOK
            await self.desk.sweep()

    async def _offered(self, offer: Offer) -> None:
        handling = self._handlings.get(offer.call_id)
        if handling is None:
            await self.desk.abandon(offer.call_id)
        else:
            handling.post(offer)

    async def _beat(self) -> None:
        """Say that our calls live; end what nobody here knows of (a process before us may have died with it)."""
        before = {call for call, handling in self._handlings.items() if handling.joined}
        ours = await self.desk.heartbeat(self._worker)
        for call in ours - self._handlings.keys():
            await self.desk.ended(call, "broken_off")
        for call in before - ours:
            if (handling := self._handlings.get(call)) is not None and handling.joined:
                handling.post(PlaceLost())
