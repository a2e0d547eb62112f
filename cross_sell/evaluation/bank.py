"""Telephone marketing of term deposits, in order of time: labels come late, and success drifts.

(Moro, Cortez and Rita 2014.) `duration`, the call's length, is never read. The model is fitted on the first part;
then each day is scored before any of its outcomes is known, and its outcomes come when the next day has been scored.
Days are told by the day of the week, which changes from one to the next. Where the folder has a later part of the
table in a second file, the first file is learnt from and the second is judged; else the last fifth is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np

from cross_sell.evaluation.baselines import default_lightgbm, plain_scorecard
from cross_sell.evaluation.data import needed, read_table
from cross_sell.evaluation.table import Table, Tell
from cross_sell.frame import Frame, read_frame
from cross_sell.learning import fit
from cross_sell.metrics import Floats, auc, calibration_error, log_loss
from cross_sell.schema import Schema

TARGET = "y"
#: A day of more calls than this is scored in parts: outcomes of the morning are known in the afternoon's tail.
_REFIT_ROWS = 400


def evaluate(folder: str | Path, seed: int = 0, progress: Tell | None = None) -> Table:
    """AUC, calibration error and log loss over the judged part, for models that stand still and that follow."""
    tell = progress or (lambda _doing, _share: None)
    frame, start, note = _read(Path(folder))
    learning, judged = frame.take(np.arange(start)), frame.take(np.arange(start, frame.rows))
    schema = Schema.infer(frame, TARGET)
    truth, days = judged.labels(TARGET), list(_days(judged))
    found: dict[str, dict[str, float]] = {}
    tell("baselines that stand still", 0.0)
    found["plain scorecard, still"] = _figures(truth, plain_scorecard(learning, judged, TARGET, schema, seed))
    tell("plain scorecard, learnt anew", 0.05)
    found["plain scorecard, learnt anew"] = _figures(truth, _anew(frame, start, schema, seed))
    with suppress(ImportError):
        found["LightGBM, defaults, still"] = _figures(
            truth, default_lightgbm(learning, judged, TARGET, schema, seed)
        )
    tell("fitting", 0.4)
    model = fit(learning, TARGET, schema, seed=seed)
    found["cross_sell.fit, still"] = _figures(truth, model.score_many(judged))
    chances = np.empty(judged.rows)
    for number, day in enumerate(days):
        tell(f"day {number + 1} of {len(days)}", 0.6 + 0.4 * number / len(days))
        chances[day] = model.score_many(judged.take(day))
        if number:
            model.observe(judged.take(days[number - 1]))
    found["cross_sell.fit, observing"] = _figures(truth, chances)
    notes = (note, f"{len(days)} days, outcomes a day late; call length never read; seed {seed}.")
    return Table(
        "Bank telemarketing by time", ["AUC", "calibration error", "log loss"], list(found.items()), notes
    )


def _read(folder: Path) -> tuple[Frame, int, str]:
    path = needed(
        folder, "table of calls", "bank-additional-first80*.csv*", "bank-additional*.csv*", "*.csv*"
    )
    frame = read_table(path, separator=";")
    for other in sorted(folder.glob("*.csv*")):
        if other != path and TARGET in (later := read_table(other, separator=";")).columns:
            both = {name: _after(frame.columns[name], later.columns[name]) for name in frame.columns}
            note = f"{later.rows:,} calls of {other.name} judged, after {frame.rows:,} learnt from."
            return read_frame(both), frame.rows, note
    start = frame.rows * 4 // 5
    return (
        frame,
        start,
        f"The last {frame.rows - start:,} of {frame.rows:,} calls judged, after those before them.",
    )


def _after(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.concatenate([first, second])


def _days(frame: Frame) -> Iterator[np.ndarray]:
    """The rows of each day: neighbours with the same month and day of the week."""
    names = [
        f"{month} {day}"
        for month, day in zip(frame.levels("month"), frame.levels("day_of_week"), strict=True)
    ]
    starts = [0, *(index for index in range(1, len(names)) if names[index] != names[index - 1]), len(names)]
    for start, end in pairwise(starts):
        yield np.arange(start, end)


def _anew(frame: Frame, start: int, schema: Schema, seed: int) -> Floats:
    """The plain scorecard, learnt again from all outcomes known before each few hundred calls."""
    chances = np.empty(frame.rows - start)
    for first in range(start, frame.rows, _REFIT_ROWS):
        last = min(first + _REFIT_ROWS, frame.rows)
        known = frame.take(np.arange(max(first - 100, 1)))
        judged = frame.take(np.arange(first, last))
        chances[first - start : last - start] = plain_scorecard(known, judged, TARGET, schema, seed)
    return chances


def _figures(truth: np.ndarray, chances: np.ndarray) -> dict[str, float]:
    return {
        "AUC": auc(truth, chances),
        "calibration error": calibration_error(truth, chances),
        "log loss": log_loss(truth, chances),
    }
