"""Policies as they are planned, before they become rows: what, for whom, and how far paid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from policy_db.demo.catalogue import INSTALMENTS, DemoProduct
from policy_db.demo.people import Person
from policy_db.standing import months_after

#: Product code → how often it is sold.
_POPULAR = {"101": 16, "102": 14, "201": 22, "202": 16, "301": 20, "401": 5, "501": 7}
#: Fate of a policy → how often it happens.
_FATES = {"current": 84, "behind": 6, "lapsed": 4, "surrendered": 3, "ended": 3}
_MOST_PAID = {"monthly": 24, "quarterly": 12, "yearly": 8, "single": 1}


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy: `paid` instalments are paid and the next is, or would be, due on `next_due`."""

    number: str
    product: DemoProduct
    term: int
    sum_insured: Decimal
    premium: Decimal
    frequency: str
    paid: int
    next_due: date
    surrendered_on: date | None = None

    def due(self, index: int) -> date:
        """When the instalment of that index (from 0) is due."""
        return months_after(self.next_due, (index - self.paid) * INSTALMENTS[self.frequency][1])

    @property
    def started_on(self) -> date:
        """The first day of cover, on which the first instalment is due."""
        return self.due(0)

    @property
    def instalments(self) -> int:
        """How many instalments there are in all."""
        if self.frequency == "single":
            return 1
        return self._years * 12 // INSTALMENTS[self.frequency][1]

    @property
    def ends_on(self) -> date | None:
        """The last day of cover, None for a policy for life."""
        if self.product.facts["cover"] == "life":
            return None
        return self.due(self._years * 12 // INSTALMENTS[self.frequency][1]) - timedelta(days=1)

    @property
    def _years(self) -> int:
        if self.product.facts["cover"] != "renewed":
            return self.term
        return self.paid * INSTALMENTS[self.frequency][1] // 12 + 1

    def due_until(self, last: date) -> Iterator[tuple[date, bool]]:
        """Every instalment due until that day or the surrender, with whether it is paid."""
        for index in range(self.instalments):
            due = self.due(index)
            if due > last or (self.surrendered_on is not None and due > self.surrendered_on):
                return
            yield due, index < self.paid


def random_plan(
    rng: random.Random, number: str, products: dict[str, DemoProduct], person: Person, today: date
) -> Plan:
    """A policy that a person of that age and sex might hold."""
    while True:
        code = rng.choices(list(_POPULAR), list(_POPULAR.values()))[0]
        plan = _try_plan(rng, number, products[code], person, today)
        if plan is not None:
            return plan


def _try_plan(
    rng: random.Random, number: str, product: DemoProduct, person: Person, today: date
) -> Plan | None:
    facts = product.facts
    frequency, term = _frequency(rng, facts), rng.choice(facts["terms"])
    sum_insured = Decimal(rng.choice(facts["usual_sums"]))
    fate = rng.choices(list(_FATES), list(_FATES.values()))[0]
    paid, next_due = _progress(rng, facts, frequency, term, fate, today)
    draft = Plan(number, product, term, sum_insured, Decimal(0), frequency, paid, next_due)
    age = (draft.started_on - person.born_on).days // 365
    premium = product.premium(age, person.sex, term, sum_insured, frequency)
    if premium is None or not facts["ages"][0] <= age <= facts["ages"][1]:
        return None
    surrendered_on = None
    if fate == "surrendered" and draft.started_on < today:
        surrendered_on = draft.started_on + timedelta(
            days=rng.randrange(1, (today - draft.started_on).days + 1)
        )
    return Plan(number, product, term, sum_insured, premium, frequency, paid, next_due, surrendered_on)


def _frequency(rng: random.Random, facts: dict[str, Any]) -> str:
    if facts["frequency"] == "single" or facts["class"] == "property":
        return str(facts["frequency"])
    return rng.choices(("yearly", "quarterly", "monthly"), (75, 10, 15))[0]


def _progress(
    rng: random.Random, facts: dict[str, Any], frequency: str, term: int, fate: str, today: date
) -> tuple[int, date]:
    """How many instalments are paid and when the next is due, from what became of the policy."""
    step = INSTALMENTS[frequency][1]
    in_all = 1 if frequency == "single" else term * 12 // step
    if fate == "ended" and facts["cover"] == "term" and term == 1:
        return in_all, today - timedelta(days=rng.randint(1, 300))
    most = _MOST_PAID[frequency] if facts["cover"] == "renewed" else min(in_all, _MOST_PAID[frequency])
    if fate in ("behind", "lapsed") and in_all > 1:
        days = rng.randint(1, 55) if fate == "behind" or not facts["lapses"] else rng.randint(61, 700)
        return rng.randint(1, max(most - 1, 1)), today - timedelta(days=days)
    if rng.random() < 0.02:
        return 1, months_after(today + timedelta(days=rng.randint(1, 20)), step)
    return rng.randint(1, most), today + timedelta(days=rng.randint(1, step * 30))
