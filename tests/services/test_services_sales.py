"""What salespeople ask by telephone: each hears only what is theirs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ivr.flow.values import Secret
from ivr.services.errors import LevelRefusedError
from ivr.services.sales import CALL_OUTCOMES, call_outcome
from policy_db import PolicyDatabase
from policy_db.sales_facts import PERIODS, SalesPreferences, first_day
from tests.services.conftest import NOW, TODAY, Caller


async def seller(caller: Caller, number: str = "1001", pin: str = "112233") -> Caller:
    """A salesperson who has shown their PIN."""
    assert (await caller.ask("identity.salesperson", number=number, pin=Secret(pin))).outcome == "verified"
    return caller


async def left(database: PolicyDatabase, *ids: str, mailbox: str = "salesperson-1001") -> None:
    """Messages in a salesperson's mailbox."""
    for place, one in enumerate(ids):
        await database.recordings.begin(
            one, purpose="voicemail", call=f"call-{one}", worker="w", mailbox=mailbox, reason="message",
            caller="+8613900139000", level=0, file=f"2026-03-0{place + 1}/{one}.wav",
        )  # fmt: skip
        await database.recordings.finish(one, seconds=4.0, size=64_000, why="key")
        await database.recordings.keep(one)
    await database.messages.take_in(lambda mailbox, urgency, at: None)


def test_a_period_begins_with_its_month_quarter_or_year() -> None:
    found = [first_day(period, date(2026, 8, 31)) for period in PERIODS]
    assert found == [date(2026, 8, 1), date(2026, 7, 1), date(2026, 1, 1)]


async def test_sales_and_rank_are_the_callers_own(caller: Caller, database: PolicyDatabase) -> None:
    await seller(caller)
    for period in PERIODS:
        sold = (await caller.ask("sales.performance", number="1001", period=period)).value
        assert sold["since"] == first_day(period, TODAY)
        rank = (await caller.ask("sales.rank", number="1001", period=period)).value
        assert 1 <= rank["team"] <= rank["team_size"] <= rank["company_size"]
        assert 1 <= rank["company"] <= rank["company_size"]
    for service in ("sales.due_counts", "sales.box", "sales.send_list", "sales.commission"):
        with pytest.raises(LevelRefusedError):
            await caller.ask(service, number="1002")


async def test_who_has_sold_more_stands_before(database: PolicyDatabase) -> None:
    sold = await database.sales.sold_by_everybody("year", TODAY)
    ordered = sorted(sold, key=lambda number: -sold[number][1])
    ranks = [await database.sales.rank(number, "year", TODAY) for number in ordered]
    assert [one.company for one in ranks if one] == sorted(one.company for one in ranks if one)
    assert ranks[0] is not None
    assert ranks[0].company == 1


async def test_policies_to_look_after_come_by_their_day_and_agree_with_their_count(
    caller: Caller, database: PolicyDatabase
) -> None:
    await seller(caller)
    counts = (await caller.ask("sales.due_counts", number="1001")).value
    for kind, count in counts.items():
        found = await database.sales.due("1001", kind, TODAY, limit=500)
        assert len(found) == count
        assert [one.day for one in found] == sorted(one.day for one in found) or kind == "lapsing"
    lapsing = (await caller.ask("sales.due", number="1001", kind="lapsing", index=0)).value
    position = await database.policies.premium_position(lapsing["policy_no"], TODAY)
    assert position is not None
    assert position.state in ("in_grace", "overdue")
    assert (await caller.ask("sales.due", number="1001", kind="lapsing", index=500)).outcome == "none"


async def test_a_list_that_is_asked_for_twice_in_a_call_goes_out_once(
    caller: Caller, database: PolicyDatabase
) -> None:
    await seller(caller)
    for _ in range(2):
        assert (await caller.ask("sales.send_list", number="1001")).value == {"channel": "sms"}
    (message,) = await database.outbox.take()
    assert (message.kind, message.address) == ("sales_list", "+8616000101001")
    assert "86002468" in message.facts["text"]
    assert [one.kind for one in await database.sales_notices.of("1001")] == ["sales_list"]


async def test_messages_are_heard_deleted_and_not_anybody_elses(
    caller: Caller, database: PolicyDatabase
) -> None:
    await left(database, "m-1", "m-2")
    await left(database, "m-3", mailbox="salesperson-1002")
    await seller(caller)
    assert (await caller.ask("sales.box", number="1001")).value == {"new": 2, "all": 2}
    first = (await caller.ask("sales.message", number="1001", index=0, only_new=True)).value
    assert (first["id"], first["recording"], first["callable"]) == ("m-1", "2026-03-01/m-1.wav", True)
    assert (await caller.ask("sales.box", number="1001")).value == {"new": 1, "all": 2}
    assert (await caller.ask("sales.delete_message", number="1001", id="m-1")).outcome == "ok"
    assert (await caller.ask("sales.delete_message", number="1001", id="m-3")).outcome == "none"
    second = (await caller.ask("sales.message", number="1001", index=0, only_new=False)).value
    assert (second["id"], second["more"]) == ("m-2", False)
    assert (await caller.ask("sales.message", number="1001", index=1, only_new=False)).outcome == "none"
    heard = await database.audit.about("message:m-1", limit=5)
    assert [(one.actor, one.action) for one in heard] == [("salesperson:1001", "listened")]


async def test_a_salesperson_is_found_by_number_while_at_work(
    caller: Caller, database: PolicyDatabase
) -> None:
    found = await caller.ask("sales.find", number="1001")
    assert found.value == {"number": "1001", "name": "林海涛", "put_through": True}
    await database.salespeople.set_preferences("1001", SalesPreferences(put_through=False), by="staff:boss")
    assert (await caller.ask("sales.find", number="1001")).value["put_through"] is False
    assert (await caller.ask("sales.find", number="9999")).outcome == "not_found"


def test_every_end_of_a_call_has_a_word() -> None:
    assert {call_outcome(one) for one in ("busy", "no_answer", "machine", "")} == {"not_reached"}
    assert all(call_outcome(one) == one for one in CALL_OUTCOMES)


async def test_an_untold_day_is_told_once(database: PolicyDatabase) -> None:
    everybody = await database.salespeople.untold(TODAY)
    assert "1001" in everybody
    await database.salespeople.told("1001", TODAY)
    assert await database.salespeople.untold(TODAY) == tuple(one for one in everybody if one != "1001")
    assert await database.salespeople.untold(TODAY + timedelta(days=1)) == everybody
    assert NOW.date() == TODAY
