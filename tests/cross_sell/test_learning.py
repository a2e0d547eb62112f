"""Learning one target: what is learnt, what is refused, and what a row may hold."""

import json
import math
import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import cross_sell
from cross_sell import metrics
from cross_sell.boosting import Boosting, fit_boosting
from cross_sell.errors import FrameError, ModelError, TargetError
from cross_sell.frame import read_frame
from cross_sell.learning import _task, fit
from cross_sell.model import Model
from cross_sell.schema import Schema
from tests.cross_sell.worlds import callers, rows_of

QUICK = ("scorecard", "trend")


@pytest.fixture(scope="module")
def model():
    return fit(callers(), "bought", candidates=QUICK)


@pytest.fixture(scope="module")
def boosted():
    return fit(callers(400), "bought", jobs=1)


def test_a_model_finds_what_is_there(model):
    fresh = callers(4000, seed=1)
    chances = model.score_many(fresh)
    assert metrics.auc(fresh["bought"], chances) > 0.67
    assert metrics.calibration_error(fresh["bought"], chances) < 0.03


def test_boosted_tables_blend_with_scorecards_and_score_alike_one_by_one(boosted):
    fresh = callers(300, seed=2)
    singly = [boosted.score(row).probability for row in rows_of(fresh)]
    np.testing.assert_allclose(singly, boosted.score_many(fresh), atol=1e-12)
    assert "boosting" in boosted.figures["losses"]


def test_labels_that_are_shuffled_teach_nothing():
    world = callers(2500)
    world["bought"] = np.random.default_rng(5).permutation(world["bought"])
    found = fit(world, "bought", candidates=QUICK)
    fresh = callers(4000, seed=3)
    assert abs(metrics.auc(fresh["bought"], found.score_many(fresh)) - 0.5) < 0.08
    assert abs(found.figures["auc"] - 0.5) < 0.05
    assert found.score_many(fresh).std() < 0.03


def test_the_same_seed_gives_the_same_model(boosted):
    again = fit(callers(400), "bought", jobs=2)
    assert {**again.as_dict(), "figures": 0} == {**boosted.as_dict(), "figures": 0}


@pytest.mark.parametrize("shape", [pd.DataFrame, rows_of, dict])
def test_any_shape_of_table_gives_the_same_model(model, shape):
    assert fit(shape(callers()), "bought", candidates=QUICK).as_dict()["tables"] == model.as_dict()["tables"]


def test_reasons_sum_with_the_silent_ones_to_the_log_odds(model):
    row = rows_of(callers(1))[0]
    score = model.score(row)
    parts = model._scorer.contributions(row)
    odds = math.log(score.probability / (1 - score.probability))
    assert model.intercept + sum(one.effect for one in parts) == pytest.approx(odds)
    effects = [abs(one.contribution) for one in score.reasons]
    assert effects == sorted(effects, reverse=True)


def test_reasons_never_name_a_sensitive_column_nor_a_pair_with_one(boosted):
    assert any("age" in one.columns for one in boosted._scorer.contributions({}))
    for row in rows_of(callers(50, seed=4)):
        assert all(reason.feature != "age" for reason in boosted.score(row).reasons)


def test_reasons_speak_the_languages_of_the_schema():
    schema = {"cars": {"kind": "ordinal", "text": {"en": "cars they have", "zh-CN": "名下车辆数"}}}
    found = fit(callers(), "bought", schema, candidates=["scorecard"])
    reasons = found.score({"cars": 3}).reasons_in("zh-CN")
    assert "名下车辆数" in {one.text for one in reasons}


def test_forbidden_columns_do_not_count_even_if_they_tell_everything():
    world = callers()
    world["duration"] = world["bought"] * 600.0
    world["religion"] = np.where(world["bought"], "a", "b").astype(object)
    found = fit(
        world,
        "bought",
        {"duration": "number", "religion": {"kind": "category", "use": "feature"}},
        candidates=QUICK,
    )
    assert found.figures["auc"] < 0.9
    told = json.dumps(found.as_dict()["tables"])
    assert "duration" not in told
    assert "religion" not in told


def test_a_known_direction_is_kept():
    world = callers()
    schema = {"premium": {"kind": "number", "monotone": 1}, "cars": {"kind": "ordinal", "monotone": -1}}
    found = fit(world, "bought", schema, candidates=["scorecard"])
    for name, sign in (("cars", -1), ("premium", 1)):
        values = [found.score({**rows_of(world)[0], name: value}).probability for value in range(4)]
        assert all(sign * (after - before) >= -1e-9 for before, after in pairwise(values))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"cars": None, "region": "nowhere", "premium": math.nan, "age": math.inf},
        {"cars": "three", "region": 7, "premium": "", "age": [1], "garage": {"a": 1}, "more": object()},
        {"cars": 10**400, "region": b"north", "premium": -1e308, "garage": True},
        pd.Series({"cars": 1, "region": "north"}),
        None,
        7,
        {1: 2},
    ],
)
def test_no_row_is_an_error_when_scoring(boosted, row):
    score = boosted.score(row)
    assert 0 < score.probability < 1
    assert all(math.isfinite(one.contribution) for one in score.reasons)


