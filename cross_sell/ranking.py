"""Which eligible product is worth asking about: probability × what an acceptance earns − what asking costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cross_sell.limits import Limits
from cross_sell.rules import SellingRules
from policy_db.selling_facts import OnSale


class Contribution(Protocol):
    """What one feature added to a score, in log odds."""

    @property
    def feature(self) -> str:
        """The feature's name."""

    @property
    def contribution(self) -> float:
        """How much it added."""


class Scored(Protocol):
    """A chance with its reasons."""

    @property
    def probability(self) -> float:
        """The chance of a yes."""

    @property
    def reasons(self) -> Iterable[Any]:
        """What it is made of."""


class Scorer(Protocol):
    """A model of one product."""

    def score(self, row: Mapping[str, Any], /) -> Scored:
        """The chance of a yes for a row of features."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A product with its score; `value` is what asking is expected to earn, in the product's currency."""

    product: OnSale
    limits: Limits
    score: Scored
    model: str
    value: float
    worth: bool

    @property
    def code(self) -> str:
        """The product's code."""
        return self.product.offered.product


def rank(scores: Iterable[tuple[OnSale, Limits, Scored, str]], rules: SellingRules) -> tuple[Ranked, ...]:
    """The products, the one most worth asking about first; of equals the one with the lower code."""
    ranked = [_ranked(*one, rules) for one in scores]
    return tuple(sorted(ranked, key=lambda one: (-one.value, one.code)))


def _ranked(product: OnSale, limits: Limits, score: Scored, model: str, rules: SellingRules) -> Ranked:
    probability = float(score.probability)
    if not 0 <= probability <= 1:
        raise ValueError(f"a model of {product.offered.product} gave {probability}")
    value = probability * limits.closes * float(product.offered.margin) - rules.annoyance
    return Ranked(product, limits, score, model, value, value >= rules.floor)
