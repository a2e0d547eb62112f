"""What the estimates should be, from the chances that the simulated world is made of, beside what they are.

For a person at their first eligible decision let s_p be the chance that offering product p makes a lasting sale, o_p that
they buy it unasked within the window, O that they buy any candidate unasked. Then offering p adds to
    the chance that anything is bought   s_p (1 - O)
    the expected premium and margin      s_p (1 - o_p) × the product's own
and offering by the rules in force adds the mean over products by their logged chances. The truth is the mean over the
people who came: no draw of anybody's answer is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from cross_sell.proof.estimates import Estimate
from cross_sell.proof.policies import POLICIES, Policy, evaluate, product_uplift, products_of
from cross_sell.proof.trial import Trial
from cross_sell.proof.uplift import Proof, prove
from cross_sell.simulation.year import Known, Ledger
from policy_db.selling_facts import OnSale

Gain = Callable[[Known, str], float]


@dataclass(frozen=True, slots=True)
class Check:
    """One figure: the truth, the estimate, and whether the interval holds the truth. `kind` says how it is made."""

    kind: str
    name: str
    truth: float
    estimate: Estimate

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth; one that says nothing does."""
        return self.estimate.covers(self.truth)


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one world. `ever_missed` says whether the always-valid interval ever left the truth out, at any
    look, and `fixed_ever_missed` the same of an ordinary interval looked at as often."""

    proof: Proof
    checks: tuple[Check, ...]
    ever_missed: bool
    fixed_ever_missed: bool
    arms: Mapping[str, float]
    gain: Gain

    def check(self, kind: str, name: str) -> Check:
        """One of them."""
        return next(one for one in self.checks if (one.kind, one.name) == (kind, name))


def judge(trial: Trial, ledger: Ledger, products: Sequence[OnSale], zone: tzinfo) -> Verdict:
    """Every estimate beside its truth."""
    known = [ledger.known[entry.customer] for entry in trial.people]
    proof = prove(trial, zone)
    gains = _gains(products)
    checks = [*_uplifts(proof, known, gains), *_policies(trial, known, gains), *_products(trial, known)]
    sequence = proof.uplift("sales").sequence
    truths = running_truth(known, gains["sales"])
    missed = (sequence.low > truths) | (sequence.high < truths)
    fixed = (sequence.fixed_low > truths) | (sequence.fixed_high < truths)
    return Verdict(
        proof=proof,
        checks=tuple(checks),
        ever_missed=bool(missed.any()),
        fixed_ever_missed=bool(fixed.any()),
        arms={
            arm: float(np.mean([one.arm == arm for one in ledger.known.values()])) if ledger.known else 0.0
            for arm in ("offer", "random", "holdout")
        },
        gain=gains["sales"],
    )


def running_truth(known: Sequence[Known], gain: Gain) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The truth of those who have come so far, after each person."""
    each = np.fromiter((_by_rules(one, gain) for one in known), np.float64, len(known))
    return np.asarray(np.cumsum(each) / np.arange(1, len(each) + 1))


def _gains(products: Sequence[OnSale]) -> dict[str, Gain]:
    premium = {one.offered.product: float(one.offered.premium) for one in products}
    margin = {one.offered.product: float(one.offered.margin) for one in products}
    return {
        "sales": _anything,
        "premium": lambda one, product: _own(one, product) * premium[product],
        "margin": lambda one, product: _own(one, product) * margin[product],
    }


def _anything(one: Known, product: str) -> float:
    unasked = np.prod([1 - chance for chance in one.unasked.values()])
    return float(one.caused[product] * unasked)


def _own(one: Known, product: str) -> float:
    return one.caused[product] * (1 - one.unasked[product])


def _by_rules(one: Known, gain: Gain) -> float:
    """What offering adds, by the chances of the rules in force."""
    offered = sum(one.chance.values())
    return sum(chance * gain(one, product) for product, chance in one.chance.items() if chance) / offered


def _uplifts(proof: Proof, known: Sequence[Known], gains: Mapping[str, Gain]) -> list[Check]:
    checks = []
    for kind in ("always", "once"):
        for uplift in proof.uplifts:
            gain = gains[uplift.outcome]
            truth = float(np.mean([_by_rules(one, gain) for one in known])) if known else 0.0
            estimate = uplift.always if kind == "always" else uplift.estimate
            checks.append(Check(kind, uplift.outcome, truth, estimate))
    return checks


def _policies(trial: Trial, known: Sequence[Known], gains: Mapping[str, Gain]) -> list[Check]:
    checks = []
    for name, policy in POLICIES.items():
        value = evaluate(name, policy, trial, trial.sales)
        truth = _policy_truth(trial, known, policy, gains["sales"])
        checks += [Check(kind, name, truth, getattr(value, kind)) for kind in ("ips", "snips", "dr")]
    return checks


def _policy_truth(trial: Trial, known: Sequence[Known], policy: Policy, gain: Gain) -> float:
    values = [
        sum(chance * gain(one, product) for product, chance in policy(entry).items() if chance)
        for entry, one in zip(trial.people, known, strict=True)
    ]
    return float(np.mean(values)) if values else 0.0


def _products(trial: Trial, known: Sequence[Known]) -> list[Check]:
    checks = []
    for product in products_of(trial):
        inside = [one for one in known if one.chance.get(product, 0) > 0]
        found = product_uplift(product, trial)
        truth = float(np.mean([_own(one, product) for one in inside]))
        whole = float(np.mean([_anything(one, product) for one in inside]))
        checks.append(Check("product", product, truth, found.own))
        checks.append(Check("product_dr", product, whole, found.dr))
    return checks