def test_a_frame_without_columns_of_the_model_gets_sane_chances(boosted):
    chances = boosted.score_many({"other": [1, 2, 3]})
    assert chances.shape == (3,)
    assert np.all((chances > 0) & (chances < 1))


@pytest.mark.parametrize("target", [[1] * 60, [0] * 60, [1] * 5 + [0] * 55])
def test_a_constant_or_hardly_ever_seen_target_gives_the_rate_to_everybody(target):
    found = fit({"cars": list(range(60)), "y": target}, "y")
    share = (sum(target) + 0.5) / 61
    assert found.score({"cars": 3}).probability == pytest.approx(share, rel=1e-4)
    assert found.figures["chosen"] == "rate"
    assert found.score({"cars": 3}).reasons == ()
    found.observe({"cars": [1, 2], "y": [1, 1]})
    assert found.score({}).probability > share


def test_features_that_are_all_missing_or_constant_are_no_hindrance():
    world = callers(600)
    world |= {
        "empty": [None] * 600,
        "nan": np.full(600, np.nan),
        "same": ["x"] * 600,
        "inf": [math.inf] * 600,
    }
    assert fit(world, "bought", candidates=QUICK).figures["auc"] > 0.6
    only = fit({"empty": [None] * 100, "y": [0, 1] * 50}, "y")
    assert only.score({"empty": 3}).probability == pytest.approx(0.5, abs=0.01)


def test_a_table_that_cannot_be_learnt_from_says_what_to_do():
    with pytest.raises(FrameError, match="no rows"):
        fit({"a": [], "y": []}, "y")
    with pytest.raises(TargetError, match="no column 'z'"):
        fit({"a": [1], "y": [1]}, "z")
    with pytest.raises(TargetError, match="not a yes or no"):
        fit({"a": [1, 2], "y": ["perhaps", "no"]}, "y")
    with pytest.raises(FrameError, match="weights"):
        fit({"a": [1, 2], "y": [1, 0]}, "y", weights=[1.0])


def test_a_model_is_as_good_after_it_was_saved(boosted, tmp_path):
    path = boosted.save(tmp_path / "models" / "one.json")
    again = Model.load(path)
    fresh = callers(200, seed=6)
    np.testing.assert_allclose(again.score_many(fresh), boosted.score_many(fresh), atol=1e-9)
    assert path.stat().st_size < 1_000_000
    assert again.score({"cars": 2}).reasons == boosted.score({"cars": 2}).reasons
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "other"}', '{"format": "cross-sell-model", "format_version": 1}']
)
def test_a_damaged_file_is_named_as_one(tmp_path, text):
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ModelError):
        Model.load(path)


def test_scoring_needs_no_learning_library(boosted, tmp_path):
    import subprocess
    import sys

    path = boosted.save(tmp_path / "one.json")
    code = (
        "import sys; from cross_sell import Model; m = Model.load(sys.argv[1]); m.score({'cars': 1}).reasons;"
        "assert not {'interpret', 'lightgbm', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_one_row_is_scored_in_microseconds(boosted):
    rows = rows_of(callers(200, seed=7))
    times = []
    for row in rows * 3:
        began = time.perf_counter()
        _ = boosted.score(row).probability
        times.append(time.perf_counter() - began)
    assert sorted(times)[len(times) // 2] < 40e-6  # 20 µs on an idle machine; others may be at work


def test_progress_is_told_from_begin_to_end():
    told = []
    fit(callers(300), "bought", candidates=["scorecard"], progress=told.append)
    shares = [one.share for one in told]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_the_machines_tables_are_ours_to_the_last_place():
    from interpret.glassbox import ExplainableBoostingClassifier

    frame = read_frame({**callers(500), "cars": [None, *callers(500)["cars"][1:].tolist()]})
    labels = frame.labels("bought").astype(float)
    task = _task(frame, Schema.infer(frame, "bought"), labels, None)
    held = []
    fitted = ExplainableBoostingClassifier.fit

    def keep(self, *args, **kwargs):
        held.append((self, args[0]))
        return fitted(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExplainableBoostingClassifier, "fit", keep)
        ours = fit_boosting(
            task.bins, task.places, labels, Boosting(pairs=3, bags=2, learning_rate=0.1), seed=1
        )
    learner, design = held[0]
    theirs = learner.predict_proba(design)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-ours.log_odds(task.places))), theirs, atol=1e-9)


def test_the_package_names_what_it_has():
    assert cross_sell.fit is fit
    with pytest.raises(AttributeError, match="nothing"):
        _ = cross_sell.nothing
