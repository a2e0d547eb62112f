"""Opening hours, with public holidays and the swapped working days of China."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.hours import first_uncovered, hours_problems, open_state, parse_spans
from ivr.flow.model import Hours

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Hours.model_validate(
    {
        "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:00,13:30-17:30"),
        "exceptions": {"2026-03-04": "10:00-11:00", "2026-03-05": "closed", "2026-03-06": "holiday"},
    }
)


def at(day: str, moment: str = "10:00") -> datetime:
    return datetime.fromisoformat(f"{day}T{moment}").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("day", "moment", "state"),
    [
        ("2026-03-02", "09:00", "open"),
        ("2026-03-02", "08:59", "closed"),
        ("2026-03-02", "12:00", "closed"),
        ("2026-03-02", "13:30", "open"),
        ("2026-03-02", "17:30", "closed"),
        ("2026-03-07", "10:00", "closed"),  # an ordinary Saturday
        ("2026-02-14", "10:00", "open"),  # a Saturday that is worked for the Spring Festival
        ("2026-02-28", "10:00", "open"),
        ("2026-10-10", "10:00", "open"),
        ("2026-02-14", "12:30", "closed"),  # but with Monday's hours
        ("2026-02-16", "10:00", "holiday"),
        ("2026-02-20", "10:00", "holiday"),  # a day off that was swapped for
        ("2026-10-01", "10:00", "holiday"),
        ("2026-03-04", "10:30", "open"),
        ("2026-03-04", "11:30", "closed"),
        ("2026-03-05", "10:00", "closed"),
        ("2026-03-06", "10:00", "holiday"),
    ],
)
def test_the_state_of_an_office_at_a_moment(day: str, moment: str, state: str) -> None:
    assert open_state(OFFICE, at(day, moment)) == state


def test_the_time_is_that_of_the_calendars_zone() -> None:
    assert open_state(OFFICE, datetime(2026, 3, 2, 2, 0, tzinfo=UTC)) == "open"
    assert open_state(OFFICE, datetime(2026, 3, 2, 10, 0, tzinfo=UTC)) == "closed"


def test_swapped_days_may_have_hours_of_their_own() -> None:
    hours = OFFICE.model_copy(update={"swapped": "14:00-15:00"})
    assert open_state(hours, at("2026-02-14")) == "closed"
    assert open_state(hours, at("2026-02-14", "14:30")) == "open"


def test_the_emergency_override_wins_over_everything() -> None:
    closed = OFFICE.model_copy(update={"override": "closed"})
    opened = OFFICE.model_copy(update={"override": "open"})
    assert open_state(closed, at("2026-03-02")) == "closed"
    assert open_state(opened, at("2026-03-06", "03:00")) == "open"


def test_a_calendar_without_public_holidays_goes_by_the_week_alone() -> None:
    hours = OFFICE.model_copy(update={"holidays": None})
    assert open_state(hours, at("2026-10-01")) == "open"
    assert open_state(hours, at("2026-02-14")) == "closed"


def test_a_span_may_last_to_midnight() -> None:
    night = Hours.model_validate({"week": {"mon": "22:00-24:00", "tue": "00:00-06:00"}, "holidays": None})
    assert open_state(night, at("2026-03-02", "23:59")) == "open"
    assert open_state(night, at("2026-03-03", "00:00")) == "open"
    assert open_state(night, at("2026-03-03", "06:00")) == "closed"


@pytest.mark.parametrize("text", ["9-17", "09:00", "09:00-08:00", "22:00-06:00", "25:00-26:00", "", "open"])
def test_hours_that_cannot_be_read_say_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 09:00-17:30|two days"):
        parse_spans(text)


def test_everything_wrong_with_a_calendar_is_told_with_its_place() -> None:
    hours = Hours.model_validate(
        {
            "zone": "Asia/Shanghi",
            "week": {"mon": "9-5"},
            "swapped": "x",
            "exceptions": {"2026-13-01": "closed", "2026-01-02": "late"},
            "holidays": "XX",
        }
    )
    places = {path for path, _ in hours_problems(hours)}
    assert places == {
        ("zone",),
        ("week", "mon"),
        ("swapped",),
        ("exceptions", "2026-13-01"),
        ("exceptions", "2026-01-02"),
        ("holidays",),
    }
    assert hours_problems(OFFICE) == []


def test_the_next_ninety_days_must_be_announced() -> None:
    assert first_uncovered(OFFICE, date(2026, 9, 1)) is None
    assert first_uncovered(OFFICE, date(2089, 12, 1)) == date(2089, 12, 1)
    assert first_uncovered(OFFICE.model_copy(update={"holidays": None}), date(2089, 12, 1)) is None


@given(moment=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 - the zone is added
def test_every_moment_has_exactly_one_state(moment: datetime) -> None:
    assert open_state(OFFICE, moment.replace(tzinfo=SHANGHAI)) in {"open", "closed", "holiday"}
