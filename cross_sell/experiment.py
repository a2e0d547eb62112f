"""Arms of the standing experiment: who is left alone, who is offered a product by lot, with exact chances.

A customer's arm is drawn once, by a keyed hash of their number, and stays: whoever was left alone yesterday is left
alone today. The key keeps it from being guessed or steered. The lot among products is drawn by the same kind of hash,
so that a random product stays the same while the eligible products do.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cross_sell.rules import SellingRules

Drawn = Literal["offer", "holdout", "random"]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a customer drew: `propensity` is the chance of this arm with this product, `offer_propensity` of any offer."""

    arm: Drawn
    product: str
    propensity: float
    offer_propensity: float


def share(salt: bytes, purpose: str, customer: str) -> float:
    """A number from 0 up to 1 that stays the same for a customer and purpose, and is even over customers."""
    digest = hmac.digest(salt, f"{purpose}\x00{customer}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:7], "big") / 2**56


def arm_of(salt: bytes, customer: str, rules: SellingRules) -> Drawn:
    """The arm of a customer."""
    at = share(salt, "arm", customer)
    if at < rules.holdout:
        return "holdout"
    return "random" if at < rules.holdout + rules.random else "offer"


def draw(salt: bytes, customer: str, ranked: Sequence[str], rules: SellingRules) -> Draw:
    """What the customer gets of the eligible products, the best of which comes first; at least one."""
    arm = arm_of(salt, customer, rules)
    product = ranked[0]
    if arm == "random":
        lots = sorted(ranked)
        product = lots[int(share(salt, "product", customer) * len(lots))]
    return Draw(arm, product, chances(ranked, rules)[arm, product], 1 - rules.holdout)


def chances(ranked: Sequence[str], rules: SellingRules) -> dict[tuple[Drawn, str], float]:
    """The chance of every arm and product under the rules; together they are 1.

    Of the holdout, `product` is the one that would have been offered.
    """
    lot = rules.random / len(ranked)
    return {
        ("holdout", ranked[0]): rules.holdout,
        ("offer", ranked[0]): 1 - rules.holdout - rules.random,
        **{("random", product): lot for product in ranked},
    }


def offer_chance(product: str, ranked: Sequence[str], rules: SellingRules) -> float:
    """The chance that this product is offered, over all arms; 0 for one that is not eligible."""
    every = chances(ranked, rules) if ranked else {}
    return sum(chance for (arm, code), chance in every.items() if arm != "holdout" and code == product)
