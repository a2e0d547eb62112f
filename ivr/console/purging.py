"""Deleting what is due, once a day, by whichever console process has the lease; and the same by hand."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from ivr.console.beside import beside, now_and_again
from ivr.settings import Settings, listed
from ivr.speech.saying import forget_said
from policy_db import PolicyDatabase
from policy_db.errors import PolicyDatabaseError
from policy_db.retention import PurgeReport
from policy_db.retention_delete import RemoveFile
from policy_db.retention_erase import Erasure, Plan
from policy_db.retention_purge import Purge, SaleRules

log = structlog.get_logger(__name__)

LEASE: Final = "purge"
#: How often a console looks whether it is time, and how long a lease lasts without being prolonged; seconds.
_EVERY, _LEASE = 300.0, 120.0


class Keeper:
    """Deletes what is due, and what a person asks for. `files` is the folder of recordings."""

    def __init__(self, settings: Settings, database: PolicyDatabase) -> None:
        self._settings = settings
        self._database = database
        self._zone = ZoneInfo(settings.zone)
        self._name = secrets.token_hex(8)

    async def run_if_due(self) -> PurgeReport | None:
        """The day's run, if it is time and nobody else does it; its report."""
        now = self._database.clock().astimezone(self._zone)
        if now.hour < self._settings.retention_hour:
            return None
        last = await self._database.retention.last_done(LEASE)
        if last is not None and last.astimezone(self._zone).date() >= now.date():
            return None
        return await self.run(who="system")

    async def run(self, *, who: str, dry: bool = False) -> PurgeReport | None:
        """Delete what is due (with `dry` only count it) and report; None if another process is at it."""
        retention = self._database.retention
        if not dry and not await self._mine():
            return None
        number = await retention.begin_purge(who=who, dry=dry)
        purge = self._purge(dry=dry)
        problem = ""
        try:
            await purge.run()
            if not dry:
                await asyncio.to_thread(forget_said, self._settings.said_dir)
                await self._compact()
        except PolicyDatabaseError as error:
            problem = f"{error.code} {type(error).__name__}"
            log.error("purge broken off", error=error.code)
        finally:
            counts = {name: count.told() for name, count in purge.counts.items()}
            await retention.end_purge(number, counts, problem)
            if not dry:
                await retention.give_lease(LEASE, self._name, done=not problem)
        if not dry:
            gone = sum(count["deleted"] for count in counts.values())
            await self._database.audit.add(who, "purged", "retention", {"run": number, "deleted": gone})
        return next((one for one in await retention.purges() if one.id == number), None)

    async def plan(self, customer: str) -> Plan:
        """What an erasure of the customer would do."""
        return await self._erasure().plan(customer)

    async def erase(self, customer: str, *, who: str) -> Plan:
        """Erase a customer's data as far as nothing forbids it; what is left of it in the file goes with the next run."""
        plan = await self._erasure().erase(customer, who=who)
        if plan.known:
            # Names that were said have no row that says whose they are: all of them go, and come again when needed.
            await asyncio.to_thread(forget_said, self._settings.said_dir, most=0)
            await self._database.audit.add(who, "erased", f"customer:{customer}", plan.counts())
        return plan

    async def _mine(self) -> bool:
        return await self._database.retention.take_lease(LEASE, self._name, seconds=_LEASE)

    async def _compact(self) -> None:
        """A file that others hold open is cleaned the next night."""
        with contextlib.suppress(PolicyDatabaseError):
            if not await self._database.store.compact():
                log.info("database file not shortened: it is in use")

    def _purge(self, *, dry: bool) -> Purge:
        return Purge(
            self._database.store,
            self._database.clock,
            remover(self._settings.recordings_dir),
            self._sales(),
            self._today(),
            dry=dry,
            still_mine=None if dry else self._mine,
        )

    def _erasure(self) -> Erasure:
        return Erasure(
            self._database.store,
            self._database.keys,
            self._database.clock,
            remove_file=remover(self._settings.recordings_dir),
            sales=self._sales(),
            today=self._today(),
        )

    def _sales(self) -> SaleRules:
        return SaleRules(listed(self._settings.sale_queues), listed(self._settings.sale_dispositions))

    def _today(self) -> date:
        return self._database.clock().astimezone(self._zone).date()


def remover(folder: Path) -> RemoveFile:
    """Removes a recording and what lies beside it by the same name (its note), never anything outside the folder."""
    root = folder.resolve()

    def remove(name: str) -> bool:
        path = (root / name).resolve()
        if not path.is_relative_to(root) or path == root:
            return False
        try:
            for one in (path, *path.parent.glob(f"{_literal(path.stem)}.*")):
                one.unlink(missing_ok=True)
        except OSError as error:
            log.error("recording not removed", error=type(error).__name__)
            return False
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # the last of its day
        return True

    return remove


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


@asynccontextmanager
async def purging(settings: Settings, database: PolicyDatabase) -> AsyncIterator[Keeper]:
    """A keeper that looks every few minutes whether the day's run is due, for the length of the block."""
    keeper = Keeper(settings, database)
    async with beside(now_and_again(_EVERY, keeper.run_if_due, "purge failed")):
        yield keeper
