"""What a running call has shown of its caller, gathered from its trace as it goes: where they went, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ivr.flow import FlowLibrary
from ivr.flow import trace as told
from ivr.flow.trace import TraceEntry

#: Reasons for wanting a person that are matters of their own; flows name the others at their steps.
MATTERS: Final = frozenset({"complaint", "claim", "bereavement", "cancellation", "fraud"})
#: A caller who was sent on with this reason goes to hear a suggestion, not about a matter of their own.
SUGGESTION: Final = "suggestion"
#: A step of a service that ends so often has been guessed at.
_LOCKED: Final = "locked"
#: Flows that every caller passes through: they say nothing of what one of them wanted.
_PASSAGE: Final = frozenset({"identify_caller", "cross_sell", "complaint_notice"})


@dataclass(slots=True)
class Journey:
    """One call so far. `visited` are flows in the order of the first visit, `matters` what the caller has on their mind.

    `policy` is the one whose holder the caller has proved to be, last. `waited` are seconds spent waiting for a person
    in vain, `repeats` how often the caller was not understood or silent. `in_trouble` is whether the hotline failed
    them. `wants_person` is whether they asked for a person by themselves, `left_message` whether a message was kept.
    """

    call_id: str
    number: str
    library: FlowLibrary
    visited: list[str] = field(default_factory=list)
    matters: set[str] = field(default_factory=set)
    policy: str = ""
    level: int = 0
    language: str = ""
    waited: float = 0.0
    repeats: int = 0
    in_trouble: bool = False
    wants_person: bool = False
    left_message: bool = False
    _asked_at: float = 0.0

    def saw(self, trace: Iterable[TraceEntry]) -> None:
        """The call went on."""
        for entry in trace:
            self._saw(entry)

    def asks_for_person(self, reason: str, details: Mapping[str, object]) -> None:
        """The caller is on the way to a person, for this reason."""
        why = str(details.get("reason") or reason)
        if why in MATTERS:
            self.matters.add(why)
        self.wants_person = self.wants_person or why != SUGGESTION

    def _saw(self, entry: TraceEntry) -> None:
        match entry:
            case told.FlowEntered(flow=flow):
                self._entered(flow)
            case told.StepEntered(flow=flow, step=step):
                self._came_to(flow, step)
            case told.ServiceAnswered(service=service, outcome=outcome):
                if outcome == _LOCKED and service.startswith("identity."):
                    self.matters.add("fraud")
            case told.Missed():
                self.repeats += 1
            case told.RecordingSettled(kept=True):
                self.left_message = True
            case told.TransferAsked(at=at):
                self._asked_at = at
            case told.TransferEnded(at=at, outcome=outcome):
                if outcome not in ("answered", "returned"):
                    self.waited += max(0.0, at - self._asked_at)

    def _entered(self, flow: str) -> None:
        self.in_trouble = self.in_trouble or flow == self.library.hotline.on_error
        if flow not in _PASSAGE and flow not in self.visited:
            self.visited.append(flow)
        loaded = self.library.flows.get(flow)
        self._minds(None if loaded is None else loaded.flow.matter)

    def _came_to(self, flow: str, step: str) -> None:
        loaded = self.library.flows.get(flow)
        found = None if loaded is None else loaded.flow.steps.get(step)
        self._minds(getattr(found, "matter", None))

    def _minds(self, matter: str | None) -> None:
        if matter is not None:
            self.matters.add(matter)
