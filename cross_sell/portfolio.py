"""For a caller with several needs: a few products that go well together, rather than one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from cross_sell.ranking import Ranked
from policy_db.selling_facts import CustomerStanding

MOST: Final = 3
#: Of another product in the same talk a caller will hear less patiently.
_PATIENCE: Final = 0.6


def suggest_portfolio(
    ranked: Sequence[Ranked], first: str, standing: CustomerStanding, *, floor: float
) -> tuple[str, ...]:
    """Products to speak about together, `first` leading; only it where nothing else is worth the caller's patience.

    Each meets another need (no class twice, nothing that does the same as one before), together they stay within
    what the caller can be expected to pay, and what comes later must be worth more, since patience wears out.
    """
    leading = next(one for one in ranked if one.code == first)
    chosen = [leading]
    for one in ranked:
        if len(chosen) == MOST:
            break
        patience = _PATIENCE ** len(chosen)
        if one.code != first and one.value * patience >= floor and _goes_with(one, chosen, standing):
            chosen.append(one)
    return tuple(one.code for one in chosen)


def _goes_with(one: Ranked, chosen: Sequence[Ranked], standing: CustomerStanding) -> bool:
    for other in chosen:
        if one.product.product_class == other.product.product_class:
            return False
        if one.code in other.limits.not_with or other.code in one.limits.not_with:
            return False
    return _affordable([*chosen, one], standing)


def _affordable(chosen: Sequence[Ranked], standing: CustomerStanding) -> bool:
    """Larger premiums together within the strictest share of what is paid; small ones together still small."""
    paid = sum((one.yearly for one in standing.policies if one.covers), Decimal(0))
    small = [one for one in chosen if _premium(one) <= one.limits.small_premium]
    large = [one for one in chosen if _premium(one) > one.limits.small_premium]
    share = min((one.limits.most_premium_share for one in large), default=Decimal(0))
    bound = max((one.limits.small_premium for one in small), default=Decimal(0))
    return _sum(large) <= share * paid and _sum(small) <= bound


def _premium(one: Ranked) -> Decimal:
    return one.product.offered.premium


def _sum(several: Sequence[Ranked]) -> Decimal:
    return sum((_premium(one) for one in several), Decimal(0))
