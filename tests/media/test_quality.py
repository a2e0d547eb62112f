"""The mean opinion score against G.107's own figures, and what makes it worse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.media import quality
from ivr.media.quality import CONCEALED, burst_ratio, delay_impairment, loss_impairment, mean_opinion, mos_of

shares = st.floats(0.0, 1.0)
delays = st.floats(0.0, 2000.0)


@pytest.mark.parametrize(
    ("r", "mos"), [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)]
)
def test_the_score_of_a_rating_is_the_recommendations_own(r: float, mos: float) -> None:
    assert mos_of(r) == pytest.approx(mos, abs=0.01)


def test_a_score_never_leaves_its_scale() -> None:
    assert (mos_of(-20), mos_of(0), mos_of(100), mos_of(120)) == (1.0, 1.0, 4.5, 4.5)
    assert mos_of(3.0) == 1.0


def test_an_undisturbed_call_has_the_best_score() -> None:
    assert mean_opinion(0.0, 0.0) == pytest.approx(4.41, abs=0.005)
    assert mean_opinion(0.0, 100.0) == mean_opinion(0.0, 0.0)


def test_delay_costs_what_the_recommendation_says() -> None:
    assert delay_impairment(100.0) == 0.0
    assert delay_impairment(150.0) == pytest.approx(0.2, abs=0.2)
    assert delay_impairment(400.0) == pytest.approx(24.0, abs=1.0)


def test_losing_a_hundredth_of_g711_is_heard_less_where_it_is_concealed() -> None:
    assert loss_impairment(0.01) == pytest.approx(95 / 5.3)
    assert loss_impairment(0.01, robustness=CONCEALED) == pytest.approx(95 / 26.1)
    assert loss_impairment(0.0) == 0.0


def test_losses_in_bursts_are_worse_than_scattered_ones() -> None:
    scattered, bursts = burst_ratio(10, 10, 1000), burst_ratio(10, 2, 1000)
    assert (scattered, bursts) == (1.0, pytest.approx(4.95))
    assert mean_opinion(0.01, 50, burst_ratio=bursts) < mean_opinion(0.01, 50, burst_ratio=scattered)
    assert burst_ratio(0, 0, 0) == burst_ratio(5, 1, 5) == 1.0


@given(shares, shares, delays, delays)
def test_more_loss_and_more_delay_are_never_better(
    loss: float, more_loss: float, delay: float, more_delay: float
) -> None:
    low, high = sorted((loss, more_loss)), sorted((delay, more_delay))
    assert mean_opinion(low[1], high[1]) <= mean_opinion(low[0], high[0]) + 1e-9
    assert 1.0 <= mean_opinion(loss, delay) <= quality.mos_of(quality.BEST)
