"""A model of one target as it is used: scores with reasons, later outcomes, and one JSON file.

    score = model.score(row)            # Score(probability, reasons)
    model.score_many(frame)             # probabilities, one a row
    model.observe(outcomes)             # labels that came later; returns the model
    model.save(path); Model.load(path)

A row is any mapping. Nothing in it is an error: what is missing counts as missing, what was never seen as rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from cross_sell.errors import FrameError, ModelError, TargetError
from cross_sell.frame import Frame, labels_of, levels_of, numbers_of, read_frame
from cross_sell.logistic import sigmoid
from cross_sell.metrics import Floats
from cross_sell.model_file import read_model, write_model
from cross_sell.schema import Schema
from cross_sell.scorer import Scorer, probability_of
from cross_sell.tables import Additive
from cross_sell.updating import Updater
from cross_sell.values import row_of

FORMAT = "cross-sell-model"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """A column that may be told, and what it adds to the log-odds beside the average caller (above 0: for)."""

    feature: str
    contribution: float
    text: str


class Score:
    """The chance of a yes, and what speaks for and against it; reasons are worked out when they are asked for."""

    __slots__ = ("_model", "_row", "probability")

    def __init__(self, probability: float, model: Model, row: Mapping[object, object]) -> None:
        self.probability = probability
        self._model = model
        self._row = row

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The strongest first, in English; see `reasons_in`."""
        return self.reasons_in("en")

    def reasons_in(self, language: str) -> tuple[Reason, ...]:
        """The reasons in a language (`zh-CN`, `en`), the strongest first; none of a column that must not be told."""
        return self._model.reasons(self._row, language)

    def __repr__(self) -> str:
        return f"Score(probability={self.probability:.4f})"


