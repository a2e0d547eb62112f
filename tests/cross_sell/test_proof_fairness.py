"""Fairness figures and incentives."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from cross_sell.proof.fairness import band_of, fairness, hidden_of
from cross_sell.proof.incentives import line_of
from policy_db.proofs import Treated
from policy_db.selling_facts import ReferralCount

TODAY = date(2027, 6, 1)


def people(count: int, sex: str, born: int, offered: int, sold: int = 0) -> list[Treated]:
    return [
        Treated(
            f"{sex}{born}{index}", sex, date(born, 1, 1), True, index < offered, index < sold, index < sold
        )
        for index in range(count)
    ]


def cell(groups, division: str, name: str, figure: str):
    group = next(one for one in groups if (one.division, one.name) == (division, name))
    return next(one for one in group.cells if one.figure == figure)


def test_a_group_that_is_offered_less_than_four_fifths_as_often_is_marked() -> None:
    groups = fairness(people(400, "f", 1980, 80) + people(400, "m", 1980, 200), TODAY)
    women, men = cell(groups, "sex", "f", "offered"), cell(groups, "sex", "m", "offered")
    assert men.best
    assert women.below
    assert women.clear
    assert women.ratio.value == 0.4
    assert women.ratio.low < 0.4 < women.ratio.high < 0.8


def test_a_difference_that_chance_may_have_made_is_marked_but_not_clear() -> None:
    groups = fairness(people(40, "f", 1980, 7) + people(40, "m", 1980, 10), TODAY)
    women = cell(groups, "sex", "f", "offered")
    assert women.below
    assert not women.clear


def test_small_groups_are_hidden_and_no_total_gives_one_away() -> None:
    assert hidden_of({"a": 5, "b": 50, "c": 500}, 20) == {"a", "b"}
    assert hidden_of({"a": 5, "b": 6, "c": 500}, 20) == {"a", "b"}
    assert hidden_of({"b": 50, "c": 500}, 20) == set()
    groups = fairness(people(100, "f", 1980, 50) + people(3, "m", 1950, 1), TODAY)
    assert all(one.hidden and not one.cells for one in groups)


def test_a_share_of_too_few_who_were_asked_is_not_told() -> None:
    groups = fairness(people(100, "f", 1980, 4) + people(100, "m", 1980, 60, 6), TODAY)
    assert cell(groups, "sex", "f", "sold").share.value is None
    assert cell(groups, "sex", "m", "sold").share.value == 0.1


def test_ages_fall_into_bands() -> None:
    assert [band_of(age) for age in (0, 17, 18, 29, 30, 69, 70, 95)] == [
        "0-17", "0-17", "18-29", "18-29", "30-39", "60-69", "70+", "70+",
    ]  # fmt: skip


def test_a_line_of_incentives_tells_sales_of_those_asked_and_the_premium_of_one() -> None:
    reached = {
        "flagged": 60,
        "offered": 50,
        "accepted": 20,
        "connected": 15,
        "quoted": 9,
        "sold": 5,
        "refused": 25,
    }
    line = line_of(ReferralCount("anna", reached, Decimal("9000.00")))
    assert (line.asked, line.sold, line.refused) == (50, 5, 25)
    assert line.call_to_sale.value == 0.1
    assert line.call_to_sale.low < 0.1 < line.call_to_sale.high
    assert line.premium_per_sale == Decimal("1800.00")
    assert line_of(ReferralCount("rui", {"flagged": 1}, Decimal(0))).premium_per_sale is None
