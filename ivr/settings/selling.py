"""Offers to callers whose own matter is done."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ivr.settings.group import Group


class SellingSettings(Group):
    """Offers to callers whose own matter is done."""

    crosssell_on: bool = Field(
        True, description="Whether callers may be offered something when their own matter is done."
    )
    crosssell_holdout: float = Field(
        0.08,
        ge=0,
        le=0.5,
        description="Share of the callers who could be offered something that is left alone, to be compared with.",
    )
    crosssell_random: float = Field(
        0.05, ge=0, le=0.5, description="Share of them who are offered one of their products by lot."
    )
    crosssell_cool_off_days: int = Field(
        180, ge=1, le=3650, description="Days in which a caller who refused an offer is not asked again."
    )
    crosssell_offers_30_days: int = Field(
        1, ge=0, le=30, description="Offers to one customer in 30 days, at most."
    )
    crosssell_offers_365_days: int = Field(
        4, ge=0, le=365, description="Offers to one customer in a year, at most."
    )
    crosssell_begun: Literal["warn", "stop"] = Field(
        "warn",
        description="What these three do to a referral that a person begins: warn, so that it is asked twice, or stop.",
    )
    crosssell_floor: float = Field(
        5.0, ge=0, description="What an offer must be worth at least, in the currency of the products."
    )
    crosssell_annoyance: float = Field(
        5.0, ge=0, description="What asking a caller costs in good will, in the same currency."
    )
    crosssell_most_wait_seconds: float = Field(
        30.0,
        ge=0,
        le=600,
        description="The longest that a caller who says yes may be expected to wait for a seat.",
    )
    crosssell_patience_seconds: float = Field(
        1.0,
        gt=0,
        le=10,
        description="How long it may take to decide what to offer, in the background of a call.",
    )
