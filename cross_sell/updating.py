"""Learning on from outcomes that come later, by corrections to the tables that forget.

Several followers watch the same outcomes, each with a half-life of its own (in outcomes). A follower is a
Bayesian logistic regression of corrections on merged bins, around the tables as they were fitted: after each
batch its belief is a mean and a precision, whose precision is then let decay, so that what was seen long ago
gives way (West and Harrison's discount; the Laplace step of Spiegelhalter and Lauritzen 1990). One follower moves
the intercept alone. They are weighed by how well each foretold the recent outcomes before it learnt of them.
Values beyond all that were seen, and new levels, get bins of their own as outcomes come in. The weighed correction is
itself a set of tables, so what comes of it is as additive, and as exact in its reasons, as the model that was
fitted. No row is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.bins import Places, beyond
from cross_sell.frame import Frame
from cross_sell.logistic import sigmoid
from cross_sell.metrics import Floats, log_losses
from cross_sell.tables import Additive


@dataclass(frozen=True, slots=True)
class Pace:
    """How a follower follows: what it may correct, its half-life in outcomes, and how stiff its corrections are.

    Corrections are believed to be 0, give or take 1/√stiff.
    """

    scope: str
    half_life: float
    stiff: float = 3.0


#: Some move the intercept alone (`level`), some the spread of the fitted log-odds as well (`slope`), some `tables`.
PACES = (
    Pace("slope", 1500.0),
    Pace("tables", 1000.0, 2.0),
    Pace("tables", 4000.0, 2.0),
    Pace("tables", 15000.0, 2.0),
)
#: The level moves sooner than shapes do: what is known of it is never older than this, in outcomes.
LEVEL_HALF_LIFE = 3000.0
#: Outcomes after which a follower's old successes count half, and how large a difference of them (in nats) is one.
TRUST_HALF_LIFE = 1000.0
TEMPERATURE = 60.0
#: The intercept moves nearly freely.
_FREE = 0.02
#: Corrections at most, over all columns, and merged bins of one.
_MOST = 150
_GROUPS = 8
#: Room for corrections of new bins.
_ROOM = 40
_BATCH = 250
_STEPS = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Which correction each place of a column has; the first two corrections are the intercept's and the slope's."""

    columns: tuple[int, ...]
    groups: tuple[NDArray[np.intp], ...]
    size: int

    def design(self, places: Sequence[Places], log_odds: Floats) -> Floats:
        """Rows × corrections: 1, the fitted log-odds (without intercept), and 1 where a row is in the merged bin."""
        rows = np.arange(len(log_odds))
        full = np.zeros((len(log_odds), self.size))
        full[:, 0] = 1.0
        full[:, 1] = log_odds
        for column, groups in zip(self.columns, self.groups, strict=True):
            full[rows, groups[places[column]]] = 1.0
        return full

    def tables(self, fitted: Additive, mean: Floats) -> Additive:
        """The fitted model with these corrections."""
        mains = {column: mean[groups] for column, groups in zip(self.columns, self.groups, strict=True)}
        slope = float(mean[1])
        grown = fitted.scaled(1.0 + slope, float(mean[0]) - slope * fitted.intercept)
        return grown.plus(Additive(fitted.bins, 0.0, mains))

    def split(self, column: int, at: int) -> Layout:
        """The layout with one more place, which has a new correction of its own, the last."""
        which = self.columns.index(column)
        groups = np.insert(self.groups[which], at, self.size)
        return Layout(self.columns, (*self.groups[:which], groups, *self.groups[which + 1 :]), self.size + 1)


def layout_of(fitted: Additive, places: Sequence[Places]) -> Layout:
    """Merged bins of the columns whose tables move the most, as many as there is room for."""
    spread = {column: float(table[places[column]].std()) for column, table in fitted.mains.items()}
    columns, groups, size = [], [], 2
    for column in sorted(spread, key=lambda one: (-spread[one], one)):
        merged = _merged(places[column], fitted.bins[column].size, fitted.bins[column].ordered)
        need = int(merged.max()) + 1
        if need < 2 or size + need > _MOST:
            continue
        columns.append(column)
        groups.append(merged + size)
        size += need
    return Layout(tuple(columns), tuple(groups), size)


