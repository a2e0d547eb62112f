"""What suggests something to callers, and the company's rules for it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ivr.clock import SystemClock
from ivr.services import Suggests
from ivr.settings import Settings
from policy_db import PolicyDatabase

if TYPE_CHECKING:
    from cross_sell.call_facts import ServiceSide
    from cross_sell.rules import SellingRules


def advising(
    settings: Settings,
    database: PolicyDatabase,
    tell: Callable[[str], None],
    note: Callable[..., None],
    side: Callable[[str], Awaitable[ServiceSide]] | None = None,
) -> Suggests:
    """What suggests something to the callers of a worker whose own matter is done.

    `side` says who is there to sell to callers of a language; the seats of the database if not given.
    """
    from cross_sell.adviser import Adviser
    from cross_sell.registry import Registry
    from ivr.seats.sellers import service_side
    from ivr.services.advice import Advice
    from ivr.services.crosssell import QUEUES

    now = SystemClock(settings.zone).now

    async def seated(language: str) -> ServiceSide:
        return service_side(await database.seats.snapshot(), language, QUEUES, now())

    rules = selling_rules(settings)
    adviser = Adviser(
        database,
        Registry(settings.data_dir / "models" / "cross_sell"),
        rules,
        clock=now,
        ids=lambda: f"s-{secrets.token_hex(10)}",
        salt=database.keys.digest("experiment", ""),
    )
    recording = settings.record_talks != "off"
    return Advice(
        database, adviser, rules, side or seated, recording=recording, clock=now, tell=tell, note=note
    )


def selling_rules(settings: Settings) -> SellingRules:
    """The company's rules for selling to callers."""
    from cross_sell.rules import SellingRules

    return SellingRules.of(settings)
