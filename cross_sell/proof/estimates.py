"""A figure with the interval that it is known by, and the plain intervals of shares, ratios and means.

Every interval is at 95 % unless told otherwise. Where nothing can be said the ends are None, never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: One minus the coverage of an interval, where nobody says otherwise.
ALPHA: Final = 0.05
#: Sales that each group is taken to have had beyond those that were seen, when its spread is judged.
MORE_SALES: Final = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its standard error, the ends of its interval, and of how many people it was made.

    `effective` is how many equally weighted people would tell as much (Kish 1965), for weighted figures.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    people: int = 0
    effective: float | None = None

    def covers(self, truth: float) -> bool:
        """Whether the interval holds this value; one without ends holds everything."""
        return (self.low is None or self.low <= truth) and (self.high is None or truth <= self.high)

    def as_dict(self) -> dict[str, Any]:
        """For JSON and CSV."""
        return {"value": self.value, "low": self.low, "high": self.high, "people": self.people}


NOTHING: Final = Estimate(None)


def z_of(alpha: float = ALPHA) -> float:
    """How many standard errors on either side make an interval at 1 - alpha."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def of_influence(
    value: float, influence: Floats, *, alpha: float = ALPHA, people: int = 0, unseen: float = 0.0
) -> Estimate:
    """A figure whose error is the mean of `influence`, one a person: interval by the central limit theorem.

    `unseen` is added to the variance for what has not been seen yet (see `unseen_variance`).
    """
    count = len(influence)
    if count < 2 or not math.isfinite(value) or not math.isfinite(unseen):
        return Estimate(value if math.isfinite(value) else None, people=people or count)
    error = math.sqrt(float(influence.var(ddof=1)) / count + unseen)
    reach = z_of(alpha) * error
    return Estimate(value, value - reach, value + reach, error, people or count)


def unseen_variance(outcome: Floats, *weights: Floats) -> float:
    """The variance that two more sales of usual size would add to each weighted group's mean.

    Sales are rare: a group in which nobody bought yet would seem to be known exactly. The same is done for shares by
    Agresti and Coull (1998). Where nobody bought at all, a sale has size 1.
    """
    sold = outcome[outcome != 0]
    square = float((sold**2).mean()) if len(sold) else 1.0
    return sum(MORE_SALES * square / max(effective(weight), 1.0) ** 2 for weight in weights)


def share(hits: int, people: int, *, alpha: float = ALPHA) -> Estimate:
    """A share with Wilson's interval (Wilson 1927), which holds for few people and rare events too."""
    if people <= 0:
        return Estimate(None, people=0)
    z, rate = z_of(alpha), hits / people
    middle = (rate + z * z / (2 * people)) / (1 + z * z / people)
    reach = z * math.sqrt(rate * (1 - rate) / people + z * z / (4 * people * people)) / (1 + z * z / people)
    error = math.sqrt(rate * (1 - rate) / people)
    return Estimate(rate, max(0.0, middle - reach), min(1.0, middle + reach), error, people)


def ratio(hits: int, people: int, other_hits: int, other_people: int, *, alpha: float = ALPHA) -> Estimate:
    """A share over another one, with the interval of its logarithm (Katz and others 1978), half a case added to each.

    None where the other share is nothing: there is no ratio to it.
    """
    if people <= 0 or other_people <= 0 or other_hits <= 0:
        return Estimate(None, people=people)
    value = (hits / people) / (other_hits / other_people)
    first, second = hits + 0.5, other_hits + 0.5
    of_first, of_second = people + 0.5, other_people + 0.5
    error = math.sqrt(max(0.0, 1 / first - 1 / of_first + 1 / second - 1 / of_second))
    centre, reach = math.log((first / of_first) / (second / of_second)), z_of(alpha) * error
    return Estimate(value, math.exp(centre - reach), math.exp(centre + reach), None, people)


def effective(weights: Floats) -> float:
    """How many people of equal weight tell as much as these: (sum w)^2 / sum w^2 (Kish 1965)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