def _merged(where: Places, size: int, ordered: bool) -> NDArray[np.intp]:
    """For each place its merged bin: ordered ones by count, with what was never seen at either end apart."""
    counts = np.bincount(where, minlength=size)
    if ordered:
        inner = np.zeros(size)
        inner[1:] = np.cumsum(counts[1:]) - counts[1:] / 2
        group = 2 + np.floor(inner / max(counts[1:].sum(), 1) * _GROUPS).clip(0, _GROUPS - 1)
        group[-1], group[1], group[0] = _GROUPS + 2, 1, 0
    else:
        group = np.full(size, _GROUPS + 8)
        often = np.argsort(-counts[1:-1], kind="stable")[: _GROUPS + 6] + 1
        group[often] = np.arange(len(often)) + 1
        group[0] = 0
    return np.asarray(np.unique(group, return_inverse=True)[1], np.intp)


@dataclass(slots=True)
class Follower:
    """What one follower believes of the corrections: a mean and a precision; `trust` is its recent log score.

    `before` is the mean that it had one batch of outcomes earlier: outcomes come late, so that is what callers
    were scored with, and by that it is judged.
    """

    pace: Pace
    mean: Floats
    before: Floats
    precision: Floats
    trust: float = 0.0

    @property
    def free(self) -> slice:
        """The corrections that it may make; the intercept's and the slope's stand first."""
        return slice({"level": 1, "slope": 2, "tables": None}[self.pace.scope])

    def judge(self, design: Floats, base: Floats, labels: Floats) -> None:
        """How well it foretold these outcomes."""
        foretold = sigmoid(base + design @ self.before)
        kept = 0.5 ** (len(labels) / TRUST_HALF_LIFE)
        self.trust = kept * self.trust - float(log_losses(labels, foretold).sum())

    def learn(self, design: Floats, base: Floats, labels: Floats) -> None:
        """One batch: forget a little, then move to where old belief and new outcomes agree best."""
        kept = self.precision * self._kept(len(labels))
        stiff = np.full(len(self.mean), self.pace.stiff)
        stiff[0] = _FREE
        free = self.free
        self.mean = self.mean.copy()
        self.mean[free], seen = _agreed(design[:, free], base, labels, self.mean[free], kept, stiff[free])
        self.precision = kept + seen

    def _kept(self, outcomes: int) -> Floats:
        """What is left of the precision after so many outcomes: the level is forgotten sooner than the shape."""
        half_lives = np.full(len(self.precision), self.pace.half_life)
        half_lives[0] = min(self.pace.half_life, LEVEL_HALF_LIFE)
        left = 0.5 ** (outcomes / (2 * half_lives))
        return np.asarray(np.outer(left, left), np.float64)

    def split(self) -> None:
        """One more correction, of which nothing is believed yet."""
        self.mean, self.before = np.append(self.mean, 0.0), np.append(self.before, 0.0)
        if self.free.stop is None:
            self.precision = np.pad(self.precision, (0, 1))


def _agreed(
    design: Floats, base: Floats, labels: Floats, mean: Floats, precision: Floats, stiff: Floats
) -> tuple[Floats, Floats]:
    """The most likely corrections, and the information in these outcomes; Newton's steps, halved when too long."""

    def cost(at: Floats) -> float:
        odds = base + design @ at
        away = at - mean
        return float(
            np.sum(np.logaddexp(0.0, odds) - labels * odds)
            + 0.5 * away @ precision @ away
            + 0.5 * np.sum(stiff * at**2)
        )

    at, best = mean.copy(), cost(mean)
    for _ in range(_STEPS):
        chance = sigmoid(base + design @ at)
        gradient = design.T @ (chance - labels) + precision @ (at - mean) + stiff * at
        curve = precision + (design * np.maximum(chance * (1 - chance), 1e-3)[:, None]).T @ design
        step = np.linalg.solve(curve + np.diag(stiff), gradient)
        length = 1.0
        while (found := cost(at - length * step)) > best and length > 0.02:
            length /= 2
        if found > best:
            break
        at, gain, best = at - length * step, best - found, found
        if gain < 1e-3:
            break
    chance = sigmoid(base + design @ at)
    return at, np.asarray((design * (chance * (1 - chance))[:, None]).T @ design)


