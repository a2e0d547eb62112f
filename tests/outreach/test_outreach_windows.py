"""Nobody is called outside the windows of their own clocks, nor beyond the caps, in a year with everything in it."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.errors import OutreachError
from ivr.outreach.numbers import _looked_up, read_number
from ivr.outreach.pace import Floor, TokenBucket, per_seat, room_for
from ivr.outreach.planning import Readings, after_attempt, look_again
from ivr.outreach.rules import Pace, Rules
from ivr.outreach.selection import read_csv
from ivr.outreach.windows import CompanyHours, Openings, parted
from ivr.settings import Settings
from policy_db.outreach_facts import EarlierCall

PLACES = (
    "CN:Asia/Shanghai", "US:America/New_York", "GB:Europe/London", "AU:Australia/Lord_Howe",
    "AU:Australia/Perth,Australia/Sydney", ":Asia/Kathmandu",
)  # fmt: skip


def at(place: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(parted(place)[1][0]))


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-10T10:00", True),
        ("2026-03-10T08:59", False),
        ("2026-03-10T12:30", False),  # the noon rest
        ("2026-03-10T18:30", False),  # the evening meal
        ("2026-03-10T20:31", False),
        ("2026-03-14T10:00", False),  # a Saturday
        ("2026-02-17T10:00", False),  # the spring festival
        ("2026-02-14T10:00", True),  # a Saturday on which offices work instead (调休)
    ],
)
def test_the_windows_of_a_day_in_china(moment: str, open_: bool) -> None:
    place = "CN:Asia/Shanghai"
    assert Openings(Rules().windows).may_call(place, at(place, moment)) is open_


def test_no_rule_opens_the_night() -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    rules = Rules.read({"windows": {"week": week, "rests": "", "holidays": None}})
    openings = Openings(rules.windows)
    place = "US:America/New_York"
    hours = [hour for hour in range(24) if openings.may_call(place, at(place, f"2026-06-03T{hour:02}:30"))]
    assert hours == list(range(9, 21))


def test_no_campaign_calls_outside_the_hours_of_the_company_or_in_its_rests() -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    rules = Rules.read({"windows": {"week": week, "rests": "16:00-17:00", "holidays": None}})
    company = CompanyHours("08:00-12:00,13:00-18:30", "11:00-12:00")
    openings = Openings(rules.windows, company)
    place = "US:America/New_York"
    hours = [hour for hour in range(24) if openings.may_call(place, at(place, f"2026-06-03T{hour:02}:15"))]
    assert hours == [9, 10, 13, 14, 15, 17, 18]
    assert openings.next_opening(place, at(place, "2026-06-03T18:30")) == at(place, "2026-06-04T09:00")
    assert company.allowed == "09:00-12:00, 13:00-18:30"


def test_the_hours_of_the_company_are_those_of_the_settings() -> None:
    company = CompanyHours.of(Settings(call_hours="10:00-16:00", call_rests="closed", _env_file=None))  # type: ignore[call-arg]
    assert company == CompanyHours("10:00-16:00", "")
    for wrong in ({"call_hours": "21:00-08:00"}, {"call_rests": "14:00-12:00"}, {"call_hours": "morning"}):
        with pytest.raises(ValidationError):
            Settings(**wrong, _env_file=None)  # type: ignore[call-arg,arg-type]


def test_a_number_of_several_zones_is_called_only_while_all_of_them_allow_it() -> None:
    openings = Openings(Rules().windows)
    place = "AU:Australia/Perth,Australia/Sydney"
    nine_in_perth = datetime(2026, 6, 3, 9, 0, tzinfo=ZoneInfo("Australia/Perth"))
    assert openings.may_call("AU:Australia/Perth", nine_in_perth)
    opening = openings.next_opening(place, datetime(2026, 6, 2, 22, 0, tzinfo=UTC))
    assert opening is not None
    for zone in ("Australia/Perth", "Australia/Sydney"):
        assert openings.may_call(f"AU:{zone}", opening)


@settings(max_examples=25)
@given(st.integers(0, 366 * 24 * 4), st.sampled_from(PLACES))
def test_the_next_opening_is_open_and_nothing_before_it_is(quarters: int, place: str) -> None:
    openings = Openings(Rules().windows)
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarters)
    opening = openings.next_opening(place, after)
    assert opening is not None
    assert opening >= after
    assert openings.may_call(place, opening)
    quarter = after
    while quarter < min(opening, after + timedelta(days=2)):
        assert not openings.may_call(place, quarter)
        quarter += timedelta(minutes=15)


def test_in_a_simulated_year_with_jumping_clocks_nobody_is_called_outside_windows_or_caps() -> None:
    rng = random.Random(20260310)
    rules = Rules.read({"caps": {"per_day": 1, "per_week": 2}, "retries": {"attempts": 20}})
    openings, readings = Openings(rules.windows), Readings()
    people = [f"+{number}" for number in range(12)]
    place = {person: PLACES[number % len(PLACES)] for number, person in enumerate(people)}
    history: dict[str, list[EarlierCall]] = defaultdict(list)
    next_at: dict[str, datetime] = dict.fromkeys(people, datetime(2026, 1, 1, tzinfo=UTC))
    real: dict[str, list[datetime]] = defaultdict(list)
    true, steady, wrong, wrong_until = datetime(2026, 1, 1, tzinfo=UTC), 0.0, timedelta(0), 0.0
    while true < datetime(2027, 1, 1, tzinfo=UTC):
        step = rng.choice((900.0, 1800.0, 2700.0))
        true, steady = true + timedelta(seconds=step), steady + step
        if steady > wrong_until:
            wrong = timedelta(0)
            if rng.random() < 0.004:  # the clock is wrong by hours for some minutes, then right again
                wrong, wrong_until = timedelta(hours=rng.uniform(-30, 30)), steady + rng.uniform(60, 3000)
        seen = readings.at(true + wrong, steady)
        for person in people:
            if next_at[person] > min(seen):
                continue
            again = look_again(rules, openings, place[person], tuple(history[person]), seen)
            if again is not None:
                next_at[person] = again
                continue
            history[person].append(EarlierCall(seen[0], spoken=False))
            real[person].append(true)
            next_at[person] = seen[0] + timedelta(minutes=rng.choice((30, 240, 1440)))
    assert sum(map(len, real.values())) > 400
    for person, calls in real.items():
        for call in calls:
            assert openings.may_call(place[person], call), (person, call)
        for first, third in zip(calls, calls[2:], strict=False):
            assert third - first > timedelta(days=7) - timedelta(hours=31)
        right = [one for one in calls if not _near(calls, one)]
        assert len(right) == len(calls)


def _near(calls: list[datetime], one: datetime) -> bool:
    return any(other != one and abs(other - one) < timedelta(hours=4) for other in calls)


def test_a_clock_that_jumps_is_believed_only_where_both_readings_agree_and_after_an_hour_alone() -> None:
    readings, now = Readings(), datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
    assert readings.at(now, 0.0) == (now,)
    assert readings.at(now + timedelta(seconds=31), 30.0) == (
        now + timedelta(seconds=31),
    )  # set right a little
    jumped = now + timedelta(hours=9)
    assert len(readings.at(jumped, 60.0)) == 2
    back = readings.at(now + timedelta(seconds=120), 120.0)
    assert len(back) >= 2
    assert len(readings.at(now + timedelta(seconds=3800), 3800.0)) == 1


def test_caps_count_every_campaign_and_calls_of_a_clock_that_was_ahead() -> None:
    rules = Rules.read({"caps": {"per_day": 1, "per_week": 2}})
    openings = Openings(rules.windows)
    place = "CN:Asia/Shanghai"
    now = at(place, "2026-03-11T10:00")
    today = EarlierCall(at(place, "2026-03-11T09:30"), spoken=False)
    assert look_again(rules, openings, place, (), (now,)) is None
    assert look_again(rules, openings, place, (today,), (now,)) == at(place, "2026-03-12T09:00")
    ahead = EarlierCall(at(place, "2026-03-13T09:30"), spoken=False)
    week = look_again(rules, openings, place, (today, ahead), (now,))
    assert week is not None
    assert week >= at(place, "2026-03-18T09:30")


def test_after_a_talk_a_number_rests_where_the_rules_want_it() -> None:
    rules = Rules.read({"caps": {"after_talk": 7, "per_week": 9}})
    place = "CN:Asia/Shanghai"
    talk = EarlierCall(at(place, "2026-03-10T10:00"), spoken=True)
    again = look_again(rules, Openings(rules.windows), place, (talk,), (at(place, "2026-03-12T10:00"),))
    assert again == at(place, "2026-03-17T10:00")


@pytest.mark.parametrize(
    ("outcome", "made", "gap"),
    [
        ("busy", 1, timedelta(minutes=30)),
        ("no_answer", 1, timedelta(hours=4)),
        ("no_answer", 3, None),  # three attempts were all there are
        ("unreachable", 9, timedelta(minutes=15)),  # nothing rang: it costs the person no attempt
        ("invalid_number", 0, None),
        ("wrong_number", 1, None),
        ("do_not_call", 1, None),
        ("told", 1, None),
    ],
)
def test_what_follows_an_attempt(outcome: str, made: int, gap: timedelta | None) -> None:
    ended = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
    after = after_attempt(Rules(), outcome, made=made, ended_at=ended)
    assert (None if after.at is None else after.at - ended) == gap


def test_who_asked_to_be_called_later_is_called_then_once_more_than_the_rules_say() -> None:
    ended = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
    later = ended + timedelta(hours=24)
    assert after_attempt(Rules(), "call_later", made=3, ended_at=ended, later_at=later).at == later
    assert after_attempt(Rules(), "call_later", made=4, ended_at=ended, later_at=later).at is None


@settings(max_examples=25)
@given(st.floats(0.2, 60.0), st.lists(st.floats(0.001, 0.4), min_size=100, max_size=150))
def test_a_pace_is_held_however_unevenly_it_is_looked_at(rate: float, pauses: list[float]) -> None:
    bucket, now, begun = TokenBucket(rate, 0.0), 0.0, 0
    for pause in pauses:
        now += min(pause, 1.0 / rate)
        calls = bucket.available(now)
        bucket.take(calls)
        begun += calls
    assert abs(begun - rate * now) <= 1.0 + 1e-6


def test_seats_are_the_measure_one_call_each_or_more_while_few_enough_are_abandoned() -> None:
    progressive, predictive = Pace(mode="progressive"), Pace(mode="predictive", at_once=100)
    assert room_for(progressive, Floor(pending=1, under_way=1, free_seats=3)) == 2
    assert room_for(progressive, Floor(pending=5, under_way=5, free_seats=3)) == 0
    few = Floor(0, 0, free_seats=10, tried=90, answered=40, abandoned=0)
    assert per_seat(predictive, few) == 1.0  # too little is known yet
    good = Floor(0, 0, free_seats=10, tried=4000, answered=2000, abandoned=10)
    assert room_for(predictive, good) > 10
    bad = Floor(0, 0, free_seats=10, tried=4000, answered=2000, abandoned=70)
    assert room_for(predictive, bad) == 10  # over the cap: never more than one call for each free seat


@pytest.mark.parametrize(
    "rules",
    [
        {"windows": {"week": {"mon": "9-17"}}},
        {"windows": {"rests": "noon"}},
        {"windows": {"holidays": "XX"}},
        {"retries": {"gaps": {"busy": "soon"}}},
        {"retries": {"gaps": {"bussy": "1h"}}},
        {"pace": {"per_second": 0}},
        {"pase": {}},
    ],
)
def test_rules_that_cannot_be_are_refused_with_what_is_wrong(rules: dict[str, object]) -> None:
    with pytest.raises(OutreachError) as refused:
        Rules.read(rules)
    assert refused.value.code == "H701"


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ("138 0013 8000", "+8613800138000", "CN:Asia/Shanghai"),
        ("010-62101234", "+861062101234", "CN:Asia/Shanghai"),
        ("+1 212 555 0123", "+12125550123", "US:America/New_York"),
        ("sip:wang@127.0.0.1:5070", "sip:wang@127.0.0.1:5070", "CN:Asia/Shanghai"),
    ],
)
def test_numbers_tell_where_they_ring(text: str, number: str, place: str) -> None:
    read = read_number(text)
    assert read is not None
    assert (read.number, read.place) == (number, place)


@pytest.mark.parametrize(
    "text", ["", "12345", "400-000-1234", "+1 800 356 9377", "call me", "sip:@", "1" * 40]
)
def test_what_nobody_can_be_called_at_is_no_number(text: str) -> None:
    assert read_number(text) is None


def test_every_wrong_line_of_a_file_is_named_and_the_others_are_taken() -> None:
    text = (
        "手机,保单号,日期\n13800138000,86001234,2026-03-12\n,86001234,\n12345,,\n13800138001,,12.3.2026\n"
        f"\n13800138002,{'8' * 30},\n13800138003\n"
    )
    people, wrong = read_csv(text.encode("gb18030"))
    assert [one.number for one in people] == ["13800138000", "13800138003"]
    assert people[0].day == "2026-03-12"
    assert [(one.line, one.why) for one in wrong] == [
        (3, "no_number"), (4, "bad_number"), (5, "bad_day"), (7, "too_wide"),
    ]  # fmt: skip
    assert read_csv(b"name\nWang\n")[1][0].why == "no_number_column"
    assert read_csv(b"")[1][0].why == "no_number_column"


def test_a_number_is_what_its_library_says_of_it_though_only_its_block_is_looked_up() -> None:
    rng = random.Random(4)
    for region in ("US", "GB", "JP", "HK", "AU", "DE", "BR", "SG"):
        for kind in (0, 1):
            example = phonenumbers.example_number_for_type(region, kind)
            first = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[:-4]
            for last in rng.sample(range(10_000), 3):
                number = f"{first}{last:04d}"
                assert read_number(number) == _looked_up(number, "CN", "Asia/Shanghai")
