"""The hard gates: each shuts by itself, is logged with its code, and the first of several is the one that counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cross_sell.call_facts import INTENTS, CallFacts, ServiceSide
from cross_sell.gates import (
    CALLER_GATES,
    CODES,
    OTHER_CODES,
    PRODUCT_GATES,
    SERVICE_GATES,
    Verdict,
    age_on,
    look,
    shut_by_service,
    shut_for_call,
    texts,
)
from cross_sell.rules import SellingRules
from policy_db.selling_facts import CustomerStanding
from tests.cross_sell.selling_kit import CALL, MOTOR, SIDE, STANDING, offer, sold

RULES = SellingRules()
Change = Callable[[], dict[str, Any]]


def _look(
    call: CallFacts = CALL, standing: CustomerStanding | None = STANDING, product: Any = None, **rules: Any
) -> Verdict:
    return look(call, standing, [product or sold()], SellingRules(**rules))


def _call(**changes: Any) -> dict[str, Any]:
    return {"call": replace(CALL, **changes)}


def _standing(**changes: Any) -> dict[str, Any]:
    return {"standing": replace(STANDING, **changes)}


#: What shuts each gate about the caller, and nothing else.
CALLER = [
    ("not_verified", _call(level=1)),
    ("not_policyholder", {"standing": None}),
    ("not_policyholder", _call(policy="86009999")),
    ("not_policyholder", _call(policy="")),
    ("no_consent", _standing(consents={"marketing": False})),
    ("no_consent", _standing(consents={"recording": True})),
    *(("sensitive_matter", _call(intents=frozenset({intent}))) for intent in sorted(INTENTS)),
    ("sensitive_matter", _standing(open_claims=1)),
    ("sensitive_matter", _standing(open_complaints=1)),
    ("matter_unsettled", _call(matter_settled=False)),
    ("do_not_call", _standing(do_not_call=True)),
    ("cool_off", _standing(offers=(offer(179, "refused"),))),
    ("cool_off", _standing(offers=(offer(1, "declined"),))),
    ("frequency", _standing(offers=(offer(29),))),
    ("frequency", _standing(offers=tuple(offer(days) for days in (40, 80, 160, 364)))),
]
#: What shuts each gate about one product, and nothing else.
PRODUCT = [
    ("owned_or_pending", _standing(policies=(MOTOR, replace(MOTOR, number="2", product="501")))),
    ("owned_or_pending", _standing(policies=(MOTOR, replace(MOTOR, number="2", product="501", status="pending")))),
    ("owned_or_pending", _standing(offers=(offer(60, "quoted", "501"),))),
    ("outside_limits", {"product": sold(least_age=40)}),
    ("outside_limits", {"product": sold(most_age=38)}),
    ("outside_limits", {"product": sold(places=("上海市",))}),
    ("outside_limits", {"product": sold(places_refused=("北京市",))}),
    ("outside_limits", {"product": sold(occupations_refused=("工程师",))}),
    ("outside_limits", {"product": sold(most_sum=Decimal(499_999))}),
    ("outside_limits", {"product": (replace(sold()[0], on_sale_to=date(2026, 3, 9)), sold()[1])}),
    ("outside_limits", {"product": (replace(sold()[0], least_age=40), sold()[1])}),
    ("unsuitable", {"product": sold(needs=("health", "life"))}),
    ("unsuitable", {"product": sold(not_with=("301",))}),
    ("cannot_afford", _standing(policies=(replace(MOTOR, overdue_days=1),))),
    ("cannot_afford", {"product": sold(small_premium=Decimal(1), most_premium_share=Decimal("0.1"))}),
    ("vulnerable", {"product": sold(vulnerable_age=39)}),
    ("vulnerable", _call(vulnerable=True)),
    ("no_licensed_seat", _call(seats=ServiceSide(free={"life": 3}))),
    ("not_recorded", _call(recording=False)),
    ("queue_busy", _call(seats=replace(SIDE, waiting={"service": 1}))),
    ("queue_busy", _call(seats=replace(SIDE, wait_seconds={"sales": 31.0}))),
]  # fmt: skip


def test_a_caller_for_whom_every_gate_is_open_may_be_offered_something() -> None:
    verdict = _look()
    assert verdict.gate == ""
    assert [product.offered.product for product, _ in verdict.open_products] == ["501"]
    assert [gate.code for gate in verdict.gates if not gate.product] == list(CALLER_GATES)
    assert all(gate.open for gate in verdict.gates)


@pytest.mark.parametrize(("code", "change"), CALLER)
def test_each_gate_about_the_caller_shuts_alone_and_ends_the_matter(
    code: str, change: dict[str, Any]
) -> None:
    verdict = _look(**change)
    assert (verdict.gate, verdict.open_products) == (code, ())
    assert verdict.gates[-1].told() == {"code": code, "open": False, "product": ""}
    assert all(gate.open for gate in verdict.gates[:-1])
    assert [gate.code for gate in verdict.gates] == list(CALLER_GATES)[: len(verdict.gates)]


@pytest.mark.parametrize(("code", "change"), PRODUCT)
def test_each_gate_about_a_product_shuts_it_alone(code: str, change: dict[str, Any]) -> None:
    verdict = _look(**change)
    assert (verdict.gate, verdict.open_products) == (code, ())
    assert verdict.gates[-1].told() == {"code": code, "open": False, "product": "501"}


def test_every_gate_is_tried_here_and_has_its_words() -> None:
    assert {code for code, _ in CALLER} == set(CALLER_GATES)
    assert {code for code, _ in PRODUCT} == {*PRODUCT_GATES, *SERVICE_GATES}
    assert set(texts()) == set(CODES)
    assert all(set(words) == {"zh-CN", "en"} for words in texts().values())


def test_of_several_shut_gates_the_first_counts() -> None:
    shut = replace(CALL, level=0, intents=frozenset({"claim"}), matter_settled=False)
    assert _look(shut, replace(STANDING, consents={}, do_not_call=True)).gate == "not_verified"
    assert _look(replace(shut, level=2), replace(STANDING, do_not_call=True)).gate == "sensitive_matter"


def test_an_offer_of_this_very_call_is_no_second_one_but_its_refusal_is_final() -> None:
    asked = offer(0.001, "offered", "501", CALL.call_id)
    assert _look(standing=replace(STANDING, offers=(asked,))).gate == ""
    refused = replace(asked, state="refused")
    assert _look(standing=replace(STANDING, offers=(refused,))).gate == "cool_off"


def test_one_product_may_be_shut_while_another_is_open() -> None:
    verdict = look(CALL, STANDING, [sold("301"), sold("501")], RULES)
    assert [product.offered.product for product, _ in verdict.open_products] == ["501"]
    assert ("owned_or_pending", "301") in [(gate.code, gate.product) for gate in verdict.gates]


def test_where_every_product_is_shut_the_gate_that_came_furthest_is_told() -> None:
    verdict = look(replace(CALL, recording=False), STANDING, [sold("301"), sold("501")], RULES)
    assert verdict.gate == "not_recorded"
    assert look(CALL, STANDING, [], RULES).gate == "no_product"


def test_a_product_that_is_not_active_is_not_looked_at() -> None:
    product, limits = sold()
    asleep = replace(product, offered=replace(product.offered, active=False))
    assert look(CALL, STANDING, [(asleep, limits)], RULES).gate == "no_product"


def test_whoever_wants_a_person_brings_the_hint_along_before_their_matter_is_settled() -> None:
    assert _look(replace(CALL, matter_settled=False, wants_person=True)).gate == ""


def test_after_the_cool_off_and_with_a_referral_that_was_never_spoken_a_caller_may_be_asked() -> None:
    assert _look(standing=replace(STANDING, offers=(offer(181, "refused"),))).gate == ""
    assert _look(standing=replace(STANDING, offers=(offer(1, "flagged"),))).gate == ""
    assert _look(standing=replace(STANDING, offers=(offer(100, "refused"),)), cool_off_days=90).gate == ""


def test_a_policy_that_has_ended_is_not_owned() -> None:
    ended = replace(MOTOR, number="2", product="501", status="matured")
    assert _look(standing=replace(STANDING, policies=(MOTOR, ended))).gate == ""


def test_nobody_waits_longer_for_a_sale() -> None:
    """With one call in line and two seats that may sell, one is left for the other."""
    two = replace(SIDE, free={"property": 2}, waiting={"service": 1})
    assert _look(replace(CALL, seats=two)).gate == ""
    assert _look(replace(CALL, seats=replace(two, waiting={"service": 1, "sales": 1}))).gate == "queue_busy"


def test_what_may_have_changed_is_asked_again_before_an_offer_is_spoken() -> None:
    product = sold()[0].offered
    assert shut_for_call(CALL) == ""
    assert shut_for_call(replace(CALL, intents=frozenset({"complaint"}))) == "sensitive_matter"
    assert shut_for_call(replace(CALL, level=0)) == "not_verified"
    assert shut_for_call(replace(CALL, matter_settled=False)) == "matter_unsettled"
    assert shut_by_service(CALL, product, RULES) == ""
    assert shut_by_service(replace(CALL, seats=ServiceSide()), product, RULES) == "no_licensed_seat"


def test_the_codes_stand_in_the_order_of_the_gates() -> None:
    assert (*CALLER_GATES, *PRODUCT_GATES, *SERVICE_GATES, *OTHER_CODES) == CODES


@pytest.mark.parametrize(("today", "age"), [(date(2026, 7, 31), 39), (date(2026, 8, 1), 40)])
def test_age_is_in_full_years(today: date, age: int) -> None:
    assert age_on(date(1986, 8, 1), today) == age
