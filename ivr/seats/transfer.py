"""Callers of one worker brought to people: who waits, who is called back, and what the desk needs as time goes by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from ivr.clock import Clock
from ivr.flow.instructions import Transfer
from ivr.lines.base import KeyDown, Leg, PlayEnded
from ivr.seats.call_back import CallBack
from ivr.seats.case import Dialler, Manners, Outcome, Records, Tools, Words
from ivr.seats.changes import Changed
from ivr.seats.choose import Rules
from ivr.seats.controls import ask
from ivr.seats.desk import Caller, Desk, Offer
from ivr.seats.handling import Handling
from ivr.seats.hours import IsOpen, always_open
from ivr.seats.news import CallerGone, CallerTold, PlaceLost
from ivr.seats.sound import Sound
from ivr.seats.store import SeatStore
from ivr.seats.taping import NoTaping, Taping
from ivr.speech import Rendered

_log = logging.getLogger(__name__)
#: Seconds between looks at the line, which see what other processes have changed, and between sweeps.
LOOK: Final = 1.0
#: Seconds between signs of life; a lease is three and more of them.
BEAT: Final = 4.0
#: Seconds that calls may take to give everything back when the worker stops.
_CLOSING: Final = 5.0
#: Seconds that a call's own end waits until it has left the line.
_LEAVING: Final = 2.0
_RULES: Final = Rules(call_back_rest_seconds=15.0)


def _say_nothing(language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
    return Rendered((), "")


def _note_nothing(call_id: str, kind: str, **details: Any) -> None:
    return


def _tell_nobody(topic: str, id: str) -> None:  # noqa: A002
    return


class SeatTransfers:
    """Rings seats for the callers that a worker carries. Use it within `tended`.

    `line` dials the seats, `sound` gives music and joins the legs, `whisper` makes what a seat hears on picking
    up. `worker` is the name by which the worker's calls are known in the database. For the rest see `Tools`.
    """

    def __init__(
        self,
        store: SeatStore,
        *,
        worker: str,
        line: Dialler,
        sound: Sound,
        whisper: Callable[[Offer, Transfer], Rendered],
        clock: Clock,
        rules: Rules | None = None,
        is_open: IsOpen = always_open,
        words: Words = _say_nothing,
        taping: Taping | None = None,
        note: Callable[..., None] = _note_nothing,
        notify: Callable[[str, str], None] = _tell_nobody,
        records: Records | None = None,
        manners: Manners | None = None,
    ) -> None:
        def now() -> datetime:
            return clock.now().astimezone(UTC)

        self.desk = Desk(store, clock=now, rules=rules or _RULES, is_open=is_open, listener=self._changed)
        self._clock = clock
        self._worker = worker
        self._notify = notify
        self._tools = Tools(
            self.desk, worker, line, sound, whisper, words, taping or NoTaping(), note, notify, records,
            manners or Manners(),
        )  # fmt: skip
        self._handlings: dict[str, Handling | CallBack] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._sweep_at = self._beat_at = 0.0
        self._failing = self._closing = False

    # What calls ask

    async def transfer(
        self,
        call_id: str,
        leg: Leg,
        request: Transfer,
        *,
        language: str = "",
        policy: str = "",
        level: int = 0,
    ) -> Outcome:
        """Bring the caller to a person; see `Transfers`. Cancelled, it gives everything back by itself."""
        handling = self._handlings.get(call_id)
        if isinstance(handling, Handling) and handling.parked:
            handling.back(request, policy, level)
        else:
            caller = Caller(leg.info.caller, policy=policy, language=language)
            handling = Handling.of(self._tools, call_id, leg, request, caller)
            self._run(call_id, handling)
        try:
            return await asyncio.shield(handling.outcome)
        except asyncio.CancelledError:
            await self.over(call_id)
            raise

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """What a caller does while they are on their way to a person."""
        handling = self._handlings.get(call_id)
        if handling is not None:
            handling.post(CallerTold(event))

    async def over(self, call_id: str) -> None:
        """The call is over: whatever waits for its caller is given back, within a bound."""
        handling = self._handlings.get(call_id)
        if isinstance(handling, Handling):
            handling.post(CallerGone())
            with self._clock.hold():
                await asyncio.wait({handling.ended}, timeout=_LEAVING)

    async def control(
        self, call_id: str, command: str, *, seat: str, by: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Do something with a call that is here; see `controls`. Raises SeatError."""
        return await ask(
            self._handlings.get(call_id), call_id, command, seat=seat, by=by, arguments=arguments
        )

    # What goes on all the time

    @asynccontextmanager
    async def tended(self) -> AsyncIterator[SeatTransfers]:
        """Tend the line for the length of the block; at its end nothing of it is left."""
        keeper = asyncio.create_task(self._tend())
        try:
            yield self
        finally:
            self._closing = True
            for handling in self._handlings.values():
                handling.post(CallerGone())
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=_CLOSING)
            left = (keeper, *self._tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _run(self, call_id: str, handling: Handling | CallBack) -> None:
        self._handlings[call_id] = handling
        task = asyncio.create_task(handling.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(call_id, handling, done))

    def _done(self, call_id: str, handling: Handling | CallBack, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._handlings.get(call_id) is handling:
            del self._handlings[call_id]
        if not task.cancelled() and task.exception() is not None:
            _log.error("a transfer of %s failed: %r", call_id, task.exception())

    def _changed(self, change: Changed) -> None:
        """Something changed by our own doing: look at once, and let others look."""
        self._wake.set()
        try:
            for seat in change.seats:
                self._notify("seat", seat.id)
            for call in change.calls:
                self._notify("call", call.call_id)
                self._notify("queue", call.queue)
        except Exception:
            _log.exception("nobody was told of a change")

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
        if not self._closing:
            for offer in await self.desk.next_offers(self._worker):
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
        if offer.call.call_back_to:
            await self._call_back(offer, handling)
        elif handling is None:
            await self.desk.abandon(offer.call_id)
        else:
            handling.post(offer)

    async def _call_back(self, offer: Offer, handling: Handling | CallBack | None) -> None:
        """Begin to call somebody back. Whoever still attends to their last call lets it be for now."""
        if handling is not None:
            await self.desk.refused(offer.call_id, offer.seat.id)
        else:
            self._run(offer.call_id, CallBack(self._tools, self._clock, offer))

    async def _beat(self) -> None:
        """Say that our calls live; end what nobody here knows of (a process before us may have died with it)."""
        before = {call for call, handling in self._handlings.items() if handling.joined}
        ours = await self.desk.heartbeat(self._worker)
        for call in ours - self._handlings.keys():
            await self.desk.broken_off(call)
        for call in before - ours:
            if (handling := self._handlings.get(call)) is not None and handling.joined:
                handling.post(PlaceLost())
