"""Intervals and evidence that stay valid however often and whenever one looks at them.

An ordinary interval at 95 % is wrong far more often than 1 time in 20 for somebody who looks at it every morning and
stops at a morning that pleases. What is made here may be looked at after every person, and acted on at any moment:

`difference` - an asymptotic confidence sequence of the difference of two arms' means, by the normal mixture boundary of
    Robbins (1970) with a running variance: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas,
    “Time-uniform central limit theory and asymptotic confidence sequences”, Annals of Statistics 52 (2024), theorem 2.2.
    After n people, with m the estimate and s the spread of its influence function, the truth lies in
    m ± s sqrt( 2 (n r² + 1) / (n² r²) · log( sqrt(n r² + 1) / alpha ) ) for all n at once. It is asymptotic: sales are
    rare, so each arm's spread is taken as if it had seen two more sales of usual size than it has (after Agresti and
    Coull 1998).

`evidence` - an exact e-process against “an offer changes nothing”, for any sample size. Who buys without regard to the
    arm was in the arm of offers with just the chance that arm had; so every buyer is a bet on a coin of known bias, and
    the wealth of one who bets against it is a martingale. The mixture over a grid of ratios is a test of power one
    (Robbins and Siegmund 1974; Ville's inequality; “safe testing”: P. Grünwald, R. de Heide, W. Koolen, JRSS B 86, 2024).
    Wealth of 20 or more is proof at 5 %, at whichever moment it is reached. The same bets against other ratios than 1
    give the interval of the ratio; that is exact where the ratio is alike for all, and else of the buyers' average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from cross_sell.proof.estimates import ALPHA, MORE_SALES, Flags, Floats, z_of

#: The number of people at which the sequence is narrowest, where nobody says otherwise.
TUNED_FOR: Final = 4000
#: Before so many people in each arm, and so many sales in all, nothing is said.
LEAST_PEOPLE: Final = 30
LEAST_SALES: Final = 5
#: Ratios of sale rates that are bet on.
_RATIOS: Final = np.exp(np.linspace(-math.log(50), math.log(50), 241))


@dataclass(frozen=True, slots=True)
class Sequence:
    """The estimate after each person, with the ends that are valid at all times, and those that are so at one alone.

    NaN before there is enough to say anything.
    """

    estimate: Floats
    low: Floats
    high: Floats
    fixed_low: Floats
    fixed_high: Floats

    def __len__(self) -> int:
        return len(self.estimate)

    def ever_excludes(self, truth: float) -> bool:
        """Whether the always-valid interval ever left this value out."""
        return bool(np.any((self.low > truth) | (self.high < truth)))

    def fixed_ever_excludes(self, truth: float) -> bool:
        """Whether the ordinary interval ever did, looked at as often."""
        return bool(np.any((self.fixed_low > truth) | (self.fixed_high < truth)))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The wealth of a bet against “an offer changes nothing” after each person, and the ratio's interval at the end.

    `log_wealth` is natural; `p` is valid at any time: one over the greatest wealth so far.
    """

    log_wealth: Floats
    ratio_low: float
    ratio_high: float

    @property
    def wealth(self) -> float:
        """At the end."""
        return math.exp(min(float(self.log_wealth[-1]), 700.0)) if len(self.log_wealth) else 1.0

    @property
    def p(self) -> float:
        """Against “changes nothing”, whenever one looked."""
        return min(1.0, math.exp(-float(self.log_wealth.max(initial=0.0))))

    def proven(self, alpha: float = ALPHA) -> bool:
        """Whether it was ever refuted that an offer changes nothing."""
        return self.p <= alpha


def tuning(people: int, alpha: float = ALPHA) -> float:
    """The square of the boundary's parameter that makes it narrow after so many people (ibid., appendix B.2)."""
    twice = -2 * math.log(alpha)
    return (twice + math.log(twice) + 1) / people


def boundary(count: Floats, square: float, alpha: float = ALPHA) -> Floats:
    """How many spreads the truth is at most away from the mean of `count` people, at all times."""
    grown = count * square + 1
    return np.asarray(np.sqrt(2 * grown / (count**2 * square) * np.log(np.sqrt(grown) / alpha)))


