"""The adviser: who is offered what from the database, what is written down, and that nothing it meets ends a call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from cross_sell.adviser import Adviser
from cross_sell.call_facts import CallFacts, ServiceSide
from cross_sell.experiment import arm_of
from cross_sell.limits import Prior
from cross_sell.rules import SellingRules
from policy_db import PolicyDatabase
from policy_db.errors import DatabaseBusyError
from policy_db.selling_facts import DoNotCall
from tests.cross_sell.selling_kit import CALL, NOW

RULES = SellingRules(holdout=0, random=0)
ELIGIBLE = "86001234"


class Failing:
    """A model that cannot score."""

    def score(self, row: Mapping[str, Any]) -> Any:
        raise ZeroDivisionError


@dataclass(frozen=True)
class Reason:
    feature: str
    contribution: float


@dataclass(frozen=True)
class Score:
    probability: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Sure:
    """A model that is sure of one chance, for reasons some of which must not be told."""

    probability: float
    version: str = "v7"

    def score(self, row: Mapping[str, Any]) -> Score:
        told = (Reason("age", 3.0), Reason("years_with_us", 0.2), Reason("asked_products", 0.9))
        return Score(self.probability, (*told, Reason("has_life", -2.0)))


@dataclass
class Models:
    """A registry of models by name."""

    by_name: dict[str, Any]
    beliefs: dict[str, Prior] = field(default_factory=dict)

    def current(self, name: str) -> Any:
        return self.by_name.get(name)

    def belief(self, name: str, given: Prior) -> Prior:
        return self.beliefs.get(name, given)


def adviser(
    database: PolicyDatabase, models: Mapping[str, Any] | None = None, rules: SellingRules = RULES
) -> Adviser:
    ids = itertools.count(1)
    return Adviser(
        database,
        Models(dict(models or {})),
        rules,
        clock=lambda: NOW,
        ids=lambda: f"s-{next(ids)}",
        salt=b"salt",
    )


def call(policy: str = ELIGIBLE, **changes: Any) -> CallFacts:
    return replace(CALL, policy=policy, flows=("main", "policy_enquiry", "products"), **changes)


async def test_an_eligible_caller_is_offered_a_product_with_reasons_and_all_is_written_down(
    people: PolicyDatabase,
) -> None:
    suggestion = await adviser(people).advise(call())
    assert (suggestion.gate, suggestion.arm, suggestion.offers) == ("", "offer", True)
    assert suggestion.candidates[0].product == suggestion.product
    assert 0 < suggestion.probability < 1  # type: ignore[operator]
    assert len(suggestion.reasons) == 2
    assert all(set(one["text"]) == {"zh-CN", "en"} for one in suggestion.reasons)
    assert suggestion.features["asked_products"] is True
    assert await people.suggestions.latest_of("call-1") == suggestion
    (referral,) = await people.referrals.of_call("call-1")
    assert (referral.state, referral.product, referral.suggestion) == (
        "flagged",
        suggestion.product,
        suggestion.id,
    )


@pytest.mark.parametrize(
    ("policy", "gate"),
    [
        ("86005678", "cannot_afford"),
        ("86009999", "no_consent"),
        ("86007777", "sensitive_matter"),
        ("86002468", "cool_off"),
        ("86003579", ""),
        ("86004680", "do_not_call"),
        ("86000000", "not_policyholder"),
    ],
)
async def test_the_fixed_people_of_the_demonstration_meet_their_gates(
    people: PolicyDatabase, policy: str, gate: str
) -> None:
    suggestion = await adviser(people).advise(call(policy))
    assert (suggestion.gate, suggestion.offers) == (gate, not gate)
    stored = await people.suggestions.find(suggestion.id)
    assert stored is not None
    assert stored.gates == suggestion.gates
    if gate:
        assert any(one["code"] == gate and not one["open"] for one in stored.gates)
        assert await people.referrals.of_call("call-1") == ()


async def test_who_refused_is_not_asked_again_until_they_have_cooled_off(people: PolicyDatabase) -> None:
    ours = adviser(people)
    suggestion = await ours.advise(call())
    await ours.offered(suggestion.id)
    await ours.refused(suggestion.id)
    for days, gate in ((0, "cool_off"), (179, "cool_off"), (181, "")):
        later = NOW + timedelta(days=days)
        decided = await ours.decide(call(call_id="call-2", now=later))
        # Half a year on a premium of the demonstration is overdue: that is another gate, further on.
        assert decided.suggestion.gate in (gate, "cannot_afford" if days > 100 else gate)
    assert [step.state for step in await people.referrals.steps(suggestion.id)] == [
        "flagged",
        "offered",
        "refused",
    ]


async def test_withdrawn_consent_and_the_do_not_call_list_count_at_once(people: PolicyDatabase) -> None:
    ours = adviser(people)
    customer = (await ours.decide(call())).suggestion.customer
    await people.do_not_call.add(
        DoNotCall("+8613812345678", "", "all", NOW - timedelta(days=1), source="call")
    )
    assert (await ours.decide(call(number="13812345678"))).suggestion.gate == "do_not_call"
    assert (await ours.decide(call(number="13812345679"))).suggestion.gate == ""
    await people.customers.set_consent(customer, "marketing", given=False, source="call:1")
    assert (await ours.decide(call())).suggestion.gate == "no_consent"


async def test_the_holdout_is_left_alone_and_still_written_down(people: PolicyDatabase) -> None:
    suggestion = await adviser(people, rules=SellingRules(holdout=1, random=0)).advise(call())
    assert (suggestion.arm, suggestion.offers, suggestion.propensity) == ("holdout", False, 1)
    assert suggestion.product
    assert await people.referrals.of_call("call-1") == ()
    assert (await people.suggestions.latest_of("call-1")) == suggestion


async def test_the_random_arm_draws_among_all_that_is_eligible(people: PolicyDatabase) -> None:
    suggestion = await adviser(people, rules=SellingRules(holdout=0, random=1)).advise(call())
    worth = [one for one in suggestion.candidates if one.worth]
    assert suggestion.arm == "random"
    assert suggestion.product in [one.product for one in worth]
    assert suggestion.propensity == pytest.approx(1 / len(worth))
    assert all(one.chance == pytest.approx(1 / len(worth)) for one in worth)


async def test_the_arm_of_a_customer_is_the_same_in_every_call(people: PolicyDatabase) -> None:
    rules = SellingRules(holdout=0.5, random=0)
    ours = adviser(people, rules=rules)
    found = [(await ours.decide(call(call_id=f"call-{index}"))).suggestion for index in range(5)]
    assert {one.arm for one in found} == {arm_of(b"salt", found[0].customer, rules)}


async def test_the_most_worth_product_is_offered_by_a_trained_model_and_only_told_reasons_are_given(
    people: PolicyDatabase,
) -> None:
    models = {"401": Sure(0.9), "201": Sure(0.0), "202": Sure(0.0), "301": Sure(0.0), "501": Sure(0.0)}
    suggestion = await adviser(people, models).advise(call())
    assert (suggestion.product, suggestion.probability) == ("401", 0.9)
    assert suggestion.models["401"] == "v7"
    assert [one["feature"] for one in suggestion.reasons] == ["asked_products", "years_with_us"]
    assert suggestion.candidates[0].chance == pytest.approx(1)
    assert not any(one.worth for one in suggestion.candidates[1:])


async def test_where_nothing_is_worth_asking_nothing_is_asked(people: PolicyDatabase) -> None:
    suggestion = await adviser(people, rules=replace(RULES, floor=10_000)).advise(call())
    assert (suggestion.gate, suggestion.arm) == ("below_floor", "none")
    assert suggestion.candidates
    assert await people.referrals.of_call("call-1") == ()


async def test_a_model_that_fails_gives_no_offer_and_says_so(people: PolicyDatabase) -> None:
    suggestion = await adviser(people, {"501": Failing()}).advise(call())
    assert (suggestion.gate, suggestion.arm, suggestion.gates[0]["why"]) == (
        "failed",
        "none",
        "ZeroDivisionError",
    )
    assert (await people.suggestions.latest_of("call-1")) == suggestion


@pytest.mark.parametrize("chance", [float("nan"), 1.5, -0.1])
async def test_a_model_that_talks_nonsense_gives_no_offer(people: PolicyDatabase, chance: float) -> None:
    suggestion = await adviser(people, {"501": Sure(chance)}).advise(call())
    assert (suggestion.gate, suggestion.gates[0]["why"]) == ("failed", "ValueError")


async def test_a_slow_database_gives_no_offer_in_time(
    people: PolicyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(people.suggestions, "standing", never)
    suggestion = await adviser(people, rules=replace(RULES, patience_seconds=0.02)).advise(call())
    assert (suggestion.gate, suggestion.gates[0]["why"]) == ("failed", "TimeoutError")


async def test_a_database_that_fails_gives_no_offer(
    people: PolicyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise DatabaseBusyError("Another program holds the database.")

    monkeypatch.setattr(people.suggestions, "standing", fails)
    monkeypatch.setattr(people.suggestions, "add", fails)
    suggestion = await adviser(people).advise(call())
    assert (suggestion.gate, suggestion.offers) == ("failed", False)


async def test_what_cannot_be_written_down_is_not_offered(
    people: PolicyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise DatabaseBusyError("Another program holds the database.")

    monkeypatch.setattr(people.suggestions, "add", fails)
    assert not (await adviser(people).advise(call())).offers


async def test_switched_off_nothing_is_looked_at(people: PolicyDatabase) -> None:
    suggestion = await adviser(people, rules=replace(RULES, on=False)).advise(call())
    assert (suggestion.gate, suggestion.offers) == ("off", False)


async def test_a_call_that_is_cancelled_is_not_held_up(
    people: PolicyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()

    async def never(*_: object, **__: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(people.suggestions, "standing", never)
    task = asyncio.ensure_future(adviser(people).advise(call()))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_second_look_in_a_call_flags_the_same_product_once(people: PolicyDatabase) -> None:
    ours = adviser(people)
    first, second = await ours.advise(call()), await ours.advise(call())
    assert first.id != second.id
    assert first.product == second.product
    assert len(await people.referrals.of_call("call-1")) == 1


async def test_a_caller_with_several_needs_gets_a_few_products_that_go_together(
    people: PolicyDatabase,
) -> None:
    models = {code: Sure(0.9) for code in ("201", "202", "301", "401", "501")}
    suggestion = await adviser(people, models).advise(call())
    assert 2 <= len(suggestion.portfolio) <= 3
    assert suggestion.portfolio[0] == suggestion.product
    (referral,) = await people.referrals.of_call("call-1")
    assert referral.also == suggestion.portfolio[1:]
    products = {one.offered.product: one for one in await people.offered.all()}
    classes = [products[code].product_class for code in suggestion.portfolio]
    assert len(set(classes)) == len(classes)


async def test_no_seat_with_the_licence_no_offer_of_that_product(people: PolicyDatabase) -> None:
    side = ServiceSide(free={"property": 1})
    suggestion = await adviser(people).advise(call(seats=side))
    assert suggestion.product in ("401", "501", "301")
    assert ("no_licensed_seat", "202") in [(one["code"], one["product"]) for one in suggestion.gates]
