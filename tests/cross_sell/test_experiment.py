"""Arms: drawn once for a customer, with exact chances that add up to one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cross_sell.experiment import arm_of, chances, draw, offer_chance, share
from cross_sell.rules import SellingRules

RULES = SellingRules(holdout=0.08, random=0.05)
PRODUCTS = ["202", "501", "401"]
SHARES = st.floats(0, 0.5)


@given(SHARES, SHARES, st.integers(1, 9))
def test_the_chances_of_every_arm_and_product_add_up_to_one(holdout: float, lot: float, number: int) -> None:
    rules = SellingRules(holdout=holdout, random=lot)
    products = [str(index) for index in range(number)]
    assert sum(chances(products, rules).values()) == pytest.approx(1, abs=1e-12)
    offered = sum(offer_chance(one, products, rules) for one in products)
    assert offered == pytest.approx(1 - holdout, abs=1e-12)


@given(st.text(), st.permutations(PRODUCTS))
def test_what_is_drawn_has_the_chance_that_is_logged(customer: str, ranked: list[str]) -> None:
    drawn = draw(b"salt", customer, ranked, RULES)
    assert drawn.propensity == chances(ranked, RULES)[drawn.arm, drawn.product]
    assert drawn.offer_propensity == pytest.approx(0.92)
    assert drawn.product in ranked
    assert drawn.arm == "random" or drawn.product == ranked[0]


def test_a_customer_stays_in_their_arm_whatever_is_eligible() -> None:
    for index in range(300):
        customer = f"C{index}"
        arms = {draw(b"salt", customer, some, RULES).arm for some in (PRODUCTS, PRODUCTS[:1], PRODUCTS[::-1])}
        assert arms == {arm_of(b"salt", customer, RULES)}


def test_the_lot_among_products_stays_while_they_do_in_whatever_order() -> None:
    everybody = SellingRules(holdout=0, random=1)
    for index in range(100):
        lots = {draw(b"salt", f"C{index}", some, everybody).product for some in (PRODUCTS, PRODUCTS[::-1])}
        assert len(lots) == 1


def test_arms_and_lots_come_as_often_as_their_chances_say() -> None:
    drawn = [draw(b"salt", f"C{index}", PRODUCTS, RULES) for index in range(20_000)]
    arms = Counter(one.arm for one in drawn)
    assert arms["holdout"] / 20_000 == pytest.approx(0.08, abs=0.006)
    assert arms["random"] / 20_000 == pytest.approx(0.05, abs=0.005)
    lots = Counter(one.product for one in drawn if one.arm == "random")
    assert all(lots[one] / arms["random"] == pytest.approx(1 / 3, abs=0.06) for one in PRODUCTS)


def test_another_key_draws_other_arms() -> None:
    customers = [f"C{index}" for index in range(2000)]
    held = [{one for one in customers if arm_of(salt, one, RULES) == "holdout"} for salt in (b"one", b"two")]
    assert len(held[0] & held[1]) < 0.4 * len(held[0])
    assert all(0 <= share(b"salt", "arm", one) < 1 for one in customers)


def test_with_a_holdout_of_nothing_nobody_is_left_alone() -> None:
    rules = SellingRules(holdout=0, random=0)
    assert {arm_of(b"salt", f"C{index}", rules) for index in range(500)} == {"offer"}


def test_shares_that_are_no_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="shares"):
        SellingRules(holdout=0.7, random=0.5)
