"""Lists of referrals, decisions and the do-not-call list, as the console narrows them; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError
from policy_db.selling_facts import Candidate, DoNotCall, Referral, ReferralFilter, Suggestion

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


def referral(name: str, *, referred_by: str = "", seat: str = "", coordinator: str = "") -> Referral:
    return Referral(
        id=name, suggestion=None, call_id="call-1", customer="C1", product="501", also=("401",), script="standard",
        state="flagged", flagged_at=NOW, changed_at=NOW, referred_by=referred_by, seat=seat, coordinator=coordinator,
        policy="", premium=None, version=1,
    )  # fmt: skip


def decided(name: str, *, arm: str = "offer", gate: str = "", minutes: int = 0) -> Suggestion:
    return Suggestion(
        id=name, call_id=f"call-{name}", customer="C1", policy="86001234", decided_at=NOW + timedelta(minutes=minutes),
        language="zh-CN", gate=gate, gates=(), arm=arm, product="" if gate else "501", probability=0.2,  # type: ignore[arg-type]
        propensity=0.87, offer_propensity=0.92, candidates=(Candidate("501", 0.2, 11.0, True, 0.92, "prior"),),
        reasons=(), portfolio=(), features={}, models={}, script="standard", milliseconds=4.5,
    )  # fmt: skip


async def test_referrals_are_found_by_who_referred_has_or_coordinates_them(db: PolicyDatabase) -> None:
    for one in (
        referral("r1", referred_by="s1"), referral("r2", seat="s1"), referral("r3", coordinator="anna"),
        referral("r4", coordinator="seat:s1"), referral("r5", referred_by="s2", coordinator="s1"),
    ):  # fmt: skip
        await db.referrals.flag(one, who="hotline")
    mine = await db.referrals.page(ReferralFilter(people=("anna", "seat:s1")))
    assert {one.id for one in mine} == {"r1", "r2", "r3", "r4"}
    assert await db.referrals.page(ReferralFilter(people=("anna", "seat:s1"), seat="s2")) == ()
    assert {one.id for one in await db.referrals.page(ReferralFilter(people=("anna",)))} == {"r3"}


async def test_decisions_are_narrowed_by_gate_product_call_and_customer(db: PolicyDatabase) -> None:
    for one in (
        decided("s1"),
        decided("s2", arm="none", gate="no_consent", minutes=1),
        decided("t3", minutes=2),
    ):
        await db.suggestions.add(one)
    since, until = NOW - timedelta(days=1), NOW + timedelta(days=1)

    async def found(**wanted: str) -> list[str]:
        return [one.id for one in await db.suggestions.page(since, until, **wanted)]  # type: ignore[arg-type]

    assert await found() == ["t3", "s2", "s1"]
    assert await found(gate="no_consent") == ["s2"]
    assert await found(product="501") == ["t3", "s1"]
    assert await found(q="call-s") == ["s2", "s1"]
    assert await found(q="C1", arm="none") == ["s2"]
    assert await found(q="t") == ["t3"]
    assert await found(q="call_s") == [], "a wild card is a character like any other"


async def test_all_of_a_file_stand_on_the_list_or_none_of_it(db: PolicyDatabase) -> None:
    one, other = (DoNotCall(number, "", "sales", NOW) for number in ("4001", "4002"))
    await db.do_not_call.add(one)
    assert await db.do_not_call.add_all([one, other, other]) == 1
    assert await db.do_not_call.count() == 2
    with pytest.raises(BadValueError):
        await db.do_not_call.add_all([DoNotCall("4003", "", "sales", NOW), DoNotCall("", "", "sales", NOW)])
    assert await db.do_not_call.count() == 2


async def test_names_are_found_for_a_list_of_customers(demo: PolicyDatabase) -> None:
    numbers = {one.customer for one in await demo.referrals.page(ReferralFilter())}
    names = await demo.customers.names({*numbers, "C-none"})
    assert set(names) == numbers
    assert await demo.customers.names(()) == {}
