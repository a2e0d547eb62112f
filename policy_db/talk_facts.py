"""Talks, wrap-ups and dispositions, as frozen records. Instants are aware and in UTC, durations in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

#: What the caller was told of the recording: nothing was recorded, nothing was said, it was announced, they were
#: asked and did not mind, they did not want it.
TalkConsent = Literal["off", "unannounced", "announced", "asked", "refused"]


@dataclass(frozen=True, slots=True)
class SilentSpan:
    """A stretch in which a talk's recording holds silence, in seconds from its beginning.

    `why`: `mask` (the caller typed something secret), `pause` (`by` asked for it), `alone` (nobody talked with the
    caller).
    """

    at: float
    to: float
    why: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class TalkSeat:
    """A seat in a talk, from when to when; `left_at` is None while it is there."""

    seat: str
    joined_at: datetime
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """A caller's talk with one seat after another.

    `recording` is None where it was not recorded. `seconds` and `spans` are known once it has ended.
    """

    id: str
    call: str
    queue: str
    consent: TalkConsent
    recording: str | None
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    spans: tuple[SilentSpan, ...] = ()
    seats: tuple[TalkSeat, ...] = ()


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What `user` at a seat noted after a call."""

    call: str
    seat: str
    user: str
    disposition: str
    note: str
    began_at: datetime
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a talk came to. Those that are not `active` are kept for old records and offered no more."""

    code: str
    titles: Mapping[str, str] = field(default_factory=dict)
    active: bool = True
    position: int = 0
