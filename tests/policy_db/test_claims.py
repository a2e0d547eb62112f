"""Claim reports by telephone: kept answer by answer, taken up again, handed in once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from policy_kit import TODAY, HandClock, Places, open_database

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError, NotFoundError

CALLER = "+8613800001111"


async def test_a_report_goes_from_its_first_question_to_its_number(demo: PolicyDatabase) -> None:
    claims = demo.claims
    report = await claims.begin(caller=CALLER, today=TODAY, policy="86005678", level=1, call_id="call-1")
    assert (report.stage, report.resumed) == ("when", False)
    assert (len(report.number), report.number[:6]) == (12, "260310")
    for question, value in (("when", "2026-03-09"), ("kind", "collision"), ("hurt", "no")):
        await claims.save_answer(report.id, question, value)
    await claims.attach(report.id, "where", "recording-1")
    await claims.attach(report.id, "what", "recording-2")
    assert await claims.submit(report.id, TODAY) == report.number
    record = await claims.find(report.number)
    assert record is not None
    assert record.answers == {"when": "2026-03-09", "kind": "collision", "hurt": "no"}
    assert record.recordings == {"where": ("recording-1",), "what": ("recording-2",)}
    assert (record.policy, record.level, record.status) == ("86005678", 1, "reported")
    fact = await claims.status("86005678")
    assert fact is not None
    assert (fact.number, fact.kind, fact.status, fact.count) == (report.number, "collision", "reported", 1)


async def test_every_answer_is_kept_as_soon_as_it_is_given(places: Places, clock: HandClock) -> None:
    url = places.empty()
    async with await open_database(url, clock) as db:
        report = await db.claims.begin(caller=CALLER, today=TODAY)
        await db.claims.save_answer(report.id, "when", "2026-03-09")
        async with await open_database(url, clock) as other:
            record = await other.claims.find(report.number)
    assert record is not None
    assert (record.answers, record.status) == ({"when": "2026-03-09"}, "draft")


async def test_calling_again_goes_on_where_the_report_stopped(db: PolicyDatabase, clock: HandClock) -> None:
    first = await db.claims.begin(caller=CALLER, today=TODAY, call_id="call-1")
    await db.claims.save_answer(first.id, "when", "2026-03-09")
    await db.claims.save_answer(first.id, "kind", "collision")
    clock.forward(hours=2)
    again = await db.claims.resumable(CALLER)
    assert again is not None
    assert (again.id, again.number, again.stage) == (first.id, first.number, "hurt")
    taken_up = await db.claims.begin(caller=CALLER, today=TODAY, call_id="call-2")
    assert (taken_up.id, taken_up.stage, taken_up.resumed) == (first.id, "hurt", True)


async def test_a_report_is_not_resumed_by_others_nor_after_days_nor_once_handed_in(
    db: PolicyDatabase, clock: HandClock
) -> None:
    report = await db.claims.begin(caller=CALLER, today=TODAY)
    assert await db.claims.resumable("+8613900000000") is None
    clock.forward(days=3)
    assert await db.claims.resumable(CALLER) is None
    fresh = await db.claims.begin(caller=CALLER, today=TODAY)
    assert fresh.id != report.id
    await db.claims.submit(fresh.id, TODAY)
    assert await db.claims.resumable(CALLER) is None


async def test_a_hidden_number_never_resumes_a_report(db: PolicyDatabase) -> None:
    first = await db.claims.begin(caller="", today=TODAY)
    assert await db.claims.resumable("") is None
    assert (await db.claims.begin(caller="", today=TODAY)).id != first.id


async def test_a_caller_may_begin_anew_instead(db: PolicyDatabase) -> None:
    first = await db.claims.begin(caller=CALLER, today=TODAY)
    assert (await db.claims.begin(caller=CALLER, today=TODAY, resume=False)).id != first.id


async def test_a_report_about_another_policy_is_another_report(demo: PolicyDatabase) -> None:
    first = await demo.claims.begin(caller=CALLER, today=TODAY, policy="86005678")
    other = await demo.claims.begin(caller=CALLER, today=TODAY, policy="86001234")
    assert other.id != first.id


async def test_a_report_learns_its_policy_when_it_is_taken_up(demo: PolicyDatabase) -> None:
    first = await demo.claims.begin(caller=CALLER, today=TODAY)
    again = await demo.claims.begin(caller=CALLER, today=TODAY, policy="86005678", level=2)
    await demo.claims.submit(again.id, TODAY)
    record, fact = await demo.claims.find(first.number), await demo.claims.status("86005678")
    assert record is not None
    assert fact is not None
    assert (again.id, record.policy, record.level, fact.number) == (first.id, "86005678", 2, first.number)


async def test_a_report_for_a_policy_nobody_knows_is_taken_all_the_same(db: PolicyDatabase) -> None:
    report = await db.claims.begin(caller=CALLER, today=TODAY, policy="86111111")
    await db.claims.submit(report.id, TODAY)
    record = await db.claims.find(report.number)
    assert record is not None
    assert record.policy == "86111111"
    assert await db.claims.status("86111111") is None


async def test_beginning_and_handing_in_twice_are_done_once(db: PolicyDatabase) -> None:
    first = await db.claims.begin(caller=CALLER, today=TODAY, key="call-1:begin", resume=False)
    again = await db.claims.begin(caller=CALLER, today=TODAY, key="call-1:begin", resume=False)
    assert again == first
    assert await db.claims.submit(first.id, TODAY) == await db.claims.submit(
        first.id, TODAY + timedelta(days=9)
    )
    record = await db.claims.find(first.number)
    assert record is not None
    assert record.status == "reported"


async def test_an_answer_given_again_takes_the_place_of_the_first(db: PolicyDatabase) -> None:
    report = await db.claims.begin(caller=CALLER, today=TODAY)
    await db.claims.save_answer(report.id, "hurt", "no")
    await db.claims.save_answer(report.id, "hurt", "yes")
    await db.claims.attach(report.id, "where", "recording-1")
    await db.claims.attach(report.id, "where", "recording-1")
    record = await db.claims.find(report.number)
    assert record is not None
    assert record.answers == {"hurt": "yes"}
    assert record.recordings == {"where": ("recording-1",)}


async def test_what_cannot_be_saved_is_refused(db: PolicyDatabase) -> None:
    report = await db.claims.begin(caller=CALLER, today=TODAY)
    with pytest.raises(BadValueError, match="when, kind, hurt, where, what"):
        await db.claims.save_answer(report.id, "colour", "red")
    with pytest.raises(BadValueError):
        await db.claims.attach(report.id, "when", "recording-1")
    for call in (db.claims.save_answer("nothing", "when", "x"), db.claims.submit("nothing", TODAY)):
        with pytest.raises(NotFoundError):
            await call
    await db.claims.submit(report.id, TODAY)
    with pytest.raises(ConflictError):
        await db.claims.save_answer(report.id, "when", "2026-03-09")


async def test_numbers_given_out_at_once_by_several_processes_are_all_different(
    places: Places, clock: HandClock
) -> None:
    url = places.empty()
    async with await open_database(url, clock) as one, await open_database(url, clock) as two:
        begun = await asyncio.gather(
            *(db.claims.begin(caller=f"+86{index}", today=TODAY) for index in range(20) for db in (one, two))
        )
    drafts = {report.number for report in begun}
    assert len(drafts) == 20  # the second of each caller resumes the first
    assert drafts == {f"260310{index:06d}" for index in range(1, 21)}


async def test_the_days_of_numbers_are_counted_apart(db: PolicyDatabase) -> None:
    first = await db.claims.begin(caller="+861", today=TODAY)
    second = await db.claims.begin(caller="+862", today=TODAY + timedelta(days=1))
    assert (first.number, second.number) == ("260310000001", "260311000001")
