"""What happened in a turn, for the timeline, the live board, coverage and replay.

Every entry has `kind` (a word that does not change) and `to_json()`. Keys of a sensitive step are `•`; no
entry ever holds a value of a variable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

#: What stands for a key of a sensitive step.
MASKED = "•"


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: ClassVar[str]

    at: float

    def to_json(self) -> dict[str, Any]:
        """A plain dict: `kind` and the fields."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **{name: _plain(value) for name, value in plain.items()}}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class StepEntered(_Entry):
    """The call is at this step now."""

    kind = "step_entered"
    flow: str
    step: str


@dataclass(frozen=True, slots=True)
class StepLeft(_Entry):
    """The step ended with `outcome` and the call went to `target`.

    `edge` is the line of the flow that was followed, as a path inside the step (`choices.1`, `on.ok`,
    `when.0`, `next`); empty where a handler of the flow or the hotline was.
    """

    kind = "step_left"
    flow: str
    step: str
    outcome: str
    target: str
    edge: str = ""


@dataclass(frozen=True, slots=True)
class KeyUsed(_Entry):
    """A key of the buffer was used by this step; `•` if the step masks."""

    kind = "key_used"
    flow: str
    step: str
    key: str


@dataclass(frozen=True, slots=True)
class KeysDropped(_Entry):
    """Keys that were waiting were emptied out, because the step wants a fresh answer."""

    kind = "keys_dropped"
    flow: str
    step: str
    count: int


@dataclass(frozen=True, slots=True)
class SpeechUsed(_Entry):
    """Something said was understood as `meant` (a choice or value; `•` if the step masks), or as nothing."""

    kind = "speech_used"
    flow: str
    step: str
    meant: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Said(_Entry):
    """Prompts began to play."""

    kind = "said"
    flow: str
    step: str
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missed(_Entry):
    """A `no_input` or `no_match`, the `count`th of its kind in this step."""

    kind = "missed"
    flow: str
    step: str
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class LevelRaised(_Entry):
    """The caller's assurance is `level` now (0 anonymous, 1 identified, 2 verified)."""

    kind = "level_raised"
    level: int


@dataclass(frozen=True, slots=True)
class LanguageChanged(_Entry):
    """The call goes on in this language."""

    kind = "language_changed"
    language: str


@dataclass(frozen=True, slots=True)
class ServiceAsked(_Entry):
    """A service was asked; `attempt` counts from 1."""

    kind = "service_asked"
    flow: str
    step: str
    service: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ServiceAnswered(_Entry):
    """The service ended with `outcome` after `ms` milliseconds; `code` names an error."""

    kind = "service_answered"
    flow: str
    step: str
    service: str
    outcome: str
    ms: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class FlowEntered(_Entry):
    """A flow began; `version` is its content hash."""

    kind = "flow_entered"
    flow: str
    version: str


@dataclass(frozen=True, slots=True)
class FlowLeft(_Entry):
    """A flow ended with an outcome."""

    kind = "flow_left"
    flow: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Recorded(_Entry):
    """A recording ended, with `seconds` of speech, because of `why`."""

    kind = "recorded"
    flow: str
    step: str
    recording: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class RecordingSettled(_Entry):
    """A recording counts as left (`kept`), or was thrown away."""

    kind = "recording_settled"
    recording: str
    kept: bool


@dataclass(frozen=True, slots=True)
class TransferAsked(_Entry):
    """A person of `queue` was asked for."""

    kind = "transfer_asked"
    flow: str
    step: str
    queue: str
    reason: str


@dataclass(frozen=True, slots=True)
class TransferEnded(_Entry):
    """The transfer ended, with one of the outcomes of a transfer."""

    kind = "transfer_ended"
    flow: str
    step: str
    queue: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Fault(_Entry):
    """Something that should not happen did; the call went to its error handler. Never holds a value."""

    kind = "fault"
    flow: str
    step: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CallEnded(_Entry):
    """The conversation is over: `caller` hung up, or the hotline did for this reason."""

    kind = "call_ended"
    reason: str


TraceEntry = (
    StepEntered
    | StepLeft
    | KeyUsed
    | KeysDropped
    | SpeechUsed
    | Said
    | Missed
    | LevelRaised
    | LanguageChanged
    | ServiceAsked
    | ServiceAnswered
    | FlowEntered
    | FlowLeft
    | Recorded
    | RecordingSettled
    | TransferAsked
    | TransferEnded
    | Fault
    | CallEnded
)
