"""Starts callers at a pace, in this process or in several."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

from ivr.lines.base import Leg
from ivr.lines.sip import SipLine, SipSettings
from ivr.media.clip import Clip
from ivr.testing.load.caller import CallResult, GeneratorLine, place_call
from ivr.testing.load.plan import LoadPlan, number_after
from ivr.testing.load.report import LoadReport

#: Told after each call of how it went.
Told = Callable[[CallResult], None]


class Pace:
    """Starts the plan's calls one after another, as fast as the rate and the limit of calls at once allow."""

    def __init__(self, plan: LoadPlan, place: Callable[[str], Awaitable[CallResult]], told: Told) -> None:
        self._plan = plan
        self._place = place
        self._told = told
        self._running: set[asyncio.Task[None]] = set()
        self._results: list[CallResult] = []
        #: The most calls that went on at once.
        self.most = 0

    async def run(self) -> list[CallResult]:
        """Place them all; the results as they came in."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            for number in range(self._plan.total):
                await asyncio.sleep(max(0.0, began + number / self._plan.rate - loop.time()))
                while len(self._running) >= self._plan.at_once:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._one(number_after(self._plan.caller, number)))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
                self.most = max(self.most, len(self._running))
            while self._running:
                await asyncio.wait(self._running)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        return self._results

    async def _one(self, number: str) -> None:
        result = await self._place(number)
        self._results.append(result)
        self._told(result)


async def place_calls(line: GeneratorLine, plan: LoadPlan, told: Told = lambda _: None) -> LoadReport:
    """All calls of a plan over one started line. Raises HotlineError for an expected file that is no sound."""
    expected = Clip.from_wav(plan.expect) if plan.expect is not None else None
    steps = plan.steps()
    pace = Pace(plan, lambda number: place_call(line, plan, number, steps, expected), told)
    began = time.monotonic()
    results = await pace.run()
    return LoadReport(tuple(results), time.monotonic() - began, pace.most)


def generate(plan: LoadPlan, told: Callable[[LoadReport], None] = lambda _: None) -> LoadReport:
    """All calls of a plan, from as many processes as it needs; `told` of each process that is done."""
    shares = plan.shares()
    if len(shares) == 1:
        return _generate_share(shares[0])
    with ProcessPoolExecutor(len(shares), mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(_generate_share, share) for share in shares]
        return _joined(_each(running, told))


def _each(running: list[Future[LoadReport]], told: Callable[[LoadReport], None]) -> Iterable[LoadReport]:
    for future in as_completed(running):
        report = future.result()
        told(report)
        yield report


def _joined(reports: Iterable[LoadReport]) -> LoadReport:
    """One report of several that went on side by side."""
    parts = tuple(reports)
    calls = tuple(call for part in parts for call in part.calls)
    return LoadReport(calls, max(part.seconds for part in parts), sum(part.at_once for part in parts))


def _generate_share(plan: LoadPlan) -> LoadReport:
    """One process's share, with a line of its own."""
    gc.collect()
    gc.freeze()
    return asyncio.run(_with_line(plan))


async def _with_line(plan: LoadPlan) -> LoadReport:
    line = SipLine(
        SipSettings(
            name="load", host=plan.host, port=0, most_calls=plan.at_once + 20, user_agent="hotline load"
        )
    )
    await line.start(_refuse)
    try:
        return await place_calls(line, plan)
    finally:
        await line.stop()


def _refuse(leg: Leg) -> None:
    """Nobody is expected to call a call generator."""
    leg.refuse(486)
