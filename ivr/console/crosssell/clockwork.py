"""The daily work on models, once a day, by whichever console process has the lease (as `hotline crosssell refit`)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from ivr.console.beside import beside, now_and_again
from ivr.console.parts import ConsoleParts

log = structlog.get_logger(__name__)
LEASE: Final = "refit"
#: How often a console looks whether it is time, and how long the lease lasts; seconds.
_EVERY, _LEASE = 300.0, 3600.0


async def refit_if_due(parts: ConsoleParts) -> bool:
    """The day's work, if it is time and nobody else does it; whether it was done."""
    settings, retention = parts.settings, parts.database.retention
    zone = ZoneInfo(settings.zone)
    now = parts.clock().astimezone(zone)
    if not settings.crosssell_on or now.hour < settings.retention_hour:
        return False
    last = await retention.last_done(LEASE)
    if last is not None and last.astimezone(zone).date() >= now.date():
        return False
    name = secrets.token_hex(8)
    if not await retention.take_lease(LEASE, name, seconds=_LEASE):
        return False
    done = False
    try:
        await _refit(parts, zone)
        done = True
    finally:
        await retention.give_lease(LEASE, name, done=done)
    return done


async def _refit(parts: ConsoleParts, zone: ZoneInfo) -> None:
    from cross_sell.daily import Refit
    from cross_sell.registry import Registry
    from ivr.console.crosssell.watching import models_folder

    folder = models_folder(parts)
    job = Refit(parts.database, Registry(folder), folder, zone=zone, clock=parts.clock, jobs=1)
    for one in await job.run():
        if one.done == "failed":
            log.error("model not refitted", product=one.product, error=one.worst)


@asynccontextmanager
async def refitting(parts: ConsoleParts) -> AsyncIterator[None]:
    """Look every few minutes whether the day's work is due, for the length of the block."""
    async with beside(now_and_again(_EVERY, lambda: refit_if_due(parts), "refit failed")):
        yield
