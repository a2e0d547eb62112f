"""What the proof report shows is read and reckoned once for all who look, off the loop that serves pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request

from cross_sell.proof.policies import (
    POLICIES,
    PolicyValue,
    ProductUplift,
    by_margin,
    evaluate,
    product_uplift,
    products_of,
)
from cross_sell.proof.trial import WINDOW, Trial, read_trial
from cross_sell.proof.uplift import Proof, prove
from ivr.console.board.state import shared
from ivr.console.parts import ConsoleParts
from ivr.console.reports.period import Days

T = TypeVar("T")
#: Days within which a sale counts, to choose from.
WINDOWS: Final = (30, 60, 90)
#: Seconds for which a reading serves everybody.
_FRESH: Final = 300.0
#: The longest time that is read, in days.
_LONGEST: Final = 1100
_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked for: people who became eligible on these days, and the window of their sales."""

    days: Days
    window: int

    @property
    def query(self) -> str:
        """As an address says it."""
        return f"{self.days.query}&window={self.window}"


@dataclass(frozen=True, slots=True)
class Reckoned:
    """The proof and all that is told beside it."""

    trial: Trial
    proof: Proof
    rules: tuple[tuple[PolicyValue, PolicyValue], ...]
    products: tuple[ProductUplift, ...]


def asked_of(request: Request, parts: ConsoleParts) -> Asked:
    """What the address asks for; the last year and sixty days where it says nothing that makes sense."""
    query, zone = request.query_params, ZoneInfo(parts.settings.zone)
    today = parts.clock().astimezone(zone).date()
    last = min(_day(query.get("to", "")) or today, today)
    first = min(_day(query.get("from", "")) or last - timedelta(days=_YEAR), last)
    window = query.get("window", "")
    chosen = int(window) if window in {str(one) for one in WINDOWS} else WINDOW
    return Asked(Days(max(first, last - timedelta(days=_LONGEST)), last, zone), chosen)


async def reckoned(parts: ConsoleParts, asked: Asked) -> Reckoned:
    """The proof of what is asked for."""

    async def read() -> Reckoned:
        trial = await read_trial(
            parts.database, asked.days.period, parts.clock(), asked.days.zone, window=asked.window
        )
        margins = {
            one.offered.product: float(one.offered.margin) for one in await parts.database.offered.all()
        }
        return await asyncio.to_thread(_reckon, trial, asked.days.zone, margins)

    return await once(parts, f"proof {asked.query}", read)


async def once(parts: ConsoleParts, key: str, read: Callable[[], Awaitable[T]]) -> T:
    """What was read a while ago, or now."""
    return await shared(parts).get(f"crosssell {key}", _FRESH, read)


def _reckon(trial: Trial, zone: ZoneInfo, margins: dict[str, float]) -> Reckoned:
    policies = {**POLICIES, "by_margin": by_margin(margins)}
    rules = tuple(
        (evaluate(name, policy, trial, trial.sales), evaluate(name, policy, trial, trial.margin))
        for name, policy in policies.items()
    )
    products = tuple(product_uplift(product, trial) for product in products_of(trial))
    return Reckoned(trial, prove(trial, zone), rules, products)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 < day.year < 2200 else None
