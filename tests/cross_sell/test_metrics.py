"""Figures of a scorer, against what can be worked out by hand."""

import math

import numpy as np
import pytest

from cross_sell import metrics


def test_auc_counts_ties_half():
    assert metrics.auc([1, 0, 1, 0], [0.9, 0.1, 0.5, 0.5]) == pytest.approx(0.875)
    assert metrics.auc([0, 1], [1.0, 1.0]) == 0.5
    assert math.isnan(metrics.auc([1, 1], [0.1, 0.2]))


def test_log_loss_is_that_of_the_chances():
    assert metrics.log_loss([1, 0], [0.5, 0.5]) == pytest.approx(math.log(2))
    assert math.isfinite(metrics.log_loss([1], [0.0]))


def test_rows_of_equal_score_share_their_places():
    assert metrics.expected_hits([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.5], 2) == pytest.approx(1 + 1 / 3)
    assert metrics.expected_hits([1, 0], [0.1, 0.2], 9) == 1
    assert metrics.top_hits([1] * 2 + [0] * 8, range(10, 0, -1), 0.2) == 1.0


def test_chances_that_come_true_have_no_calibration_error():
    chances = np.repeat([0.25, 0.75], 4)
    truth = [1, 0, 0, 0, 1, 1, 1, 0]
    assert metrics.calibration_error(truth, chances, 2) == pytest.approx(0)
    assert metrics.calibration_error(truth, 1 - chances, 2) == pytest.approx(0.5)
    assert metrics.calibration_error(truth, chances, 2, equal="width") == pytest.approx(0)


def test_psi_is_nothing_for_the_same_and_large_for_the_other():
    assert metrics.psi([50, 50], [500, 500]) == pytest.approx(0, abs=1e-3)
    assert metrics.psi([90, 10], [10, 90]) > 1
    values = np.arange(1000.0)
    assert metrics.psi_of_values(values, values[::2]) < 0.01
    assert metrics.psi_of_values(values, values + 600) > 0.25


def test_a_paired_test_sees_a_steady_gain_and_not_a_lucky_one():
    noise = np.random.default_rng(1).normal(size=400)
    assert metrics.paired_z(noise, noise - 0.1 + 0.01 * noise).p < 0.01
    assert metrics.paired_z(noise, noise[::-1]).p > 0.5
    assert metrics.corrected_t([0.1, 0.11, 0.09], 0.2).z > 2
    assert metrics.corrected_t([0.1], 0.2).p == 1.0
