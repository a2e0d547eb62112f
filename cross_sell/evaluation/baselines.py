"""What a learner must beat, measured in the same run on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np

from cross_sell.bins import Bins, learn_bins
from cross_sell.frame import Frame, codes_of
from cross_sell.learning import fit
from cross_sell.metrics import Floats
from cross_sell.schema import Schema
from cross_sell.scorecard import fit_scorecard

#: Learns on one frame and gives chances for another; the target is the column of that name.
Method = Callable[[Frame, Frame, str, Schema, int], Floats]


def plain_scorecard(learning: Frame, judged: Frame, target: str, schema: Schema, seed: int) -> Floats:
    """Weights of evidence under an L2 logistic regression, without choice, blend or levelling."""
    columns = [one for one in schema.features() if one.name in learning.columns]
    bins = [learn_bins(learning, column) for column in columns]
    labels = learning.labels(target).astype(np.float64)
    model = fit_scorecard(bins, [one.places(learning) for one in bins], labels, penalty=1.0)
    odds = model.log_odds([one.places(judged) for one in bins])
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def default_lightgbm(learning: Frame, judged: Frame, target: str, schema: Schema, seed: int) -> Floats:
    """LightGBM as it comes, categories as such."""
    import lightgbm

    columns = [one for one in schema.features() if one.name in learning.columns]
    bins = [learn_bins(learning, column) for column in columns]
    codes = [index for index, column in enumerate(columns) if not column.ordered]
    table = lightgbm.Dataset(
        _design(bins, learning), learning.labels(target).astype(float), categorical_feature=codes
    )
    settings = {"objective": "binary", "verbosity": -1, "seed": seed, "num_threads": 1, "deterministic": True}
    found = lightgbm.train(settings, table, num_boost_round=100).predict(_design(bins, judged), num_threads=1)
    return np.asarray(found, np.float64)


def our_model(learning: Frame, judged: Frame, target: str, schema: Schema, seed: int) -> Floats:
    """`cross_sell.fit`, as it serves calls."""
    return fit(learning, target, schema, seed=seed).score_many(judged)


def methods() -> dict[str, Method]:
    """Every method that can be run here, ours last."""
    found: dict[str, Method] = {"plain scorecard": plain_scorecard}
    if find_spec("lightgbm") is not None:
        found["LightGBM, defaults"] = default_lightgbm
    return {**found, "cross_sell.fit": our_model}


def stratified_folds(frame: Frame, target: str, count: int, seed: int) -> Floats:
    """A fold for every row, each with its share of the target."""
    _, places = codes_of(frame.columns[target])
    chance, folds = np.random.default_rng(seed), np.empty(frame.rows)
    for one in np.unique(places):
        members = chance.permutation(np.flatnonzero(places == one))
        folds[members] = np.arange(len(members)) % count
    return folds


def _design(bins: Sequence[Bins], frame: Frame) -> Floats:
    columns = [one.places(frame).astype(float) for one in bins]
    return np.column_stack(columns)
