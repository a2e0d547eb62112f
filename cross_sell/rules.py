"""The rules of a company for selling to callers, as plain values; settings fill them (`crosssell_` and the name)."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class SellingRules:
    """How often, to how many and for how much callers are offered something.

    `holdout` and `random` are shares of the eligible: left alone to be compared with, and offered a product by lot.
    `floor` is the least an offer must be worth, `annoyance` what asking costs in good will, both in the currency of
    the products. `most_wait_seconds` is the longest an accepting caller may be expected to wait for a seat.
    `patience_seconds` is how long a decision may take before the call goes on without one.
    """

    on: bool = True
    holdout: float = 0.08
    random: float = 0.05
    cool_off_days: int = 180
    offers_30_days: int = 1
    offers_365_days: int = 4
    floor: float = 5.0
    annoyance: float = 5.0
    most_wait_seconds: float = 30.0
    patience_seconds: float = 1.0

    @classmethod
    def of(cls, settings: object) -> SellingRules:
        """As settings say them."""
        return cls(**{one.name: getattr(settings, f"crosssell_{one.name}") for one in fields(cls)})

    def __post_init__(self) -> None:
        if not (0 <= self.holdout <= 1 and 0 <= self.random <= 1 and self.holdout + self.random <= 1):
            raise ValueError("holdout and random are shares, of one together at most")
