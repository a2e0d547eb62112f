"""Callers and the people they are brought to: when they are called and answered, seats, and salespeople."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ivr.settings.group import Group, listed

#: A time of day, or hours from one to another.
_HOURS = re.compile(r"([01]\d|2[0-4]):[0-5]\d(-([01]\d|2[0-4]):[0-5]\d)?")


class PeopleSettings(Group):
    """Callers and the people they are brought to: when they are called and answered, seats, and salespeople."""

    refer_out: bool = Field(
        False,
        description=(
            "Whether a caller whom a seat transfers to an outside number is handed over to the trunk (REFER) instead of"
            " taking two lines; where the trunk refuses, the hotline joins them itself."
        ),
    )
    answer_within: float = Field(
        12.0,
        gt=0,
        le=600,
        description="Seconds within which a call should be answered (three rings); reports tell the share.",
    )
    apologise_after: float = Field(
        20.0,
        ge=0,
        le=600,
        description=(
            "Seconds of ringing or waiting (five rings) after which a caller hears an apology: from the flow where the"
            " hotline itself answered so late, in the waiting room where a person has not answered; 0: never."
        ),
    )
    call_hours: str = Field(
        "09:00-20:30",
        description=(
            "When customers may be called, by the clocks of where they are. No campaign calls outside these hours, nor"
            " before 09:00 or after 21:00, whatever is written."
        ),
    )
    call_rests: str = Field(
        "12:00-14:00,18:00-19:00",
        description="Hours of rest in which no campaign calls anybody; `closed` for none.",
    )
    put_through_shows: Literal["caller", "hotline"] = Field(
        "caller",
        description=(
            "The number that a salesperson's telephone shows when a caller is put through: the caller's (where it is not"
            " withheld), or the hotline's own, for carriers that refuse others' numbers."
        ),
    )
    sales_quiet: str = Field(
        "21:00-08:00",
        description="Hours in which no notice goes to salespeople; it waits for their end. Empty: any hour will do.",
    )
    sales_digest: str = Field(
        "08:30",
        description="When salespeople are told of lapses and waiting messages, once a day; empty: never.",
    )
    record_talks: Literal["off", "announce", "always", "ask"] = Field(
        "announce",
        description=(
            "Recording of talks with seats: off, announced to the caller, always (said elsewhere), or ask (the caller"
            " may refuse with a key)."
        ),
    )
    pop_lead_seconds: float = Field(
        2.0,
        ge=0,
        le=5,
        description=(
            "How long a desk telephone waits for the seat's screen to show who calls; it rings 0.32 s after that, or"
            " when this time is over."
        ),
    )
    seat_lost: Literal["next_seat", "flow"] = Field(
        "next_seat",
        description="Where a caller goes whose line to the seat broke: to the next seat, or to the flow.",
    )
    call_back_numbers: str = Field(
        r"1[3-9]\d{9}|0[1-9]\d{8,10}|[2-9]\d{6,7}",
        description="What a number looks like that callers may ask to be called back at (a regular expression).",
    )

    @field_validator("sales_quiet", "sales_digest", "call_hours", "call_rests", mode="after")
    @classmethod
    def _hours(cls, value: str) -> str:
        for part in listed(value.removesuffix("closed")):
            if not _HOURS.fullmatch(part):
                raise ValueError("no such time can be; write it as 08:30, and hours as 21:00-08:00")
        return value

    @field_validator("call_hours", "call_rests", mode="after")
    @classmethod
    def _of_one_day(cls, value: str) -> str:
        for part in listed(value.removesuffix("closed")):
            start, _, end = part.partition("-")
            if not start < end:
                raise ValueError("the hours of a day end after they begin; write them as 09:00-20:30")
        return value
