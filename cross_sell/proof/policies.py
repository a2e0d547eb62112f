"""What would have come of offering otherwise, from what was offered: by the logged chances, without trying it.

A policy says which product to offer to whom, or none. With p the logged chance of what was done (a), pi the policy's
chance of the same, and q a guess of the outcome from the probability that was logged:

    IPS    mean of pi(a)/p(a) y
    SNIPS  sum of pi(a)/p(a) y over the sum of pi(a)/p(a)              (Swaminathan and Joachims 2015)
    DR     mean of sum_b pi(b) q(b) + pi(a)/p(a) (y - q(a))            (Dudik, Langford and Li 2011)

All are right whatever q is, because the chances are the ones that were really used; a good q makes DR narrower. q is a
line in the logged probability, fitted on one half of the people and used on the other. What is told of a policy is its
gain over leaving everybody alone. `effective` says how many people stand behind it: where few were ever offered what
the policy would offer (only the draws by lot do), the interval is wide, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cross_sell.proof.estimates import ALPHA, Estimate, Floats, effective, of_influence, unseen_variance
from cross_sell.proof.trial import Trial
from cross_sell.proof.uplift import weighted_difference
from policy_db.proofs import Entry
from policy_db.selling_facts import Candidate

#: Which product to offer to whom, with which chance; what is missing to 1 is leaving alone (`NOBODY`).
Policy = Callable[[Entry], Mapping[str, float]]
NOBODY: Final = ""


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """A policy's gain over leaving everybody alone, for each person eligible, by three estimators.

    `agreed` is how many were treated as the policy would have done, offers alone.
    """

    name: str
    ips: Estimate
    snips: Estimate
    dr: Estimate
    agreed: int


@dataclass(frozen=True, slots=True)
class ProductUplift:
    """Offering this product to those it may be offered to, against leaving them alone."""

    product: str
    eligible: int
    offered: int
    own: Estimate
    any: Estimate
    dr: Estimate


def offerable(entry: Entry) -> list[Candidate]:
    """What this person might have been offered: of anything else the log can tell nothing. The better rank first."""
    return [one for one in entry.candidates if one.chance > 0]


def _best(key: Callable[[Candidate], float]) -> Policy:
    def choose(entry: Entry) -> Mapping[str, float]:
        known = offerable(entry)
        return {max(known, key=key).product: 1.0} if known else {}

    return choose


#: The rule in force, without hold-out and draw.
by_value: Final = _best(lambda one: one.value)


def by_lot(entry: Entry) -> Mapping[str, float]:
    """Any of them."""
    known = offerable(entry)
    return {one.product: 1 / len(known) for one in known}


def as_it_was(entry: Entry) -> Mapping[str, float]:
    """What was really done, with its hold-out and draws."""
    return {one.product: one.chance for one in entry.candidates}


def by_margin(margins: Mapping[str, float]) -> Policy:
    """The product that earns most, however likely it is sold."""
    return _best(lambda one: margins.get(one.product, 0.0))


def always(product: str) -> Policy:
    """That product to everybody it may be offered to, and nothing to others."""

    def choose(entry: Entry) -> Mapping[str, float]:
        return {product: 1.0} if any(one.product == product for one in offerable(entry)) else {}

    return choose


#: What is asked of the log by itself; `by_margin` needs to know margins.
POLICIES: Final[Mapping[str, Policy]] = {
    "as_it_was": as_it_was,
    "by_value": by_value,
    "by_probability": _best(lambda one: one.probability),
    "by_lot": by_lot,
}


def evaluate(
    name: str, policy: Policy, trial: Trial, outcome: Floats, *, alpha: float = ALPHA
) -> PolicyValue:
    """A policy's gain in an outcome over leaving everybody alone."""
    if not trial.held_out.any() or not trial.offered.any():
        nothing = Estimate(None, people=len(trial))
        return PolicyValue(name, nothing, nothing, nothing, 0)
    wanted = [policy(entry) for entry in trial.people]
    weight = _weights(trial, wanted)
    alone = np.where(trial.held_out, 1 / np.where(trial.held_out, trial.action_chance, 1.0), 0.0)
    gains = weight * outcome - alone * outcome
    unseen = unseen_variance(outcome, weight[weight > 0], alone[alone > 0]) if weight.any() else math.inf
    agreed = trial.offered & (weight > 0)
    return PolicyValue(
        name,
        ips=_mean(gains, alpha, unseen),
        snips=_self_normalised(weight, alone, outcome, alpha, unseen),
        dr=_mean(_doubly_robust(trial, wanted, weight, alone, outcome), alpha, unseen),
        agreed=int(agreed.sum()),
    )


