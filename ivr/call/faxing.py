"""The caller's own fax machine, in this same call: who is asked to press start gets the pages by the line they are on.

A flow comes here by a transfer that names a `fax` (`ivr.flow.model.TransferTo`), with a document that a service has
prepared in this very call. What is still being said is heard first; then the line belongs to the machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from ivr.call.transfers import TransferOutcome, Transfers
from ivr.errors import HotlineError
from ivr.flow.instructions import Transfer
from ivr.flow.model import FAX
from ivr.lines.base import KeyDown, Leg, PlayEnded
from ivr.lines.fax import FaxRun, Station, room_for_pages, try_of
from ivr.lines.port_leg import PortLeg
from ivr.media.fax import FaxResult, missing, write_pages
from policy_db.errors import PolicyDatabaseError
from policy_db.faxes import Fax, Faxes

log = structlog.get_logger(__name__)

#: Gives a document as a PDF. Raises HotlineError.
Paper = Callable[[str], Awaitable[bytes]]
#: What a flow is told of how a fax ended.
_OUTCOMES: Final[dict[str, TransferOutcome]] = {
    "sent": "answered",
    "no_machine": "timeout",
    "failed": "closed",
}


@dataclass(slots=True, eq=False)
class _Job:
    """A fax in a call. `left`: the caller pressed the star key before any machine answered."""

    fax: Fax
    leg: PortLeg
    total: int = 0
    run: FaxRun | None = None
    left: bool = False
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True
        if self.run is not None:
            self.run.stop()


class FaxDesk:
    """The faxes in a worker's calls. `folder` is where pages lie while they are sent, `holder` names the process."""

    def __init__(
        self,
        faxes: Faxes,
        *,
        paper: Paper,
        folder: Path,
        holder: str,
        station: Station,
        note: Callable[..., None] = lambda call_id, kind, **details: None,
    ) -> None:
        self._faxes = faxes
        self._paper = paper
        self._folder = folder
        self._holder = holder
        self._station = station
        self._note = note
        self._jobs: dict[str, tuple[_Job, asyncio.Task[TransferOutcome]]] = {}

    def has(self, call_id: str) -> bool:
        """Whether a fax is sent in this call."""
        return call_id in self._jobs

    async def transfer(self, call_id: str, leg: Leg, request: Transfer) -> TransferOutcome:
        """Send the document that the request names to the machine at the other end; returns when that is over.

        The request's timeout is how long the machine may be waited for. Cancelled when the caller hangs up: what has
        been confirmed by then is kept.
        """
        if missing() or not isinstance(leg, PortLeg):
            return "closed"
        fax = await self._faxes.take(str(request.details.get(FAX, "")), call_id, self._holder)
        if fax is None:
            return "closed"
        job = _Job(fax, leg)
        task = asyncio.create_task(self._send(call_id, job, request.timeout))
        self._jobs[call_id] = (job, task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            job.stop()
            raise

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """A caller who presses the star key before any machine answers wants back; other keys are the machine's."""
        job, _ = self._jobs[call_id]
        if isinstance(event, KeyDown) and event.key == "*" and not (job.run is not None and job.run.found):
            job.left = True
            job.leg.stop_playing()
            job.stop()

    async def over(self, call_id: str) -> None:
        """The call is over; returns when what became of its fax is written."""
        if call_id in self._jobs:
            job, task = self._jobs[call_id]
            job.stop()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(task)

    async def _send(self, call_id: str, job: _Job, patience: float) -> TransferOutcome:
        result = FaxResult("failed")
        try:
            result = await self._run(job, patience)
        except HotlineError as error:
            log.error("a fax cannot be sent", call_id=call_id, error=str(error))
        except Exception:
            log.exception("a fax failed", call_id=call_id)
        finally:
            pages = job.fax.pages + result.pages
            await self._keep(job, result)
            self._note(call_id, "fax", outcome=result.word, pages=pages, of=job.total)
            del self._jobs[call_id]
        return "cancelled" if job.left else _OUTCOMES.get(result.word, "busy")

    async def _run(self, job: _Job, patience: float) -> FaxResult:
        with room_for_pages(self._folder) as path:
            job.total = await asyncio.to_thread(write_pages, await self._paper(job.fax.document_id), path)
            job.run = FaxRun(
                job.leg, path, station=self._station, first_page=job.fax.pages, patience=patience
            )
            if job.stopped:
                job.run.stop()
            return await job.run.run()

    async def _keep(self, job: _Job, result: FaxResult) -> None:
        try:
            await self._faxes.ended(job.fax, try_of(job.fax, result), total=job.total)
        except PolicyDatabaseError as error:
            log.error("what became of a fax is not written", error=type(error).__name__)


class WithFaxes:
    """Brings callers to their own fax machine, or wherever else a transfer leads."""

    def __init__(self, others: Transfers, desk: FaxDesk) -> None:
        self._others = others
        self._desk = desk

    async def transfer(
        self, call_id: str, leg: Leg, request: Transfer, **known: Any
    ) -> TransferOutcome:  # as `Transfers` has it
        """See `Transfers`."""
        if FAX in request.details:
            return await self._desk.transfer(call_id, leg, request)
        return await self._others.transfer(call_id, leg, request, **known)

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """See `Transfers`."""
        (self._desk if self._desk.has(call_id) else self._others).told(call_id, event)

    async def over(self, call_id: str) -> None:
        """See `Transfers`."""
        await self._desk.over(call_id)
        await self._others.over(call_id)
