"""The `given:` of a test: the world in which the call happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ivr.flow.dataflow import Analysis
from ivr.flow.engine import Engine, StandIn
from ivr.flow.events import CallStarted
from ivr.flow.hours import open_state
from ivr.flow.instructions import RunService, Transfer
from ivr.flow.library import LEVELS, FlowLibrary, LoadedFlow
from ivr.flow.model import Hours, parse_duration
from ivr.flow.types import coerce
from ivr.flow.values import Type, Value
from ivr.testing.world import Answer, TransferAnswer

#: When a test does not say: a Thursday at noon, on which every office is open.
USUAL_CLOCK = datetime(2026, 3, 5, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


class NotGivenError(AssertionError):
    """The call asked for something that the test does not provide; says what to add."""


@dataclass(frozen=True, slots=True)
class GivenServices:
    """Services that answer as a test says: the answers of each in order, the last one again and again."""

    answers: Mapping[str, Sequence[Answer]]
    asked: dict[str, int]

    def answer(self, request: RunService) -> Answer:
        """The next answer; raises `NotGivenError` for a service without one."""
        answers = self.answers.get(request.service)
        if not answers:
            raise NotGivenError(f"{request.service} was asked; add its answer under `given: services:`")
        count = self.asked.get(request.service, 0)
        self.asked[request.service] = count + 1
        return answers[min(count, len(answers) - 1)]


class Given:
    """A test's world, made ready. Reads plain data; the loader has checked its words."""

    def __init__(self, library: FlowLibrary, given: Mapping[str, Any], analysis: Analysis) -> None:
        self._library = library
        self._given = given
        self._analysis = analysis
        self._transferred: dict[str, int] = {}

    def engine(self) -> Engine:
        """An engine with the test's opening hours and stand-ins for flows."""
        stand_ins = {name: self._stand_ins(name, value) for name, value in self._part("flows").items()}
        return Engine(self._library, self._open_state, stand_ins)

    def _part(self, name: str) -> dict[str, Any]:
        return self._given.get(name) or {}

    def _open_state(self, calendar: str, hours: Hours, now: datetime) -> str:
        given = self._part("hours").get(calendar)
        return str(given) if given is not None else open_state(hours, now)

    def _stand_ins(self, name: str, value: Any) -> list[StandIn]:
        return [self._stand_in(name, one) for one in (value if isinstance(value, list) else [value])]

    def _stand_in(self, name: str, value: Any) -> StandIn:
        fields = dict(value) if isinstance(value, dict) else {"outcome": value}
        outcome = str(fields.pop("outcome"))
        kind = Type("record", fields=self._library.flows[name].outcomes[outcome])
        return StandIn(outcome, coerce(fields, kind), self._analysis.guarantee(name, outcome))

    def services(self) -> GivenServices:
        """The test's services."""
        answers = {
            name: [self._answer(name, one) for one in (value if isinstance(value, list) else [value])]
            for name, value in self._part("services").items()
        }
        return GivenServices(answers, {})

    def _answer(self, name: str, value: Any) -> Answer:
        outcomes = self._library.manifest.services[name].outcomes
        ok = outcomes.get("ok")
        named = isinstance(value, dict) and "outcome" in value and "outcome" not in (ok.fields if ok else {})
        if isinstance(value, str):
            return Answer(value)
        if not named:
            return Answer("ok", coerce(value, ok) if ok is not None else None)
        outcome = str(value["outcome"])
        kind = outcomes.get(outcome)
        after = parse_duration(value["after"]) if "after" in value else Answer().after
        carried = coerce(value.get("value", {}), kind) if kind is not None else None
        return Answer(outcome, carried, after, str(value.get("code", "")))

    def transfer(self, transfer: Transfer) -> TransferAnswer:
        """How a transfer to a queue ends; a queue that is not given answers."""
        given = self._part("transfer").get(transfer.queue, "answered")
        outcomes = given if isinstance(given, list) else [given]
        count = self._transferred.get(transfer.queue, 0)
        self._transferred[transfer.queue] = count + 1
        outcome = str(outcomes[min(count, len(outcomes) - 1)])
        return TransferAnswer(outcome, transfer.timeout if outcome == "timeout" else TransferAnswer().after)

    def started(self, call_id: str) -> CallStarted:
        """The call as it begins."""
        given = self._given
        clock = datetime.fromisoformat(str(given["clock"])) if "clock" in given else USUAL_CLOCK
        if clock.tzinfo is None:
            clock = clock.replace(tzinfo=USUAL_CLOCK.tzinfo)
        facts: dict[str, Value] = {"channel": str(given["channel"])} if "channel" in given else {}
        if "languages" in given:
            facts["languages"] = list(given["languages"])
        facts |= {name: bool(given[name]) for name in ("speech", "late") if name in given}
        caller, called = str(given.get("caller", "")), str(given.get("called", ""))
        return CallStarted(0.0, call_id, clock, caller, called, str(given.get("language", "")), facts)

    def start(self, world_start: Any, flow: LoadedFlow, call_id: str) -> None:
        """Begin the call in the flow under test, with the inputs and the level that are given."""
        inputs = {name: coerce(value, flow.inputs[name]) for name, value in self._part("inputs").items()}
        level = LEVELS[str(self._given["level"])] if "level" in self._given else flow.level
        world_start(self.started(call_id), flow.name, inputs, level)
