"""How a talk stands, for the seat that is in it: told by the call's timeline and by the rows of the seats at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policy_db.facts import TimelineEntry
from policy_db.seat_facts import PARKED, QueueCall, Seat

Consult = Literal["", "ringing", "talking", "conference"]
Recording = Literal["", "on", "paused"]


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else in the talk: a seat by its name, or an outside number by its last digits."""

    name: str
    part: str
    ringing: bool


@dataclass(slots=True)
class TalkState:
    """`joined`: caller and seat hear each other. `parked`: the caller is in self-service, and the seat waits."""

    joined: bool = False
    held: bool = False
    muted: bool = False
    recording: Recording = ""
    consult: Consult = ""
    parked: bool = False
    #: Whether the seat has sent the caller to self-service, and they have proved who they are there.
    sent_away: bool = False
    verified: bool = False
    others: tuple[Other, ...] = ()


def talk_state(
    timeline: Sequence[TimelineEntry], place: QueueCall | None, at: Sequence[Seat], seat: str
) -> TalkState:
    """The talk of a call as it stands for `seat`; `at` are all seats at the call."""
    state = TalkState()
    outside = _Outside()
    for entry in timeline:
        _heard(state, outside, entry.kind, entry.data, seat)
    others = [Other(one.name, one.part, one.state == "ringing") for one in at if one.id != seat]
    if outside.name:
        others.append(Other(outside.name, outside.part, outside.ringing))
    state.others = tuple(one for one in others if one.part != "supervisor")
    state.consult = _consult(state.others)
    state.parked = place is not None and place.state == "connected" and place.outcome == PARKED
    return state


@dataclass(slots=True)
class _Outside:
    """An outside number that is asked for advice, or in conference."""

    name: str = ""
    part: str = "consult"
    ringing: bool = False


def _heard(state: TalkState, outside: _Outside, kind: str, data: Mapping[str, Any], seat: str) -> None:
    """One entry of the timeline."""
    match kind:
        case "talk_joined":
            state.joined, state.held = True, False
            state.muted = state.muted and data.get("seat") == seat
            if data.get("seat") != seat:
                outside.name = ""
        case "talk_held" | "talk_resumed":
            state.held = kind == "talk_held"
        case "muted" | "unmuted":
            if data.get("seat") == seat:
                state.muted = kind == "muted"
        case "recording_began" | "recording_goes_on":
            state.recording = "on"
        case "recording_silent":
            state.recording = "paused" if data.get("why") == "pause" else state.recording
        case "recording_ended" | "recording_refused" | "recording_failed":
            state.recording = ""
        case "returned":
            state.sent_away, state.verified = True, False
        case "level_raised":
            state.verified = state.sent_away and int(data.get("level", 0)) >= 2
        case "talk_ended":
            state.joined = state.held = state.muted = False
            outside.name = ""
        case _:
            _heard_of_others(outside, kind, data)


def _heard_of_others(outside: _Outside, kind: str, data: Mapping[str, Any]) -> None:
    ours = not data.get("seat")
    match kind:
        case "consult_rings" if ours:
            outside.name, outside.part, outside.ringing = str(data.get("to", "")), "consult", True
        case "consulted" if ours:
            outside.ringing = False
        case "conference" if ours:
            outside.part = "conference"
        case "left_talk" | "seat_missed" | "transferred" if ours:
            outside.name = ""


def _consult(others: Sequence[Other]) -> Consult:
    asked = next((one for one in others if one.part == "consult"), None)
    if asked is not None:
        return "ringing" if asked.ringing else "talking"
    return "conference" if any(one.part == "conference" for one in others) else ""
