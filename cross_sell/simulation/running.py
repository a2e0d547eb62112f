"""Whole worlds from an empty folder: a company, its year, and the verdict on the proof."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import process_time
from typing import Final

from cross_sell.adviser import ModelRegistry
from cross_sell.proof.trial import WINDOW, Trial, read_trial
from cross_sell.simulation.truth import Verdict, judge
from cross_sell.simulation.year import Ledger, Nightly, Plan, Progress, VirtualClock, Year, build_company
from policy_db import Keys, PinHasher, PolicyDatabase
from policy_db.moments import Period

#: Opens what is made up and holds no secret.
_KEYS: Final = Keys(b"simulated company, no secrets 32")
#: Given the opened database and its clock: the registry of models to score by, and what learns each night.
Learning = Callable[[PolicyDatabase, VirtualClock], tuple[ModelRegistry, Nightly]]


@dataclass(frozen=True, slots=True)
class Result:
    """One world: the verdict and what it was made from; `seconds` of the processor."""

    plan: Plan
    verdict: Verdict
    trial: Trial
    ledger: Ledger
    seconds: float


async def build_template(file: Path, plan: Plan) -> None:
    """A company's database as of the first day, to run worlds on copies of."""
    async with await _open(file, VirtualClock(_first(plan)), migrate=True) as database:
        await build_company(database, plan)


async def run_world(
    file: Path,
    plan: Plan,
    *,
    window: int = WINDOW,
    learning: Learning | None = None,
    template: Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a world in a new database at `file` (on a copy of `template`, if one is given), and judge the proof."""
    began = process_time()
    if template is not None:
        shutil.copyfile(template, file)
    clock = VirtualClock(_first(plan))
    async with await _open(file, clock, migrate=template is None) as database:
        if template is None:
            await build_company(database, plan)
        registry, nightly = (None, None) if learning is None else learning(database, clock)
        year = Year(database, plan, clock, registry=registry, nightly=nightly, window=window)
        ledger = await year.run(progress)
        trial = await read_world(database, plan, window)
        verdict = judge(trial, ledger, await database.offered.all(), plan.zone)
    return Result(plan, verdict, trial, ledger, process_time() - began)


async def read_world(database: PolicyDatabase, plan: Plan, window: int) -> Trial:
    """Everybody of the simulated time whose window is over at its end."""
    end = _first(plan) + timedelta(days=plan.days)
    return await read_trial(database, Period(_first(plan), end), end, plan.zone, window=window)


def another(plan: Plan, index: int) -> Plan:
    """The plan of another world: the same company, other arms, calls and answers."""
    return replace(plan, seed=plan.seed + 1000 + index)


async def opened(file: Path, plan: Plan) -> PolicyDatabase:
    """A simulated database as it is at its end."""
    end = _first(plan) + timedelta(days=plan.days)
    return await _open(file, VirtualClock(end), migrate=False)


async def _open(file: Path, clock: VirtualClock, *, migrate: bool) -> PolicyDatabase:
    url = f"sqlite:///{file}"
    return await PolicyDatabase.open(url, keys=_KEYS, pins=PinHasher.cheap(), clock=clock, migrate=migrate)


def _first(plan: Plan) -> datetime:
    return datetime.combine(plan.start, time(), plan.zone or UTC)
