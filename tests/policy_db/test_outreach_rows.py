"""Rows of outreach on both databases: promises, the outbox, charts, and what is forgotten of whom was called."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from policy_kit import TODAY, HandClock
from sqlalchemy import select

from policy_db import PolicyDatabase
from policy_db.facts import Money
from policy_db.moments import Period
from policy_db.outreach import NewAttempt
from policy_db.outreach_facts import Attempt, Campaign, NewMessage, NewPerson
from policy_db.outreach_forget import forget_called, forget_long_ago
from policy_db.promises import Pledge
from policy_db.tables import Base

NUMBER, POLICY = "+8616000001234", "86001234"


async def called(db: PolicyDatabase, name: str = "1") -> Attempt:
    """A person of a running campaign was called and has hung up."""
    now = db.clock()
    await db.campaigns.add(Campaign(f"c-{name}", "c", "premium_due", "f", now, "test"))
    await db.campaigns.put(f"c-{name}", [NewPerson(NUMBER, "CN:Asia/Shanghai", "C1", POLICY)], due=now)
    await db.campaigns.change(f"c-{name}", "running", now)
    (person,) = await db.campaigns.due(f"c-{name}", ["CN:Asia/Shanghai"], now, 5)
    await db.outreach.plan([NewAttempt(f"a-{name}", person, "sip")], holder="d", at=now)
    await db.outreach.submitting([f"a-{name}"], holder="d")
    await db.outreach.take(f"a-{name}", holder="w", call_id=f"call-{name}", at=now)
    await db.outreach.moved(f"a-{name}", "answered", at=now)
    await db.outreach.said(f"call-{name}", "told")
    await db.outreach.moved(f"a-{name}", "ended", at=now, outcome="hung_up")
    (attempt,) = await db.outreach.unsettled()
    await db.outreach.settle(attempt, state="done", outcome=attempt.outcome, next_at=None, at=now)
    return attempt


async def test_what_a_person_said_is_the_outcome_and_is_counted_by_hour(db: PolicyDatabase) -> None:
    attempt = await called(db)
    assert attempt.outcome == "told"
    zone, now = ZoneInfo("Asia/Shanghai"), db.clock()
    counts = await db.outreach.by_hour(
        "c-1", Period(now - timedelta(hours=3), now + timedelta(hours=1)), zone
    )
    assert list(counts.values()) == [1]
    assert await db.outreach.load(now) == {}
    assert await db.outreach.abandoned("c-1", now - timedelta(hours=1), now, 5.0) == (1, 1, 0)
    history = await db.outreach.history([NUMBER], now - timedelta(days=7))
    assert [one.spoken for one in history[NUMBER]] == [True]
    assert await db.campaigns.counts("c-1") == {("done", "told"): 1}


async def test_a_promise_is_kept_when_it_is_paid_and_broken_when_its_day_has_passed(
    demo: PolicyDatabase,
) -> None:
    position = await demo.policies.premium_position(POLICY, TODAY)
    assert position is not None
    assert position.due_on is not None
    first = await called(demo, "1")
    pledge = Pledge(position.due_on, TODAY + timedelta(days=3), position.amount)
    await demo.promises.make(first, pledge, demo.clock())
    assert await demo.promises.settle(TODAY + timedelta(days=3), demo.clock()) == ()
    (broken,) = await demo.promises.settle(TODAY + timedelta(days=4), demo.clock())
    assert broken.state == "broken"
    second = await called(demo, "2")
    await demo.promises.make(second, pledge, demo.clock())
    third = await called(demo, "3")
    await demo.promises.make(third, Pledge(position.due_on, TODAY, position.amount), demo.clock())
    assert [one.state for one in await demo.promises.page(policies=(POLICY,))] == [
        "open",
        "withdrawn",
        "broken",
    ]
    await demo.policies.record_payment(POLICY, position.amount.amount, TODAY, reference="r-1")
    (kept,) = await demo.promises.settle(TODAY, demo.clock())
    assert (kept.attempt, kept.state) == ("a-3", "kept")


async def test_a_message_is_sent_once_and_tried_again(db: PolicyDatabase, clock: HandClock) -> None:
    asked = NewMessage("k", "pay_link", "sms", NUMBER, "zh-CN", "C1", POLICY, facts={"amount": "1.00"})
    first = await db.outbox.put(asked)
    assert (await db.outbox.put(asked)).id == first.id
    (taken,) = await db.outbox.take()
    assert await db.outbox.take() == ()
    await db.outbox.failed(taken.id, "down", again_at=clock() + timedelta(minutes=1))
    assert await db.outbox.take() == ()
    clock.forward(minutes=2)
    assert [one.tries for one in await db.outbox.take()] == [2]
    clock.forward(minutes=3)  # the sender died
    (again,) = await db.outbox.take(channels=("sms",))
    await db.outbox.sent(again.id)
    assert [one.state for one in await db.outbox.of_customer("C1")] == ["sent"]


async def test_whom_was_called_is_forgotten_on_request_and_with_time(
    db: PolicyDatabase, clock: HandClock
) -> None:
    attempt = await called(db)
    pledge = Pledge(date(2026, 3, 20), date(2026, 3, 12), Money(Decimal("10.00")))
    await db.promises.make(attempt, pledge, clock())
    await db.outbox.put(NewMessage("k", "pay_link", "sms", NUMBER, "zh-CN", "C1", POLICY))
    async with db.store.writing() as connection:
        await forget_called(connection, "C1", [POLICY], [NUMBER])
    assert NUMBER not in await everything(db)
    assert POLICY not in await everything(db)
    await called(db, "2")
    await db.campaigns.change("c-2", "done", clock())
    clock.forward(days=800)
    async with db.store.writing() as connection:
        assert await forget_long_ago(connection, clock() - timedelta(days=730), [("policy", POLICY)]) == 0
    async with db.store.writing() as connection:
        assert await forget_long_ago(connection, clock() - timedelta(days=730), []) == 2
    assert NUMBER not in await everything(db)


async def everything(db: PolicyDatabase) -> str:
    async with db.store.reading() as connection:
        return "\n".join(
            [
                str(dict(row._mapping))
                for table in Base.metadata.sorted_tables
                for row in await connection.execute(select(*table.columns))
            ]
        )
