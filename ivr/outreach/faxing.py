"""Faxes to a number: dialled when they are due, sent, and tried again where that is worth while.

A fax is taken by one process only (`Faxes.take_due`); what was confirmed stays confirmed, and the next try begins with
the page that failed. Where the line was bad, it goes on with slower modems.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from ivr.errors import HotlineError
from ivr.lines.base import Ended, LegEvent
from ivr.lines.fax import FaxRun, Station, room_for_pages, try_of
from ivr.lines.port_leg import PortLeg
from ivr.media.fax import FaxResult, missing, write_pages
from ivr.media.fax.terminal import ALL_MODEMS, Modem
from ivr.outreach.carrier import AnsweredBy, Carrier, DialOrder, NotReachedError
from policy_db.errors import PolicyDatabaseError
from policy_db.faxes import Fax, Faxes, FaxTry

log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due, for how long it rings, and how long a machine has to show itself.
EVERY: Final = 5.0
RING: Final = 50.0
PATIENCE: Final = 45.0
#: Faxes that one process sends at once.
AT_ONCE: Final = 4
#: By how a try ended: after how many tries it is given up, and how long until the next.
_AGAIN: Final[dict[str, tuple[int, timedelta]]] = {
    "busy": (5, timedelta(minutes=5)),
    "no_answer": (3, timedelta(minutes=15)),
    "unreachable": (3, timedelta(minutes=15)),
    "congested": (5, timedelta(minutes=3)),
    # Somebody picked up whom it makes no sense to ring again and again.
    "no_machine": (2, timedelta(minutes=10)),
    **dict.fromkeys(("cut", "broken_off", "line_too_bad", "failed"), (4, timedelta(minutes=3))),
}
_BAD_LINE: Final = frozenset({"broken_off", "line_too_bad", "failed"})
_ROBUST: Final[tuple[Modem, ...]] = ("v27ter", "v29")


def again_at(fax: Fax, word: str, now: datetime) -> datetime | None:
    """When a fax is tried again after a try that ended so; None: never."""
    most, gap = _AGAIN.get(word, (0, timedelta()))
    return now + gap if fax.tries < most else None


def modems_for(fax: Fax) -> tuple[Modem, ...]:
    """The fastest there are, but no V.17 once a try has failed on the line."""
    bad = any(one.get("outcome") in _BAD_LINE for one in fax.history)
    return _ROBUST if bad else ALL_MODEMS


class FaxSender:
    """Sends the faxes that are due, in one worker. `room` says whether its line takes another call of ours."""

    def __init__(
        self,
        faxes: Faxes,
        carrier: Carrier,
        *,
        paper: Callable[[str], Awaitable[bytes]],
        folder: Path,
        holder: str,
        station: Station,
        room: Callable[[], bool],
        clock: Callable[[], datetime],
        stopping: Callable[[], bool] = lambda: False,
        patience: float = PATIENCE,
    ) -> None:
        self._faxes = faxes
        self._carrier = carrier
        self._paper = paper
        self._folder = folder
        self._holder = holder
        self._station = station
        self._room = room
        self._clock = clock
        self._patience = patience
        self._sending: dict[asyncio.Task[None], FaxRun | None] = {}
        self._told_to_stop = stopping
        self._closing = False

    @asynccontextmanager
    async def kept(self, every: float = EVERY) -> AsyncIterator[FaxSender]:
        """Look and send for the length of the block; at its end what is sent is broken off, and waits again."""
        if missing():
            yield self
            return
        looking = asyncio.create_task(self._look(every))
        try:
            yield self
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self.close()

    async def _look(self, every: float) -> None:
        while True:
            try:
                await self.once()
            except PolicyDatabaseError as error:
                log.warning("no look at faxes that are due", error=type(error).__name__)
            await asyncio.sleep(every)

    async def once(self) -> int:
        """Begin what is due, as far as there is room; how many."""
        limit = AT_ONCE - len(self._sending)
        if limit <= 0 or not self._room():
            return 0
        taken = await self._faxes.take_due(self._holder, limit)
        for fax in taken:
            task = asyncio.create_task(self._send(fax))
            self._sending[task] = None
            task.add_done_callback(lambda done: self._sending.pop(done, None))
        return len(taken)

    async def settled(self) -> None:
        """Wait until all that was begun is over."""
        while self._sending:
            await asyncio.wait(tuple(self._sending))

    async def close(self) -> None:
        """Break off what is being sent; it is tried again, by whoever comes first."""
        self._closing = True
        for task, run in tuple(self._sending.items()):
            if run is None:
                task.cancel()
            else:
                run.stop()
        if self._sending:
            await asyncio.wait(tuple(self._sending), timeout=5.0)

    # One fax

    async def _send(self, fax: Fax) -> None:
        total, tried = fax.total, FaxTry("failed", fax.pages)
        try:
            with room_for_pages(self._folder) as path:
                total = await asyncio.to_thread(write_pages, await self._paper(fax.document_id), path)
                await self._faxes.progress(fax.document_id, fax.holder, pages=fax.pages, total=total)
                tried = try_of(fax, await self._call(fax, path))
        except NotReachedError as error:
            tried = FaxTry(error.outcome, fax.pages)
        except HotlineError as error:
            log.error("a fax cannot be sent", document=fax.document_id, error=str(error))
            tried = FaxTry("no_pages", fax.pages)
        except asyncio.CancelledError:
            tried = FaxTry("cut", fax.pages)
        except Exception:
            log.exception("a fax failed", document=fax.document_id)
        await self._keep(fax, tried, total)

    async def _keep(self, fax: Fax, tried: FaxTry, total: int) -> None:
        """Write how it ended; a try that this process gave up because it stops does not count."""
        ours = (self._closing or self._told_to_stop()) and tried.outcome != "sent"
        at = self._clock() if ours else again_at(fax, tried.outcome, self._clock())
        log.info(
            "a fax was tried", document=fax.document_id, outcome=tried.outcome, pages=tried.pages, of=total
        )
        try:
            await self._faxes.ended(fax, tried, total=total, again_at=at, counts=not ours)
        except (
            PolicyDatabaseError
        ) as error:  # its lease ends, and another try begins after the last known page
            log.error("what became of a fax is not written", error=type(error).__name__)

    async def _call(self, fax: Fax, pages: Path) -> FaxResult:
        leg = await self._carrier.place(self._order(fax), _Untold())
        if not isinstance(leg, PortLeg):
            leg.hang_up("failed")
            raise NotReachedError("unreachable", 0, "the line carries no sound of machines")
        run = FaxRun(
            leg, pages, station=self._station, first_page=fax.pages, patience=self._patience,
            modems=modems_for(fax),
        )  # fmt: skip
        task = asyncio.current_task()
        if task in self._sending:
            self._sending[task] = run
        leg.attach(_until_end(run))
        try:
            return await run.run()
        finally:
            leg.hang_up("fax")

    def _order(self, fax: Fax) -> DialOrder:
        return DialOrder(
            attempt=fax.document_id,
            to=fax.number,
            caller="",
            ring_seconds=RING,
            detect=False,
            call_id=fax.call_id,
            placed_at=self._clock(),
        )


def _until_end(run: FaxRun) -> Callable[[LegEvent], None]:
    def heard(event: LegEvent) -> None:
        if isinstance(event, Ended):
            run.stop()

    return heard


class _Untold:
    """Nobody waits for what a carrier tells on the way."""

    def submitted(self, carrier_id: str) -> None:
        """See Told."""

    def ringing(self) -> None:
        """See Told."""

    def answered_by(self, who: AnsweredBy, *, tone: bool = False) -> None:
        """See Told."""
