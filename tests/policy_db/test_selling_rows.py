"""What is sold to callers in the database: compare-and-set, referrals that only go forward, and what a moment knew."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import get_args

import pytest
from policy_kit import HandClock

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.message_facts import StaleError
from policy_db.selling_facts import (
    ENDS,
    WAY,
    Candidate,
    DoNotCall,
    OfferedProduct,
    Referral,
    ReferralFilter,
    ReferralState,
    Suggestion,
    may_move,
)

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def referral(name: str = "r1", **changes: object) -> Referral:
    plain = Referral(
        id=name, suggestion=None, call_id="call-1", customer="C1", product="501", also=(), script="standard",
        state="flagged", flagged_at=NOW, changed_at=NOW, referred_by="", seat="", coordinator="", policy="",
        premium=None, version=1,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def suggestion(name: str = "s1", **changes: object) -> Suggestion:
    plain = Suggestion(
        id=name, call_id="call-1", customer="C1", policy="86001234", decided_at=NOW, language="zh-CN", gate="",
        gates=({"code": "", "open": True, "product": "501"},), arm="offer", product="501", probability=0.2,
        propensity=0.87, offer_propensity=0.92, candidates=(Candidate("501", 0.2, 11.0, True, 0.92, "prior"),),
        reasons=({"feature": "has_motor", "contribution": 0.4, "text": {"en": "They drive"}},),
        portfolio=("501", "401"), features={"age": 39, "lapsed": False}, models={"501": "prior"},
        script="standard", milliseconds=4.5,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


# Referrals


def test_no_state_leads_back_and_no_end_leads_anywhere() -> None:
    states: tuple[ReferralState, ...] = get_args(ReferralState)
    assert all(may_move(before, after) for before, after in pairwise(WAY))
    for before, after in product(states, states):
        if may_move(before, after):
            assert before not in ENDS
            assert not may_move(after, before)
    assert not may_move("accepted", "refused")
    assert may_move("offered", "refused")
    assert may_move("connected", "declined")


async def test_a_referral_goes_its_way_with_time_and_person_of_every_step(db: PolicyDatabase) -> None:
    await db.referrals.flag(referral(), who="hotline")
    moves: list[tuple[ReferralState, str]] = [
        ("offered", "hotline"), ("accepted", "caller"), ("transferred", "hotline"), ("connected", "seat:seat1"),
    ]  # fmt: skip
    for index, (state, who) in enumerate(moves, 1):
        await db.referrals.move(
            "r1", state, who=who, at=NOW + index * HOUR, seat="seat1" if index == 4 else None
        )
    sold = await db.referrals.move(
        "r1", "sold", who="seat:seat1", at=NOW + 5 * HOUR, note="网上付款", premium=Decimal("480.00"), policy="86123456",
    )  # fmt: skip
    assert sold == await db.referrals.find("r1")
    assert (sold.seat, sold.premium, sold.policy, sold.version) == ("seat1", Decimal("480.00"), "86123456", 6)
    steps = await db.referrals.steps("r1")
    assert [(one.state, one.who) for one in steps] == [("flagged", "hotline"), *moves, ("sold", "seat:seat1")]
    assert [one.at for one in steps] == [NOW + index * HOUR for index in range(6)]


async def test_a_step_taken_twice_is_taken_once_and_a_step_back_is_refused(db: PolicyDatabase) -> None:
    await db.referrals.flag(referral(), who="hotline")
    assert (await db.referrals.flag(referral(product="401"), who="hotline")).product == "501"
    first = await db.referrals.move("r1", "connected", who="seat:seat1", at=NOW, seat="seat1")
    again = await db.referrals.move("r1", "connected", who="seat:seat2", at=NOW + HOUR, seat="seat2")
    assert first == again
    with pytest.raises(ConflictError, match="connected cannot become offered"):
        await db.referrals.move("r1", "offered", who="hotline", at=NOW)
    with pytest.raises(NotFoundError):
        await db.referrals.move("r2", "offered", who="hotline", at=NOW)
    with pytest.raises(BadValueError):
        await db.referrals.move("r1", "sold", who="seat:seat1", at=NOW, premium=Decimal(-1))
    await db.referrals.move("r1", "declined", who="seat:seat1", at=NOW)
    with pytest.raises(ConflictError):
        await db.referrals.move("r1", "sold", who="seat:seat1", at=NOW)


async def test_of_two_who_move_a_referral_at_once_one_is_told(db: PolicyDatabase) -> None:
    await db.referrals.flag(referral(), who="hotline")
    states: tuple[ReferralState, ReferralState] = ("sold", "declined")
    found = await asyncio.gather(
        *(db.referrals.move("r1", one, who="seat:seat1", at=NOW, version=1) for one in states),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in found) == ["Referral", "StaleError"]
    assert len(await db.referrals.steps("r1")) == 2


async def test_a_coordinator_is_named_and_words_are_added(db: PolicyDatabase) -> None:
    await db.referrals.flag(referral(also=("401",)), who="seat:seat1")
    unclaimed = ReferralFilter(coordinator="-")
    assert [one.id for one in await db.referrals.page(unclaimed)] == ["r1"]
    named = await db.referrals.assign("r1", "mei", who="user:boss", at=NOW)
    assert (named.coordinator, named.version) == ("mei", 2)
    with pytest.raises(StaleError):
        await db.referrals.assign("r1", "lin", who="user:boss", at=NOW, version=1)
    await db.referrals.note("r1", " 周五再联系 ", who="user:mei", at=NOW + HOUR)
    assert (await db.referrals.steps("r1"))[-1].note == "周五再联系"
    assert await db.referrals.page(unclaimed) == ()
    assert [one.id for one in await db.referrals.page(ReferralFilter(coordinator="mei"))] == ["r1"]
    with pytest.raises(BadValueError):
        await db.referrals.note("r1", " ", who="user:mei", at=NOW)


async def test_referrals_are_listed_page_by_page_and_narrowed(db: PolicyDatabase) -> None:
    for index in range(7):
        one = referral(
            f"r{index}", call_id=f"call-{index % 2}", customer=f"C{index % 3}", flagged_at=NOW + index * HOUR,
            referred_by="seat1" if index % 2 else "", product="401" if index > 4 else "501",
        )  # fmt: skip
        await db.referrals.flag(one, who="hotline")
    await db.referrals.move("r6", "connected", who="seat:seat2", at=NOW, seat="seat2")
    first = await db.referrals.page(ReferralFilter(), limit=4)
    rest = await db.referrals.page(ReferralFilter(), after=(first[-1].flagged_at, first[-1].id), limit=4)
    assert [one.id for one in (*first, *rest)] == [f"r{index}" for index in range(6, -1, -1)]

    async def found(**wanted: object) -> list[str]:
        return [one.id for one in await db.referrals.page(ReferralFilter(**wanted))]  # type: ignore[arg-type]

    assert await found(states=("connected",)) == ["r6"]
    assert await found(product="401") == ["r6", "r5"]
    assert await found(seat="seat2") == ["r6"]
    assert await found(referred_by="seat1") == ["r5", "r3", "r1"]
    assert await found(q="C2") == ["r5", "r2"]
    assert await found(q="call-1") == ["r5", "r3", "r1"]
    assert await found(since=NOW + 2 * HOUR, until=NOW + 4 * HOUR) == ["r3", "r2"]
    assert await found(several=True) == []
    assert await db.referrals.tally(ReferralFilter()) == {"flagged": 6, "connected": 1}
    assert [one.id for one in await db.referrals.of_seat("seat1")] == ["r5", "r3", "r1"]
    assert [one.id for one in await db.referrals.of_call("call-0")] == ["r0", "r2", "r4", "r6"]
    assert [one.id for one in await db.referrals.of_customer("C0")] == ["r6", "r3", "r0"]


async def test_counts_tell_how_far_referrals_came_and_what_was_sold(db: PolicyDatabase) -> None:
    ways: list[tuple[str, list[ReferralState]]] = [
        ("sold", ["offered", "accepted", "connected", "sold"]), ("skipped", ["sold"]), ("no", ["offered", "refused"]),
        ("never", []), ("away", ["accepted", "lost"]),
    ]  # fmt: skip
    for name, way in ways:
        await db.referrals.flag(referral(name), who="hotline")
        for state in way:
            premium = Decimal("100.50") if state == "sold" else None
            await db.referrals.move(name, state, who="hotline", at=NOW, premium=premium)
    (count,) = await db.referrals.counts(NOW, NOW + HOUR, "product")
    assert (count.key, count.flagged, count.premium) == ("501", 5, Decimal("201.00"))
    assert count.reached == {
        "flagged": 5, "offered": 4, "accepted": 3, "transferred": 2, "connected": 2, "quoted": 2, "sold": 2,
        "refused": 1, "lost": 1,
    }  # fmt: skip
    assert count.call_to_sale == 0.5
    assert await db.referrals.counts(NOW - HOUR, NOW, "seat") == ()


# Suggestions


async def test_a_suggestion_comes_back_as_it_was_made_and_is_written_once(db: PolicyDatabase) -> None:
    await db.suggestions.add(suggestion(), referral(suggestion="s1"))
    await db.suggestions.add(suggestion(product="401"))
    assert await db.suggestions.find("s1") == suggestion()
    await db.suggestions.add(suggestion("s2", decided_at=NOW + HOUR, arm="none", gate="no_consent"))
    latest = await db.suggestions.latest_of("call-1")
    assert latest is not None
    assert latest.id == "s2"
    assert [one.id for one in await db.suggestions.of_customer("C1", NOW)] == ["s2", "s1"]
    assert [one.id for one in await db.referrals.of_call("call-1")] == ["r1"]


async def test_suggestions_are_walked_in_their_order_however_many(
    db: PolicyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_db.suggestions._BATCH", 3)
    for index in range(8):
        at = NOW + (index // 2) * HOUR
        await db.suggestions.add(
            suggestion(f"s{index}", decided_at=at, arm="holdout" if index == 3 else "offer")
        )
    assert [one.id async for one in db.suggestions.each(NOW, NOW + 3 * HOUR)] == [f"s{n}" for n in range(6)]
    assert [one.id async for one in db.suggestions.each(NOW, NOW + 9 * HOUR, arm="holdout")] == ["s3"]
    page = await db.suggestions.page(NOW, NOW + 9 * HOUR, limit=5)
    rest = await db.suggestions.page(NOW, NOW + 9 * HOUR, after=(page[-1].decided_at, page[-1].id), limit=5)
    assert [one.id for one in (*page, *rest)] == [f"s{n}" for n in range(7, -1, -1)]


# What is offered


def _offered(code: str = "501", **changes: object) -> OfferedProduct:
    plain = OfferedProduct(code, True, "simple", "property", "property", "sales", Decimal(160), Decimal(480))
    return replace(plain, **changes)  # type: ignore[arg-type]


async def test_an_offered_product_is_changed_by_whoever_saw_it_last(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    known = await demo.offered.find("501")
    assert known is not None
    assert known.offered.version == 1
    clock.forward(hours=1)
    changed = replace(known.offered, margin=Decimal("99.50"), active=False)
    saved = await demo.offered.save(changed, by="mei", version=1)
    assert (saved.version, saved.changed_by, saved.changed_at) == (2, "mei", clock())
    again = await demo.offered.find("501")
    assert again is not None
    assert again.offered == saved
    assert not again.on_sale(clock().date())
    with pytest.raises(StaleError, match="mei"):
        await demo.offered.save(changed, by="lin", version=1)
    with pytest.raises(StaleError):
        await demo.offered.save(changed, by="lin", version=0)
    with pytest.raises(NotFoundError):
        await demo.offered.save(_offered("999"), by="lin", version=0)
    assert await demo.offered.remove("501")
    assert not await demo.offered.remove("501")
    with pytest.raises(NotFoundError):
        await demo.offered.save(_offered(), by="lin", version=3)
    assert (await demo.offered.save(_offered(), by="lin", version=0)).version == 1
    assert len(await demo.offered.all()) == 7


# Do not call


async def test_a_number_or_customer_is_listed_for_what_they_said_and_for_how_long(db: PolicyDatabase) -> None:
    listed = db.do_not_call
    sales = await listed.add(DoNotCall("+8613812345678", "", "sales", NOW, source="call"))
    assert await listed.add(DoNotCall("+8613812345678", "", "sales", NOW)) == sales
    await listed.add(DoNotCall("", "C1", "all", NOW, until=NOW + 2 * HOUR))
    assert await listed.is_listed("13812345678", "", "sales", NOW)
    assert not await listed.is_listed("13812345678", "", "all", NOW)
    assert not await listed.is_listed("13812345678", "", "sales", NOW - HOUR)
    assert await listed.is_listed("", "C1", "sales", NOW + HOUR)
    assert await listed.is_listed("+85298765432", "C1", "all", NOW + HOUR)
    assert not await listed.is_listed("", "C1", "all", NOW + 2 * HOUR)
    assert not await listed.is_listed("", "", "all", NOW)
    assert await listed.count() == 2
    gone = await listed.remove(sales.id, who="mei", at=NOW + HOUR)
    assert gone is not None
    assert gone.removed_by == "mei"
    assert await listed.remove(sales.id, who="mei", at=NOW + HOUR) is None
    assert not await listed.is_listed("13812345678", "", "sales", NOW + HOUR)
    assert [one.id for one in await listed.page("138", standing=False)] == [sales.id]
    assert [one.customer for one in await listed.page("C")] == ["C1"]
    for bad in (DoNotCall("", "", "all", NOW), DoNotCall("1", "", "never", NOW)):  # type: ignore[arg-type]
        with pytest.raises(BadValueError):
            await listed.add(bad)


# The standing of a customer


async def test_a_standing_knows_policies_consents_and_open_matters(demo: PolicyDatabase) -> None:
    async def standing(policy: str):  # type: ignore[no-untyped-def]
        found = await demo.suggestions.standing("", "+8613900000000", NOW, policy=policy)
        assert found is not None
        by_number = await demo.suggestions.standing(found.customer, "+8613900000000", NOW)
        assert by_number == found
        return found

    life = await standing("86001234")
    (policy,) = life.policies
    assert (policy.product, policy.status, policy.yearly, policy.overdue_days) == ("101", "in_force", 3200, 0)
    assert life.consents == {"recording": True, "marketing": True}
    assert (life.open_claims, life.open_complaints, life.do_not_call, life.offers) == (0, 0, False, ())
    trouble = await standing("86007777")
    assert (trouble.open_claims, trouble.open_complaints) == (1, 1)
    assert (await standing("86005678")).policies[0].overdue_days == 45
    assert (await standing("86004680")).do_not_call
    assert [one.state for one in (await standing("86002468")).offers] == ["refused"]
    assert await demo.suggestions.standing("", "", NOW, policy="86000000") is None
    assert await demo.suggestions.standing("C0", "", NOW) is None


async def test_a_standing_of_an_earlier_moment_knows_nothing_of_later(demo: PolicyDatabase) -> None:
    async def at(policy: str, days: int):  # type: ignore[no-untyped-def]
        found = await demo.suggestions.standing("", "", NOW - timedelta(days=days), policy=policy)
        assert found is not None
        return found

    assert (await at("86001234", 366)).consents == {}
    assert (await at("86007777", 13)).open_claims == 0
    assert (await at("86007777", 13)).open_complaints == 0
    assert (await at("86007777", 6)).open_claims == 1
    assert (await at("86002468", 31)).offers == ()
    assert not (await at("86004680", 201)).do_not_call
    assert (await at("86003579", 101)).policies == ()
    assert (await at("86005678", 90)).policies[0].overdue_days == 0


async def test_a_draft_claim_of_today_from_their_telephone_is_an_open_matter(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    person = await demo.suggestions.standing("", "", NOW, policy="86001234")
    assert person is not None
    await demo.claims.begin(caller=person.phone, today=clock().date(), key="k")
    later = NOW + HOUR
    found = await demo.suggestions.standing(person.customer, "", later)
    assert found is not None
    assert found.open_claims == 1
    long_after = await demo.suggestions.standing(person.customer, "", NOW + timedelta(days=4))
    assert long_after is not None
    assert long_after.open_claims == 0


async def test_the_matters_of_others_who_withhold_their_number_are_not_this_callers(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    await demo.claims.begin(caller="anonymous", today=clock().date(), key="k")
    found = await demo.suggestions.standing("", "anonymous", NOW + HOUR, policy="86001234")
    assert found is not None
    assert found.open_claims == 0
