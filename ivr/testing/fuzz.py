"""Random callers against the flows: every call must end, and nothing may go wrong on the way.

Each call has its own seed, so a failing one can be run again; it is told as a test ready to paste.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from time import perf_counter

from ivr.flow.engine import Engine
from ivr.flow.events import CallStarted
from ivr.flow.library import FlowLibrary
from ivr.flow.trace import CallEnded, Fault, StepEntered
from ivr.flow.values import Value
from ivr.testing.coverage import Coverage, FlowCoverage
from ivr.testing.given import USUAL_CLOCK
from ivr.testing.randomcaller import RandomCaller
from ivr.testing.reach import FarStep, far_from_help
from ivr.testing.retell import answers_yaml, write_test
from ivr.testing.samples import RandomServices, RandomTransfers
from ivr.testing.script import StuckError, run_call
from ivr.testing.world import World

#: Faults that are no fault of the flows: a caller who goes round and round, and a remembered language that is
#: not offered any more. The engine takes care of them.
HARMLESS = frozenset({"LOOP", "LANGUAGE"})
#: Hours of the virtual day and week at which calls begin.
_STARTS = (0, 9, 12, 20, 33, 57)


@dataclass(frozen=True, slots=True)
class FuzzFailure:
    """One call that went wrong: its seed, why, and a test that does the same."""

    seed: str
    message: str
    test: str
    transcript: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.message}\n{self.transcript}\n{self.test}"


@dataclass(slots=True)
class FuzzReport:
    """What came of all calls. `ends` counts how calls ended, `faults` the faults that were handled, by code."""

    calls: int = 0
    steps: int = 0
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[FuzzFailure] = field(default_factory=list)
    far: tuple[FarStep, ...] = ()
    coverage: tuple[FlowCoverage, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every call ended well and help is near everywhere."""
        return not self.failures and not self.far

    def rows(self) -> list[tuple[str, str]]:
        """The figures as rows for a table."""
        return [
            ("calls", f"{self.calls:,}"),
            ("steps", f"{self.steps:,}"),
            ("seconds", f"{self.seconds:.1f}"),
            *((f"ended: {reason}", f"{count:,}") for reason, count in self.ends.most_common()),
            *((f"handled fault: {code}", f"{count:,}") for code, count in self.faults.most_common()),
            ("failing calls", f"{len(self.failures):,}"),
            ("steps too far from help", f"{len(self.far):,}"),
        ]


@dataclass(slots=True)
class _Part:
    """The calls of one process."""

    report: FuzzReport
    coverage: Coverage


def fuzz(
    library: FlowLibrary,
    calls: int = 1000,
    seed: int = 1,
    *,
    flow: str | None = None,
    processes: int = 1,
    choices: int = 4,
    progress: Callable[[int], None] | None = None,
) -> FuzzReport:
    """Dial `calls` times with random callers; a person or a mailbox must be within `choices` everywhere.

    `flow` names another flow than the main one. `progress` is told how many calls are done. With more than one
    process the calls are shared out; the result is the same.
    """
    began = perf_counter()
    if processes > 1:
        parts = _share(library, calls, seed, flow, processes, progress)
    else:
        parts = [_run(library, range(calls), seed, flow, progress)]
    report, coverage = FuzzReport(), Coverage()
    for part in parts:
        report.calls += part.report.calls
        report.steps += part.report.steps
        report.ends += part.report.ends
        report.faults += part.report.faults
        report.failures += part.report.failures
        coverage.steps |= part.coverage.steps
        coverage.branches |= part.coverage.branches
    report.coverage = coverage.all_of(library)
    report.far = far_from_help(library, choices)
    report.seconds = perf_counter() - began
    return report


def _share(
    library: FlowLibrary,
    calls: int,
    seed: int,
    flow: str | None,
    processes: int,
    progress: Callable[[int], None] | None,
) -> list[_Part]:
    # The library holds compiled expressions, which cannot be sent to another process; a forked one has them.
    _SHARED.append(library)
    chunks = [range(first, min(first + 250, calls)) for first in range(0, calls, 250)]
    parts = []
    try:
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            for part in pool.imap_unordered(_run_shared, [(chunk, seed, flow) for chunk in chunks]):
                parts.append(part)
                if progress is not None:
                    progress(sum(one.report.calls for one in parts))
    finally:
        _SHARED.pop()
    return parts


_SHARED: list[FlowLibrary] = []


def _run_shared(job: tuple[range, int, str | None]) -> _Part:
    numbers, seed, flow = job
    return _run(_SHARED[-1], numbers, seed, flow, None)


def _run(
    library: FlowLibrary,
    numbers: Sequence[int],
    seed: int,
    flow: str | None,
    progress: Callable[[int], None] | None,
) -> _Part:
    part = _Part(FuzzReport(), Coverage())
    engine = Engine(library)
    for number in numbers:
        failure = one_call(engine, f"{seed}/{number}", flow, part.report, part.coverage)
        if failure is not None:
            part.report.failures.append(failure)
        if progress is not None and part.report.calls % 100 == 0:
            progress(part.report.calls)
    return part


def one_call(
    engine: Engine, seed: str, flow: str | None, report: FuzzReport, coverage: Coverage
) -> FuzzFailure | None:
    """One random call, counted in `report` and `coverage`; what went wrong in it, or None."""
    random = Random(seed)  # noqa: S311 - a test's chance, not a secret's
    services = RandomServices(engine.library.manifest, random)
    transfers = RandomTransfers(random)
    caller = RandomCaller(random)
    world = World(engine, services, transfers)
    start = USUAL_CLOCK.replace(hour=0, minute=0) + _hours(random)
    facts: dict[str, Value] = {"speech": random.random() < 0.7}
    started = CallStarted(0.0, seed, start, "13800000000", "", random.choice(engine.hotline.languages), facts)
    message = ""
    try:
        world.start(started, flow)
        run_call(world, caller)
    except StuckError as error:
        message = str(error)
    report.calls += 1
    coverage.add(world.trace)
    message = message or _count(world, report)
    if not message:
        return None
    test = {
        "name": f"fuzz {seed}",
        "given": {
            "clock": start.isoformat(),
            "language": started.language,
            "speech": facts["speech"],
            "services": answers_yaml(services.answered),
            "transfer": transfers.answered,
        },
        "caller": caller.done,
        "expect": [],
    }
    transcript = "\n".join(str(moment) for moment in world.moments[-40:])
    return FuzzFailure(seed, message, write_test(test), transcript)


def _hours(random: Random) -> timedelta:
    return timedelta(hours=random.choice(_STARTS))


def _count(world: World, report: FuzzReport) -> str:
    message = "; ".join(world.wrong)
    for entry in world.trace:
        if isinstance(entry, StepEntered):
            report.steps += 1
        elif isinstance(entry, CallEnded):
            report.ends[entry.reason] += 1
        elif isinstance(entry, Fault):
            report.faults[entry.code] += 1
            if entry.code not in HARMLESS:
                message = message or f"{entry.flow}.{entry.step}: {entry.code} {entry.message}"
    return message
