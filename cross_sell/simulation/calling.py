"""The calls of a simulated day: who rings when, what about, and who is there to sell."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from cross_sell.call_facts import CallFacts, Intent, ServiceSide
from policy_db.selling_facts import OnSale
from policy_db.simulated import Person

#: Calls by month (January is busy with renewals) and by weekday, against the mean.
_MONTHS: Final = (1.25, 0.85, 1.1, 1.0, 0.95, 0.95, 1.0, 1.0, 1.0, 0.9, 1.0, 1.05)
_WEEKDAYS: Final = (1.25, 1.15, 1.1, 1.05, 1.05, 0.75, 0.65)
#: Flows by how often a call visits them.
_FLOWS: Final = {
    "premium_enquiry": 0.35, "policy_enquiry": 0.25, "products": 0.2, "premium_quote": 0.12, "basic_status": 0.2,
    "insurance_knowledge": 0.08,
}  # fmt: skip
_INTENTS: Final[dict[Intent, float]] = {
    "claim": 0.05,
    "complaint": 0.02,
    "cancellation": 0.01,
    "bereavement": 0.003,
}
_VERIFIED: Final = 0.9
_SETTLED: Final = 0.9
_SCRIPTS: Final = ("standard", "short")
#: Seats of each licence, and how many talks one can have in a day.
_SEATS: Final = 4
_TALKS: Final = 14


@dataclass(slots=True)
class Floor:
    """The seats of a day: how many talks each licence has had, so that what is full is not offered."""

    products: Sequence[OnSale]
    seats: int = _SEATS
    talks: Counter[str] = field(default_factory=Counter)

    def side(self, rng: random.Random, hour: float) -> ServiceSide:
        """Who is free at that hour: fewer around noon and when much was sold already."""
        busy = 0.45 + 0.25 * math.exp(-((hour - 11) ** 2) / 4)
        free, waiting, waits = {}, {}, {}
        for product in self.products:
            offered = product.offered
            if offered.licence in free:
                continue
            full = self.talks[offered.licence] >= self.seats * _TALKS
            free[offered.licence] = 0 if full else sum(rng.random() > busy for _ in range(self.seats))
            waits[offered.queue] = rng.expovariate(1 / 6)
        if rng.random() < 0.1:
            waiting = {"sales": 1}
        return ServiceSide(free, waiting, waits)

    def took(self, product: str) -> str:
        """Somebody is put through about a product; gives the seat."""
        licence = next(one.offered.licence for one in self.products if one.offered.product == product)
        self.talks[licence] += 1
        return f"{licence or 'sales'}-{self.talks[licence] % self.seats + 1}"


def calls_of(
    day: date, mean: float, people: Sequence[Person], floor: Floor, rng: random.Random, zone: tzinfo
) -> Iterator[tuple[Person, CallFacts]]:
    """The calls of a day in the order of their coming; nobody rings twice a day."""
    expected = mean * _MONTHS[day.month - 1] * _WEEKDAYS[day.weekday()]
    number = min(_poisson(rng, expected), len(people))
    hours = sorted(min(21.9, max(8.0, rng.gauss(13.5, 3.0))) for _ in range(number))
    for index, (person, hour) in enumerate(zip(rng.sample(people, number), hours, strict=True)):
        now = datetime.combine(day, time(), zone) + timedelta(hours=hour, milliseconds=index)
        yield person, _call(f"sim-{day:%y%m%d}-{index:04}", person, now, hour, floor, rng)


def _call(
    call_id: str, person: Person, now: datetime, hour: float, floor: Floor, rng: random.Random
) -> CallFacts:
    intents = frozenset(name for name, chance in _INTENTS.items() if rng.random() < chance)
    return CallFacts(
        call_id=call_id,
        policy=person.policy,
        number=person.phone,
        level=2 if rng.random() < _VERIFIED else 1,
        language=person.language or "zh-CN",
        now=now,
        customer=person.number,
        flows=tuple(name for name, chance in _FLOWS.items() if rng.random() < chance),
        intents=intents,
        wants_person=rng.random() < 0.15,
        matter_settled=rng.random() < _SETTLED,
        waited=rng.expovariate(1 / 8),
        repeats=int(rng.random() < 0.2),
        recording=True,
        seats=floor.side(rng, hour),
        script=rng.choice(_SCRIPTS),
    )


def _poisson(rng: random.Random, mean: float) -> int:
    """By the normal law where it is large (Knuth's product where it is not)."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
