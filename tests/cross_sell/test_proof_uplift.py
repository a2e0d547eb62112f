"""Uplift of offering and of other rules, from people made by hand and from many that are drawn."""

from __future__ import annotations

from datetime import UTC, timedelta

import numpy as np
import pytest
from proof_people import MARGINS, START, bought, drawn_trial, entry

from cross_sell.proof.estimates import effective, ratio, share, unseen_variance
from cross_sell.proof.policies import POLICIES, always, by_margin, evaluate, product_uplift, products_of
from cross_sell.proof.trial import trial_of
from cross_sell.proof.uplift import prove


def trial_with(*purchases):
    return trial_of([entry(0, "offer", "A"), entry(1, "holdout", "A")], purchases, MARGINS, UTC, window=60)


def test_a_sale_counts_in_every_arm_alike_within_the_window_and_of_what_could_be_offered() -> None:
    found = trial_with(bought(0, "A"), bought(1, "B", days=60))
    assert found.sales.tolist() == [1, 1]
    assert found.margin.tolist() == [100, 300]
    assert found.premium.tolist() == [1000, 1000]
    late, other, before = bought(0, "A", days=61), bought(0, "Z"), bought(0, "A", days=-1)
    assert trial_with(late, other, before).sales.tolist() == [0, 0]


def test_a_policy_surrendered_within_the_window_does_not_count() -> None:
    soon, later = (START.date() + timedelta(days=days) for days in (20, 100))
    assert trial_with(bought(0, "A", surrendered_on=soon)).sales.tolist() == [0, 0]
    assert trial_with(bought(0, "A", surrendered_on=later)).sales.tolist() == [1, 0]


def test_two_policies_of_one_product_are_one_sale_and_two_products_one_buyer() -> None:
    found = trial_with(bought(0, "A"), bought(0, "A", number="P2"), bought(0, "B"))
    assert found.sales.tolist() == [1, 0]
    assert found.margin.tolist() == [400, 0]
    assert found.bought[0] == {"A", "B"}


def test_the_chance_of_an_act_is_over_all_arms() -> None:
    people = [
        entry(0, "offer", "A"),
        entry(1, "random", "A"),
        entry(2, "random", "B"),
        entry(3, "holdout", "A"),
    ]
    found = trial_of(people, [], MARGINS, UTC)
    assert found.action_chance == pytest.approx([0.7, 0.7, 0.1, 0.2])
    assert found.chance == pytest.approx([0.8] * 4)


def test_the_uplift_of_many_is_found_with_its_interval() -> None:
    covered = 0
    for seed in range(12):
        trial, gains = drawn_trial(1000, seed)
        truth = (0.7 * gains["A"] + 0.1 * gains["B"]) / 0.8
        found = prove(trial, UTC)
        covered += found.uplift("sales").estimate.covers(truth)
        assert found.uplift("sales").always.covers(truth)
    assert covered >= 10


def test_the_proof_says_how_many_were_in_each_arm_and_what_offering_earned() -> None:
    trial, _ = drawn_trial(2000, 1)
    found = prove(trial, UTC)
    assert found.offered.people + found.held_out.people == 2000
    assert found.by_lot.people < found.offered.people
    assert found.evidence.proven()
    margin = found.uplift("margin").always
    assert found.total_margin.value == pytest.approx(margin.value * found.offered.people)
    assert len(found.days) == 2000


def test_without_people_or_without_an_arm_nothing_is_said() -> None:
    empty = prove(trial_of([], [], MARGINS, UTC), UTC)
    assert empty.uplift("sales").estimate.value is None
    alone = trial_of([entry(0, "offer", "A")], [], MARGINS, UTC)
    assert prove(alone, UTC).uplift("sales").always.value is None
    assert evaluate("by_lot", POLICIES["by_lot"], alone, alone.sales).dr.value is None


@pytest.mark.parametrize("name", ["as_it_was", "by_value", "by_probability", "by_lot", "by_margin", "B"])
def test_what_other_rules_would_have_brought_is_found_by_every_estimator(name: str) -> None:
    policies = {**POLICIES, "by_margin": by_margin({"A": 100, "B": 300}), "B": always("B")}
    truth = {
        "as_it_was": 0.7 * 0.1 + 0.1 * 0.2, "by_value": 0.1, "by_probability": 0.1, "by_lot": 0.15,
        "by_margin": 0.2, "B": 0.2,
    }[name]  # fmt: skip
    values = {"ips": [], "snips": [], "dr": []}
    covered = 0
    for seed in range(12):
        trial, _ = drawn_trial(1000, seed)
        found = evaluate(name, policies[name], trial, trial.sales)
        for kind, known in values.items():
            known.append(getattr(found, kind).value)
        covered += found.dr.covers(truth)
    assert covered >= 10
    for known in values.values():
        assert np.mean(known) == pytest.approx(truth, abs=0.03)


def test_each_product_is_judged_among_those_it_may_be_offered_to() -> None:
    trial, gains = drawn_trial(4000, 3)
    assert products_of(trial) == ["A", "B"]
    found = product_uplift("B", trial)
    assert found.eligible == 4000
    assert found.any.covers(gains["B"])
    assert found.dr.covers(gains["B"])
    assert found.own.covers(gains["B"] + 0.05)


def test_a_group_in_which_nobody_bought_is_not_known_exactly() -> None:
    assert unseen_variance(np.zeros(10), np.ones(5)) == pytest.approx(2 / 25)
    people = [entry(number, "offer" if number % 5 else "holdout", "A") for number in range(100)]
    found = prove(trial_of(people, [bought(1, "A")], MARGINS, UTC), UTC).uplift("sales").estimate
    assert found.low < 0 < found.high
    assert found.high > 0.1


def test_plain_intervals_are_those_of_the_books() -> None:
    found = share(10, 100)  # Wilson: Brown, Cai and DasGupta 2001
    assert (found.low, found.high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert share(0, 0).value is None
    doubled = ratio(20, 100, 10, 100)
    assert doubled.value == 2
    assert doubled.low < 1 < doubled.high
    assert ratio(1, 10, 0, 10).value is None
    assert effective(np.asarray([1.0, 1.0, 1.0, 0.0])) == 3