def difference(
    offered: Flags,
    held_out: Flags,
    outcome: Floats,
    chance_offered: Floats,
    chance_held_out: Floats,
    *,
    alpha: float = ALPHA,
    tuned_for: int = TUNED_FOR,
) -> Sequence:
    """The mean outcome of those offered minus that of those held out, person after person in the order of their coming.

    `chance_…` are the logged chances of each arm for each person. Someone in neither arm (a product by lot) counts as a
    person without weight. Each person stands once; the order must not depend on outcomes.
    """
    count = np.arange(1, len(outcome) + 1, dtype=np.float64)
    usual = _usual_square(outcome)
    first = _Arm.of(offered, outcome, chance_offered, usual)
    second = _Arm.of(held_out, outcome, chance_held_out, usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = first.mean - second.mean
        spread = np.sqrt((first.variance + second.variance) * count)
        early = (
            (np.cumsum(offered) < LEAST_PEOPLE)
            | (np.cumsum(held_out) < LEAST_PEOPLE)
            | (np.cumsum((offered | held_out) & (outcome != 0)) < LEAST_SALES)
        )
        reach = spread * boundary(count, tuning(tuned_for, alpha), alpha)
        fixed = spread * z_of(alpha) / np.sqrt(count)
    estimate, reach, fixed = (np.where(early, np.nan, values) for values in (estimate, reach, fixed))
    return Sequence(estimate, estimate - reach, estimate + reach, estimate - fixed, estimate + fixed)


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm after each person: its weighted mean, and the variance of that."""

    mean: Floats
    variance: Floats

    @classmethod
    def of(cls, inside: Flags, outcome: Floats, chance: Floats, usual: float) -> _Arm:
        weight = np.where(inside, 1 / np.where(inside, chance, 1.0), 0.0)
        total, twice = np.cumsum(weight), np.cumsum(weight**2)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.cumsum(weight * outcome) / total
            square = (
                np.cumsum(weight**2 * outcome**2)
                - 2 * mean * np.cumsum(weight**2 * outcome)
                + mean**2 * twice
            )
            seen = np.maximum(square, 0.0) / total**2
            unseen = MORE_SALES * usual * (twice / total**2) ** 2
        return cls(mean, seen + unseen)


def _usual_square(outcome: Floats) -> float:
    sold = outcome[outcome != 0]
    return float((sold**2).mean()) if len(sold) else 0.0


def evidence(
    offered: Flags,
    held_out: Flags,
    bought: Flags,
    chance_offered: Floats,
    chance_held_out: Floats,
    *,
    alpha: float = ALPHA,
) -> Evidence:
    """The exact e-process on who bought: person after person, in the order of their coming."""
    judged = bought & (offered | held_out)
    arm, first, second = offered[judged], chance_offered[judged], chance_held_out[judged]
    share = np.clip(first / np.maximum(first + second, 1e-12), 1e-9, 1 - 1e-9)[:, None]
    raised = share * _RATIOS / (share * _RATIOS + 1 - share)
    likelihood = np.where(arm[:, None], raised, 1 - raised)
    even = np.where(arm[:, None], share, 1 - share)
    paths = np.vstack([np.zeros(len(_RATIOS)), np.cumsum(np.log(likelihood) - np.log(even), axis=0)])
    wealth = _log_sum(paths + _log_prior())
    low, high = _ratios_left(paths, wealth, alpha)
    return Evidence(wealth[np.cumsum(judged)], low, high)


def _log_prior() -> Floats:
    """Bets are spread over ratios as a normal law of their logarithm, wide enough for 0.1 to 10."""
    weight = np.exp(-0.5 * (np.log(_RATIOS) / 1.2) ** 2)
    return np.asarray(np.log(weight / weight.sum()))


def _log_sum(paths: Floats) -> Floats:
    top = paths.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(paths - top).sum(axis=1)))


def _ratios_left(paths: Floats, wealth: Floats, alpha: float) -> tuple[float, float]:
    """The ratios against which no bet has ever won enough: the running confidence sequence at its end."""
    against = (wealth[:, None] - paths).max(axis=0)
    left = _RATIOS[against < -math.log(alpha)]
    if not len(left):
        return 0.0, math.inf
    low = 0.0 if left[0] == _RATIOS[0] else float(left[0])
    return low, math.inf if left[-1] == _RATIOS[-1] else float(left[-1])
