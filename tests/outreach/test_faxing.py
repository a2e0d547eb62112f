"""A fax in a call and one to a number: what is kept of each, and when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.call.faxing import FaxDesk
from ivr.clock import SystemClock
from ivr.flow.instructions import Transfer
from ivr.lines.base import Ended, KeyDown, LegInfo
from ivr.lines.fax import Station
from ivr.lines.port_leg import PortLeg
from ivr.media import g711
from ivr.media.fax import FaxTerminal, write_pages
from ivr.media.g711 import FRAME, Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter
from ivr.outreach.carrier import NotReachedError
from ivr.outreach.faxing import FaxSender, again_at, modems_for
from policy_db import Keys, PolicyDatabase
from policy_db.faxes import Fax
from tests.media.fax_pair import images, needs_fax, pdf_of

pytestmark = needs_fax
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Line(PortLeg):
    """A leg with a machine at its other end, which hears and says as fast as it can until it hangs up."""

    def __init__(self, machine: FaxTerminal | None, *, beats: int = 50 * 600, stalls: bool = False) -> None:
        loop = asyncio.get_running_loop()
        port = AudioPort(Law.A, post=loop.call_soon)
        info = LegInfo("leg", "test", "13800138000", "4001")
        super().__init__(
            info, clock=SystemClock(), port=port, writer=RecordingWriter(), post=loop.call_soon_threadsafe
        )
        self._machine = machine
        self._beats = beats
        self._stalls = stalls
        self.hung_up = False
        self.task = asyncio.create_task(self._pace())

    def hang_up(self, reason: str = "normal") -> None:
        self.hung_up = True
        self.task.cancel()

    async def _pace(self) -> None:
        quiet = np.zeros(FRAME, np.int16)
        for beat in range(self._beats):
            stalled = self._stalls and beat % 50 < 8
            if stalled:  # silence for a packet that comes later, and no moment for the modem's thread
                self.port.frame_received(g711.SILENCE[Law.A])
            said = g711.decode(self.port.next_frame(), Law.A)
            heard = quiet if self._machine is None else self._machine.say()
            if self._machine is not None:
                self._machine.hear(said)
            self.port.frame_received(g711.encode(heard, Law.A))
            # The modem's thread makes one frame for each that we take.
            if not stalled:
                await asyncio.sleep(0.0004)
        self._desk.emit(Ended("caller"))


class Exchange:
    """A carrier whose calls are answered by machines, or not."""

    name = "sip"

    def __init__(self, answers: list[Callable[[], Line] | str]) -> None:
        self.answers = answers
        self.dialled: list[str] = []

    async def place(self, order: Any, told: Any) -> Line:
        self.dialled.append(order.to)
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise NotReachedError(answer, 486)
        return answer()

    async def ask(self, order: Any) -> None:
        return None


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path, clock: Clock) -> Any:
    url = f"sqlite+aiosqlite:///{tmp_path / 'fax.db'}"
    async with await PolicyDatabase.open(url, keys=Keys(b"k" * 32), clock=clock, migrate=True) as opened:
        await opened.documents.add("doc", kind="claim_guide", call="c1", channel="fax")
        yield opened


async def paper(document: str) -> bytes:
    return pdf_of(2, lines=4)


def desk(database: PolicyDatabase, folder: Path) -> FaxDesk:
    return FaxDesk(database.faxes, paper=paper, folder=folder, holder="w/1", station=Station("+86 10"))


def sender(
    database: PolicyDatabase, exchange: Exchange, folder: Path, clock: Clock, patience: float = 60.0
) -> FaxSender:
    return FaxSender(
        database.faxes, exchange, paper=paper, folder=folder, holder="w/1", station=Station("+86 10"),
        room=lambda: True, clock=clock, patience=patience,
    )  # fmt: skip


REQUEST = Transfer("t1", "fax", 60.0, details={"fax": "doc"})


async def test_a_fax_in_a_call_is_sent_kept_and_its_pages_are_gone_from_the_disk(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.faxes.put("doc", call_id="c1")
    got = tmp_path / "got.tif"
    line = Line(FaxTerminal(receive=got, name="+49 30"))
    assert await desk(database, tmp_path / "pages").transfer("c1", line, REQUEST) == "answered"
    fax = await database.faxes.find("doc")
    document = await database.documents.find("doc")
    assert fax is not None
    assert document is not None
    assert (fax.state, fax.pages, fax.total, fax.ecm, fax.machine) == ("sent", 2, 2, True, "+49 30")
    assert document.state == "sent"
    assert len(images(got)) == 2
    assert list((tmp_path / "pages").iterdir()) == []
    line.hang_up()


async def test_pages_come_over_whole_where_packets_are_late_and_the_clock_stands_still_for_moments(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.faxes.put("doc", call_id="c1")
    got, sent = tmp_path / "got.tif", tmp_path / "sent.tif"
    write_pages(await paper("doc"), sent)
    line = Line(FaxTerminal(receive=got, ecm=False), stalls=True)
    assert await desk(database, tmp_path / "pages").transfer("c1", line, REQUEST) == "answered"
    assert images(got) == images(sent)
    line.hang_up()


async def test_a_fax_of_another_call_is_not_sent(database: PolicyDatabase, tmp_path: Path) -> None:
    await database.faxes.put("doc", call_id="c1")
    line = Line(None)
    assert await desk(database, tmp_path).transfer("c2", line, REQUEST) == "closed"
    line.hang_up()


async def test_the_star_key_leads_back_before_a_machine_answers(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.faxes.put("doc", call_id="c1")
    faxes, line = desk(database, tmp_path), Line(None)
    going = asyncio.create_task(faxes.transfer("c1", line, REQUEST))
    while not faxes.has("c1"):
        await asyncio.sleep(0)
    faxes.told("c1", KeyDown("*"))
    assert await going == "cancelled"
    fax = await database.faxes.find("doc")
    assert fax is not None
    assert (fax.state, fax.pages) == ("failed", 0)
    line.hang_up()


async def test_a_caller_who_hangs_up_has_what_became_of_the_fax_written(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    await database.faxes.put("doc", call_id="c1")
    faxes, line = desk(database, tmp_path), Line(None)
    going = asyncio.create_task(faxes.transfer("c1", line, REQUEST))
    while not faxes.has("c1"):
        await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    await faxes.over("c1")
    fax = await database.faxes.find("doc")
    assert fax is not None
    assert (fax.state, fax.outcome) == ("failed", "no_machine")
    line.hang_up()


async def test_a_busy_number_is_tried_again_and_then_gets_its_pages(
    database: PolicyDatabase, tmp_path: Path, clock: Clock
) -> None:
    got = tmp_path / "got.tif"
    exchange = Exchange(["busy", lambda: Line(FaxTerminal(receive=got))])
    faxes = sender(database, exchange, tmp_path / "pages", clock)
    await database.faxes.put("doc", number="+861065531234")
    assert await faxes.once() == 1
    await faxes.settled()
    assert await faxes.once() == 0
    clock.now += timedelta(minutes=6)
    assert await faxes.once() == 1
    await faxes.settled()
    fax = await database.faxes.find("doc")
    assert fax is not None
    assert (fax.state, fax.tries, fax.pages) == ("sent", 2, 2)
    assert [one["outcome"] for one in fax.history] == ["busy", "sent"]
    assert exchange.dialled == ["+861065531234"] * 2
    assert len(images(got)) == 2


async def test_where_somebody_picks_up_who_is_no_machine_it_is_given_up_soon(
    database: PolicyDatabase, tmp_path: Path, clock: Clock
) -> None:
    nobody = Exchange([lambda: Line(None), lambda: Line(None)])
    faxes = sender(database, nobody, tmp_path / "pages", clock, patience=0.5)
    await database.faxes.put("doc", number="+861065531234")
    for _ in range(3):
        await faxes.once()
        await faxes.settled()
        clock.now += timedelta(hours=1)
    fax = await database.faxes.find("doc")
    document = await database.documents.find("doc")
    assert fax is not None
    assert document is not None
    assert (fax.state, fax.tries, fax.outcome, document.problem) == ("failed", 2, "no_machine", "no_machine")


async def test_two_processes_never_take_the_same_fax(database: PolicyDatabase) -> None:
    await database.faxes.put("doc", number="+861065531234")
    first = await database.faxes.take_due("a")
    assert (len(first), await database.faxes.take_due("b")) == (1, ())


def test_after_a_bad_line_slower_modems_are_used_and_no_fax_is_tried_for_ever() -> None:
    def fax(tries: int, *history: str) -> Fax:
        return Fax(
            "d", "+86", "", "sending", tries, NOW, "w", None, 1, 0, "", 0, False, "", "",
            tuple({"outcome": one} for one in history),
        )  # fmt: skip

    assert "v17" in modems_for(fax(1, "busy"))
    assert "v17" not in modems_for(fax(2, "line_too_bad"))
    assert again_at(fax(1), "cut", NOW) == NOW + timedelta(minutes=3)
    assert again_at(fax(4), "cut", NOW) is None
    assert again_at(fax(1), "invalid_number", NOW) is None
