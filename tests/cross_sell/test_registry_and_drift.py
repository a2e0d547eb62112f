"""Models by name and version, and whether they are still of this world."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from cross_sell.drift import drift_of, intercept_chart
from cross_sell.errors import ModelError
from cross_sell.learning import fit
from cross_sell.registry import Registry
from tests.cross_sell.worlds import callers


@pytest.fixture(scope="module")
def model():
    return fit(callers(), "bought", candidates=["scorecard"])


def test_a_version_is_used_when_it_is_promoted_and_not_before(tmp_path, model):
    registry = Registry(tmp_path, clock=lambda: datetime(2026, 11, 27, tzinfo=UTC))
    first, second = registry.add("101", model), registry.add("101", model)
    assert first == f"20261127-1-{model.figures['data'][:8]}"
    assert registry.current("101") is None
    registry.promote("101", first)
    registry.promote("101", second)
    assert registry.current("101").version == second
    assert registry.current("101") is registry.current("101")
    assert registry.roll_back("101").version == first
    assert registry.current("101").version == first
    assert [one.in_use for one in registry.entries("101")] == [False, True]
    assert registry.names() == ["101"]
    assert registry.roll_back("101") is None
    with pytest.raises(ModelError, match="Promote"):
        registry.roll_back("101")


def test_another_process_sees_the_promotion(tmp_path, model):
    mine, theirs = Registry(tmp_path), Registry(tmp_path)
    mine.promote("101", mine.add("101", model))
    assert theirs.current("101") is not None
    mine.roll_back("101")
    assert theirs.current("101") is None


def test_what_later_outcomes_taught_is_kept_under_the_version(tmp_path, model):
    registry = Registry(tmp_path)
    registry.promote("101", registry.add("101", model))
    held = registry.current("101")
    held.observe(callers(100, seed=2))
    registry.save("101", held)
    assert Registry(tmp_path).current("101").observed == 100


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, model, name):
    with pytest.raises(ModelError):
        Registry(tmp_path).add(name, model)
    assert Registry(tmp_path).current(name) is None


def test_a_damaged_model_is_none_in_a_call_and_an_error_to_a_person(tmp_path, model):
    registry = Registry(tmp_path)
    version = registry.add("101", model)
    registry.promote("101", version)
    (tmp_path / "101" / f"{version}.json").write_text("{")
    assert Registry(tmp_path).current("101") is None
    with pytest.raises(ModelError):
        registry.promote("101", version)
    with pytest.raises(ModelError):
        registry.promote("101", "no-such")


def test_callers_like_those_of_the_fit_are_no_drift(model):
    found = drift_of(model, callers(1000, seed=3))
    assert found.shifted == ()
    assert max(one.psi for one in found.columns) < 0.1


def test_other_callers_and_other_outcomes_are(model):
    world = callers(1000, seed=4, drift=1.5)
    world["cars"] = np.minimum(world["cars"] + 2, 3)
    found = drift_of(model, world, labels=world["bought"])
    assert found.shifted == ("cars",)
    assert found.calibration_error > 0.1
    assert found.observed > found.predicted
    assert drift_of(model, callers(10, seed=5)).shifted == ()


def test_the_intercept_chart_shows_the_day_that_is_unusual():
    usual = [-2.0, -2.05, -1.97, -2.02, -1.99, -2.01, -2.04, -1.98, -2.0, -2.03]
    days = [
        (date(2026, 1, 1) + timedelta(days=index), value) for index, value in enumerate([*usual, -2.0, -1.2])
    ]
    chart = intercept_chart(days)
    assert [point.outside for point in chart] == [False] * 11 + [True]
    assert intercept_chart([]) == []
