"""How a campaign calls: plain data, checked when it is read. What is left out has a cautious default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ivr.errors import OutreachError
from ivr.flow.hours import hours_problems, parse_spans
from ivr.flow.model import Hours
from ivr.outreach.outcomes import OUTCOMES, TRY_AGAIN

#: No rule lets anybody be called outside these hours of their day (保监会: no sales calls from 21:00 to 9:00).
DAY: Final = "09:00-21:00"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_GAP: Final = r"^\d{1,4}[mhd]$"
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}

#: Attempts and the gap after each outcome, where a campaign says nothing else.
GAPS: Final[Mapping[str, str]] = {
    "busy": "30m", "no_answer": "4h", "declined": "1d", "congested": "5m", "unreachable": "15m", "unpaid": "1h",
    "not_placed": "1m", "lost": "1d", "machine": "1d", "message_left": "2d", "silent": "1d", "hung_up": "1d",
    "abandoned": "1d", "failed": "1d", "call_later": "4h", "confirmed_only": "1d",
}  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Windows(_Part):
    """When people are called, by their own clocks: hours of each day of the week, less the rests.

    `holidays` is `auto` (those of the number's own country), a country's code, or null: holidays count for nothing.
    On swapped working days (调休) Monday's hours hold. `exceptions` are days by date: hours, or `closed`.
    """

    week: Mapping[str, str] = Field(default_factory=lambda: dict.fromkeys(DAYS[:5], "09:00-20:30"))
    rests: str = "12:00-14:00,18:00-19:00"
    holidays: str | None = "auto"
    swapped: str | None = None
    exceptions: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("rests")
    @classmethod
    def _spans(cls, value: str) -> str:
        parse_spans(value or "closed")
        return value

    def hours(self, zone: str, country: str | None) -> Hours:
        """The windows as a calendar of one zone, without the rests."""
        holidays = country if self.holidays == "auto" else self.holidays
        return Hours.model_validate(
            {
                "zone": zone,
                "week": dict(self.week),
                "holidays": holidays or None,
                "swapped": self.swapped,
                "exceptions": dict(self.exceptions),
            }
        )


class Pace(_Part):
    """How fast: `at_once` calls at most, begun at `per_second` on average.

    `seats` names a queue whose free seats are the measure: one call for each (`progressive`), or as many as the share
    of answered calls allows while no more than `abandoned` of them find no seat (`predictive`). Whoever wants a seat
    and gets none within `connect_within` seconds is abandoned.
    """

    at_once: int = Field(10, ge=1, le=5000)
    per_second: float = Field(1.0, gt=0, le=500)
    seats: str = ""
    mode: Literal["fixed", "progressive", "predictive"] = "fixed"
    abandoned: float = Field(0.03, ge=0, le=0.05)
    connect_within: float = Field(5.0, ge=1, le=120)


class Retries(_Part):
    """How many attempts a person has that may ring, and the gap after each outcome (`30m`, `4h`, `2d`)."""

    attempts: int = Field(3, ge=1, le=20)
    gaps: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("gaps")
    @classmethod
    def _known(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        import re

        for outcome, gap in value.items():
            if outcome not in OUTCOMES:
                raise ValueError(f"there is no outcome {outcome!r}; write one of {', '.join(OUTCOMES)}")
            if gap != "never" and not re.match(_GAP, gap):
                raise ValueError(f"{gap!r} is no gap; write 30m, 4h, 2d, or never")
        return value

    def gap(self, outcome: str) -> timedelta | None:
        """How long after an attempt that ended so the next one may be; None: there is none."""
        text = self.gaps.get(outcome) or (GAPS[outcome] if outcome in TRY_AGAIN else "never")
        return None if text == "never" else timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


class Caps(_Part):
    """How often one number is called at most, by all campaigns together; `after_talk` days of rest after a talk."""

    per_day: int = Field(2, ge=1, le=10)
    per_week: int = Field(4, ge=1, le=50)
    after_talk: int = Field(0, ge=0, le=90)


class Machine(_Part):
    """What is done where a machine answers: `hang_up`, or `message` after its tone (nothing personal is in it)."""

    detect: bool = True
    then: Literal["hang_up", "message"] = "hang_up"
    message_flow: str = "machine_message"


class Rules(_Part):
    """All of it."""

    windows: Windows = Field(default_factory=Windows)
    pace: Pace = Field(default_factory=Pace)
    retries: Retries = Field(default_factory=Retries)
    caps: Caps = Field(default_factory=Caps)
    machine: Machine = Field(default_factory=Machine)
    ring_seconds: float = Field(30.0, ge=5, le=120)
    #: `sales` also leaves out whoever wants no offers.
    scope: Literal["service", "sales"] = "service"
    #: Languages by default, where a person has none: the hotline's first.
    language: str = ""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """The rules of plain data. Raises OutreachError (H701) that says what is wrong and where."""
        try:
            rules = cls.model_validate(dict(data))
            for path, problem in hours_problems(rules.windows.hours("UTC", "CN")):
                raise OutreachError(f"windows.{'.'.join(path)}: {problem}", code="H701")
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise OutreachError(
                f"{where}: {first['msg'].removeprefix('Value error, ')}", code="H701"
            ) from None
        return rules

    def plain(self) -> dict[str, Any]:
        """As it is stored."""
        return self.model_dump(mode="json")
