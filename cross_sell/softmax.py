"""Multinomial logistic regression over few classes and many sparse features, each row with its own choices.

The chance of class k in a row is exp(z_k) over the sum of exp(z) of the classes that the row allows, where z is the
sum of the weights of the row's features. Weights are found by L-BFGS (Nocedal 1980) under an L2 penalty. Sparse
products are scipy's where it is installed, numpy's own otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

_MEMORY = 8
_BLOCK = 400_000
_FORBIDDEN = np.float32(-1e9)
Objective = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of features: entries sorted by row; every row has at least one (the intercept)."""

    rows: Indices
    columns: Indices
    values: Singles
    shape: tuple[int, int]

    def take(self, keep: Flags) -> Sparse:
        """The rows where `keep` is true, numbered anew."""
        place = np.cumsum(keep) - 1
        inside = keep[self.rows]
        rows = place[self.rows[inside]]
        return Sparse(rows, self.columns[inside], self.values[inside], (int(keep.sum()), self.shape[1]))

    def operators(self) -> tuple[Callable[[Singles], Singles], Callable[[Singles], Singles]]:
        """Multiplication by the matrix and by its transpose."""
        try:
            sparse: Any = import_module("scipy.sparse")
        except ImportError:
            return _Summing(self.rows, self.columns, self.values, self.shape[0]), self._transposed()
        matrix = sparse.csr_matrix((self.values, (self.rows, self.columns)), shape=self.shape)
        turned = matrix.T.tocsr()
        return lambda weights: matrix @ weights, lambda gradient: turned @ gradient

    def _transposed(self) -> _Summing:
        order = np.argsort(self.columns, kind="stable")
        return _Summing(self.columns[order], self.rows[order], self.values[order], self.shape[1])


class _Summing:
    """Sums of weighted lines by target, in blocks so that memory stays small; `targets` are sorted."""

    def __init__(self, targets: Indices, sources: Indices, values: Singles, size: int) -> None:
        self._targets, self._sources, self._values, self._size = targets, sources, values[:, None], size

    def __call__(self, lines: Singles) -> Singles:
        total = np.zeros((self._size, lines.shape[1]), np.float32)
        for start in range(0, len(self._targets), _BLOCK):
            part = slice(start, start + _BLOCK)
            targets = self._targets[part]
            starts = np.flatnonzero(np.r_[True, targets[1:] != targets[:-1]])
            gathered = lines[self._sources[part]] * self._values[part]
            total[targets[starts]] += np.add.reduceat(gathered, starts, axis=0)
        return total


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen: `chosen` weights (rows × classes; 0 where not), `allowed` where a class could be."""

    chosen: Singles
    allowed: Flags

    def take(self, keep: Flags) -> Choices:
        """The rows where `keep` is true."""
        return Choices(self.chosen[keep], self.allowed[keep])


def fit_softmax(
    features: Sparse,
    choices: Choices,
    penalty: float,
    start: Floats | None = None,
    *,
    rounds: int = 100,
    told: Callable[[float], None] | None = None,
) -> Floats:
    """Weights (features × classes) that minimise mean loss + penalty / (2 × total weight) × their squares.

    The penalty is that of all rows together, so it means the same whatever their number.
    """
    total = float(choices.chosen.sum()) or 1.0
    classes = choices.chosen.shape[1]
    weights = np.zeros((features.shape[1], classes)) if start is None else start
    steep = _steepness(features, choices, total, penalty / total)
    objective = _objective(features, choices, total, penalty / total, steep)
    found = minimise(objective, (weights * steep).ravel(), rounds=rounds, told=told)
    return np.asarray(found.reshape(weights.shape) / steep, np.float64)


def log_odds(features: Sparse, weights: Floats) -> Singles:
    """The sums of weights of every row."""
    forward, _ = features.operators()
    return forward(weights.astype(np.float32))


def chances(sums: Singles, allowed: Flags, temperature: float = 1.0) -> Singles:
    """Probabilities over the allowed classes of each row; a row that allows none is all zero."""
    scaled = np.where(allowed, sums / np.float32(temperature), _FORBIDDEN)
    scaled -= scaled.max(axis=1, keepdims=True)
    raised = np.exp(scaled) * allowed
    return np.asarray(raised / np.maximum(raised.sum(axis=1, keepdims=True), 1e-30), np.float32)


def loss(sums: Singles, choices: Choices, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of what was chosen, in nats."""
    likely = np.log(np.maximum(chances(sums, choices.allowed, temperature), 1e-9))
    return float(-(choices.chosen * likely).sum() / max(float(choices.chosen.sum()), 1e-30))


