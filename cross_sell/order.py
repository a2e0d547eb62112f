"""Rows that come in order of time: finding out that they do, and which columns tell the period and not the caller.

An interest rate, or a running number, learnt over a year of changing success, stands for the months it was seen in. It
is worth nothing in the next month, and what it stood for must be followed by later outcomes instead.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from cross_sell.candidates import Task
from cross_sell.logistic import sigmoid
from cross_sell.metrics import Floats, log_loss, psi
from cross_sell.scorecard import fit_scorecard

#: Rows are in order where rates of blocks of them differ as chance would not once in so many times.
_BY_CHANCE = 1e-8
#: A number whose early and late rows hardly overlap (PSI above this) is one of the period's. Levels are not: the
#: months and the lists of a campaign come again.
_SHIFTED = 5.0
#: They stay only where the late rows are foretold better with them by this share of the log loss.
_CLEARLY = 1.01
_FEWEST_ROWS = 2000


def in_order(labels: Floats) -> bool:
    """Whether success changes along the rows more than chance allows (chi-square of blocks' rates)."""
    if len(labels) < _FEWEST_ROWS:
        return False
    rate = float(labels.mean())
    if not 0 < rate < 1:
        return False
    blocks = np.array_split(labels, 30)
    square = sum(
        (block.sum() - len(block) * rate) ** 2 / (len(block) * rate * (1 - rate)) for block in blocks
    )
    freedom = len(blocks) - 1
    # Wilson and Hilferty's approximation of the chi-square by the normal.
    spread = 2 / (9 * freedom)
    z = ((square / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread)
    return 0.5 * erfc(z / sqrt(2)) < _BY_CHANCE


def period_columns(task: Task) -> list[int]:
    """Numbers that tell the period and do not help to foretell the last third of the rows from those before it."""
    rows = len(task.labels)
    early, late = np.arange(0, 2 * rows // 3), np.arange(2 * rows // 3, rows)
    shifted = [
        column
        for column, where in enumerate(task.places)
        if task.bins[column].ordered and _shift(where, task.bins[column].size, rows // 3) > _SHIFTED
    ]
    if not shifted or len(shifted) == len(task.bins) or task.part(early).rarer < 20:
        return []
    whole = _foretold(task, early, late)
    without = _foretold(task.only([one for one in range(len(task.bins)) if one not in shifted]), early, late)
    return shifted if without <= whole * _CLEARLY else []


def _shift(where: NDArray[np.intp], size: int, part: int) -> float:
    """PSI of the first and the last part, over about ten merged places."""
    counts = np.bincount(where, minlength=size)
    group = np.floor((np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1) * 10).astype(int)
    first = np.bincount(group[where[:part]], minlength=11)
    last = np.bincount(group[where[-part:]], minlength=11)
    seen = (first + last) > 0
    return psi(first[seen], last[seen])


def _foretold(task: Task, early: NDArray[np.intp], late: NDArray[np.intp]) -> float:
    """Log loss of the late rows by a scorecard of the early ones, levelled on the late ones' own rate."""
    learning, judged = task.part(early), task.part(late)
    odds = fit_scorecard(task.bins, learning.places, learning.labels, penalty=20.0).log_odds(judged.places)
    shift = 0.0
    for _ in range(20):
        chance = sigmoid(odds + shift)
        shift += float((judged.labels - chance).sum() / max(float((chance * (1 - chance)).sum()), 1e-9))
    return log_loss(judged.labels, sigmoid(odds + shift))
