"""A million random steps of many workers and consoles, of which any may die, break nothing."""

from __future__ import annotations

import pytest

from tests.seats.model import run


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_no_interleaving_leaves_an_orphan_a_double_or_somebody_passed_over(seed: int) -> None:
    figures = run(250_000, seed)
    assert figures.tally["settled"] > 100
    assert min(figures.tally[f"calls {end}"] for end in ("served", "broken_off", "overflowed")) > 50
    assert figures.tally["moves lost"] > 1000
