"""Intervals and evidence that may be looked at whenever one likes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cross_sell.proof.sequential import boundary, difference, evidence, tuning

PEOPLE, RUNS = 2000, 150


def world(rng: np.random.Generator, base: float, uplift: float, holdout: float = 0.2):
    """People in arms of known chances, with sales at known rates."""
    drawn = rng.random(PEOPLE)
    held_out, offered = drawn < holdout, drawn >= holdout
    bought = rng.random(PEOPLE) < np.where(held_out, base, base + uplift)
    return offered, held_out, bought, np.full(PEOPLE, 1 - holdout), np.full(PEOPLE, holdout)


def test_looking_after_every_person_does_no_harm_and_would_do_so_to_an_ordinary_interval() -> None:
    rng = np.random.default_rng(11)
    missed = fixed = 0
    for _ in range(RUNS):
        offered, held_out, bought, chance, other = world(rng, 0.06, 0.03)
        found = difference(offered, held_out, bought.astype(float), chance, other)
        missed += found.ever_excludes(0.03)
        fixed += found.fixed_ever_excludes(0.03)
    assert missed / RUNS <= 0.05
    assert fixed / RUNS >= 0.15


def test_amounts_of_money_are_held_at_every_look_too() -> None:
    rng = np.random.default_rng(12)
    missed = 0
    for _ in range(RUNS):
        offered, held_out, bought, chance, other = world(rng, 0.06, 0.03)
        money = bought * rng.lognormal(5, 0.5, PEOPLE)
        found = difference(offered, held_out, money, chance, other)
        missed += found.ever_excludes(0.03 * math.exp(5.125))
    assert missed / RUNS <= 0.05


def test_nothing_is_said_of_a_few_people() -> None:
    rng = np.random.default_rng(13)
    offered, held_out, bought, chance, other = world(rng, 0.06, 0.03)
    found = difference(offered, held_out, bought.astype(float), chance, other)
    assert np.isnan(found.estimate[:100]).all()
    assert not np.isnan(found.estimate[-1])
    none = difference(offered, held_out, np.zeros(PEOPLE), chance, other)
    assert np.isnan(none.estimate).all()
    assert not none.ever_excludes(0.5)


def test_chances_that_change_on_the_way_do_not_bend_the_estimate() -> None:
    rng = np.random.default_rng(14)
    holdout = np.where(np.arange(40_000) < 20_000, 0.5, 0.05)
    drawn = rng.random(40_000)
    held_out, offered = drawn < holdout, drawn >= holdout
    base = np.where(np.arange(40_000) < 20_000, 0.05, 0.2)  # another season, with another share held out
    bought = rng.random(40_000) < np.where(held_out, base, base + 0.04)
    found = difference(offered, held_out, bought.astype(float), 1 - holdout, holdout)
    naive = bought[offered].mean() - bought[held_out].mean()
    assert abs(naive - 0.04) > 0.03
    assert abs(found.estimate[-1] - 0.04) < 0.012


def test_an_effect_that_is_none_is_seldom_proven_at_any_look_and_a_large_one_soon() -> None:
    rng = np.random.default_rng(15)
    proven = sum(evidence(*world(rng, 0.06, 0.0)).proven() for _ in range(RUNS))
    assert proven / RUNS <= 0.05
    strong = [evidence(*world(rng, 0.03, 0.09)) for _ in range(20)]
    assert all(one.proven() for one in strong)


def test_the_ratio_of_sales_lies_in_its_interval() -> None:
    rng = np.random.default_rng(16)
    held = 0
    for _ in range(RUNS):
        found = evidence(*world(rng, 0.05, 0.05))
        held += found.ratio_low <= 2 <= found.ratio_high
    assert held / RUNS >= 0.95


def test_evidence_is_worth_one_on_average_whenever_it_is_looked_at() -> None:
    rng = np.random.default_rng(17)
    worth = [evidence(*world(rng, 0.08, 0.0)).wealth for _ in range(300)]
    assert np.mean(worth) <= 1.25


def test_without_people_there_is_no_evidence() -> None:
    none = np.zeros(0, bool)
    found = evidence(none, none, none, np.zeros(0), np.zeros(0))
    assert (found.p, found.wealth, found.ratio_low, found.ratio_high) == (1.0, 1.0, 0.0, math.inf)


def test_the_boundary_is_the_normal_mixture_of_robbins() -> None:
    count = np.asarray([10.0, 100.0, 1000.0])
    square = tuning(500)
    expected = [
        math.sqrt(2 * (n * square + 1) / (n * n * square) * math.log(math.sqrt(n * square + 1) / 0.05))
        for n in count
    ]
    assert boundary(count, square) == pytest.approx(expected)
    assert boundary(np.asarray([500.0]), square) <= boundary(np.asarray([500.0]), square * 4)
