"""Ranking, portfolio, reasons, prior and features: pure, and honest about money and people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from cross_sell.features import row_of
from cross_sell.limits import Limits, Prior
from cross_sell.portfolio import suggest_portfolio
from cross_sell.prior import PriorModel, PriorReason, PriorScore
from cross_sell.ranking import Ranked, rank
from cross_sell.reasons import reasons_of
from cross_sell.rules import SellingRules
from tests.cross_sell.selling_kit import CALL, MOTOR, NOW, STANDING, offer, on_sale, sold


@dataclass(frozen=True)
class Score:
    probability: float
    reasons: tuple[PriorReason, ...] = ()


def ranked(chances: dict[str, float], **rules: float) -> tuple[Ranked, ...]:
    scores = ((*sold(code), Score(chance), "v1") for code, chance in chances.items())
    return rank(scores, SellingRules(**rules))  # type: ignore[arg-type]


def test_products_are_ranked_by_what_asking_is_expected_to_earn() -> None:
    best, other = ranked({"501": 0.5, "101": 0.1}, annoyance=5)
    assert (best.code, round(best.value, 6)) == ("101", 0.1 * 0.18 * 2600 - 5)
    assert (other.code, round(other.value, 6)) == ("501", 0.5 * 0.5 * 160 - 5)


def test_what_stays_under_the_floor_is_not_worth_asking() -> None:
    (one,) = ranked({"501": 0.1}, annoyance=5, floor=3.1)
    assert (round(one.value, 6), one.worth) == (3.0, False)
    assert ranked({"501": 0.1}, annoyance=5, floor=3)[0].worth


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_chance_that_is_none_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="501"):
        ranked({"501": chance})


def test_a_portfolio_meets_several_needs_within_what_can_be_paid() -> None:
    several = ranked({"201": 0.6, "401": 0.6, "501": 0.6, "101": 0.6, "202": 0.6})
    assert suggest_portfolio(several, "101", STANDING, floor=5) == ("101", "201")
    assert suggest_portfolio(several, "401", STANDING, floor=5)[0] == "401"


def test_nothing_that_does_the_same_stands_in_one_portfolio() -> None:
    both = ranked({"101": 0.9, "102": 0.9})
    assert suggest_portfolio(both, "101", STANDING, floor=0) == ("101",)


def test_a_portfolio_does_not_spend_more_than_the_strictest_limit_allows() -> None:
    several = ranked({"202": 0.9, "101": 0.9, "401": 0.9})
    poorer = replace(STANDING, policies=(replace(MOTOR, yearly=Decimal(3400)),))
    assert suggest_portfolio(several, "101", poorer, floor=0) == ("101", "401")


def test_patience_wears_out() -> None:
    weak = ranked({"401": 0.3, "501": 0.14})
    assert suggest_portfolio(weak, "401", STANDING, floor=5) == ("401",)


def test_a_prior_moves_by_its_points_and_says_how_far_it_may_be_wrong() -> None:
    model = PriorModel(Prior(0.1, 50, {"has_motor": {"yes": 1.0}, "policies": {"3+": 2.0, "*": -0.5}}))
    plain, moved = model.score({}), model.score({"has_motor": True, "policies": 1})
    assert plain == PriorScore(pytest.approx(0.1), ())
    assert [one.contribution for one in moved.reasons] == [1.0, -0.5]
    assert moved.probability == pytest.approx(1 / (1 + 9 * 2.718281828**-0.5))
    low, high = model.interval(0.1)
    assert 0 <= low < 0.1 < high <= 1
    assert high - low > 0.1


def test_only_what_speaks_for_a_product_and_may_be_told_is_given_as_a_reason() -> None:
    product, limits = sold()
    given = (
        PriorReason("age", "39", 3.0),
        PriorReason("has_motor", "True", 0.4),
        PriorReason("has_life", "False", -0.9),
        PriorReason("said_yes_before", "True", 0.5),
        PriorReason("policies", "1", 0.7),
        PriorReason("single_line", "True", 0.1),
    )
    row = row_of(replace(STANDING, offers=(offer(400, "lost"), offer(500, "sold"))), CALL)
    found = reasons_of(Ranked(product, limits, Score(0.2, given), "v1", 1.0, True), row)
    assert [one["feature"] for one in found] == ["said_yes_before", "has_motor"]


def test_every_product_of_the_demonstration_has_a_prior_with_reasons_for_some_caller() -> None:
    row = row_of(STANDING, replace(CALL, flows=("products", "premium_quote")))
    for one in on_sale():
        product, limits = sold(one.offered.product)
        score = PriorModel(limits.prior).score(row)
        assert 0.01 < score.probability < 0.7
        assert reasons_of(Ranked(product, limits, score, "prior", 1.0, True), row)


def test_a_row_of_somebody_without_policies_is_whole() -> None:
    row = row_of(replace(STANDING, policies=(), offers=(), occupation=""), CALL)
    assert (row["policies"], row["years_with_us"], row["months_to_end"], row["occupation"]) == (
        0,
        None,
        None,
        None,
    )
    assert row["months_since_offer"] is None


def test_a_flagged_referral_that_nobody_spoke_is_no_offer() -> None:
    row = row_of(replace(STANDING, offers=(offer(3, "flagged"),)), CALL)
    assert (row["offers_year"], row["months_since_offer"], row["said_yes_before"]) == (0, None, False)
    assert row["hour"] == NOW.hour


def test_limits_know_where_a_product_is_sold() -> None:
    assert Limits(places=("北京市",)).takes_place("北京市", "北京市")
    assert not Limits(places=("北京市",)).takes_place("广东省", "深圳市")
    assert not Limits(places_refused=("深圳市",)).takes_place("广东省", "深圳市")
    assert Limits().takes_place("", "")