def best_temperature(sums: Singles, choices: Choices) -> float:
    """The temperature in 0.7 to 2 of least loss (Guo et al. 2017), by golden section."""
    low, high = 0.7, 2.0
    for _ in range(18):
        left, right = high - 0.618 * (high - low), low + 0.618 * (high - low)
        if loss(sums, choices, left) < loss(sums, choices, right):
            high = right
        else:
            low = left
    return (low + high) / 2


def _steepness(features: Sparse, choices: Choices, total: float, penalty: float) -> Floats:
    """The root of the curvature along each weight: steps are taken in its measure, so that all move alike."""
    share = np.clip(choices.chosen.sum(axis=0) / total, 1e-4, 1.0)
    mass = choices.chosen.sum(axis=1).astype(np.float64)
    reach = np.bincount(
        features.columns, weights=features.values**2 * mass[features.rows], minlength=features.shape[1]
    )
    return np.asarray(np.sqrt(np.outer(reach / total, share * (1 - share) + 1e-3) + penalty + 1e-9))


def _objective(features: Sparse, choices: Choices, total: float, penalty: float, steep: Floats) -> Objective:
    forward, backward = features.operators()
    chosen = choices.chosen / np.float32(total)
    mass = chosen.sum(axis=1, keepdims=True)
    barred = np.where(choices.allowed, np.float32(0), _FORBIDDEN)
    allowed_only = np.where(chosen > 0, np.float32(1), np.float32(0))

    def objective(point: Floats) -> tuple[float, Floats]:
        weights = point.reshape(steep.shape) / steep
        sums = forward(weights.astype(np.float32)) + barred
        sums -= sums.max(axis=1, keepdims=True)
        raised = np.exp(sums)
        whole = raised.sum(axis=1, keepdims=True)
        value = float(np.sum(mass * np.log(whole))) - float(np.sum(chosen * (sums * allowed_only)))
        raised *= mass / whole
        raised -= chosen
        slope = backward(raised).astype(np.float64) + penalty * weights
        return value + 0.5 * penalty * float(np.sum(weights * weights)), (slope / steep).ravel()

    return objective


def minimise(
    objective: Objective,
    start: Floats,
    *,
    rounds: int = 100,
    precision: float = 1e-6,
    told: Callable[[float], None] | None = None,
) -> Floats:
    """The point of least value by L-BFGS with a backtracking search; stops where a round gains next to nothing."""
    point, (value, slope) = start, objective(start)
    steps: list[tuple[Floats, Floats, float]] = []
    for turn in range(rounds):
        direction = -_turned(slope, steps)
        found = _search(objective, point, value, slope, direction)
        if found is None:
            break
        moved, new_value, new_slope = found
        step, change = moved - point, new_slope - slope
        curve = float(step @ change)
        if curve > 1e-12 * float(change @ change):
            steps = [*steps[-(_MEMORY - 1) :], (step, change, curve)]
        gained = value - new_value
        point, value, slope = moved, new_value, new_slope
        if told:
            told((turn + 1) / rounds)
        if gained < precision * max(abs(value), 1e-3):
            break
    return point


def _turned(slope: Floats, steps: list[tuple[Floats, Floats, float]]) -> Floats:
    """The slope times the inverse curvature that the last steps tell of (the two-loop recursion)."""
    turned, along = slope.copy(), []
    for step, change, curve in reversed(steps):
        part = float(step @ turned) / curve
        along.append(part)
        turned -= part * change
    if steps:
        _, change, curve = steps[-1]
        turned *= curve / float(change @ change)
    for (step, change, curve), part in zip(steps, reversed(along), strict=True):
        turned += (part - float(change @ turned) / curve) * step
    return turned


def _search(
    objective: Objective, point: Floats, value: float, slope: Floats, direction: Floats
) -> tuple[Floats, float, Floats] | None:
    """The first step, halved as needed, that goes down enough (Armijo); None where there is none."""
    fall = float(slope @ direction)
    if fall >= 0:
        return None
    size = 1.0
    for _ in range(20):
        moved = point + size * direction
        new_value, new_slope = objective(moved)
        if new_value <= value + 1e-4 * size * fall:
            return moved, new_value, new_slope
        size *= 0.4
    return None