class Updater:
    """Corrects a fitted model by outcomes; `model` is what it has come to."""

    def __init__(self, fitted: Additive, layout: Layout, information: Floats, rows: float) -> None:
        self.fitted, self._layout = fitted, layout
        self._information, self._rows = information, rows
        self.followers = [_new(pace, layout, information, rows) for pace in PACES]
        self.seen = 0

    @classmethod
    def begin(cls, fitted: Additive, places: Sequence[Places]) -> Updater:
        """As it stands after fitting: the corrections are 0, as firmly as the rows that were learnt from say."""
        layout = layout_of(fitted, places)
        odds = fitted.log_odds(places, len(places[0]) if places else 0)
        chosen = np.arange(len(odds))
        if len(odds) > 20_000:
            chosen = np.linspace(0, len(odds) - 1, 20_000).astype(np.intp)
        design = layout.design([one[chosen] for one in places], odds[chosen] - fitted.intercept)
        chance = sigmoid(odds[chosen])
        information = (design * (chance * (1 - chance))[:, None]).T @ design
        return cls(fitted, layout, np.asarray(information), float(len(chosen)))

    def observe(self, frame: Frame, labels: Floats) -> list[tuple[str, int]]:
        """Learn of outcomes, in their order; returns the columns that got a new place, and where."""
        grown = self._grow(frame)
        places = self.fitted.places(frame)
        starts = [one.mean for one in self.followers]
        for start in range(0, len(labels), _BATCH):
            part = slice(start, start + _BATCH)
            self._observe([one[part] for one in places], labels[part])
        for one, mean in zip(self.followers, starts, strict=True):
            one.before = mean
        return grown

    def _grow(self, frame: Frame) -> list[tuple[str, int]]:
        """Places of their own for values beyond all seen, and for levels that are new."""
        grown: list[tuple[str, int]] = []
        for column in self._layout.columns:
            while self._layout.size < _MOST + _ROOM and (found := beyond(self.fitted.bins[column], frame)):
                self.fitted = self.fitted.split(column, found.bins, found.at, found.like)
                self._layout = self._layout.split(column, found.at)
                for one in self.followers:
                    one.split()
                grown.append((found.bins.name, found.at))
        return grown

    def _observe(self, places: Sequence[Places], labels: Floats) -> None:
        base = self.fitted.log_odds(places, len(labels))
        design = self._layout.design(places, base - self.fitted.intercept)
        for one in self.followers:
            one.judge(design, base, labels)
            before = one.mean
            one.learn(design, base, labels)
            one.before = before
        self.seen += len(labels)

    @property
    def shares(self) -> Floats:
        """How much each follower counts."""
        trust = np.asarray([one.trust for one in self.followers])
        weight = np.exp((trust - trust.max()) / TEMPERATURE)
        return np.asarray(weight / weight.sum(), np.float64)

    def model(self) -> Additive:
        """The fitted model with the weighed corrections."""
        if not self.seen:
            return self.fitted
        mean = self.shares @ np.stack([one.mean for one in self.followers])
        return self._layout.tables(self.fitted, np.asarray(mean, np.float64))

    def as_dict(self) -> dict[str, Any]:
        """The state as plain data; the precisions as their lower triangles."""
        plain: dict[str, Any] = {
            "columns": list(self._layout.columns),
            "groups": [one.tolist() for one in self._layout.groups],
            "size": self._layout.size,
            "seen": self.seen,
        }
        if not self.seen:
            plain |= {"information": _triangle(self._information), "rows": self._rows}
        else:
            plain["followers"] = [
                {
                    "mean": _short(one.mean),
                    "before": _short(one.before),
                    "precision": _triangle(one.precision),
                    "trust": round(one.trust, 4),
                }
                for one in self.followers
            ]
        return plain

    @classmethod
    def from_dict(cls, fitted: Additive, plain: Mapping[str, Any]) -> Updater:
        """The state that `as_dict` has written."""
        groups = tuple(np.asarray(one, np.intp) for one in plain["groups"])
        layout = Layout(tuple(int(one) for one in plain["columns"]), groups, int(plain["size"]))
        known = plain.get("information")
        information = _square(known, layout.size) if known else np.zeros((layout.size, layout.size))
        updater = cls(fitted, layout, information, float(plain.get("rows", 0.0)))
        updater.seen = int(plain["seen"])
        for one, state in zip(updater.followers, plain.get("followers", ()), strict=False):
            one.mean = np.asarray(state["mean"], np.float64)
            one.before = np.asarray(state["before"], np.float64)
            one.precision = _square(state["precision"], len(one.precision))
            one.trust = float(state["trust"])
        return updater


def _new(pace: Pace, layout: Layout, information: Floats, rows: float) -> Follower:
    """A follower that remembers as much of the fit's rows as one of its half-life would."""
    one = Follower(pace, np.zeros(layout.size), np.zeros(layout.size), np.zeros((0, 0)))
    remembered = pace.half_life / np.log(2)
    one.precision = information[one.free, one.free] * min(1.0, remembered / max(rows, 1.0))
    return one


def _short(values: Floats) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def _triangle(square: Floats) -> list[float]:
    return _short(square[np.tril_indices(len(square))])


def _square(triangle: Sequence[float], size: int) -> Floats:
    square = np.zeros((size, size))
    square[np.tril_indices(size)] = triangle
    full: Floats = square + np.tril(square, -1).T
    return full
