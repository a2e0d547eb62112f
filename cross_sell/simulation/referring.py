"""What becomes of an offer in a simulated world, step by step, in the states that referrals really have."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from cross_sell.simulation.calling import Floor
from cross_sell.simulation.world import SETTLED, World
from policy_db.selling_facts import OnSale, Referral, ReferralState, ReferralStep, Suggestion, may_move
from policy_db.simulated import Day, NewPolicy, Person


@dataclass(frozen=True, slots=True)
class _Due:
    """A referral whose end is still to come: a sale, or a no to the seat."""

    referral: Referral
    steps: int
    person: Person
    sells: bool


@dataclass(slots=True)
class Referring:
    """All offers that are on their way. `owned` is which customer has which product."""

    world: World
    products: dict[str, OnSale]
    owned: set[tuple[int, str]]
    zone: tzinfo
    _due: dict[date, list[_Due]] = field(default_factory=lambda: defaultdict(list))
    _leaving: dict[date, list[tuple[str, int, str]]] = field(default_factory=lambda: defaultdict(list))
    _answered: dict[int, datetime] = field(default_factory=dict)
    _numbers: int = 0

    def answer(
        self,
        day: Day,
        person: Person,
        suggestion: Suggestion,
        referral: Referral,
        floor: Floor,
        rng: random.Random,
    ) -> None:
        """The caller is asked, and answers; the referral as it stands at the end of the day is written."""
        story = _Story(referral)
        story.step("offered", 20, "hotline")
        said = self._says(person, suggestion, rng)
        if said != "yes":
            story.step("refused" if said == "no" else "lost", 30, "caller" if said == "no" else "hotline")
        else:
            story.step("accepted", 30, "caller")
            story.step("transferred", 35, "hotline")
            if rng.random() >= self.world.reach:
                story.step("lost", 90, "hotline")
            else:
                self._talk(story, person, floor, rng)
        day.begun.append(story.referral)
        day.steps += [(referral.id, step) for step in story.steps]

    def end_of(self, today: date, day: Day) -> None:
        """Sales and refusals that fall on this day, and policies that are surrendered."""
        at = datetime.combine(today, time(17), self.zone)
        for one in self._due.pop(today, ()):
            sells = one.sells and (one.person.id, one.referral.product) not in self.owned
            state: ReferralState = "sold" if sells else "declined"
            ended = replace(one.referral, state=state, changed_at=at, version=one.referral.version + 1)
            if sells:
                ended = self._sell(day, ended, one.person, at)
            day.moved.append(ended)
            step = ReferralStep(one.steps, state, at, f"seat:{ended.seat}", "")
            day.steps.append((ended.id, step))
        for number, customer, product in self._leaving.pop(today, ()):
            day.surrendered.append((number, today))
            self.owned.discard((customer, product))

    def buy_unasked(self, day: Day, person: Person, product: str, at: datetime) -> None:
        """A customer takes a product by themselves."""
        if product in self.products and (person.id, product) not in self.owned:
            self._take(day, person, product, self.products[product].offered.premium, at)

    def _says(self, person: Person, suggestion: Suggestion, rng: random.Random) -> str:
        """`yes`, `no`, or nothing. Whoever was asked not long ago lets the question pass."""
        draw = rng.random()
        before = self._answered.get(person.id)
        if before is not None and suggestion.decided_at - before < timedelta(days=SETTLED):
            return ""
        self._answered[person.id] = suggestion.decided_at
        yes = self.world.yes(suggestion.product, suggestion.features)
        return "yes" if draw < yes else "no" if draw < yes + (1 - yes) * 0.85 else ""

    def _talk(self, story: _Story, person: Person, floor: Floor, rng: random.Random) -> None:
        seat = floor.took(story.referral.product)
        story.referral = replace(story.referral, seat=seat)
        story.step("connected", 70, f"seat:{seat}")
        sells = rng.random() < self.world.close(story.referral.product)
        if sells or rng.random() < 0.4:
            story.step("quoted", 500, f"seat:{seat}")
        delay = min(int(rng.expovariate(1 / 7)), self.world.latest_sale)
        when = story.referral.flagged_at.astimezone(self.zone).date() + timedelta(days=delay)
        self._due[when].append(_Due(story.referral, len(story.steps) + 1, person, sells))

    def _sell(self, day: Day, referral: Referral, person: Person, at: datetime) -> Referral:
        rng = random.Random(referral.id)  # noqa: S311 - it makes up sales
        usual = self.products[referral.product].offered.premium
        premium = (usual * Decimal(str(round(rng.uniform(0.7, 1.3), 2)))).quantize(Decimal("0.01"))
        number = self._take(day, person, referral.product, premium, at)
        if rng.random() >= self.world.stay:
            self._leaving[at.date() + timedelta(days=10)].append((number, person.id, referral.product))
        return replace(referral, policy=number, premium=premium)

    def _take(self, day: Day, person: Person, product: str, premium: Decimal, at: datetime) -> str:
        self._numbers += 1
        number = f"S{self._numbers:08}"
        self.owned.add((person.id, product))
        sold = self.products[product]
        day.taken.append(NewPolicy(number, person.id, sold, sold.least_sum, premium, at.date(), at))
        return number


class _Story:
    """A referral with the steps it took; a step that the product's own rules forbid is a mistake here."""

    def __init__(self, referral: Referral) -> None:
        self.referral = referral
        self.steps = [ReferralStep(0, referral.state, referral.flagged_at, "hotline", "")]

    def step(self, state: ReferralState, seconds: float, who: str, **known: Any) -> None:
        before = self.referral
        if not may_move(before.state, state):
            raise ValueError(f"a referral that is {before.state} cannot become {state}")
        at = before.flagged_at + timedelta(seconds=seconds)
        self.referral = replace(before, state=state, changed_at=at, version=before.version + 1, **known)
        self.steps.append(ReferralStep(len(self.steps), state, at, who, ""))
