"""What is believed of a product until a model is trained: the catalogue's prior, moved by the answers so far, exactly.

The prior is a Beta of the share of callers who say yes; a caller's points move their odds beside that share. With
answers counted by points, the belief is the posterior
    p(q) ~ Beta(q; accepts × weight, (1 - accepts) × weight) × product of sigmoid(logit q + points) ^ yes × (1 - …) ^ no
of which the mean is the new `accepts`, and the spread tells how many callers it is worth. Without points that is the
Beta of the textbooks; with them it is integrated numerically, far finer than anybody could tell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from cross_sell.limits import Prior
from cross_sell.logistic import sigmoid
from cross_sell.metrics import Floats
from cross_sell.prior import LEAST_WEIGHT, PriorModel
from cross_sell.snapshots import Row

FILE: Final = "beliefs.json"
#: Points of the integral, and how far below its height (in nats) the density is taken to be nothing.
_NODES: Final = 801
_DEEP: Final = 45.0


@dataclass(frozen=True, slots=True)
class Belief:
    """What has come of a prior: `answers` are callers asked and yeses, by their points; `until` is the last known day."""

    given: Prior
    answers: Mapping[float, tuple[int, int]]
    until: datetime

    @property
    def asked(self) -> int:
        """How many callers have answered."""
        return sum(asked for asked, _ in self.answers.values())

    @property
    def said_yes(self) -> int:
        """How many of them said yes."""
        return sum(yes for _, yes in self.answers.values())

    def seen(self, rows: Iterable[Row], until: datetime) -> Belief:
        """With these answers too."""
        answers, model = dict(self.answers), PriorModel(self.given)
        for row in rows:
            points = round(model.points(row.features), 6)
            asked, yes = answers.get(points, (0, 0))
            answers[points] = (asked + 1, yes + row.label)
        return Belief(self.given, answers, until)

    @property
    def prior(self) -> Prior:
        """What is believed now."""
        return believed(self.given, self.answers)


def believed(prior: Prior, answers: Mapping[float, tuple[int, int]]) -> Prior:
    """The prior after these answers: callers asked and yeses, by the log odds that their points come to."""
    asked = sum(one for one, _ in answers.values())
    if not asked:
        return prior
    weight = max(prior.weight, LEAST_WEIGHT)
    if not any(answers):
        yes = sum(one for _, one in answers.values())
        return replace(
            prior, accepts=(prior.accepts * weight + yes) / (weight + asked), weight=weight + asked
        )
    # As much as `weight` callers without points, of whom `accepts` said yes: the Beta, in log odds.
    points = np.asarray([0.0, *answers])
    counted = np.asarray([weight, *(float(one) for one, _ in answers.values())])
    yeses = np.asarray([prior.accepts * weight, *(float(one) for _, one in answers.values())])
    share, density = _posterior(points, counted, yeses)
    mean = float(density @ share)
    spread = float(density @ (share - mean) ** 2)
    return replace(prior, accepts=mean, weight=mean * (1 - mean) / spread - 1)


def _posterior(points: Floats, counted: Floats, yeses: Floats) -> tuple[Floats, Floats]:
    """Shares, and the chance of each: a trapezoid whose steps grow to the sides as the tails do."""

    def height(at: Floats) -> Floats:
        odds = at[:, None] + points
        return np.asarray((yeses * odds - counted * np.logaddexp(0.0, odds)).sum(axis=1))

    middle = _mode(points, counted, yeses)
    chance = sigmoid(middle + points)
    step = 1 / np.sqrt(float((counted * chance * (1 - chance)).sum()))
    top = height(np.asarray([middle]))[0]
    reach = step
    while np.max(height(np.asarray([middle - reach, middle + reach]))) > top - _DEEP:
        reach *= 2
    widths = np.linspace(-np.arcsinh(reach / step), np.arcsinh(reach / step), _NODES)
    at = middle + step * np.sinh(widths)
    density = np.exp(height(at) - top) * np.cosh(widths)
    return sigmoid(at), np.asarray(density / density.sum())


def _mode(points: Floats, counted: Floats, yeses: Floats) -> float:
    """Where the density is highest: its slope only falls, so halving finds it."""
    low, high = -60.0 - float(np.abs(points).max()), 60.0 + float(np.abs(points).max())
    for _ in range(100):
        middle = (low + high) / 2
        if float((yeses - counted * sigmoid(middle + points)).sum()) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


class Beliefs:
    """The beliefs of every product in one file of a folder, replaced whole; read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._mark: tuple[int, int] | None = None
        self._held: dict[str, tuple[Prior, Prior]] = {}

    def prior(self, product: str, given: Prior) -> Prior:
        """What is believed of a product now; `given` itself where nobody answered since it was written so."""
        try:
            status = self._path.stat()
        except OSError:
            return given
        mark = (status.st_mtime_ns, status.st_size)
        if mark != self._mark:
            self._held = {name: (one.given, one.prior) for name, one in self.all().items()}
            self._mark = mark
        known = self._held.get(product)
        return known[1] if known is not None and known[0] == given else given

    def all(self) -> dict[str, Belief]:
        """Every belief by its product; none where the file is missing or damaged: they are counted anew then."""
        try:
            plain = json.loads(self._path.read_text(encoding="utf-8"))
            return {name: _belief(one) for name, one in plain.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def keep(self, product: str, belief: Belief) -> None:
        """Write one."""
        plain = {name: _plain(one) for name, one in (self.all() | {product: belief}).items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f".{FILE}.{os.getpid()}")
        beside.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")
        beside.replace(self._path)


def _plain(belief: Belief) -> dict[str, Any]:
    given = belief.given
    return {
        "accepts": given.accepts,
        "weight": given.weight,
        "points": {name: dict(rows) for name, rows in given.points.items()},
        "answers": [[points, asked, yes] for points, (asked, yes) in sorted(belief.answers.items())],
        "until": belief.until.isoformat(),
    }


def _belief(plain: Mapping[str, Any]) -> Belief:
    given = Prior(float(plain["accepts"]), float(plain["weight"]), plain["points"])
    answers = {float(points): (int(asked), int(yes)) for points, asked, yes in plain["answers"]}
    return Belief(given, answers, datetime.fromisoformat(plain["until"]))
