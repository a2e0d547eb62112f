"""A year in virtual time: real gates, scores, ranking and arms over real tables, with callers whose answers are known.

Every call is decided by the same `Adviser.decide` that serves calls, from the same tables. Two things are done at once
for a day rather than call by call: what was decided is written in one transaction, and the catalogue is read once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from importlib.resources import as_file, files
from itertools import count
from typing import Any, Final, cast

import numpy as np

from cross_sell.adviser import Adviser, Decision, ModelRegistry
from cross_sell.catalogue import load_catalogue, read_catalogue
from cross_sell.proof.estimates import Floats
from cross_sell.rules import SellingRules
from cross_sell.simulation.calling import Floor, calls_of
from cross_sell.simulation.referring import Referring
from cross_sell.simulation.world import World
from policy_db import PolicyDatabase, build_demo
from policy_db.selling_facts import OnSale, Suggestion
from policy_db.simulated import Day, Person, Simulated

#: Asked at the end of each day: what learns from the day.
Nightly = Callable[[date], Awaitable[None]]
Progress = Callable[[int, int], None]
_SAMPLE: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated. `uplift` is the true one aimed at: lasting sales a person offered, within the window."""

    start: date = date(2027, 1, 1)
    days: int = 365
    calls_a_day: float = 40.0
    customers: int = 8000
    seed: int = 1
    uplift: float = 0.03
    unasked: float = 1.0
    rules: SellingRules = field(default_factory=SellingRules)
    zone: tzinfo = UTC


class VirtualClock:
    """The time of a simulated world."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment it is there."""
        return self.now


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person at their first eligible decision: by candidate the chance that offering it makes a
    lasting sale, and that they buy it unasked within the window; and the chance of being offered each."""

    suggestion: str
    arm: str
    at: datetime
    caused: dict[str, float]
    unasked: dict[str, float]
    chance: dict[str, float]


@dataclass(slots=True)
class Ledger:
    """What happened, for the truth: everybody's first eligible decision, and how many calls there were."""

    known: dict[str, Known] = field(default_factory=dict)
    calls: int = 0
    decided: int = 0
    offers: int = 0


async def build_company(database: PolicyDatabase, plan: Plan) -> None:
    """Fill an empty database with a company that lasts the simulated time."""
    await build_demo(database, customers=plan.customers, seed=plan.seed, today=plan.start)
    if not await database.offered.all():
        with as_file(files("policy_db.demo").joinpath("data/offered.yaml")) as path:
            await load_catalogue(database, read_catalogue(path), by="simulated")
    await Simulated(database).settle(plan.start, plan.days, plan.seed)