def _weights(trial: Trial, wanted: list[Mapping[str, float]]) -> Floats:
    """How much likelier the policy is to do what was done than the rules in force were."""
    chances = (_of_action(policy, entry) for policy, entry in zip(wanted, trial.people, strict=True))
    return np.fromiter(chances, np.float64, len(trial)) / trial.action_chance


def _of_action(policy: Mapping[str, float], entry: Entry) -> float:
    return max(0.0, 1 - sum(policy.values())) if entry.arm == "holdout" else policy.get(entry.product, 0.0)


def _mean(values: Floats, alpha: float, unseen: float) -> Estimate:
    return of_influence(float(values.mean()), values, alpha=alpha, unseen=unseen)


def _self_normalised(weight: Floats, alone: Floats, outcome: Floats, alpha: float, unseen: float) -> Estimate:
    count = len(outcome)
    if weight.sum() <= 0 or alone.sum() <= 0:
        return Estimate(None, people=count)
    first = float((weight * outcome).sum() / weight.sum())
    second = float((alone * outcome).sum() / alone.sum())
    influence = weight * (outcome - first) * (count / weight.sum())
    influence = influence - alone * (outcome - second) * (count / alone.sum())
    found = of_influence(first - second, influence, alpha=alpha, unseen=unseen)
    return Estimate(found.value, found.low, found.high, found.error, count, effective(weight))


def _doubly_robust(
    trial: Trial, wanted: list[Mapping[str, float]], weight: Floats, alone: Floats, outcome: Floats
) -> Floats:
    done = _probability_done(trial)
    planned = np.fromiter(
        (_planned(policy, entry) for policy, entry in zip(wanted, trial.people, strict=True)),
        np.float64, len(trial),
    )  # fmt: skip
    offers = np.fromiter((sum(policy.values()) for policy in wanted), np.float64, len(trial))
    base, step, slope = _guesses(trial, done, outcome)
    guess_done = base + np.where(trial.offered, step + slope * done, 0.0)
    guess_policy = base + step * offers + slope * planned
    gain: Floats = guess_policy + weight * (outcome - guess_done) - (base + alone * (outcome - base))
    return gain


def _probability_done(trial: Trial) -> Floats:
    """The logged probability of the product that was offered, 0 where none was."""
    found = []
    for entry in trial.people:
        known = {one.product: one.probability for one in entry.candidates}
        found.append(0.0 if entry.arm == "holdout" else known.get(entry.product, 0.0))
    return np.asarray(found, np.float64)


def _planned(policy: Mapping[str, float], entry: Entry) -> float:
    return sum(policy.get(one.product, 0.0) * one.probability for one in entry.candidates)


def _guesses(trial: Trial, done: Floats, outcome: Floats) -> tuple[Floats, Floats, Floats]:
    """For each person, from the half they are not in: outcome if left alone, an offer's step, and its slope."""
    half = np.arange(len(trial)) % 2 == 0
    base, step, slope = (np.zeros(len(trial)) for _ in range(3))
    for side in (half, ~half):
        left, asked = ~side & trial.held_out, ~side & trial.offered
        base[side] = outcome[left].mean() if left.any() else 0.0
        if asked.sum() > 2 and done[asked].std() > 0:
            columns = np.column_stack([np.ones(int(asked.sum())), done[asked]])
            level, rise = np.linalg.lstsq(columns, outcome[asked], rcond=None)[0]
        else:
            level, rise = (outcome[asked].mean() if asked.any() else 0.0), 0.0
        step[side], slope[side] = level - base[side][0] if side.any() else 0.0, rise
    return base, step, slope


def product_uplift(product: str, trial: Trial, *, alpha: float = ALPHA) -> ProductUplift:
    """Offering one product against leaving alone, among those it may be offered to.

    `own` counts sales of that product, `any` of any eligible one, so that a sale taken from another product shows.
    """
    eligible = np.fromiter(
        (any(one.product == product for one in offerable(entry)) for entry in trial.people),
        np.bool_, len(trial),
    )  # fmt: skip
    inside = trial.take(eligible)
    given = np.fromiter((entry.product == product for entry in inside.people), np.bool_, len(inside))
    given &= inside.offered
    chance, left = inside.action_chance, inside.held_out
    own = weighted_difference(given, left, inside.of_product(product), chance, chance, alpha)
    whole = weighted_difference(given, left, inside.sales, chance, chance, alpha)
    dr = evaluate(product, always(product), inside, inside.sales, alpha=alpha).dr if len(inside) else whole
    return ProductUplift(product, len(inside), int(given.sum()), own, whole, dr)


def products_of(trial: Trial) -> list[str]:
    """Every product that anybody might have been offered."""
    return sorted({one.product for entry in trial.people for one in offerable(entry)})