class Model:
    """Additive tables, what is known of the columns, figures of the fit, and what later outcomes have changed."""

    def __init__(
        self,
        target: str,
        schema: Schema,
        fitted: Additive,
        *,
        figures: Mapping[str, Any] | None = None,
        spread: Mapping[str, list[int]] | None = None,
        updater: Updater | None = None,
        version: str = "",
    ) -> None:
        self.target = target
        self.schema = schema
        self.figures = dict(figures or {})
        self.version = version
        #: How many rows of the fit were in each place of each column, for watching drift.
        self.spread = dict(spread or {})
        self._fitted = fitted
        self._updater = updater
        self._use(updater.model() if updater else fitted)

    @property
    def tables(self) -> Additive:
        """The tables as they stand, later outcomes included."""
        return self._tables

    @property
    def intercept(self) -> float:
        """The average caller's log-odds; its course over time is what the intercept chart shows."""
        return self._tables.intercept

    @property
    def observed(self) -> int:
        """How many later outcomes the model has learnt of."""
        return self._updater.seen if self._updater else 0

    def score(self, row: object, /) -> Score:
        """The chance of a yes for one row (a mapping, or a pandas Series), and its reasons."""
        known = row if type(row) is dict else row_of(row)
        return Score(probability_of(self._scorer.log_odds(known)), self, known)

    def score_many(self, frame: object) -> Floats:
        """The chance of a yes for every row of a frame; columns that it lacks count as missing."""
        return sigmoid(self._log_odds(_scored(frame)))

    def reasons(self, row: Mapping[object, object], language: str = "en") -> tuple[Reason, ...]:
        """What speaks for and against, a told column each; a pair that touches a silent column is not told."""
        effects: dict[str, float] = {}
        for one in self._scorer.contributions(row):
            if all(name in self._told for name in one.columns):
                for name in one.columns:
                    effects[name] = effects.get(name, 0.0) + one.effect / len(one.columns)
        return tuple(
            Reason(name, effect, self.schema[name].said(language))
            for name, effect in sorted(effects.items(), key=lambda item: -abs(item[1]))
            if effect
        )

    def observe(self, outcomes: object, labels: object = None, *, times: str | None = None) -> Self:
        """Learn of outcomes that came later, and return this model.

        `outcomes` is a frame of any shape with the rows' columns and their labels, or an iterable of pairs of a row
        and its label; `labels` are the labels themselves, or the column that holds them if it is not the target's;
        `times` names a column to order them by, else they are taken as they come. Rows whose label is
        missing are waited for: they are left out. Raises TargetError where there is no column of labels.
        """
        name = labels if isinstance(labels, str) else self.target
        frame = _outcomes(outcomes, None if isinstance(labels, str) else labels, name)
        if frame.rows == 0:
            return self
        if name not in frame.columns:
            raise TargetError(f"The outcomes have no column {name!r}.", "Give each row its label.")
        known = np.asarray([level is not None for level in levels_of(frame.columns[name])])
        frame = frame.take(np.flatnonzero(known))
        if times is not None and times in frame.columns:
            frame = frame.take(np.argsort(numbers_of(frame.columns[times]), kind="stable"))
        if frame.rows == 0:
            return self
        truth = labels_of(frame.columns[name], name).astype(np.float64)
        if self._updater is None:
            self._updater = Updater.begin(self._fitted, [])
        for column, place in self._updater.observe(frame, truth):
            self.spread[column] = [*self.spread[column][:place], 0, *self.spread[column][place:]]
        self._fitted = self._updater.fitted
        self._use(self._updater.model())
        return self

    def as_dict(self) -> dict[str, Any]:
        """The model as plain data."""
        return {
            "format": FORMAT,
            "format_version": VERSION,
            "version": self.version,
            "target": self.target,
            "schema": self.schema.as_dict(),
            "figures": self.figures,
            "tables": self._fitted.as_dict(),
            "spread": self.spread,
            "updates": self._updater.as_dict() if self._updater else None,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Model:
        """The model that `as_dict` has written; raises ModelError where it is none."""
        if plain.get("format") != FORMAT:
            raise ModelError("This is not a cross-sell model.", "Give a file that `save` has written.")
        if plain.get("format_version") != VERSION:
            raise ModelError(
                f"Its format is {plain.get('format_version')}, not {VERSION}.", "Train it again."
            )
        try:
            fitted = Additive.from_dict(plain["tables"])
            updates = plain.get("updates")
            return cls(
                str(plain["target"]),
                Schema.of(plain["schema"]),
                fitted,
                figures=plain.get("figures"),
                spread=plain.get("spread"),
                updater=Updater.from_dict(fitted, updates) if updates else None,
                version=str(plain.get("version", "")),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(f"The model is damaged ({error}).", "Train it again, or roll back.") from error

    def save(self, path: str | Path) -> Path:
        """Write one JSON file, whole or not at all; raises ModelError where it would be larger than 1 MB."""
        return write_model(path, self.as_dict(), remedy="Forbid columns of many levels.")

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a file that `save` has written; raises ModelError where it cannot be read or is none."""
        return cls.from_dict(read_model(path, "a cross-sell model"))

    def _use(self, tables: Additive) -> None:
        self._tables = tables
        self._scorer = Scorer(tables)

    @cached_property
    def _told(self) -> frozenset[str]:
        return frozenset(column.name for column in self.schema.values() if column.told)

    def _log_odds(self, frame: Frame) -> Floats:
        return self._tables.log_odds(self._tables.places(frame), frame.rows)


def _scored(frame: object) -> Frame:
    """A frame, also where it is one row."""
    if (
        isinstance(frame, Mapping)
        and frame
        and not any(hasattr(one, "__len__") and not isinstance(one, str) for one in frame.values())
    ):
        raise FrameError("This is one row, not a frame.", "Use `score` for one row.")
    return read_frame(frame)


def _outcomes(outcomes: object, labels: object, name: str) -> Frame:
    """Rows with their labels under `name`, however they were given."""
    if (
        isinstance(outcomes, Iterable)
        and not isinstance(outcomes, Mapping | np.ndarray)
        and not hasattr(outcomes, "columns")
    ):
        outcomes = [_labelled(one, name) for one in outcomes]
    frame = _scored(outcomes)
    if labels is None:
        return frame
    column = read_frame({name: labels}).columns[name]
    if len(column) != frame.rows:
        raise TargetError(f"There are {len(column)} labels for {frame.rows} rows.", "Give one a row.")
    return Frame({**frame.columns, name: column}, {**frame.keys, name: name}, frame.rows)


def _labelled(one: object, name: str) -> object:
    """A row with its label in it, where they came as a pair."""
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], Mapping):
        return {**one[0], name: one[1]}
    return one
