"""Health policyholders' interest in vehicle insurance: AUC over all, and among those who have none yet.

Most of the AUC over all is the rule “already insured says no”; what is worth something in a call is the ranking of
the others. Where the folder has a second file with the target (not `…dev…`), that is judged by models of the first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cross_sell.evaluation.baselines import methods, stratified_folds
from cross_sell.evaluation.data import needed, read_table
from cross_sell.evaluation.table import Table, Tell
from cross_sell.frame import Frame
from cross_sell.metrics import auc, calibration_error, log_loss
from cross_sell.schema import Schema

TARGET = "Response"
INSURED = "Previously_Insured"
#: A fifth is judged by models of the rest.
PARTS = 5


def evaluate(folder: str | Path, seed: int = 0, progress: Tell | None = None, *, splits: int = 1) -> Table:
    """AUC, log loss and calibration error of every method, on rows that it has not seen."""
    tell = progress or (lambda _doing, _share: None)
    pairs, notes = _pairs(Path(folder), seed, splits)
    found: dict[str, dict[str, float]] = {}
    for number, (name, method) in enumerate(methods().items()):
        figures = []
        for split, (learning, judged) in enumerate(pairs):
            tell(f"{name}, split {split + 1} of {len(pairs)}", (number + split / len(pairs)) / len(methods()))
            schema = Schema.infer(learning, TARGET)
            figures.append(_figures(judged, method(learning, judged, TARGET, schema, seed + split)))
        found[name] = {key: float(np.mean([one[key] for one in figures])) for key in figures[0]}
    columns = ["AUC", "AUC, not yet insured", "log loss", "calibration error"]
    return Table("Health cross-sell: interest in vehicle insurance", columns, list(found.items()), notes)


def _pairs(folder: Path, seed: int, splits: int) -> tuple[list[tuple[Frame, Frame]], tuple[str, ...]]:
    path = needed(folder, "table of policyholders", "health_dev*.csv*", "train*.csv*", "*.csv*")
    frame = read_table(path)
    for other in sorted(folder.glob("*.csv*")):
        if other != path and TARGET in (judged := read_table(other)).columns:
            return [(frame, judged)], (
                f"{judged.rows:,} rows of {other.name}, learnt from {frame.rows:,}; seed {seed}.",
            )
    folds = stratified_folds(frame, TARGET, PARTS, seed)
    pairs = [(frame.take(folds != fold), frame.take(folds == fold)) for fold in range(min(splits, PARTS))]
    return pairs, (
        f"{frame.rows:,} rows, {len(pairs)} of {PARTS} parts judged by models of the rest; seed {seed}.",
    )


def _figures(judged: Frame, chances: np.ndarray) -> dict[str, float]:
    truth, open_still = judged.labels(TARGET), judged.numbers(INSURED) == 0
    return {
        "AUC": auc(truth, chances),
        "AUC, not yet insured": auc(truth[open_still], chances[open_still]),
        "log loss": log_loss(truth, chances),
        "calibration error": calibration_error(truth, chances),
    }