class Year:
    """One run over a database that holds a company (see `build_company`)."""

    def __init__(
        self,
        database: PolicyDatabase,
        plan: Plan,
        clock: VirtualClock,
        *,
        registry: ModelRegistry | None = None,
        nightly: Nightly | None = None,
        window: int,
    ) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock
        self._registry = registry
        self._nightly = nightly
        self._window = window
        self._simulated = Simulated(database)
        self._rng = random.Random(plan.seed)  # noqa: S311 - it makes up calls
        self._chance = np.random.default_rng(plan.seed)
        self._ids = count(1)
        self.ledger = Ledger()
        self.world = World()

    async def run(self, progress: Progress | None = None) -> Ledger:
        """All days; gives what is known of everybody who was eligible."""
        plan = self._plan
        people = await self._simulated.people()
        products = await self._database.offered.all()
        eagerness = self._chance.lognormal(-0.18, 0.6, len(people)) * plan.unasked
        self._eager = {one.number: float(eagerness[index]) for index, one in enumerate(people)}
        self.world = World(factor=await self._factor(people, products))
        referring = Referring(
            self.world,
            {one.offered.product: one for one in products},
            await self._simulated.holdings(),
            plan.zone,
        )
        for index in range(plan.days):
            today = plan.start + timedelta(days=index)
            await self._day(today, people, products, referring, eagerness)
            if progress is not None:
                progress(index + 1, plan.days)
        return self.ledger

    async def _day(
        self,
        today: date,
        people: Sequence[Person],
        products: tuple[OnSale, ...],
        referring: Referring,
        eagerness: Floats,
    ) -> None:
        day, floor = Day(), Floor(products)
        async with self._simulated.reading(products) as reading:
            adviser = self._adviser(reading)
            calls = calls_of(today, self._plan.calls_a_day, people, floor, self._rng, self._plan.zone)
            for person, call in calls:
                self._clock.now = call.now
                decision = await adviser.decide(call)
                day.calls.append((call.call_id, person, call.now))
                day.decisions.append(decision.suggestion)
                self._note(decision)
                if decision.referral is not None:
                    referring.answer(day, person, decision.suggestion, decision.referral, floor, self._rng)
        self._clock.now = datetime.combine(today, time(23, 30), self._plan.zone)
        referring.end_of(today, day)
        self._unasked(day, people, products, referring, eagerness)
        await self._simulated.write(day)
        if self._nightly is not None:
            await self._nightly(today)

    def _adviser(self, reading: object) -> Adviser:
        return Adviser(
            cast("Any", reading),
            self._registry,
            self._plan.rules,
            clock=self._clock,
            ids=lambda: f"sim-{next(self._ids):08}",
            salt=f"simulated {self._plan.seed}".encode(),
        )

    def _unasked(
        self,
        day: Day,
        people: Sequence[Person],
        products: Sequence[OnSale],
        referring: Referring,
        eagerness: Floats,
    ) -> None:
        """Whoever buys by themselves today does so in the evening, asked or not."""
        for product in products:
            code = product.offered.product
            chance = np.minimum(1.0, self.world.unasked(code, 1.0) * eagerness)
            for index in np.flatnonzero(self._chance.random(len(people)) < chance):
                referring.buy_unasked(day, people[int(index)], code, self._clock.now)

    def _note(self, decision: Decision) -> None:
        """Keep what is known of a person's first eligible decision."""
        made = decision.suggestion
        self.ledger.calls += 1
        self.ledger.decided += made.arm != "none"
        self.ledger.offers += decision.referral is not None
        if made.arm != "none" and made.customer not in self.ledger.known:
            self.ledger.known[made.customer] = self._known(made)

    def _known(self, made: Suggestion) -> Known:
        eager = self._eager[made.customer]
        days = self._window + 1
        codes = [one.product for one in made.candidates]
        return Known(
            suggestion=made.id,
            arm=made.arm,
            at=made.decided_at,
            caused={code: self.world.lasting_sale(code, made.features) for code in codes},
            unasked={code: self.world.unasked_lasting(code, eager, days) for code in codes},
            chance={one.product: one.chance for one in made.candidates},
        )

    async def _factor(self, people: Sequence[Person], products: tuple[OnSale, ...]) -> float:
        """How many must close for the uplift that is aimed at, from a sample of decisions that are not kept."""
        plain, found = World(), []
        sampler, chosen = random.Random(self._plan.seed + 1), list(people)  # noqa: S311
        sampler.shuffle(chosen)
        first = self._plan.start
        async with self._simulated.reading(products) as reading:
            adviser = self._adviser(reading)
            calls = calls_of(first, 3 * _SAMPLE, chosen, Floor(products), sampler, self._plan.zone)
            for _person, call in calls:
                made = (await adviser.decide(call)).suggestion
                if made.arm != "none":
                    found.append(
                        sum(
                            one.chance * plain.lasting_sale(one.product, made.features)
                            for one in made.candidates
                        )
                        / (made.offer_propensity or 1.0)
                    )
        self._ids = count(1)
        mean = float(np.mean(found)) if found else 0.0
        return self._plan.uplift / mean if mean > 0 else 0.0
