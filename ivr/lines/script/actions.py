"""What a scripted caller does, one after the other. All times are seconds of the call's clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.media.clip import Clip


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for a prompt whose text or token contains `text`; a prompt not waited for before counts too.

    `until`: go on as it begins (to interrupt it) or when it has ended, by itself or cut off. The caller
    gives up, and hangs up, after `longest` seconds.
    """

    text: str
    until: Literal["begins", "ends"] = "ends"
    longest: float = 120.0


@dataclass(frozen=True, slots=True)
class WaitSilence:
    """Wait until nothing has been played for `seconds`."""

    seconds: float = 0.5
    longest: float = 120.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Keys:
    """Press keys, `spacing` seconds apart; the first one at once."""

    keys: str = field(repr=False)
    spacing: float = 0.07


@dataclass(frozen=True, slots=True)
class Say:
    """Say words that are understood as `text`."""

    text: str = field(repr=False)
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak into a recording: a clip, or a voice-like sound of `seconds`."""

    seconds: float = 0.0
    clip: Clip | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the hotline on hold for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Action = WaitFor | WaitSilence | Wait | Keys | Say | Speak | Hold | HangUp
