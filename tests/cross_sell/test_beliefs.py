"""What is believed of a product until a model is trained, moved by answers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cross_sell.beliefs import FILE, Belief, Beliefs, believed
from cross_sell.limits import Prior
from cross_sell.prior import PriorModel

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def test_without_points_it_is_the_beta_of_the_textbooks() -> None:
    after = believed(Prior(0.15, 60), {0.0: (40, 10)})
    assert after.accepts == pytest.approx((9 + 10) / 100)
    assert after.weight == pytest.approx(100)


def test_without_answers_it_is_what_the_catalogue_says() -> None:
    prior = Prior(0.15, 60, {"has_motor": {"yes": 0.4}})
    assert believed(prior, {}) is prior


def test_the_integral_agrees_with_the_beta_where_points_are_all_but_nothing() -> None:
    for weight, accepts, asked, yes in (
        (60, 0.15, 40, 10),
        (1, 0.02, 5, 0),
        (2, 0.9, 300, 299),
        (500, 0.01, 9000, 0),
    ):
        exact = believed(Prior(accepts, weight), {0.0: (asked, yes)})
        found = believed(Prior(accepts, weight), {1e-12: (asked, yes)})
        assert found.accepts == pytest.approx(exact.accepts, rel=1e-6)
        assert found.weight == pytest.approx(exact.weight, rel=1e-5)


def test_with_points_it_is_bayes_rule_to_many_digits() -> None:
    prior, answers = Prior(0.2, 30, {}), {0.0: (50, 6), 0.8: (20, 9), -1.5: (10, 0)}
    share = (np.arange(200_000) + 0.5) / 200_000
    odds = np.log(share / (1 - share))
    height = (6 - 1) * np.log(share) + (24 - 1) * np.log1p(-share)
    for points, (asked, yes) in answers.items():
        height += yes * (odds + points) - asked * np.logaddexp(0, odds + points)
    density = np.exp(height - height.max())
    density /= density.sum()
    mean = float(density @ share)
    spread = float(density @ (share - mean) ** 2)
    after = believed(prior, answers)
    assert after.accepts == pytest.approx(mean, rel=1e-8)
    assert after.weight == pytest.approx(mean * (1 - mean) / spread - 1, rel=1e-6)


def test_callers_of_whom_more_was_hoped_say_less_for_the_product() -> None:
    hoped, plain = believed(Prior(0.1, 50), {2.0: (40, 12)}), believed(Prior(0.1, 50), {0.0: (40, 12)})
    assert hoped.accepts < 0.1 < plain.accepts


def test_a_belief_is_kept_in_a_file_and_holds_for_that_prior_alone(tmp_path: Path) -> None:
    given = Prior(0.15, 60, {"has_motor": {"yes": 0.4}})
    rows = [
        SimpleNamespace(features={"has_motor": number % 2 == 0}, label=number < 9) for number in range(30)
    ]
    belief = Belief(given, {}, NOW).seen(rows, NOW)
    assert (belief.asked, belief.said_yes, belief.answers) == (30, 9, {0.4: (15, 5), 0.0: (15, 4)})
    beliefs = Beliefs(tmp_path)
    assert beliefs.prior("401", given) is given
    beliefs.keep("401", belief)
    beliefs.keep("501", Belief(Prior(), {0.0: (4, 4)}, NOW))
    assert Beliefs(tmp_path).all()["401"] == belief
    assert beliefs.prior("401", given).accepts == pytest.approx(belief.prior.accepts)
    assert beliefs.prior("401", Prior(0.2, 60)) == Prior(0.2, 60)
    score = PriorModel(beliefs.prior("401", given)).score({"has_motor": True})
    assert math.isclose(score.reasons[0].contribution, 0.4)
    (tmp_path / FILE).write_text("[broken")
    assert beliefs.prior("401", given) is given
