"""People of an experiment made by hand, for the tests of its proof."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

import numpy as np

from cross_sell.experiment import chances, offer_chance
from cross_sell.proof.trial import Trial, trial_of
from cross_sell.rules import SellingRules
from policy_db.proofs import Entry, Purchase
from policy_db.selling_facts import Candidate

START = datetime(2027, 1, 1, 2, tzinfo=UTC)
MARGINS = {"A": Decimal(100), "B": Decimal(300)}
RULES = SellingRules(holdout=0.2, random=0.2)


def entry(
    number: int, arm: str, product: str, values=(("A", 0.3), ("B", 0.1)), rules=RULES, **known
) -> Entry:
    """Somebody whose candidates are ranked as given, with the chances that the rules really give."""
    ranked = [code for code, _ in values]
    found = tuple(
        Candidate(code, probability, 10 - index, True, offer_chance(code, ranked, rules), "prior")
        for index, (code, probability) in enumerate(values)
    )
    return Entry(
        suggestion=f"s{number}",
        call_id=f"c{number}",
        customer=f"C{number}",
        at=known.pop("at", START + timedelta(minutes=number)),
        arm=arm,
        product=product,
        propensity=chances(ranked, rules)[arm, product],
        offer_propensity=1 - rules.holdout,
        candidates=found,
        script="standard",
        language="en",
        sex="f",
        born_on=date(1980, 1, 1),
        **known,
    )


def bought(who: int, product: str, days: int = 3, **known) -> Purchase:
    """Somebody bought a product so many days after the start."""
    values = {
        "customer": f"C{who}",
        "product": product,
        "on": START.date() + timedelta(days=days),
        "premium": Decimal(1000),
        "surrendered_on": None,
        "number": f"P{who}{product}",
        "source": "policy",
    }
    return Purchase(**values | known)


@cache
def drawn_trial(people: int, seed: int, *, base=0.05, adds=(("A", 0.1), ("B", 0.2))) -> tuple[Trial, dict]:
    """A trial of many: A is ranked first, and offering B would sell more; with the true gains."""
    rng, gains = np.random.default_rng(seed), dict(adds)
    entries, purchases = [], []
    for number in range(people):
        drawn = rng.random()
        arm = "holdout" if drawn < 0.2 else "random" if drawn < 0.4 else "offer"
        product = str(rng.choice(["A", "B"])) if arm == "random" else "A"
        entries.append(entry(number, arm, product))
        rate = base + (0 if arm == "holdout" else gains[product])
        if rng.random() < rate:
            purchases.append(bought(number, product if arm != "holdout" else "A"))
    return trial_of(entries, purchases, MARGINS, UTC, window=60), gains
