"""Where a policy stands on a day, without a database."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_db.facts import InstalmentFact, Money
from policy_db.standing import PolicyTerms, months_after, premium_position, status_on, years_after

DUE = date(2026, 1, 1)
LIFE = PolicyTerms(date(2020, 1, 1), None, None, grace_days=60, lapses=True, currency="CNY")
MOTOR = PolicyTerms(date(2025, 10, 1), date(2026, 9, 30), None, grace_days=0, lapses=False, currency="CNY")


def instalment(due_on: date, paid: str = "0", paid_on: date | None = None) -> InstalmentFact:
    return InstalmentFact(due_on, Money(Decimal("100.00")), Money(Decimal(paid)), paid_on)


@pytest.mark.parametrize(
    ("today", "state", "status"),
    [
        (date(2025, 10, 1), "not_yet", "in_force"),
        (date(2025, 11, 2), "due", "in_force"),
        (date(2026, 1, 1), "due", "in_force"),
        (date(2026, 1, 2), "in_grace", "grace"),
        (date(2026, 3, 2), "in_grace", "grace"),  # the sixtieth day
        (date(2026, 3, 3), "lapsed", "lapsed"),
        (date(2029, 1, 1), "lapsed", "lapsed"),
    ],
)
def test_a_life_policy_has_sixty_days_of_grace_and_then_lapses(today: date, state: str, status: str) -> None:
    position = premium_position(LIFE, [instalment(DUE)], today)
    assert position.state == state
    assert status_on(LIFE, DUE, today) == status


def test_a_lapsed_policy_may_be_reinstated_for_two_years() -> None:
    on_last_day = premium_position(LIFE, [instalment(DUE)], date(2028, 3, 3))
    assert (on_last_day.lapsed_on, on_last_day.reinstate_until) == (date(2026, 3, 3), date(2028, 3, 3))
    assert on_last_day.can_reinstate
    assert not premium_position(LIFE, [instalment(DUE)], date(2028, 3, 4)).can_reinstate


def test_a_motor_policy_has_no_grace_and_stays_overdue_in_force() -> None:
    position = premium_position(MOTOR, [instalment(DUE)], DUE + timedelta(days=90))
    assert (position.state, position.days_overdue, position.grace_until) == ("overdue", 90, DUE)
    assert status_on(MOTOR, DUE, DUE + timedelta(days=90)) == "in_force"


def test_the_due_day_itself_is_neither_overdue_nor_ahead() -> None:
    position = premium_position(LIFE, [instalment(DUE)], DUE)
    assert (position.days_overdue, position.days_until_due) == (0, 0)


def test_what_is_owed_is_all_that_fell_due_less_what_was_paid_of_it() -> None:
    instalments = [
        instalment(date(2025, 12, 1), "100.00", date(2025, 11, 30)),
        instalment(DUE, "40.00", date(2026, 1, 5)),
        instalment(date(2026, 2, 1)),
        instalment(date(2026, 3, 1)),
    ]
    position = premium_position(LIFE, instalments, date(2026, 2, 10))
    assert position.amount == Money(Decimal("160.00"))
    assert (position.due_on, position.paid_to) == (DUE, DUE)
    assert (position.last_paid, position.last_paid_on) == (Money(Decimal("40.00")), date(2026, 1, 5))


def test_what_falls_due_today_is_owed_with_what_is_overdue() -> None:
    position = premium_position(LIFE, [instalment(DUE), instalment(date(2026, 2, 1))], date(2026, 2, 1))
    assert position.amount == Money(Decimal("200.00"))


def test_a_policy_paid_to_its_end_owes_nothing() -> None:
    position = premium_position(
        MOTOR, [instalment(MOTOR.started_on, "100.00", MOTOR.started_on)], date(2026, 2, 1)
    )
    assert (position.state, position.amount, position.due_on) == ("paid_up", Money(Decimal("0.00")), None)
    assert position.paid_to == MOTOR.ends_on


@pytest.mark.parametrize(
    ("terms", "today", "status"),
    [
        (LIFE, date(2019, 12, 31), "pending"),
        (MOTOR, date(2026, 9, 30), "in_force"),
        (MOTOR, date(2026, 10, 1), "matured"),
        (
            PolicyTerms(date(2020, 1, 1), None, date(2025, 5, 5), 60, True, "CNY"),
            date(2025, 5, 4),
            "in_force",
        ),
        (
            PolicyTerms(date(2020, 1, 1), None, date(2025, 5, 5), 60, True, "CNY"),
            date(2025, 5, 5),
            "surrendered",
        ),
    ],
)
def test_dates_decide_the_status_of_a_paid_policy(terms: PolicyTerms, today: date, status: str) -> None:
    assert status_on(terms, None, today) == status


def test_a_policy_that_lapsed_before_its_end_stays_lapsed_after_it() -> None:
    terms = PolicyTerms(date(2015, 1, 1), date(2024, 12, 31), None, 60, True, "CNY")
    assert status_on(terms, date(2020, 1, 1), date(2026, 1, 1)) == "lapsed"
    assert status_on(terms, date(2024, 12, 1), date(2026, 1, 1)) == "matured"


def test_a_surrendered_policy_owes_nothing() -> None:
    terms = PolicyTerms(date(2020, 1, 1), None, date(2025, 5, 5), 60, True, "CNY")
    position = premium_position(terms, [instalment(DUE)], date(2026, 2, 1))
    assert (position.state, position.amount.amount, position.days_overdue) == ("ended", 0, 0)


days = st.dates(date(2000, 1, 1), date(2060, 1, 1))


@given(first=days, today=days, paid=st.integers(0, 5), lapses=st.booleans(), grace=st.integers(0, 90))
def test_a_position_never_contradicts_itself(
    first: date, today: date, paid: int, lapses: bool, grace: int
) -> None:
    terms = PolicyTerms(first, None, None, grace, lapses, "CNY")
    dues = [months_after(first, 3 * index) for index in range(5)]
    instalments = [instalment(due, "100.00" if index < paid else "0", None) for index, due in enumerate(dues)]
    position = premium_position(terms, instalments, today)
    open_ones = dues[paid:]
    assert (position.state == "paid_up") == (not open_ones)
    assert not (position.days_overdue and position.days_until_due)
    assert position.amount.amount == 100 * (
        max(1, sum(due <= today for due in open_ones)) if open_ones else 0
    )
    assert (position.state == "lapsed") == bool(lapses and open_ones and (today - open_ones[0]).days > grace)
    assert (position.lapsed_on is not None) == (position.state == "lapsed")
    assert (position.state == "in_grace") == (status_on(terms, next(iter(open_ones), None), today) == "grace")


@given(day=days, months=st.integers(-240, 240))
def test_months_are_counted_by_the_calendar(day: date, months: int) -> None:
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + timedelta(days=1)).month != later.month


def test_a_leap_day_has_an_anniversary_every_year() -> None:
    assert years_after(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
