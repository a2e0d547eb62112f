"""Who is at the telephones that are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ivr.testing.twilio.calls import FakeCall


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a telephone: rings for `rings` seconds, then answers, or ends the call as `ends` says.

    `ends` "no-answer" rings until whoever calls gives up; "failed" is a network's refusal, `sip` its status.
    `answered_by` is what Twilio's detection says after `detected` seconds: human, machine_start, machine_end_beep,
    machine_end_silence, machine_end_other, fax or unknown. `talk` is what is done once answered; without one the person
    stays on the line until the other side hangs up.
    """

    rings: float = 0.05
    ends: Literal["", "busy", "no-answer", "failed"] = ""
    sip: int = 0
    answered_by: str = "human"
    detected: float = 0.1
    talk: Callable[[FakeCall], Awaitable[None]] | None = None
