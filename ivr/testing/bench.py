"""How fast the engine is: the events of random calls, played again through the engine alone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from time import process_time

from ivr.flow.engine import Engine, Turn
from ivr.flow.events import CallStarted, Event
from ivr.flow.library import FlowLibrary
from ivr.flow.state import CallState
from ivr.flow.trace import StepEntered
from ivr.testing.given import USUAL_CLOCK
from ivr.testing.randomcaller import RandomCaller
from ivr.testing.samples import RandomServices, RandomTransfers
from ivr.testing.script import run_call
from ivr.testing.world import World


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """Seconds are of the processor, so that other programs do not count."""

    calls: int
    events: int
    steps: int
    seconds: float

    @property
    def steps_per_second(self) -> float:
        """Steps entered in one second of one core."""
        return self.steps / self.seconds

    @property
    def events_per_second(self) -> float:
        """Events handled in one second of one core."""
        return self.events / self.seconds


class _Recording(Engine):
    """An engine that keeps the events it is given."""

    def __init__(self, library: FlowLibrary) -> None:
        super().__init__(library)
        self.events: list[Event] = []

    def handle(self, state: CallState, event: Event) -> Turn:
        self.events.append(event)
        return super().handle(state, event)


def engine_speed(library: FlowLibrary, calls: int = 300, seed: int = 1) -> EngineSpeed:
    """Measure the engine over the events of random calls to a library's main flow."""
    recorder = _Recording(library)
    recorded = [_record(recorder, f"{seed}/{number}") for number in range(calls)]
    engine = Engine(library)
    for name in library.flows:
        engine.plan(name)
    began = process_time()
    for told in recorded:
        turn = engine.start(told.started)
        for event in told.events:
            turn = engine.handle(turn.state, event)
    seconds = process_time() - began
    events = sum(len(told.events) + 1 for told in recorded)
    return EngineSpeed(calls, events, sum(told.steps for told in recorded), seconds)


@dataclass(frozen=True, slots=True)
class _Told:
    started: CallStarted
    events: list[Event]
    steps: int


def _record(engine: _Recording, seed: str) -> _Told:
    random = Random(seed)  # noqa: S311 - a measurement's chance, not a secret's
    engine.events, library = [], engine.library
    services, transfers = RandomServices(library.manifest, random), RandomTransfers(random)
    world = World(engine, services, transfers)
    started = CallStarted(0.0, seed, USUAL_CLOCK)
    world.start(started)
    run_call(world, RandomCaller(random))
    steps = sum(isinstance(entry, StepEntered) for entry in world.trace)
    return _Told(started, engine.events, steps)
