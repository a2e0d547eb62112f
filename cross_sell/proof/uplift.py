"""What offering changes: those offered against those held out, by logged chances.

For an outcome y, arms with chances e (offer) and 1 - e (none), the uplift is the difference of the two weighted means
    sum(y / e | offered) / sum(1 / e | offered) - sum(y / (1-e) | held out) / sum(1 / (1-e) | held out)
(Hajek 1971; the plain difference of means where chances are the same for all), its error from the influence function
    (y - mean of offered) / e   for the offered,   -(y - mean of held out) / (1-e)   for the held out.
It is by intention: someone who was to be asked and hung up counts as offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

import numpy as np

from cross_sell.proof.estimates import (
    ALPHA,
    NOTHING,
    Estimate,
    Flags,
    Floats,
    effective,
    of_influence,
    share,
    unseen_variance,
)
from cross_sell.proof.sequential import TUNED_FOR, Evidence, Sequence, difference, evidence
from cross_sell.proof.trial import OUTCOMES, Trial

#: A difference has no interval where one of its groups is worth fewer people.
FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm: people, those who bought with the interval of their share, premium and margin a person."""

    people: int
    buyers: int
    rate: Estimate
    premium: float | None
    margin: float | None


@dataclass(frozen=True, slots=True)
class Uplift:
    """Of one outcome: the estimate by the ordinary interval, for one look, and the ends that hold at every look."""

    outcome: str
    estimate: Estimate
    always: Estimate
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether offering pays: each arm, the uplift of each outcome, and the evidence of an exact test.

    `total` is what offering brought in all over the people offered: uplift times their number.
    """

    window: int
    offered: ArmFigures
    held_out: ArmFigures
    by_lot: ArmFigures
    uplifts: tuple[Uplift, ...]
    evidence: Evidence
    days: tuple[date, ...]

    def uplift(self, outcome: str) -> Uplift:
        """Of one outcome."""
        return next(one for one in self.uplifts if one.outcome == outcome)

    @property
    def total_margin(self) -> Estimate:
        """What offering is estimated to have earned in all, with the always-valid ends."""
        return scaled(self.uplift("margin").always, self.offered.people)


def prove(trial: Trial, zone: tzinfo, *, alpha: float = ALPHA, tuned_for: int = TUNED_FOR) -> Proof:
    """The proof from everybody whose window is over."""
    uplifts = tuple(_uplift(trial, name, alpha, tuned_for) for name in OUTCOMES)
    bought = trial.sales > 0
    return Proof(
        window=trial.window,
        offered=arm_figures(trial, trial.offered),
        held_out=arm_figures(trial, trial.held_out),
        by_lot=arm_figures(trial, trial.by_lot),
        uplifts=uplifts,
        evidence=evidence(trial.offered, trial.held_out, bought, trial.chance, 1 - trial.chance, alpha=alpha),
        days=tuple(entry.at.astimezone(zone).date() for entry in trial.people),
    )


def _uplift(trial: Trial, name: str, alpha: float, tuned_for: int) -> Uplift:
    outcome = trial.outcome(name)
    sequence = difference(
        trial.offered,
        trial.held_out,
        outcome,
        trial.chance,
        1 - trial.chance,
        alpha=alpha,
        tuned_for=tuned_for,
    )
    fixed = weighted_difference(trial.offered, trial.held_out, outcome, trial.chance, 1 - trial.chance, alpha)
    return Uplift(name, fixed, _last(sequence, len(trial)), sequence)


def weighted_difference(
    first: Flags,
    second: Flags,
    outcome: Floats,
    first_chance: Floats,
    second_chance: Floats,
    alpha: float = ALPHA,
) -> Estimate:
    """The weighted mean of the first group minus that of the second, with its interval."""
    if not first.any() or not second.any():
        return Estimate(None, people=int(first.sum() + second.sum()))
    mean_1, influence_1 = weighted_mean(first, outcome, first_chance)
    mean_2, influence_2 = weighted_mean(second, outcome, second_chance)
    people = int(first.sum() + second.sum())
    if min(effective(1 / first_chance[first]), effective(1 / second_chance[second])) < FEWEST:
        return Estimate(mean_1 - mean_2, people=people)  # any interval would be a guess
    unseen = unseen_variance(outcome, 1 / first_chance[first], 1 / second_chance[second])
    return of_influence(mean_1 - mean_2, influence_1 - influence_2, alpha=alpha, people=people, unseen=unseen)


def weighted_mean(inside: Flags, outcome: Floats, chance: Floats) -> tuple[float, Floats]:
    """The mean of a group weighted by one over its chance (Hajek), and the influence of each person on it."""
    weight = np.where(inside, 1 / np.where(inside, chance, 1.0), 0.0)
    total = float(weight.sum())
    mean = float((weight * outcome).sum()) / total
    return mean, weight * (outcome - mean) * (len(outcome) / total)


def arm_figures(trial: Trial, inside: Flags) -> ArmFigures:
    """Plain figures of one arm."""
    people, buyers = int(inside.sum()), int((trial.sales[inside] > 0).sum())
    if not people:
        return ArmFigures(0, 0, NOTHING, None, None)
    return ArmFigures(
        people,
        buyers,
        share(buyers, people),
        float(trial.premium[inside].mean()),
        float(trial.margin[inside].mean()),
    )


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The estimate of a multiple."""
    value, low, high, error = (
        None if one is None else one * factor
        for one in (estimate.value, estimate.low, estimate.high, estimate.error)
    )
    return Estimate(value, low, high, error, estimate.people, estimate.effective)


def _last(sequence: Sequence, people: int) -> Estimate:
    if not len(sequence) or np.isnan(sequence.estimate[-1]):
        return Estimate(None, people=people)
    return Estimate(
        float(sequence.estimate[-1]), float(sequence.low[-1]), float(sequence.high[-1]), people=people
    )
