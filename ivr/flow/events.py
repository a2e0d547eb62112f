"""What can happen to a call: everything that the engine is told.

Every event carries `at`, seconds since the call was answered, from the call's own clock (real or virtual).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

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
    """The caller said `text` (in words as the recogniser splits them), with `confidence` from 0 to 1.

    `meaning` is the same as the keys that would have entered it (a choice's key, the digits of a number, YYYYMMDD of
    a date, HHMM of a time, `*` for the point of an amount), or the name of a phrase that is understood everywhere
    (`GLOBALS`); empty where nobody has made out what it means: then the engine looks `text` up among the words of
    the step. `others` are further readings, best first. `began` is when the caller began to speak, on the clock of
    `at`; 0 where nobody knows. Without text and meaning it says that what began (`SpeechBegan`) was nothing said.
    """

    at: float
    text: str = field(repr=False)
    confidence: float = 1.0
    meaning: str = field(default="", repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)
    began: float = 0.0


#: What a caller may say in any step, as the `meaning` of SpeechHeard.
GLOBALS: Final = frozenset({"@pardon", "@slower", "@faster", "@back", "@person", "@main_menu", "@language"})


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The caller is speaking, surely enough to fall silent for (words of the step, or enough of any words)."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechLost:
    """Speech cannot be heard for the rest of this step: `full` (no recogniser is free), `failed`, or `no_model`."""

    at: float
    why: Literal["full", "failed", "no_model"]


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
    | SpeechBegan
    | SpeechLost
    | PromptFinished
    | TimerFired
    | ServiceResult
    | RecordingFinished
    | TransferResult
    | CallerHungUp
)
