"""Outcomes that come later: the model follows, keeps its reasons exact, and forgets."""

import numpy as np
import pytest

from cross_sell import metrics
from cross_sell.errors import TargetError
from cross_sell.learning import fit
from cross_sell.model import Model
from tests.cross_sell.worlds import callers, rows_of


@pytest.fixture
def model():
    return fit(callers(1200), "bought", candidates=["scorecard"])


def test_a_model_follows_a_new_level(model):
    later = callers(3000, seed=1, drift=2.0)
    still = metrics.calibration_error(later["bought"], model.score_many(later))
    assert model.observe(callers(1500, seed=2, drift=2.0)) is model
    assert metrics.calibration_error(later["bought"], model.score_many(later)) < 0.4 * still
    assert model.observed == 1500


def test_a_model_follows_a_new_taste():
    model = fit(callers(1200), "bought", candidates=["scorecard"])

    def turned(rows, seed):
        world = callers(rows, seed=seed)
        world["region"] = np.where(world["region"] == "north", "south", "north").astype(object)
        return world

    later = turned(3000, 3)
    before = metrics.auc(later["bought"], model.score_many(later))
    for seed in range(4, 10):
        model.observe(turned(400, seed))
    assert metrics.auc(later["bought"], model.score_many(later)) > before + 0.05


def test_what_was_never_seen_gets_tables_of_its_own(model):
    world = callers(800, seed=4)
    world["region"] = np.where(world["region"] == "east", "abroad", world["region"]).astype(object)
    world["bought"] = world["bought"] | (world["region"] == "abroad")
    world["premium"] = world["premium"] + 100_000
    model.observe(world)
    row = rows_of(world)[0]
    assert (
        model.score({**row, "region": "abroad"}).probability
        > model.score({**row, "region": "west"}).probability
    )
    again = Model.from_dict(model.as_dict())
    np.testing.assert_allclose(again.score_many(world), model.score_many(world), atol=1e-3)


def test_reasons_stay_exact_and_rows_score_alike_after_learning_on(model):
    model.observe(callers(500, seed=5, drift=1.0))
    world = callers(100, seed=6)
    np.testing.assert_allclose(
        [model.score(row).probability for row in rows_of(world)], model.score_many(world), atol=1e-12
    )


def test_learning_on_goes_on_after_saving(model, tmp_path):
    first, second, fresh = (
        callers(300, seed=7, drift=1.0),
        callers(300, seed=8, drift=1.0),
        callers(50, seed=9),
    )
    model.observe(first)
    again = Model.load(model.save(tmp_path / "one.json"))
    np.testing.assert_allclose(
        again.observe(second).score_many(fresh), model.observe(second).score_many(fresh), atol=2e-3
    )


def test_outcomes_that_are_not_known_yet_are_waited_for(model):
    rows = rows_of(callers(40, seed=10))
    for row in rows[:30]:
        row["bought"] = None
    model.observe(rows)
    assert model.observed == 10
    assert model.observe([]).observed == 10
    with pytest.raises(TargetError, match="label"):
        model.observe([{"cars": 1}])


def test_labels_may_come_in_the_rows_beside_them_or_as_pairs(model):
    rows = rows_of(callers(60, seed=14, drift=1.0))
    bare = [{name: value for name, value in row.items() if name != "bought"} for row in rows]
    labels = [row["bought"] for row in rows]
    found = [
        Model.from_dict(model.as_dict()).observe(*given).score_many(rows)
        for given in [(rows,), (bare, labels), (zip(bare, labels, strict=True),)]
    ]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    with pytest.raises(TargetError, match="one a row"):
        model.observe(bare, labels[:3])


def test_times_put_outcomes_in_their_order(model):
    world = callers(600, seed=11, drift=1.0)
    world["when"] = np.arange(600.0)
    plain = Model.from_dict(model.as_dict()).observe(world)
    shuffled = np.random.default_rng(1).permutation(600)
    mixed = {name: np.asarray(values)[shuffled] for name, values in world.items()}
    ordered = Model.from_dict(model.as_dict()).observe(mixed, times="when")
    np.testing.assert_allclose(ordered.score_many(world), plain.score_many(world))


def test_one_extreme_batch_does_not_run_away(model):
    row = rows_of(callers(1, seed=12))[0]
    model.observe([{**row, "bought": 1}] * 50)
    chances = model.score_many(callers(500, seed=13))
    assert np.all(np.isfinite(chances))
    assert chances.min() > 0
    assert chances.max() < 1


def test_numbers_of_the_period_are_left_out_where_rows_are_in_order_of_time():
    rows = 6000
    world = callers(rows)
    drift = np.sin(np.arange(rows) / 700.0) * 1.5
    chance = np.random.default_rng(3)
    odds = -1.5 - 0.6 * world["cars"] + drift
    world["bought"] = chance.random(rows) < 1 / (1 + np.exp(-odds))
    world["interest"] = np.floor(np.arange(rows) / 300.0)
    found = fit(world, "bought", candidates=["scorecard"])
    assert found.figures["left_out"] == ["interest"]
    assert fit(world, "bought", candidates=["scorecard"], ordered=False).figures["left_out"] == []
