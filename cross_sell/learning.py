"""`fit`: from a table and the name of a column to a model of it.

What is learnt, and how it is chosen, is said in `cross_sell.candidates`. The figures that a model carries are
honest ones: of rows scored by models, and levelled by choices, that had not seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Any

import numpy as np

from cross_sell.bins import learn_bins
from cross_sell.candidates import MANY, Candidate, Choice, Task, candidates_for, choose
from cross_sell.errors import FrameError
from cross_sell.frame import Frame, read_frame
from cross_sell.logistic import sigmoid
from cross_sell.metrics import Floats, auc, calibration_error, log_loss, top_hits
from cross_sell.model import Model
from cross_sell.order import in_order, period_columns
from cross_sell.schema import Schema
from cross_sell.tables import Additive
from cross_sell.updating import Updater


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fit has come: what it does, and the share that is done, from 0 to 1."""

    doing: str
    share: float


Tell = Callable[[Progress], None]


def fit(
    frame: object,
    target: str | int,
    schema: object = None,
    *,
    seed: int = 0,
    progress: Tell | None = None,
    jobs: int = 2,
    candidates: Sequence[str] | None = None,
    weights: object = None,
    ordered: bool | None = None,
) -> Model:
    """Learn who says yes; the same rows, schema and seed give the same model.

    `frame` is a pandas data frame, a mapping of columns or a list of row mappings; `target` names a column of
    yes/no, true/false or 1/0; `schema` is a Schema or plain data for one, and is inferred where it is silent.
    `candidates` are the only ones to try (`scorecard`, `trend`, `boosting`); `jobs` is the processors to use.
    `ordered` says that rows are in order of time; it is found out where it is not said. Of such rows, columns that
    tell the period and not the caller are left out (`cross_sell.order`), for later outcomes to make up for.
    Where the target is constant, or too rare to learn from, the model gives the smoothed rate to everybody.
    Raises FrameError, TargetError and SchemaError for what a person must put right.
    """
    began = monotonic()
    table, name = read_frame(frame), str(target)
    if table.rows == 0:
        raise FrameError("The table has no rows.", "Give at least one.")
    labels = table.labels(name).astype(np.float64)
    known = (Schema(()) if schema is None else Schema.of(schema)).completed(table, name).without(name)
    tell = _teller(progress)
    tell("reading columns", 0.0)
    task = _task(table, known, labels, weights)
    task, left_out = _timeless(task, ordered)
    chosen, choice = _learnt(task, candidates, seed, jobs, tell)
    tell("finishing", 0.95)
    figures = _figures(table, name, labels, choice)
    figures |= {"left_out": left_out, "seconds": round(monotonic() - began, 2), "seed": seed}
    spread = {
        task.bins[column].name: np.bincount(task.places[column], minlength=task.bins[column].size).tolist()
        for column in sorted(chosen.used())
    }
    packed, places = _packed(chosen, task)
    updater = Updater.begin(packed, places)
    tell("done", 1.0)
    return Model(name, known, packed, figures=figures, spread=spread, updater=updater)


def _task(table: Frame, schema: Schema, labels: Floats, weights: object) -> Task:
    columns = [column for column in schema.features() if column.name in table.columns]
    bins = tuple(learn_bins(table, column) for column in columns)
    weighed = None if weights is None else np.asarray(weights, np.float64)
    if weighed is not None and (
        len(weighed) != len(labels) or not np.all(np.isfinite(weighed) & (weighed >= 0))
    ):
        raise FrameError("The weights do not fit the rows.", "Give one number a row, none below 0.")
    places = tuple(one.places(table) for one in bins)
    return Task(bins, places, labels, tuple(column.monotone for column in columns), weighed)


def _timeless(task: Task, ordered: bool | None) -> tuple[Task, list[str]]:
    """The task without the columns that tell the period, where rows are in order of time."""
    if not (in_order(task.labels) if ordered is None else ordered):
        return task, []
    periods = period_columns(task)
    kept = [one for one in range(len(task.bins)) if one not in periods]
    return task.only(kept), [task.bins[one].name for one in periods]


def _learnt(
    task: Task, names: Sequence[str] | None, seed: int, jobs: int, tell: Callable[[str, float], None]
) -> tuple[Additive, Choice | None]:
    found = _asked(candidates_for(task), names)
    if not found or not any(np.ptp(where) > 0 for where in task.places):
        return _rate_alone(task), None
    choice = choose(task, found, seed=seed, jobs=jobs, tell=lambda doing: tell(doing, 0.1))
    members = [one for one in found if one.name in choice.members]
    learnt: list[Additive] = []
    for number, one in enumerate(members):
        tell(f"learning the {one.name}", 0.6 + 0.3 * number / len(members))
        learnt.append(one.learn(task, seed, jobs))
    blend = learnt[0]
    for other in learnt[1:]:
        blend = blend.plus(other)
    slope, shift = choice.slope, choice.shift
    if len(task.labels) > MANY and slope > 0:
        slope, shift = 1.0, 0.0  # they were found for a model of far fewer rows; one of so many needs none
    levelled = blend.scaled(slope / len(learnt), shift)
    return levelled.centred(task.places), choice


def _asked(found: Sequence[Candidate], names: Sequence[str] | None) -> list[Candidate]:
    if names is None:
        return list(found)
    return [one for one in found if one.name in names]


def _rate_alone(task: Task) -> Additive:
    weights = np.ones(len(task.labels)) if task.weights is None else task.weights
    share = (float(weights @ task.labels) + 0.5) / (float(weights.sum()) + 1.0)
    return Additive((), float(np.log(share / (1 - share))))


def _packed(chosen: Additive, task: Task) -> tuple[Additive, list[Any]]:
    """The model over the columns that it needs alone, as it is after writing and reading, and their places."""
    used = sorted(chosen.used())
    packed = Additive.from_dict(chosen.as_dict())
    return packed, [task.places[column] for column in used]


def _figures(table: Frame, target: str, labels: Floats, choice: Choice | None) -> dict[str, Any]:
    figures: dict[str, Any] = {"rows": table.rows, "yes": int(labels.sum()), "data": fingerprint(table)}
    if choice is None:
        return figures | {"chosen": "rate"}
    truth, chances = labels[choice.index], sigmoid(choice.log_odds)
    return figures | {
        "chosen": "+".join(choice.members),
        "slope": round(choice.slope, 4),
        "auc": round(auc(truth, choice.log_odds), 5),
        "log_loss": round(log_loss(truth, chances), 6),
        "calibration_error": round(calibration_error(truth, chances), 5),
        "top_fifth": round(top_hits(truth, choice.log_odds, 0.2), 5),
        "losses": choice.losses,
    }


def fingerprint(table: Frame) -> str:
    """A hash of the table's names and values, by which a model says what it was trained on."""
    digest = sha256()
    for name in sorted(table.columns):
        column = table.columns[name]
        digest.update(name.encode())
        digest.update(column.tobytes() if column.dtype.kind in "fiub" else repr(column.tolist()).encode())
    return digest.hexdigest()[:16]


def _teller(progress: Tell | None) -> Callable[[str, float], None]:
    def tell(doing: str, share: float) -> None:
        if progress is not None:
            progress(Progress(doing, share))

    return tell
