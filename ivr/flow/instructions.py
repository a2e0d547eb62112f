"""What the engine asks of the world: everything a call may be told to do.

Instructions of one turn are carried out in order. Tokens, timers, requests and recordings are ids that the
engine makes, unique in the call; the answering event names the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.flow.values import Level, Value


@dataclass(frozen=True, slots=True)
class Phrase:
    """A prompt of the catalogue with its slots filled: `values` holds run-time values by slot name."""

    prompt: str
    language: str
    values: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Say:
    """Play phrases one after another, then report `PromptFinished(token)`.

    A new `Say` follows what is still playing; the engine sends `StopSaying` first where it must not. `pace` is how
    fast, 1.0 as it was spoken: below that slower, with the same pitch.
    """

    token: str
    phrases: tuple[Phrase, ...]
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class StopSaying:
    """Silence whatever is playing, at once (barge-in). No `PromptFinished` follows for it."""


@dataclass(frozen=True, slots=True)
class Listen:
    """From now on the caller may answer: by keys always, by speech where `speech` is set.

    One that comes before `StopListening` replaces the one before: the step asks something else now.

    `sensitive` masks: keys are kept out of every record and the caller's audio out of every recording.
    `hear` maps every phrase that may be said, as the flow writes it, to what it means: keys of a choice (those that
    lead through several menus one after another), the keys for yes and no, and with `@` before it a phrase that is
    understood everywhere (`@back`), a hotkey (`@0`), the cancel key (`@cancel`) or, while something is asked back,
    a choice (`@=1`). Who hears one of them reports its meaning as it stands here.

    `expect` is what else may be said: a type of `collect` (`digits`, `code`, `integer`, `money`, `date`, `time`,
    `phone`, `secret`), `yes_no`, `anything` (a free question for the router), or empty for the words of `hear` alone.
    `least` and `most` bound its digits, `future` reads a day without its year forward, `likely` are values that are
    known to fit (the numbers of the caller's own policies). `silence` seconds end what was said.
    """

    speech: bool = False
    sensitive: bool = False
    hear: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    expect: str = ""
    least: int = 0
    most: int = 0
    future: bool = False
    likely: tuple[str, ...] = field(default=(), repr=False)
    silence: float = 0.8
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class StopListening:
    """The step no longer waits for an answer; keys that come are kept for the next step."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Report `TimerFired(timer)` after `seconds`, unless stopped."""

    timer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Forget a timer; harmless if it has fired."""

    timer: str


@dataclass(frozen=True, slots=True)
class RunService:
    """Call a service with `arguments` (run-time values; a `Secret` stays one) and report `ServiceResult`.

    `timeout` seconds are enforced by the caller of the service; `attempt` counts from 1; `key` is the same
    for every attempt of one step, so that the service can be idempotent. `level` is the caller's assurance.
    """

    request: str
    service: str
    arguments: Mapping[str, Value] = field(repr=False)
    level: Level
    timeout: float
    key: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller; report `RecordingFinished(recording)`.

    Ends by a key of `end_keys` (the engine sends `StopRecording`), `silence` seconds of quiet, `longest`
    seconds, hang-up or storage trouble. `purpose` and `details` are kept with the row (mailbox, claim, reason).
    """

    recording: str
    purpose: Literal["voicemail", "record"]
    longest: float
    silence: float
    shortest: float
    beep: bool = True
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End a recording now, because a key was pressed: it is reported finished with why=`key`."""

    recording: str


@dataclass(frozen=True, slots=True)
class KeepRecording:
    """The caller is content, or gone: the message counts as left. `details` complete those of `Record`."""

    recording: str
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DiscardRecording:
    """The caller chose to record again, or it was too short."""

    recording: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bring the caller to a person of `queue` within `timeout` seconds; report `TransferResult`.

    What is still being said is heard meanwhile. `handles` names the outcomes that the flow has ways of its own for.
    """

    request: str
    queue: str
    timeout: float
    reason: str = ""
    details: Mapping[str, Value] = field(default_factory=dict)
    handles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """The call's language changed; later phrases name it themselves."""

    language: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call. `reason` is a word for the record: normal, limit, error…"""

    reason: str = "normal"


Instruction = (
    Say
    | StopSaying
    | Listen
    | StopListening
    | StartTimer
    | StopTimer
    | RunService
    | Record
    | StopRecording
    | KeepRecording
    | DiscardRecording
    | Transfer
    | SetLanguage
    | HangUp
)
