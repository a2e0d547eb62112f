"""A fax on a leg: pages go to whatever machine is at its other end, once it answers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.lines.port_leg import PortLeg
from ivr.media.fax import FaxResult, FaxSending, FaxTerminal
from ivr.media.fax.terminal import ALL_MODEMS, Modem
from policy_db.faxes import Fax, FaxTry

#: Seconds after which a fax is over, whatever the machines make of it.
LONGEST: Final = 3600.0
#: Seconds for which it is not worth while to wait once more.
_TOO_SHORT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Station:
    """What the other machine shows of us: a number (20 digits, plus and space), and a line on top of each page."""

    number: str = ""
    header: str = ""


class FaxRun:
    """Sends pages on a leg. `patience` is for how many seconds a machine may be waited for, after what is being said.

    `told` hears of a machine that answers and of each page it has confirmed (in this run).
    """

    def __init__(
        self,
        leg: PortLeg,
        pages: Path,
        *,
        station: Station,
        first_page: int = 0,
        patience: float = 60.0,
        modems: Sequence[Modem] = ALL_MODEMS,
        told: Callable[[int], None] = lambda pages: None,
    ) -> None:
        self._leg = leg
        self._pages = pages
        self._station = station
        self._first_page = first_page
        self._patience = patience
        self._modems = tuple(modems)
        self._told = told
        self._sending: FaxSending | None = None
        self._stopped = False

    @property
    def found(self) -> bool:
        """Whether a machine has answered."""
        return self._sending is not None and self._sending.found

    def stop(self) -> None:
        """End it now; `run` returns. Harmless if repeated."""
        self._stopped = True
        if self._sending is not None:
            self._sending.stop()

    async def run(self) -> FaxResult:
        """Until it is over; how it ended. Raises FaxError where spandsp is missing."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        over = loop.call_later(LONGEST, self.stop)
        try:
            while True:
                result = await self._once(until)
                # spandsp waits for a minute; whoever walks to a machine may take longer.
                if self._stopped or result.word != "no_machine" or until - loop.time() < _TOO_SHORT:
                    return result
        finally:
            over.cancel()

    async def _once(self, until: float) -> FaxResult:
        loop = asyncio.get_running_loop()
        terminal = FaxTerminal(
            send=self._pages,
            first_page=self._first_page,
            name=self._station.number,
            header=self._station.header,
            modems=self._modems,
        )
        sending = self._sending = FaxSending(
            self._leg.port, terminal, post=loop.call_soon_threadsafe, told=self._told
        )
        if self._stopped:
            sending.stop()
        else:
            sending.start()
        late = loop.call_at(until, self._give_up)
        try:
            return await asyncio.shield(sending.result)
        except asyncio.CancelledError:
            sending.stop()
            raise
        finally:
            late.cancel()

    def _give_up(self) -> None:
        if not self.found:
            self.stop()


@contextmanager
def room_for_pages(folder: Path) -> Iterator[Path]:
    """A file for pages in a folder that only we read; it is gone afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(12)}.tif"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def try_of(fax: Fax, result: FaxResult) -> FaxTry:
    """What became of a try, with the pages that earlier ones have brought over."""
    return FaxTry(
        result.word,
        fax.pages + result.pages,
        speed=result.speed,
        ecm=result.ecm,
        coding=result.coding,
        machine=result.machine,
    )
