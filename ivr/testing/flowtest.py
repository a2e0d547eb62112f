"""Runs the `tests:` of flows and reports what failed, and what no test reached."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ivr.flow.dataflow import Analysis
from ivr.flow.instructions import Phrase
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.model import FlowTest
from ivr.flow.trace import TraceEntry
from ivr.flow.yaml_source import Path
from ivr.testing.coverage import Coverage, FlowCoverage
from ivr.testing.expect import Expectations
from ivr.testing.given import Given, NotGivenError
from ivr.testing.moments import Moment
from ivr.testing.script import Caller, StuckError, run_call
from ivr.testing.world import World, nominal_seconds


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test. `message` is empty when it passed; `line` is where it, or what failed, is written."""

    __test__ = False  # not a class of tests, whatever pytest thinks of its name

    flow: str
    name: str
    file: str
    line: int
    message: str
    moments: tuple[Moment, ...]

    @property
    def passed(self) -> bool:
        """Whether everything came about as expected."""
        return not self.message

    def __str__(self) -> str:
        if self.passed:
            return f"{self.file}:{self.line}: ok   {self.flow}: {self.name}"
        told = "\n".join(f"    {moment}" for moment in self.moments)
        return f"{self.file}:{self.line}: FAIL {self.flow}: {self.name}\n  {self.message}\n{told}"


@dataclass(frozen=True, slots=True)
class TestReport:
    """All results, and the coverage of every flow."""

    __test__ = False

    results: tuple[TestResult, ...]
    coverage: tuple[FlowCoverage, ...]

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return all(result.passed for result in self.results)

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """The results that did not pass."""
        return tuple(result for result in self.results if not result.passed)

    def rows(self) -> list[tuple[str, ...]]:
        """The coverage as rows for a table: flow, steps, branches, handlers, per cent."""
        return [
            (
                one.flow,
                f"{one.steps_reached}/{one.steps}",
                f"{one.branches_reached}/{one.branches}",
                f"{one.handlers_reached}/{one.handlers}",
                f"{one.percent:.0f} %",
            )
            for one in self.coverage
        ]


@dataclass(frozen=True, slots=True)
class Played:
    """A call that a script made. `message` says why it could not be made to its end."""

    world: World
    caller: Caller
    message: str

    @property
    def trace(self) -> list[TraceEntry]:
        """What the engine told of it."""
        return self.world.trace


class FlowTester:
    """Runs tests of one library. `seconds_of` gives how long a phrase is heard."""

    def __init__(self, library: FlowLibrary, seconds_of: Callable[[Phrase], float] = nominal_seconds) -> None:
        self._library = library
        self._analysis = Analysis(library)
        self._seconds_of = seconds_of
        self.coverage = Coverage()

    def play(self, flow: LoadedFlow, test: FlowTest) -> Played:
        """Make the call of a test, without judging it."""
        given = Given(self._library, test.given, self._analysis)
        world = World(given.engine(), given.services(), given.transfer, self._seconds_of)
        caller = Caller(test.caller)
        message = ""
        try:
            given.start(world.start, flow, "test")
            run_call(world, caller)
        except (NotGivenError, StuckError) as error:
            message = str(error)
        self.coverage.add(world.trace)
        return Played(world, caller, message or "; ".join(world.wrong))

    def run(self, flow: LoadedFlow, test: FlowTest, number: int = 0) -> TestResult:
        """Run one test, the `number`th of its flow."""
        played = self.play(flow, test)
        message = played.message
        path: Path = ("tests", number)
        if not message:
            message, path = self._judge(flow, test, played, path)
        line = flow.source.value_place(path).line
        return TestResult(flow.name, test.name, flow.file, line, message, tuple(played.world.moments))

    def _judge(self, flow: LoadedFlow, test: FlowTest, played: Played, path: Path) -> tuple[str, Path]:
        unmet = Expectations(self._library, flow, test.expect).unmet(played.world.moments)
        if unmet is not None:
            return unmet[1], (*path, "expect", unmet[0])
        caller = played.caller
        if caller.undone:
            left = test.caller[caller.index]
            return f"the call was over before the caller could do {left}", (*path, "caller", caller.index)
        return "", path


def run_flow_tests(
    library: FlowLibrary,
    names: Collection[str] | None = None,
    seconds_of: Callable[[Phrase], float] = nominal_seconds,
    progress: Callable[[TestResult], None] | None = None,
) -> TestReport:
    """Run the tests of all flows, or of those named; coverage counts the whole library."""
    tester = FlowTester(library, seconds_of)
    results: list[TestResult] = []
    for flow in _chosen(library, names):
        for number, test in enumerate(flow.flow.tests):
            results.append(tester.run(flow, test, number))
            if progress is not None:
                progress(results[-1])
    return TestReport(tuple(results), tester.coverage.all_of(library))


def _chosen(library: FlowLibrary, names: Collection[str] | None) -> Sequence[LoadedFlow]:
    return [library.flows[name] for name in sorted(library.flows) if names is None or name in names]
