"""Claims as staff handle them: moves, who may be paid, missing papers, duplicates, and that nobody's change is lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from policy_kit import TODAY, HandClock

from policy_db import PolicyDatabase
from policy_db.claim_facts import ClaimCase, ClaimChange, ClaimFilter, missing_items, stored_missing
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.facts import ClaimStatus
from policy_db.message_facts import StaleError


async def report(
    db: PolicyDatabase, *, caller: str = "13500000000", policy: str | None = "86001234", level: int = 2,
    day: date = TODAY, when: str = "", kind: str = "traffic", submit: bool = True,
) -> str:  # fmt: skip
    claim = await db.claims.begin(caller=caller, today=day, policy=policy, level=level, resume=False)
    for question, value in {"when": when or f"{day} 10:30", "kind": kind, "hurt": "no"}.items():
        await db.claims.save_answer(claim.id, question, value)
    if submit:
        await db.claims.submit(claim.id, day)
    return claim.number


async def case(db: PolicyDatabase, number: str) -> ClaimCase:
    found = await db.claim_reviews.find(number)
    assert found is not None
    return found


async def move(db: PolicyDatabase, number: str, *statuses: ClaimStatus, **more: object) -> ClaimCase:
    for status in statuses:
        change = ClaimChange(status=status, **more)  # type: ignore[arg-type]
        await db.claim_reviews.change(number, "rui", change, version=(await case(db, number)).version)
    return await case(db, number)


async def seen(db: PolicyDatabase, **wanted: object) -> list[str]:
    filtered = ClaimFilter(**wanted)  # type: ignore[arg-type]
    found = await db.claim_reviews.inbox(filtered, limit=500)
    assert await db.claim_reviews.count(filtered) == len(found)
    return [one.number for one in found]


async def test_a_claim_goes_its_way_to_payment_and_every_step_is_remembered(demo: PolicyDatabase) -> None:
    number = await report(demo)
    await move(demo, number, "reviewing", "approved")
    paid = await move(demo, number, "paid", paid=Decimal("1200.50"))
    assert paid.paid is not None
    assert (paid.status, paid.paid.amount, paid.version) == ("paid", Decimal("1200.50"), 3)
    history = await demo.claim_reviews.history(number)
    assert [entry.details["is"] for entry in history] == ["reviewing", "approved", "paid"]
    status = await demo.claims.status("86001234")
    assert status is not None
    assert (status.status, status.paid) == ("paid", paid.paid)


async def test_moves_that_are_not_allowed_are_refused(demo: PolicyDatabase) -> None:
    number = await report(demo)
    for status in ("paid", "approved", "draft"):
        with pytest.raises(ConflictError):
            await move(demo, number, status)
    await move(demo, number, "reviewing", "approved")
    for paid in (None, Decimal(0), Decimal(-1), Decimal("1.005"), Decimal("NaN"), Decimal("1e30")):
        with pytest.raises(BadValueError):
            await move(demo, number, "paid", paid=paid)
    assert (await case(demo, number)).status == "approved"


async def test_a_no_needs_a_reason_which_stays(demo: PolicyDatabase) -> None:
    number = await report(demo)
    with pytest.raises(BadValueError):
        await move(demo, number, "declined")
    await move(demo, number, "declined", reason="The policy does not cover it")
    await move(demo, number, "reviewing", reason="The customer objects")
    texts = [entry.text for entry in await demo.claim_reviews.history(number)]
    assert texts == ["The policy does not cover it", "The customer objects"]


async def test_nobody_is_paid_of_whom_nobody_is_sure(demo: PolicyDatabase) -> None:
    number = await report(demo, level=0)
    assert not (await move(demo, number, "reviewing")).is_sure
    with pytest.raises(ConflictError, match="do not pay"):
        await move(demo, number, "approved")
    checked = ClaimChange(checked_how="Called the number on file")
    await demo.claim_reviews.change(number, "rui", checked, version=1)
    found = await move(demo, number, "approved")
    assert (found.status, found.checked_by, found.is_sure) == ("approved", "rui", True)


async def test_missing_papers_are_what_the_caller_hears_of(demo: PolicyDatabase) -> None:
    number = await report(demo)
    wanted = ClaimChange(missing=("invoice", "a photograph, the key"))
    await demo.claim_reviews.change(number, "rui", wanted, version=0)
    found = await case(demo, number)
    assert (found.status, found.missing) == ("missing_documents", ("invoice", "a photograph", "the key"))
    told = await demo.claims.status("86001234")
    assert told is not None
    assert told.missing == "invoice, a photograph, the key"
    await demo.claim_reviews.change(number, "rui", ClaimChange(missing=()), version=1)
    assert (await case(demo, number)).status == "reviewing"


def test_missing_papers_are_read_from_whatever_a_claim_holds() -> None:
    assert missing_items("invoice、 病历；x\ny,") == ("invoice", "病历", "x", "y")
    assert missing_items(None) == ()
    assert stored_missing(["", "a, a"]) == "a"
    assert stored_missing([]) is None


async def test_the_second_of_two_who_change_at_once_is_told(demo: PolicyDatabase) -> None:
    await demo.users.add("rui", roles=("reviewer",))
    number = await report(demo)
    await demo.claim_reviews.change(number, "rui", ClaimChange(adjuster="rui"), version=0)
    with pytest.raises(StaleError) as told:
        await demo.claim_reviews.change(number, "mei", ClaimChange(status="reviewing"), version=0)
    assert told.value.by == "rui"
    assert (await case(demo, number)).status == "reported"
    with pytest.raises(BadValueError):
        await demo.claim_reviews.change(number, "mei", ClaimChange(adjuster="nobody"), version=1)


async def test_an_unfinished_report_can_be_taken_as_reported(demo: PolicyDatabase, clock: HandClock) -> None:
    number = await report(demo, submit=False)
    assert number in await seen(demo, view="drafts")
    found = await move(demo, number, "reported")
    assert (found.status, found.submitted_at) == ("reported", clock.now)
    assert number not in await seen(demo, view="drafts")


async def test_views_filters_and_search_find_claims(demo: PolicyDatabase) -> None:
    await demo.users.add("rui", roles=("reviewer",))
    first, second = await report(demo), await report(demo, caller="13900000000", policy="999", kind="illness")
    assert set(await seen(demo, view="new")) >= {first, second}
    assert await demo.claim_reviews.opened(first, "rui")
    assert not await demo.claim_reviews.opened(first, "rui")
    assert first not in await seen(demo, view="new")
    await demo.claim_reviews.change(first, "rui", ClaimChange(adjuster="rui"), version=0)
    assert await seen(demo, view="mine", user="rui") == [first]
    assert await seen(demo, view="all", q=second) == [second]
    assert await seen(demo, view="all", q="1390000") == [second]
    assert first in await seen(demo, view="open", q="王建国")
    await demo.claim_reviews.note(second, "rui", "Broken windscreen")
    assert await seen(demo, view="all", q="windscreen") == [second]
    assert second in await seen(demo, view="open", kind="illness", adjuster="-")
    found = await case(demo, second)
    assert (found.policy, found.policy_known) == ("999", False)


async def test_the_same_loss_reported_twice_is_noticed_and_explained(demo: PolicyDatabase) -> None:
    first = await report(demo, when="2026-03-08 09:00")
    again = await report(demo, caller="13600000000", when="2026-03-10")
    other_kind = await report(demo, caller="13600000000", when="2026-03-09", kind="illness")
    long_ago = await report(demo, when="2026-02-01 09:00")
    stranger = await report(demo, caller="13700000000", policy=None, when="2026-03-08")
    cases = [await case(demo, number) for number in (first, again, other_kind, long_ago, stranger)]
    found = await demo.claim_reviews.duplicates(cases)
    assert [(one.number, one.same, one.days) for one in found[first]] == [(again, ("policy", "kind"), 2)]
    assert [one.number for one in found[again]] == [first]
    assert (found[other_kind], found[long_ago], found[stranger]) == ((), (), ())


async def test_a_promise_to_call_the_reporter_back(demo: PolicyDatabase, clock: HandClock) -> None:
    number = await report(demo)
    promise = await demo.claim_reviews.ask_call_back(number, "rui")
    assert await demo.claim_reviews.ask_call_back(number, "rui") == promise
    clock.now += timedelta(minutes=5)
    await demo.claim_reviews.end_call_back(number, promise, "rui", "not_reached")
    with pytest.raises(NotFoundError):
        await demo.claim_reviews.end_call_back(number, promise, "rui", "reached")
    (kept,) = await demo.messages.call_backs(claim=(await case(demo, number)).id)
    assert (kept.state, kept.done_at) == ("not_reached", clock.now)
    with pytest.raises(NotFoundError):
        await demo.claim_reviews.note("000000000000", "rui", "No such claim")
