"""Where a policy stands on a day: pure rules over its dates and instalments.

Grace and lapse follow the Insurance Law (保险法): without payment the cover of a personal policy is
suspended once sixty days have passed after the due day (第三十六条), and it may be reinstated within two
years of that (第三十七条). Insurance of things knows no such period: an unpaid instalment is simply overdue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from policy_db.facts import InstalmentFact, Money, PolicyStatus, PremiumPosition, PremiumState

#: How long before its day an instalment is spoken of as due.
NOTICE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What decides a policy's standing: its dates, its product's grace period, and its currency."""

    started_on: date
    ends_on: date | None
    surrendered_on: date | None
    grace_days: int
    lapses: bool
    currency: str


def status_on(terms: PolicyTerms, first_unpaid: date | None, today: date) -> PolicyStatus:
    """The status of a policy whose earliest unpaid instalment is due on `first_unpaid`."""
    if terms.surrendered_on is not None and terms.surrendered_on <= today:
        return "surrendered"
    lapsed_on = lapse_day(terms, first_unpaid)
    if lapsed_on is not None and lapsed_on <= today and (terms.ends_on is None or lapsed_on <= terms.ends_on):
        return "lapsed"
    if terms.ends_on is not None and terms.ends_on < today:
        return "matured"
    if today < terms.started_on:
        return "pending"
    if terms.lapses and first_unpaid is not None and first_unpaid < today:
        return "grace"
    return "in_force"


def lapse_day(terms: PolicyTerms, first_unpaid: date | None) -> date | None:
    """The first day without cover if that instalment stays unpaid; None if no law lets it lapse."""
    if first_unpaid is None or not terms.lapses:
        return None
    return first_unpaid + timedelta(days=terms.grace_days + 1)


def premium_position(
    terms: PolicyTerms, instalments: Sequence[InstalmentFact], today: date, notice: timedelta = NOTICE
) -> PremiumPosition:
    """Where the premium stands on `today`; `instalments` are in the order of their due days."""
    unpaid = [one for one in instalments if one.paid.amount < one.amount.amount]
    first = unpaid[0].due_on if unpaid else None
    status = status_on(terms, first, today)
    ended = status in ("surrendered", "matured")
    state = _state(terms, status, first, today, notice)
    lapsed_on = lapse_day(terms, first) if state == "lapsed" else None
    paid = [one for one in instalments if one.paid_on is not None]
    latest = max(paid, key=_paid_on, default=None)
    reinstate_until = None if lapsed_on is None else years_after(lapsed_on, 2)
    return PremiumPosition(
        state=state,
        amount=Money(Decimal("0.00") if ended else _owed(unpaid, today), terms.currency),
        due_on=None if ended else first,
        days_overdue=0 if ended or first is None else max((today - first).days, 0),
        days_until_due=0 if ended or first is None else max((first - today).days, 0),
        grace_until=None if ended else _grace_until(terms, first),
        paid_to=first if first is not None else terms.ends_on,
        last_paid=None if latest is None else latest.paid,
        last_paid_on=None if latest is None else latest.paid_on,
        lapsed_on=lapsed_on,
        reinstate_until=reinstate_until,
        can_reinstate=reinstate_until is not None and today <= reinstate_until,
    )


def _state(
    terms: PolicyTerms, status: PolicyStatus, first: date | None, today: date, notice: timedelta
) -> PremiumState:
    if status in ("surrendered", "matured"):
        return "ended"
    if first is None:
        return "paid_up"
    if status == "lapsed":
        return "lapsed"
    if first < today:
        return "in_grace" if terms.lapses else "overdue"
    return "due" if first - today <= notice else "not_yet"


def _owed(unpaid: Sequence[InstalmentFact], today: date) -> Decimal:
    """All that is unpaid of what was due by today; if nothing is, the rest of the next instalment."""
    due = [one for one in unpaid if one.due_on <= today] or unpaid[:1]
    return sum((one.amount.amount - one.paid.amount for one in due), Decimal("0.00"))


def _grace_until(terms: PolicyTerms, first: date | None) -> date | None:
    return first + timedelta(days=terms.grace_days) if first is not None else None


def _paid_on(one: InstalmentFact) -> tuple[date, date]:
    return (one.paid_on or date.min, one.due_on)


def years_after(day: date, years: int) -> date:
    """The same day `years` on; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def months_after(day: date, months: int) -> date:
    """The same day `months` on, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")
