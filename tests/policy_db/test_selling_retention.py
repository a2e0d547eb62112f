"""Suggestions and referrals outlive the person they were about: by time, and on request."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from policy_kit import HandClock
from retention_kit import Folder, eraser, purge
from test_selling_rows import HOUR, NOW, referral, suggestion

from policy_db import PolicyDatabase
from policy_db.selling_facts import DoNotCall


async def _sold(db: PolicyDatabase, customer: str) -> None:
    await db.suggestions.add(suggestion(customer=customer), referral(customer=customer, suggestion="s1"))
    await db.referrals.move(
        "r1", "sold", who="seat:seat1", at=NOW, note="喜欢钓鱼", premium=Decimal(480), policy="86123456"
    )


async def _is_blank(db: PolicyDatabase) -> bool:
    made, sold = await db.suggestions.find("s1"), await db.referrals.find("r1")
    assert made is not None
    assert sold is not None
    assert (made.arm, made.product, made.propensity, made.candidates) == (
        "offer",
        "501",
        0.87,
        suggestion().candidates,
    )
    assert (sold.state, sold.premium, [one.state for one in await db.referrals.steps("r1")]) == (
        "sold",
        480,
        ["flagged", "sold"],
    )
    notes = {one.note for one in await db.referrals.steps("r1")}
    whose = {made.customer, made.policy, sold.customer, sold.policy}
    assert (whose == {""}) == (made.features == {}) == (notes == {""})
    return whose == {""}


async def test_after_its_period_a_suggestion_stays_without_the_person(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await _sold(db, "C1")
    await db.do_not_call.add(DoNotCall("+8613812345678", "", "sales", NOW, until=NOW + HOUR))
    await db.do_not_call.add(DoNotCall("+8613812345679", "", "sales", NOW))
    clock.forward(days=3 * 365 - 1)
    assert (await purge(db, folder))["suggestions"]["deleted"] == 0
    assert not await _is_blank(db)
    clock.forward(days=2)
    assert (await purge(db, folder, dry=True))["suggestions"]["deleted"] == 2
    assert (await purge(db, folder))["suggestions"]["deleted"] == 2
    assert await _is_blank(db)
    assert [one.number for one in await db.do_not_call.page()] == ["+8613812345679"]
    assert (await purge(db, folder))["suggestions"]["deleted"] == 0


async def test_what_is_held_keeps_its_person(demo: PolicyDatabase, clock: HandClock, folder: Folder) -> None:
    person = await demo.suggestions.standing("", "", NOW, policy="86001234")
    assert person is not None
    await _sold(demo, person.customer)
    await demo.retention.hold("customer", person.customer, why="a court asks", who="staff:root")
    clock.forward(days=3 * 365 + 1)
    assert (await purge(demo, folder))["suggestions"]["held"] == 2
    assert not await _is_blank(demo)


async def test_an_erasure_takes_the_person_from_what_was_offered_and_keeps_a_listed_number(
    demo: PolicyDatabase, folder: Folder
) -> None:
    person = await demo.suggestions.standing("", "", NOW, policy="86001234")
    assert person is not None
    await _sold(demo, person.customer)
    await demo.do_not_call.add(DoNotCall(person.phone, person.customer, "all", NOW))
    await demo.do_not_call.add(DoNotCall("", person.customer, "sales", NOW))
    plan = await eraser(demo, folder).erase(person.customer, who="staff:root")
    assert plan.counts()["suggestions"] == 1
    assert await _is_blank(demo)
    assert [(one.number, one.customer) for one in await demo.do_not_call.page(person.phone)] == [
        (person.phone, "")
    ]
    assert await demo.do_not_call.page(person.customer) == ()
    later = NOW + timedelta(days=1)
    assert await demo.suggestions.of_customer(person.customer, later - timedelta(days=9)) == ()
