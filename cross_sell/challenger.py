"""The challenger: boosted trees by LightGBM, which may show that tables leave something on the table.

It never serves calls. `compare` judges it and the additive model on the same unseen rows and tells by a paired test
whether it is better; if so, that is a reason to look for columns or pairs that are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from cross_sell.errors import TrainingError
from cross_sell.evaluation.baselines import default_lightgbm, our_model, stratified_folds
from cross_sell.frame import read_frame
from cross_sell.metrics import Comparison, auc, log_losses, paired_z
from cross_sell.schema import Schema

#: The challenger counts as better where chance would say so less than once in so many comparisons.
LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Challenge:
    """AUC of both on the same rows, the paired test of their log losses, and the verdict."""

    additive_auc: float
    challenger_auc: float
    test: Comparison

    @property
    def better(self) -> bool:
        """Whether the challenger has the smaller log loss beyond chance."""
        return self.test.gain > 0 and self.test.p < LEVEL


def compare(frame: object, target: str, schema: object = None, *, seed: int = 0, folds: int = 3) -> Challenge:
    """Judge both out of fold; raises TrainingError where LightGBM is not installed."""
    if find_spec("lightgbm") is None:
        raise TrainingError("The challenger needs LightGBM.", "Install insurance-hotline[training].")
    table = read_frame(frame)
    known = (Schema(()) if schema is None else Schema.of(schema)).completed(table, target).without(target)
    where, truth = stratified_folds(table, target, folds, seed), table.labels(target)
    ours, theirs = np.empty(table.rows), np.empty(table.rows)
    for fold in range(folds):
        learning, judged = table.take(where != fold), table.take(where == fold)
        ours[where == fold] = our_model(learning, judged, target, known, seed + fold)
        theirs[where == fold] = default_lightgbm(learning, judged, target, known, seed + fold)
    test = paired_z(log_losses(truth, ours), log_losses(truth, theirs))
    return Challenge(auc(truth, ours), auc(truth, theirs), test)
