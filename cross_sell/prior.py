"""What is believed of a product before anything was learnt: a scorecard from the catalogue, honest about how little it
knows, that speaks as a trained model does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

from cross_sell.limits import Prior
from cross_sell.phrases import entry_for


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
        reasons = []
        for feature, points in self.prior.points.items():
            value = row.get(feature)
            point = entry_for(points, value)
            if point:
                reasons.append(PriorReason(feature, str(value), point))
        reasons.sort(key=lambda one: -abs(one.contribution))
        odds = log(self.prior.accepts / (1 - self.prior.accepts))
        odds += sum(one.contribution for one in reasons)
        return PriorScore(1 / (1 + exp(-odds)), tuple(reasons))

    def interval(self, probability: float) -> tuple[float, float]:
        """Where the chance may lie (95 %, Wilson), as if it had been seen in `weight` callers."""
        n, z = max(self.prior.weight, 1.0), 1.96
        centre = (probability + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(probability * (1 - probability) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - half), min(1.0, centre + half)
