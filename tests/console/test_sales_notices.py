"""Notices to salespeople: each once, at the hours and by the way that were chosen, and nobody else's pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.console.parts import ConsoleParts
from ivr.console.sales.notices import quiet_until, tell_of_lapses, tell_of_messages
from policy_db.sales_facts import SalesPreferences
from tests.console.console_kit import Console


async def left(console: Console, one: str, mailbox: str = "salesperson-1001") -> None:
    """A message in a salesperson's mailbox."""
    database = console.database
    await database.recordings.begin(
        one, purpose="voicemail", call=f"call-{one}", worker="w", mailbox=mailbox, reason="message",
        caller="+8613900139000", level=0, file=f"2026-03-10/{one}.wav",
    )  # fmt: skip
    await database.recordings.finish(one, seconds=4.0, size=64_000, why="key")
    await database.recordings.keep(one)
    await database.messages.take_in(lambda mailbox, urgency, at: None)


async def told(console: Console) -> list[Any]:
    """What salesperson 1001 was told."""
    return list(await console.database.sales_notices.of("1001"))


async def test_a_message_is_told_of_once_however_often_it_is_looked_for(console: Console) -> None:
    await left(console, "m-1")
    assert await tell_of_messages(console.parts) == 1
    assert await tell_of_messages(console.parts) == 0
    assert [(one.kind, one.channel) for one in await told(console)] == [("sales_message", "sms")]


async def test_who_wants_no_notices_gets_none(console: Console) -> None:
    people = console.database.salespeople
    await people.set_preferences("1001", SalesPreferences(messages=False, lapses=False), by="staff:boss")
    await left(console, "m-1")
    assert await tell_of_messages(console.parts) == 0
    await people.set_preferences("1001", SalesPreferences(channel="none"), by="staff:boss")
    assert await tell_of_messages(console.parts) == 0
    await people.set_preferences("1001", SalesPreferences(channel="email"), by="staff:boss")
    assert await tell_of_messages(console.parts) == 1
    assert [one.channel for one in await told(console)] == ["email"]


async def test_the_digest_goes_out_once_a_day_and_names_what_lapses(console: Console) -> None:
    zone = ZoneInfo(console.parts.settings.zone)
    today = console.parts.clock().astimezone(zone).replace(hour=11, minute=0)

    def at(moment: datetime) -> ConsoleParts:
        return replace(console.parts, clock=lambda: moment)

    assert await tell_of_lapses(at(today.replace(hour=3))) == 0, "nobody is told at night"
    await tell_of_lapses(at(today))  # perhaps the console's own clockwork has done so already
    assert await tell_of_lapses(at(today)) == 0
    assert await tell_of_lapses(at(today + timedelta(days=1))) > 0
    assert await tell_of_lapses(at(today + timedelta(days=1))) == 0


def test_quiet_hours_reach_over_midnight(console: Console) -> None:
    zone = ZoneInfo(console.parts.settings.zone)

    def until(hour: int) -> datetime | None:
        return quiet_until(console.parts, datetime(2026, 3, 10, hour, 30, tzinfo=zone))

    assert until(12) is None
    assert until(22) == datetime(2026, 3, 11, 8, 0, tzinfo=zone)
    assert until(3) == datetime(2026, 3, 10, 8, 0, tzinfo=zone)


async def test_pages_are_for_managers_and_their_own_salesperson_and_looks_are_on_record(
    console: Console,
) -> None:
    boss = await console.signed_in("boss")
    assert (await boss.get("/salespeople?q=林&period=year")).status_code == 200
    page = await boss.get("/salespeople/1001")
    assert page.status_code == 200
    assert "salesperson-1001" in page.text
    assert (await boss.get("/salespeople/9999")).status_code == 404
    saved = await boss.post(
        "/salespeople/1001", data={"channel": "email", "language": "en", "lapses": "true"}
    )
    assert saved.status_code == 303
    wanted = await console.database.salespeople.preferences("1001")
    assert (wanted.channel, wanted.language, wanted.messages, wanted.lapses) == ("email", "en", False, True)
    assert (await boss.post("/salespeople/1001", data={"channel": "pigeon"})).status_code == 422
    trail = await console.database.audit.about("salesperson:1001", limit=9)
    assert {one.action for one in trail} == {"looked", "changed_preferences"}
    other = await console.signed_in("rui")
    assert (await other.get("/salespeople/1001")).status_code == 403


async def test_answering_is_a_report_with_csv_and_definitions(console: Console) -> None:
    calls = console.database.calls
    for name, rang, sorry in (
        ("c-1", 1.0, False),
        ("c-2", 15.0, False),
        ("c-3", 25.0, True),
        ("c-4", 30.0, False),
    ):
        await calls.begin(name, worker="w", caller="", called="4001")
        await calls.update(name, rang=rang, apologised=sorry)
    boss = await console.signed_in("boss")
    reply = await boss.get("/reports/answer_days.csv?period=today")
    header, row = reply.text.lstrip("\ufeff").splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert found["own_answered"] == "4"
    assert float(found["own_in_time"]) == 0.25
    assert (found["own_late"], float(found["own_sorry"])) == ("2", 0.5)
    for view in ("answer_days", "answer_hours", "answer_queues"):
        assert (await boss.get(f"/reports?view={view}")).status_code == 200
    assert "people_sorry" in (await boss.get("/reports/definitions")).text
    assert timedelta(seconds=console.parts.settings.apologise_after) == timedelta(seconds=20)
