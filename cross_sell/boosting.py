"""The explainable boosting machine, learnt with interpret-core and exported as plain tables.

(Lou, Caruana, Gehrke 2012; Nori, Jenkins, Koch, Caruana 2019.) It is taught the places of our own bins, so its
tables are ours as they stand. Nothing of it is needed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from cross_sell.bins import Bins, Places
from cross_sell.errors import TrainingError
from cross_sell.metrics import Floats
from cross_sell.tables import Additive, Pair


@dataclass(frozen=True, slots=True)
class Boosting:
    """How an explainable boosting machine is learnt; `bags` are outer bags, whose tables are averaged."""

    pairs: int = 0
    bags: int = 8
    learning_rate: float = 0.015
    max_bins: int = 256
    least: int = 4
    smoothing: int = 75
    rounds: int = 50_000
    patience: int = 100


def can_boost() -> bool:
    """Whether the library that learns it is installed."""
    return find_spec("interpret") is not None


def fit_boosting(
    bins: Sequence[Bins],
    places: Sequence[Places],
    labels: Floats,
    how: Boosting,
    *,
    seed: int,
    directions: Sequence[int] | None = None,
    weights: Floats | None = None,
    jobs: int = 1,
    progress: Callable[[], None] | None = None,
) -> Additive:
    """Tables over every place of these bins, and over pairs of them; raises TrainingError without the extra."""
    if not can_boost():
        raise TrainingError(
            "The boosting machine needs interpret-core.", "Install insurance-hotline[training]."
        )
    from interpret.glassbox import ExplainableBoostingClassifier

    used = [index for index, where in enumerate(places) if np.ptp(where) > 0]
    if not used or not 0 < labels.sum() < len(labels):
        raise TrainingError("There is nothing to learn from: no column varies, or no outcome does.")
    signs = [(directions or [0] * len(bins))[index] for index in used]
    learner = ExplainableBoostingClassifier(
        feature_types=["continuous" if bins[index].ordered else "nominal" for index in used],
        max_bins=how.max_bins,
        max_interaction_bins=32,
        interactions=how.pairs if len(used) > 1 else 0,
        outer_bags=how.bags,
        learning_rate=how.learning_rate,
        min_samples_leaf=how.least,
        smoothing_rounds=how.smoothing,
        max_rounds=how.rounds,
        early_stopping_rounds=how.patience,
        monotone_constraints=signs if any(signs) else None,
        n_jobs=jobs,
        random_state=seed,
        callback=_telling(progress),
    )
    with catch_warnings():
        simplefilter("ignore")
        learner.fit(_design(bins, places, used), labels.astype(int), sample_weight=weights)
    return _exported(bins, used, learner)


def _telling(progress: Callable[[], None] | None) -> Callable[[int, int, bool, float], bool] | None:
    if progress is None:
        return None

    def tell(_bag: int, _step: int, _better: bool, _metric: float) -> bool:
        progress()
        return False

    return tell


def _design(bins: Sequence[Bins], places: Sequence[Places], used: Sequence[int]) -> NDArray[Any]:
    """Places as the machine reads them: missing (place 0) as NaN, whatever the kind."""
    columns = [np.where(places[index] == 0, np.nan, places[index].astype(float)) for index in used]
    return np.column_stack(columns)


def _exported(bins: Sequence[Bins], used: Sequence[int], learner: Any) -> Additive:
    mains: dict[int, Floats] = {}
    pairs: dict[Pair, Floats] = {}
    for features, scores in zip(learner.term_features_, learner.term_scores_, strict=True):
        where = [
            _their_places(bins[used[feature]], learner.bins_[feature], len(features), scores.shape[axis])
            for axis, feature in enumerate(features)
        ]
        if len(features) == 1:
            mains[used[features[0]]] = np.asarray(scores[where[0]], np.float64)
        else:
            first, second = used[features[0]], used[features[1]]
            grid = np.asarray(scores[np.ix_(where[0], where[1])], np.float64)
            pairs[min(first, second), max(first, second)] = grid if first < second else grid.T
    return Additive(tuple(bins), float(learner.intercept_[0]), mains, pairs)


def _their_places(bins: Bins, resolutions: Sequence[Any], dimensions: int, size: int) -> Places:
    """For each place of ours, where the machine keeps its score: 0 is missing, the last one unknown to it."""
    theirs = resolutions[min(len(resolutions), dimensions) - 1]
    ours = np.arange(bins.size)
    if isinstance(theirs, dict):
        by_place = {int(float(name)): place for name, place in theirs.items()}
        found = np.asarray([by_place.get(int(place), size - 1) for place in ours], np.intp)
    else:
        found = np.asarray(np.digitize(ours, np.asarray(theirs, float)) + 1, np.intp)
    found[0] = 0
    return found
