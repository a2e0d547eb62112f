"""Callers' messages on the desks of staff: who sees which, what becomes of them, and that nobody's change is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from policy_kit import HandClock
from sqlalchemy import text

from policy_db import PolicyDatabase
from policy_db.claim_facts import ClaimFilter
from policy_db.demo.messages import DemoSound, leave_demo_messages
from policy_db.errors import BadValueError, NotFoundError
from policy_db.message_facts import (
    Category,
    Message,
    MessageChange,
    MessageFilter,
    Sight,
    StaleError,
    Transcript,
)

REVIEWER = Sight("rui", shared=True, personal=("seat1", "seat2"))
ALL = MessageFilter()


def due(mailbox: str, urgency: str, received: datetime) -> datetime:
    return received + timedelta(hours={"normal": 8, "high": 4, "urgent": 2}[urgency])


async def leave(
    db: PolicyDatabase,
    message: str,
    *,
    mailbox: str = "service",
    caller: str = "+8616000001234",
    **facts: object,
) -> None:
    call = str(facts.pop("call", f"call-{message}"))
    sent = bool(facts.pop("sent", True))
    await db.recordings.begin(
        message, purpose="voicemail", call=call, worker="w1", file=f"2026/{message}.wav", caller=caller,
        mailbox=mailbox, **facts,
    )  # fmt: skip
    await db.recordings.finish(message, seconds=4.0, size=32044, why="key")
    if sent:
        await db.recordings.keep(message)
    await db.messages.take_in(due)


async def seen(db: PolicyDatabase, sight: Sight, wanted: MessageFilter = ALL) -> list[str]:
    found = await db.messages.inbox(sight, wanted, now=db.clock(), limit=50)
    assert await db.messages.count(sight, wanted, now=db.clock()) == len(found)
    return [one.id for one in found]


async def one(db: PolicyDatabase, message: str) -> Message:
    found = await db.messages.find(message)
    assert found is not None
    return found


async def test_a_message_comes_in_once_with_its_customer_and_due_time(demo: PolicyDatabase) -> None:
    await leave(demo, "m1", reason="message", level=1)
    await leave(demo, "m1")
    message = await one(demo, "m1")
    assert (message.customer_name, message.state, message.version) == ("王建国", "new", 0)
    assert message.due_at == message.received_at + timedelta(hours=8)
    assert [entry.action for entry in await demo.messages.history("m1")] == ["arrived"]


async def test_a_number_without_its_country_is_known_too(demo: PolicyDatabase) -> None:
    await leave(demo, "m1", caller="16000001234")
    assert (await one(demo, "m1")).customer_name == "王建国"


async def test_a_message_that_its_caller_may_say_again_is_not_there_yet(demo: PolicyDatabase) -> None:
    await demo.calls.begin("call-1", worker="w1", caller="1", called="2")
    await leave(demo, "m1", call="call-1", sent=False)
    assert await seen(demo, REVIEWER) == []
    await demo.calls.finish("call-1", "caller_hung_up")
    await demo.messages.take_in(due)
    assert await seen(demo, REVIEWER) == ["m1"]


async def test_a_message_said_again_is_gone(demo: PolicyDatabase) -> None:
    await leave(demo, "m1")
    await demo.recordings.discard("m1")
    assert await seen(demo, REVIEWER) == []
    assert await demo.messages.find("m1") is None


async def test_reviewers_see_the_shared_mailboxes_and_people_their_own(demo: PolicyDatabase) -> None:
    boxes = ("service", "complaints", "seat1", "seat2", "salesperson-1001")
    for mailbox in boxes:
        await leave(demo, f"in-{mailbox}", mailbox=mailbox)
    assert sorted(await seen(demo, REVIEWER)) == ["in-complaints", "in-service"]
    assert await seen(demo, Sight("anna", boxes=("seat1",))) == ["in-seat1"]
    seller = Sight("lin", boxes=("salesperson-1001",), salesperson="1001")
    assert await seen(demo, seller) == ["in-salesperson-1001"]
    assert await seen(demo, Sight("nobody")) == []
    assert await demo.messages.find("in-seat2", Sight("anna", boxes=("seat1",))) is None


async def test_whoever_is_given_a_message_sees_it_and_is_told_once(demo: PolicyDatabase) -> None:
    await demo.users.add("anna", roles=("seat",))
    anna = Sight("anna", boxes=("seat1",))
    await leave(demo, "m1")
    await demo.messages.change("m1", "rui", MessageChange(assignee="anna"), version=0, due=due)
    assert await seen(demo, anna, MessageFilter(view="mine")) == ["m1"]
    counts = await demo.messages.counts(anna, now=demo.clock())
    assert (counts.mine, counts.untold) == (1, 1)
    await demo.messages.opened("m1", "anna", assigned=True)
    assert (await demo.messages.counts(anna, now=demo.clock())).untold == 0


async def test_the_second_of_two_who_change_at_once_is_told_and_nothing_is_lost(demo: PolicyDatabase) -> None:
    await leave(demo, "m1")
    change = MessageChange(category="complaint", urgency="urgent", text="Called twice.")
    await demo.messages.change("m1", "rui", change, version=0, due=due)
    with pytest.raises(StaleError) as told:
        await demo.messages.change("m1", "mei", MessageChange(category="enquiry"), version=0, due=due)
    assert (told.value.by, told.value.version) == ("rui", 1)
    message = await one(demo, "m1")
    assert (message.category, message.urgency, message.state) == ("complaint", "urgent", "open")
    assert message.due_at == message.received_at + timedelta(hours=2)
    history = await demo.messages.history("m1")
    assert [entry.action for entry in history] == ["arrived", "category", "urgency", "note"]
    assert history[1].details == {"was": "", "is": "complaint"}


async def test_a_due_time_that_a_person_chose_stays(demo: PolicyDatabase, clock: HandClock) -> None:
    await leave(demo, "m1")
    chosen = clock.now + timedelta(days=3)
    await demo.messages.change("m1", "rui", MessageChange(due_at=chosen), version=0, due=due)
    await demo.messages.change("m1", "rui", MessageChange(urgency="urgent"), version=1, due=due)
    assert (await one(demo, "m1")).due_at == chosen


async def test_words_people_and_numbers_that_do_not_exist_are_refused(demo: PolicyDatabase) -> None:
    await leave(demo, "m1")
    for change in (
        MessageChange(category="nonsense"), MessageChange(assignee="nobody"), MessageChange(salesperson="9"),
        MessageChange(policy="0"), MessageChange(mailbox=""), MessageChange(claim="1"),
    ):  # fmt: skip
        with pytest.raises(BadValueError):
            await demo.messages.change("m1", "rui", change, version=0, due=due)
    assert (await one(demo, "m1")).version == 0
    with pytest.raises(NotFoundError):
        await demo.messages.note("m2", "rui", "There is no such message.")


async def test_views_follow_what_is_done(demo: PolicyDatabase, clock: HandClock) -> None:
    await leave(demo, "m1")
    clock.forward(minutes=1)
    await leave(demo, "m2")
    assert await seen(demo, REVIEWER, MessageFilter(view="new")) == ["m2", "m1"]
    await demo.messages.opened("m1", "rui")
    assert await seen(demo, REVIEWER, MessageFilter(view="new")) == ["m2"]
    await demo.messages.change("m1", "rui", MessageChange(state="archived"), version=0, due=due)
    assert await seen(demo, REVIEWER) == ["m2"]
    assert await seen(demo, REVIEWER, MessageFilter(view="archived")) == ["m1"]
    await demo.messages.change("m1", "rui", MessageChange(state="open"), version=1, due=due)
    assert (await one(demo, "m1")).done_at is None


async def test_what_is_late_is_found_and_comes_first(demo: PolicyDatabase, clock: HandClock) -> None:
    await leave(demo, "m1")
    clock.forward(hours=1)
    await leave(demo, "m2")
    await demo.messages.change("m2", "rui", MessageChange(urgency="urgent"), version=0, due=due)
    clock.forward(hours=3)
    assert await seen(demo, REVIEWER, MessageFilter(overdue=True)) == ["m2"]
    assert await seen(demo, REVIEWER, MessageFilter(order="due")) == ["m2", "m1"]
    assert (await demo.messages.counts(REVIEWER, now=clock.now)).overdue == 1


async def test_a_search_finds_callers_customers_policies_words_and_notes(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    await leave(demo, "m1")
    await leave(demo, "m2", caller="+8613900000000")
    await demo.messages.change("m2", "rui", MessageChange(policy="86005678"), version=0, due=due)
    said = Transcript("我的电话改了，请改成新号码", "zh-CN", 0.9, "test", clock.now)
    await demo.messages.write_down("m2", said)
    await demo.messages.note("m1", "rui", "Wants 100% of it back")
    for words, found in {
        "1390000": ["m2"], "建国": ["m1"], "86005678": ["m2"], "新号码": ["m2"], "100%": ["m1"], "0%0": [],
        "100% 王建国": ["m1"], "100% 新号码": [], "call-m2": ["m2"],
    }.items():  # fmt: skip
        assert await seen(demo, REVIEWER, MessageFilter(q=words)) == found, words
    assert await demo.messages.transcript("m2") == said


async def test_a_promise_to_call_back_is_kept_or_not(demo: PolicyDatabase) -> None:
    await leave(demo, "m1")
    first = await demo.messages.ask_call_back("+8616000001234", "rui", message="m1")
    assert await demo.messages.ask_call_back("+8616000001234", "rui", message="m1") == first
    await demo.messages.end_call_back(first, "rui", "reached", message="m1")
    with pytest.raises(NotFoundError):
        await demo.messages.end_call_back(first, "rui", "reached", message="m1")
    (promise,) = await demo.messages.call_backs(message="m1")
    assert promise.state == "reached"
    with pytest.raises(BadValueError):
        await demo.messages.ask_call_back("", "rui", message="m1")


async def test_a_company_adds_categories_and_due_times_of_its_own(demo: PolicyDatabase) -> None:
    await demo.messages.save_category(
        Category("lost_card", {"zh-CN": "卡丢失", "en": "Card lost"}, position=20)
    )
    assert (await demo.messages.categories())[-1].code == "lost_card"
    await demo.messages.save_category(Category("lost_card", {"en": "Card lost"}, active=False))
    assert "lost_card" not in {one.code for one in await demo.messages.categories()}
    with pytest.raises(BadValueError):
        await demo.messages.save_category(Category("no good", {"en": "x"}))
    await demo.messages.save_due_hours("complaints", "normal", 4)
    hours = await demo.messages.due_hours()
    assert (hours["complaints", "normal"], hours["*", "normal"]) == (4.0, 8.0)


async def test_a_message_goes_with_its_recording(demo: PolicyDatabase) -> None:
    await leave(demo, "m1")
    await demo.messages.ask_call_back("1", "rui", message="m1")
    async with demo.store.writing() as connection:
        await connection.execute(text("DELETE FROM recordings WHERE id = 'm1'"))
        left = [
            (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar()
            for table in ("messages", "message_history", "call_backs")
        ]
    assert left == [0, 0, 0]


async def test_a_demonstration_begins_with_messages_and_claim_reports(demo: PolicyDatabase) -> None:
    made: list[str] = []

    def speak(name: str, say: object, language: str) -> DemoSound:
        made.append(name)
        return DemoSound(f"demonstration/{name}", 3.0, 24058, f"What {name} says")

    await leave_demo_messages(demo, now=demo.clock(), zone="Asia/Shanghai", speak=speak, due=due)
    shared = await seen(demo, Sight("rui", shared=True, personal=("seat3",)))
    assert len(shared) == 6
    assert (await one(demo, shared[0])).customer_name == "王建国"
    broken = [
        one for one in await demo.messages.inbox(REVIEWER, ALL, now=demo.clock(), limit=50) if one.broken_off
    ]
    assert len(broken) == 1
    (draft,) = await demo.claim_reviews.inbox(ClaimFilter(view="drafts"), limit=9)
    assert draft.broken_off
    reports = await demo.claim_reviews.inbox(ClaimFilter(view="new", q="86005678"), limit=9)
    doubles = await demo.claim_reviews.duplicates(reports)
    assert [len(doubles[report.number]) for report in reports] == [1, 1]
    assert len(made) == 12
