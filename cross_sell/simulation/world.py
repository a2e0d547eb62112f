"""How callers respond, known exactly: what makes a simulated year something to judge estimates by.

For a caller with features x who is offered product p:
    yes     P = logistic(level_p + sum of points_pf x_f)
    reach   of those who said yes, how many come to talk with a seat
    close   of those, how many buy, within `latest_sale` days; the same factor for all products sets the true uplift
    stay    of those, how many do not surrender within the free-look period
so that the chance that the offer itself makes a lasting sale is the product of the four.
Unasked, a customer buys product p on any day with a small chance that depends on them and on p, offers or not.
Whoever was once asked does not change their mind within the window: a second question brings nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp
from typing import Any, Final

#: Days within which whoever was asked stays with their answer, and within which every sale is made.
SETTLED: Final = 75


@dataclass(frozen=True, slots=True)
class Taste:
    """How callers like one product: `level` in log odds, `points` a unit of a feature, after its centre is taken away."""

    level: float
    points: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    close: float = 0.4
    unasked: float = 0.00006


#: By product of the demonstration: `points` are (weight, centre).
TASTES: Final[Mapping[str, Taste]] = {
    "101": Taste(-2.6, {"age": (0.03, 40), "policies": (0.35, 1.5), "pays_yearly": (0.4, 0.5)}, 0.30, 4e-5),
    "102": Taste(
        -1.9, {"age": (-0.05, 40), "has_life": (0.5, 0.4), "asked_products": (0.9, 0.2)}, 0.40, 7e-5
    ),
    "201": Taste(
        -1.5, {"age": (0.035, 42), "has_health_cover": (0.6, 0.4), "asked_quote": (1.0, 0.1)}, 0.45, 9e-5
    ),
    "202": Taste(-2.0, {"age": (0.02, 38), "has_life": (0.7, 0.4), "years_with_us": (0.06, 4)}, 0.35, 5e-5),
    "301": Taste(
        -2.2, {"age": (-0.02, 40), "has_property": (0.8, 0.2), "single_line": (0.4, 0.6)}, 0.40, 8e-5
    ),
    "401": Taste(-1.8, {"has_motor": (0.9, 0.3), "age": (0.01, 45), "policies": (0.2, 1.5)}, 0.45, 7e-5),
    "501": Taste(
        -1.2, {"age": (-0.03, 40), "single_line": (0.5, 0.6), "asked_products": (0.7, 0.2)}, 0.50, 9e-5
    ),
}
USUAL: Final = Taste(-2.0)


@dataclass(frozen=True, slots=True)
class World:
    """The known chances. `factor` scales how many close, and so the true uplift; `season` moves answers by month."""

    factor: float = 1.0
    tastes: Mapping[str, Taste] = field(default_factory=lambda: TASTES)
    reach: float = 0.9
    stay: float = 0.95
    latest_sale: int = 28
    most_close: float = 0.95

    def taste(self, product: str) -> Taste:
        """Of a product; a usual one for those that are not known."""
        return self.tastes.get(product, USUAL)

    def yes(self, product: str, features: Mapping[str, Any]) -> float:
        """The chance that such a caller says yes to it."""
        taste = self.taste(product)
        odds = taste.level
        for name, (weight, centre) in taste.points.items():
            value = features.get(name)
            if value is not None:
                odds += weight * (float(value) - centre)
        return 1 / (1 + exp(-odds))

    def close(self, product: str) -> float:
        """The chance that somebody who talks with a seat buys."""
        return min(self.most_close, self.taste(product).close * self.factor)

    def lasting_sale(self, product: str, features: Mapping[str, Any]) -> float:
        """The chance that offering it to such a caller makes a sale that lasts."""
        return self.yes(product, features) * self.reach * self.close(product) * self.stay

    def unasked(self, product: str, eagerness: float) -> float:
        """The chance that a customer buys it unasked on one day, lasting or not."""
        return min(1.0, self.taste(product).unasked * eagerness)

    def unasked_lasting(self, product: str, eagerness: float, days: int) -> float:
        """The chance that they buy it unasked within so many days, and keep it."""
        daily = self.unasked(product, eagerness)
        return (1 - (1 - daily) ** days) * self.stay
