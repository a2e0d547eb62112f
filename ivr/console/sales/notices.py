"""Notices to salespeople by the clock: of each new message at once, of lapses once a day. Each is put once, by its key.

In the quiet hours nothing goes out: a message's notice waits for their end, and the day's digest is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog

from ivr.bus import nudged
from ivr.console.beside import beside
from ivr.console.parts import ConsoleParts
from ivr.services.sales import address_of
from ivr.services.sales_texts import MOST_IN, notice, words
from policy_db.errors import PolicyDatabaseError
from policy_db.outreach_facts import NewMessage
from policy_db.sales_facts import SalesPerson, SalesPreferences
from policy_db.sales_notices import UntoldMessage, notice_key

log = structlog.get_logger(__name__)

#: Seconds between looks although nothing was heard, and after a message that has come until it is on its desk.
BEAT: Final = 30.0
SOON: Final = 1.5
#: Messages that came longer ago are nobody's news.
_FAR_BACK: Final = timedelta(days=3)
_TAIL: Final = 4


@asynccontextmanager
async def telling(parts: ConsoleParts) -> AsyncIterator[None]:
    """Tell salespeople for the length of the block."""
    async with nudged(parts.bus, {"message", "*"}) as heard, beside(_keep_telling(parts, heard)):
        yield


async def _keep_telling(parts: ConsoleParts, heard: asyncio.Event) -> None:
    while True:
        try:
            await tell_of_messages(parts)
            await tell_of_lapses(parts)
        except PolicyDatabaseError as error:
            log.warning("salespeople are told later", error=error.code)
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), BEAT)
            await asyncio.sleep(SOON)
        heard.clear()


async def tell_of_messages(parts: ConsoleParts) -> int:
    """Put a notice for each new message that has none; how many."""
    now = parts.clock()
    put = 0
    for message in await parts.database.sales_notices.untold(now - _FAR_BACK):
        put += await _tell_of(parts, message, now)
    return put


async def _tell_of(parts: ConsoleParts, message: UntoldMessage, now: datetime) -> bool:
    found = await _whom(parts, message.salesperson)
    if found is None or not found[1].messages:
        return False
    person, wanted = found
    zone = ZoneInfo(parts.settings.zone)
    tail = (
        message.caller[-_TAIL:]
        if message.caller[-_TAIL:].isdecimal()
        else words("unknown_tail", wanted.language)
    )
    more = {
        "name": person.name, "tail": tail, "at": f"{message.received_at.astimezone(zone):%m-%d %H:%M}",
        "waiting": await parts.database.sales_notices.waiting(person.number), "hotline": _hotline(parts),
    }  # fmt: skip
    return await _put(parts, "sales_message", message.recording, person, wanted, now, {}, (), more)


async def tell_of_lapses(parts: ConsoleParts) -> int:
    """Put the day's digest for everybody who has not had it, when it is time; how many were put."""
    now = parts.clock()
    local = now.astimezone(ZoneInfo(parts.settings.zone))
    at = parts.settings.sales_digest
    if not at or local.time() < time.fromisoformat(at) or quiet_until(parts, now) is not None:
        return 0
    put = 0
    while numbers := await parts.database.salespeople.untold(local.date()):
        for number in numbers:
            put += await _digest(parts, number, now)
            await parts.database.salespeople.told(number, local.date())
    return put


async def _digest(parts: ConsoleParts, number: str, now: datetime) -> bool:
    """One salesperson's day, if there is anything that lapses or waits."""
    found = await _whom(parts, number)
    if found is None or not found[1].lapses:
        return False
    person, wanted = found
    today = now.astimezone(ZoneInfo(parts.settings.zone)).date()
    counts = await parts.database.sales.due_counts(number, today)
    waiting = await parts.database.sales_notices.waiting(number)
    if not counts["lapsing"] and not waiting:
        return False
    policies = await parts.database.sales.due(number, "lapsing", today, limit=max(MOST_IN.values()))
    more = {"name": person.name, "waiting": waiting}
    return await _put(parts, "sales_lapse", today.isoformat(), person, wanted, now, counts, policies, more)


async def _whom(parts: ConsoleParts, number: str) -> tuple[SalesPerson, SalesPreferences] | None:
    """The salesperson and how they want to be told; None for who has left, or wants nothing."""
    person = await parts.database.salespeople.find(number)
    if person is None or not person.at_work:
        return None
    wanted = await parts.database.salespeople.preferences(number)
    return None if wanted.channel == "none" else (person, wanted)


async def _put(
    parts: ConsoleParts,
    kind: str,
    what: str,
    person: SalesPerson,
    wanted: SalesPreferences,
    now: datetime,
    counts: Any,
    policies: Any,
    more: dict[str, Any],
) -> bool:
    way = address_of(person, wanted)
    if way is None:
        return False
    channel, address = way
    facts = notice(kind, wanted.language, counts, policies, channel, **more)
    key = notice_key(kind, person.number, what)
    message = NewMessage(key, kind, channel, address, wanted.language, facts=facts)
    await parts.database.outbox.put(message, after=quiet_until(parts, now))
    return True


def quiet_until(parts: ConsoleParts, now: datetime) -> datetime | None:
    """When the quiet hours end that it is now; None outside of them."""
    begin, dash, end = parts.settings.sales_quiet.partition("-")
    if not dash:
        return None
    local = now.astimezone(ZoneInfo(parts.settings.zone))
    first, last = time.fromisoformat(begin), time.fromisoformat(end)
    clock = local.time().replace(tzinfo=None)
    quiet = first <= clock < last if first <= last else clock >= first or clock < last
    if not quiet:
        return None
    over = local.replace(hour=last.hour, minute=last.minute, second=0, microsecond=0)
    return over if over > local else over + timedelta(days=1)


def _hotline(parts: ConsoleParts) -> str:
    return parts.flows.current.hotline.company.get("hotline_number", "")
