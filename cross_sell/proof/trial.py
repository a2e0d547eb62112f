"""The experiment as columns: one person a row, in the order of their coming, with arm, chances, and what they bought.

A person's outcome is what they bought within `window` days of their first eligible decision, of the products that they
could have been offered then. It is counted in the same way in every arm, from the policies of the database, so that
someone who was left alone and bought by themselves counts too. A policy surrendered within the window does not count.
Only those whose window is over are in it: nobody's outcome is looked at before its time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

import numpy as np

from cross_sell.proof.estimates import Flags, Floats
from policy_db.database import PolicyDatabase
from policy_db.moments import Period
from policy_db.proofs import Entry, Purchase

#: Days within which a sale counts as a consequence.
WINDOW: Final = 60
#: The outcomes that are told: whether anything was bought, a year's premium, and the expected margin.
OUTCOMES: Final = ("sales", "premium", "margin")


@dataclass(frozen=True, slots=True)
class Trial:
    """People and their outcomes, as columns of equal length.

    `offered` were offered something (the best product, or one by lot), `held_out` were left alone, `by_lot` are those
    of the offered whose product was drawn. `chance` is the logged chance that anything was offered; `action_chance`
    that of what was done: of offering just that product whatever the arm, or of leaving alone.
    `bought` is by product.
    """

    people: tuple[Entry, ...]
    offered: Flags
    held_out: Flags
    by_lot: Flags
    chance: Floats
    action_chance: Floats
    sales: Floats
    premium: Floats
    margin: Floats
    bought: tuple[frozenset[str], ...]
    window: int

    def __len__(self) -> int:
        return len(self.people)

    def outcome(self, name: str) -> Floats:
        """`sales`, `premium` or `margin`."""
        values: Floats = getattr(self, name)
        return values

    def of_product(self, product: str) -> Floats:
        """1 for those who bought it, 0 for the others."""
        return np.fromiter((product in one for one in self.bought), np.float64, len(self))

    def take(self, which: Flags) -> Trial:
        """Those people alone."""
        places = np.flatnonzero(which)
        return Trial(
            tuple(self.people[place] for place in places),
            self.offered[which], self.held_out[which], self.by_lot[which], self.chance[which],
            self.action_chance[which], self.sales[which], self.premium[which], self.margin[which],
            tuple(self.bought[place] for place in places), self.window,
        )  # fmt: skip


async def read_trial(
    database: PolicyDatabase, period: Period, now: datetime, zone: tzinfo, *, window: int = WINDOW
) -> Trial:
    """Everybody who became eligible within the period and whose window is over at `now`."""
    ripe = min(period.until, now - timedelta(days=window))
    if ripe <= period.since:
        return trial_of((), (), {}, zone, window=window)
    entries = await database.proofs.entries(Period(period.since, ripe))
    first, last = (
        period.since.astimezone(zone).date(),
        (ripe + timedelta(days=window)).astimezone(zone).date(),
    )
    purchases = await database.proofs.purchases(first, last)
    margins = {one.offered.product: one.offered.margin for one in await database.offered.all()}
    return trial_of(entries, purchases, margins, zone, window=window)


def trial_of(
    entries: Sequence[Entry],
    purchases: Iterable[Purchase],
    margins: Mapping[str, Decimal],
    zone: tzinfo,
    *,
    window: int = WINDOW,
) -> Trial:
    """Entries beside what each bought in time; `margins` is what one sale of a product is expected to earn."""
    taken: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        taken[purchase.customer].append(purchase)
    counted = [_counted(entry, taken.get(entry.customer, ()), zone, window) for entry in entries]
    arms = np.asarray([entry.arm for entry in entries], dtype="U10")
    return Trial(
        people=tuple(entries),
        offered=np.asarray((arms == "offer") | (arms == "random"), np.bool_),
        held_out=np.asarray(arms == "holdout", np.bool_),
        by_lot=np.asarray(arms == "random", np.bool_),
        chance=_floats(entry.offer_propensity for entry in entries),
        action_chance=_floats(_action_chance(entry) for entry in entries),
        sales=_floats(min(1, len(one)) for one in counted),
        premium=_floats(float(sum(each.premium for each in one.values())) for one in counted),
        margin=_floats(float(sum(margins.get(product, Decimal(0)) for product in one)) for one in counted),
        bought=tuple(frozenset(one) for one in counted),
        window=window,
    )


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


def _counted(entry: Entry, purchases: Sequence[Purchase], zone: tzinfo, window: int) -> dict[str, Purchase]:
    """What counts of a person's purchases, by product; one of each."""
    if not purchases:
        return {}
    first = entry.at.astimezone(zone).date()
    last = first + timedelta(days=window)
    eligible = {one.product for one in entry.candidates}
    found: dict[str, Purchase] = {}
    for one in purchases:
        back = one.surrendered_on is not None and one.surrendered_on <= last
        if first <= one.on <= last and one.product in eligible and not back:
            found.setdefault(one.product, one)
    return found


def _action_chance(entry: Entry) -> float:
    """The logged chance of what was done: a product is offered as the best or by lot, and the two are one act."""
    if entry.arm == "holdout":
        return 1 - entry.offer_propensity
    for one in entry.candidates:
        if one.product == entry.product:
            return one.chance
    return entry.propensity
