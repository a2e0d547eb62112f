"""The whole state of a call between two events: plain data that can be written as JSON and read back.

Whoever holds a `CallState` treats it as frozen: the engine works on a copy and never changes the one it was
given. What a caller may have meant as a secret is not written: secret variables, what was typed in a step
that masks, and keys that no step has used yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.flow.instructions import Phrase
from ivr.flow.plain import from_plain, read_variables, to_plain
from ivr.flow.values import Level, Value


@dataclass(slots=True)
class Frame:
    """One open flow: where it is and what its variables hold.

    `called` says how it came to be open: `main`, `call` (a step of the flow below), `late` (the same, after
    the caller had gone), `hotkey` or `handler` (of `hotline.yaml`). `closing` is set while its `after_hangup`
    runs. `variables` is replaced, not changed.
    """

    id: int
    flow: str
    called: str = "main"
    step: str = ""
    closing: bool = False
    variables: dict[str, Value] = field(default_factory=dict, repr=False)

    def copy(self) -> Frame:
        """A frame of its own (the variables are shared, because they are never changed in place)."""
        return Frame(self.id, self.flow, self.called, self.step, self.closing, self.variables)


@dataclass(slots=True)
class Wait:
    """What the present step waits for.

    `token` is the prompt that must be heard, `timer` the timer that matters, `request` the service, transfer
    or recording asked for; an event that names another is late and ignored. `entry` are the keys used so far.

    `listened` is when the present Listen began and `keyed` when the last key came: what began to be said before is
    not for this question. `speaking`: the caller is; `cut`: that has silenced a prompt (2: and it was said again).
    `spoken`: the value asked back was spoken; `meant` is the meaning asked back, `others` what else it may be.
    """

    stage: str = ""
    token: str = ""
    timer: str = ""
    request: str = ""
    entry: str = field(default="", repr=False)
    listening: bool = False
    sensitive: bool = False
    no_input: int = 0
    no_match: int = 0
    attempt: int = 0
    key: str = ""
    since: float = 0.0
    filler: str = ""
    value: Value = field(default=None, repr=False)
    outcome: str = ""
    listened: float = 0.0
    keyed: float = -1.0
    speaking: bool = False
    cut: int = 0
    spoken: bool = False
    meant: str = field(default="", repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)

    def copy(self) -> Wait:
        """A wait of its own."""
        return Wait(
            self.stage, self.token, self.timer, self.request, self.entry, self.listening, self.sensitive,
            self.no_input, self.no_match, self.attempt, self.key, self.since, self.filler, self.value,
            self.outcome, self.listened, self.keyed, self.speaking, self.cut, self.spoken, self.meant, self.others,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what was typed where the step masks."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        if self.sensitive:
            return plain | {"entry": "", "value": None, "meant": "", "others": []}
        return plain | {"value": to_plain(self.value), "others": list(self.others)}


@dataclass(slots=True)
class CallState:
    """A call as the engine knows it. `at` is the time of the last event, in seconds since the answer."""

    version: str
    call_id: str
    started: datetime
    caller: str = ""
    called: str = ""
    language: str = ""
    facts: dict[str, Value] = field(default_factory=dict)
    at: float = 0.0
    level: Level = Level.ANONYMOUS
    frames: list[Frame] = field(default_factory=list)
    #: Where the caller was asked something, latest last: (frame id, step). `back` walks along it.
    trail: list[tuple[int, str]] = field(default_factory=list)
    #: How often each step (`flow.step`) has been entered.
    counts: dict[str, int] = field(default_factory=dict)
    wait: Wait = field(default_factory=Wait)
    #: Keys pressed and not used yet, in order.
    buffer: str = field(default="", repr=False)
    #: An end key that may still come after an entry that was already complete, and until when it counts so.
    swallow: str = ""
    swallow_until: float = 0.0
    swallow_masked: bool = False
    playing: str = ""
    serial: int = 0
    #: 0: all is well; 1: the flow's error handler is at work; 2: the hotline's.
    handling: int = 0
    limit_timer: str = ""
    limit_at: float = 0.0
    #: Why the hotline is about to end the call, once it is.
    ending: str = ""
    hung_up: bool = False
    finished: bool = False
    #: How fast the hotline speaks; slower once the caller has asked for it.
    pace: float = 1.0
    #: The caller has been told that only keys are heard.
    told_keys: bool = False
    #: The last that was told since the caller did anything, to be told again to who asks for it.
    told: tuple[Phrase, ...] = ()

    @property
    def step(self) -> tuple[str, str]:
        """The present (flow, step)."""
        return (self.frames[-1].flow, self.frames[-1].step) if self.frames else ("", "")

    @property
    def variables(self) -> Mapping[str, Value]:
        """The variables of the present flow."""
        return self.frames[-1].variables if self.frames else {}

    @property
    def sensitive(self) -> bool:
        """Whether the present step masks what the caller enters."""
        return self.wait.sensitive

    def copy(self) -> CallState:
        """A state of its own, for the next turn."""
        return CallState(
            self.version, self.call_id, self.started, self.caller, self.called, self.language, self.facts,
            self.at, self.level, [frame.copy() for frame in self.frames], self.trail.copy(),
            self.counts.copy(), self.wait.copy(), self.buffer, self.swallow, self.swallow_until,
            self.swallow_masked, self.playing, self.serial, self.handling, self.limit_timer, self.limit_at,
            self.ending, self.hung_up, self.finished, self.pace, self.told_keys,
            self.told,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values. Of the key buffer only its length is written."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {
            "started": self.started.isoformat(),
            "facts": to_plain(self.facts),
            "level": int(self.level),
            "frames": [_frame_to_json(frame) for frame in self.frames],
            "trail": [list(place) for place in self.trail],
            "counts": dict(self.counts),
            "wait": self.wait.to_json(),
            "told": [[one.prompt, one.language, to_plain(dict(one.values))] for one in self.told],
            "buffer": len(self.buffer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> CallState:
        """The state that `to_json` wrote, without secrets and without keys that were not used yet.

        Let `Engine.resume` begin a step again that masks what the caller enters.
        """
        wait = dict(plain["wait"])
        wait["value"], wait["others"] = from_plain(wait["value"]), tuple(wait["others"])
        return cls(
            **{
                **plain,
                "started": datetime.fromisoformat(plain["started"]),
                "facts": from_plain(plain["facts"]),
                "level": Level(plain["level"]),
                "frames": [_frame_from_json(frame) for frame in plain["frames"]],
                "trail": [(frame, step) for frame, step in plain["trail"]],
                "counts": dict(plain["counts"]),
                "wait": Wait(**wait),
                "told": tuple(
                    Phrase(name, tongue, from_plain(values)) for name, tongue, values in plain["told"]
                ),
                "buffer": "",
            }
        )


def _frame_to_json(frame: Frame) -> dict[str, Any]:
    plain = {name: getattr(frame, name) for name in frame.__slots__}
    return plain | {"variables": {name: to_plain(value) for name, value in frame.variables.items()}}


def _frame_from_json(plain: Mapping[str, Any]) -> Frame:
    return Frame(**{**plain, "variables": read_variables(plain["variables"])})
