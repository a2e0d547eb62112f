"""What is believed of a product before anything was learnt: a scorecard from the catalogue, honest about how little it
knows, that speaks as a trained model does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any, Final

from cross_sell.limits import Prior
from cross_sell.phrases import entry_for

#: A belief is worth as many callers at least.
LEAST_WEIGHT: Final = 1.0


@dataclass(frozen=True, slots=True)
class PriorReason:
    """What one feature adds, in log odds."""

    feature: str
    value: str
    contribution: float


@dataclass(frozen=True, slots=True)
class PriorScore:
    """A chance with what it is made of, the strongest first."""

    probability: float
    reasons: tuple[PriorReason, ...]


@dataclass(frozen=True, slots=True)
class PriorModel:
    """Scores by the share of callers who are believed to say yes, and by points."""

    prior: Prior

    def score(self, row: Mapping[str, Any]) -> PriorScore:
        """The chance that such a caller says yes."""
        reasons = sorted(self._reasons(row), key=lambda one: -abs(one.contribution))
        odds = log(self.prior.accepts / (1 - self.prior.accepts))
        odds += sum(one.contribution for one in reasons)
        return PriorScore(1 / (1 + exp(-odds)), tuple(reasons))

    def points(self, row: Mapping[str, Any]) -> float:
        """What speaks for such a caller beside any other, in log odds."""
        return sum(one.contribution for one in self._reasons(row))

    def _reasons(self, row: Mapping[str, Any]) -> Iterator[PriorReason]:
        for feature, points in self.prior.points.items():
            value = row.get(feature)
            point = entry_for(points, value)
            if point:
                yield PriorReason(feature, str(value), point)

    def interval(self, probability: float) -> tuple[float, float]:
        """Where the chance may lie (95 %, Wilson), as if it had been seen in `weight` callers."""
        n, z = max(self.prior.weight, LEAST_WEIGHT), 1.96
        centre = (probability + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(probability * (1 - probability) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - half), min(1.0, centre + half)
