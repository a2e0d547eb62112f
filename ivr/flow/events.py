"""What can happen to a call: everything that the engine is told.

Every event carries `at`, seconds since the call was answered, from the call's own clock (real or virtual).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ivr.flow.values import Value


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The call was answered. `now` is aware local time at that moment; numbers are as the line gave them."""

    at: float
    call_id: str
    now: datetime
    caller: str = ""
    called: str = ""
    language: str = ""
    #: Named facts of the call that conditions may read as `call.NAME` (for example `channel`).
    facts: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One key: 0-9, *, #, A-D. It is kept out of `repr`, because it may belong to a PIN."""

    at: float
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """The caller said `text` (in words as the recogniser splits them), with `confidence` from 0 to 1."""

    at: float
    text: str = field(repr=False)
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """The prompt started by `Say(token)` was heard to its end."""

    at: float
    token: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The timer started by `StartTimer(timer)` ran out."""

    at: float
    timer: str


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """A service ended: `outcome` is `ok`, a named business outcome, `timeout` or `error` (with its `code`)."""

    at: float
    request: str
    outcome: str = "ok"
    value: Value = field(default=None, repr=False)
    code: str = ""


RecordingEnd = Literal["key", "silence", "longest", "hang_up", "storage"]


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """A recording ended and its file is closed. `seconds` is speech kept, without trailing silence or tones.

    `storage` means that the disk or the database would not take more; what came before is kept.
    """

    at: float
    recording: str
    seconds: float
    why: RecordingEnd


@dataclass(frozen=True, slots=True)
class TransferResult:
    """A transfer ended.

    The caller talked with a person (answered); nobody could take the call (busy, closed) or did in time (timeout);
    the caller chose to leave a message (left), to be called back (callback), to return to the flow (cancelled);
    the person has sent the caller back for a moment and waits (returned).
    """

    at: float
    request: str
    outcome: Literal["answered", "busy", "timeout", "closed", "left", "callback", "cancelled", "returned"]


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """The caller is gone; after-hang-up handlers run, services still answer, nothing can be said."""

    at: float


Event = (
    CallStarted
    | KeyPressed
    | SpeechHeard
    | PromptFinished
    | TimerFired
    | ServiceResult
    | RecordingFinished
    | TransferResult
    | CallerHungUp
)
