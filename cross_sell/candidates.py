"""The candidates among which a fit chooses, and the blends of them: all of them additive tables.

`choose` compares them out of fold: every row is scored by models that have not seen it. The choice itself is
judged the same way: for each fold it is made on the others alone, and `Choice.log_odds` are what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cross_sell.bins import Bins, Places
from cross_sell.boosting import Boosting, can_boost, fit_boosting
from cross_sell.logistic import fit_logistic, sigmoid
from cross_sell.metrics import Floats, log_losses, paired_z
from cross_sell.scorecard import fit_scorecard, fit_trend
from cross_sell.tables import Additive

#: With fewer of the rarer outcome than this nothing is learnt but the rate.
FEWEST = 8
#: With fewer than this, only the scorecard that shrinks the most is learnt.
FEW = 40
#: From so many rows on, one comparison on a part of the rows tells as much as five on all.
MANY = 30_000
#: A smaller blend must be better than a larger one by so many standard errors to be preferred.
_CLEARLY = 1.5


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt: the places of every row in these bins, and whether it was a yes (1.0) or no (0.0)."""

    bins: tuple[Bins, ...]
    places: tuple[Places, ...]
    labels: Floats
    directions: tuple[int, ...]
    weights: Floats | None = None

    def part(self, index: NDArray[np.intp]) -> Task:
        """The task on these rows alone."""
        weights = None if self.weights is None else self.weights[index]
        places = tuple(one[index] for one in self.places)
        return Task(self.bins, places, self.labels[index], self.directions, weights)

    def only(self, columns: Sequence[int]) -> Task:
        """The task with these columns alone."""
        return Task(
            tuple(self.bins[one] for one in columns),
            tuple(self.places[one] for one in columns),
            self.labels,
            tuple(self.directions[one] for one in columns),
            self.weights,
        )

    @property
    def rarer(self) -> int:
        """How many rows have the rarer outcome."""
        yes = int(self.labels.sum())
        return min(yes, len(self.labels) - yes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of learning: its name, and what learns a task under a seed on so many processors.

    `trial` is the same with less care, where it is only to be compared.
    """

    name: str
    learn: Callable[[Task, int, int], Additive]
    trial: Callable[[Task, int, int], Additive]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: members, the slope and shift that level their mean, and the honest log-odds of each row.

    `index` are the rows that were scored out of fold (all, or a part of very many).
    """

    members: tuple[str, ...]
    slope: float
    shift: float
    index: NDArray[np.intp]
    log_odds: Floats
    losses: dict[str, float]


def candidates_for(task: Task) -> tuple[Candidate, ...]:
    """What is worth trying on so many rows; none where there are too few to learn from."""
    if task.rarer < FEWEST:
        return ()
    if task.rarer < FEW:
        return (_ridge("scorecard", fit_scorecard, 30.0),)
    steady = (_ridge("scorecard", fit_scorecard, 20.0), _ridge("trend", fit_trend, 200.0))
    if not can_boost():
        return steady
    return (*steady, _boosting("boosting", _boosting_for(len(task.labels), len(task.bins))))


def choose(
    task: Task, candidates: Sequence[Candidate], *, seed: int, jobs: int, tell: Callable[[str], None]
) -> Choice:
    """The blend of candidates with the least log loss out of fold; the largest where that is not clear."""
    index, folds = _folds(task.labels, seed)
    scored = {one.name: np.full(len(index), np.nan) for one in candidates}
    tried = sorted({int(fold) for fold in folds if fold >= 0})
    for number, fold in enumerate(tried):
        tell(f"comparing candidates, {number + 1} of {len(tried)}")
        learning, judged = task.part(index[folds != fold]), task.part(index[folds == fold])
        for one in candidates:
            scored[one.name][folds == fold] = one.trial(learning, seed + fold, jobs).log_odds(judged.places)
    kept = folds >= 0
    rows, inner = index[kept], _refolded(folds[kept], task.labels[index[kept]], seed)
    # Of very many rows a machine learns more than a part of them shows: it is not averaged with simpler ones.
    most = 1 if len(task.labels) > MANY else len(candidates)
    found = {name: odds[kept] for name, odds in scored.items()}
    return _chosen(rows, task.labels[rows], found, inner, most)


def _ridge(name: str, fit: Callable[..., Additive], penalty: float) -> Candidate:
    """A candidate of `fit_scorecard` or `fit_trend`."""

    def learn(task: Task, _seed: int, _jobs: int) -> Additive:
        return fit(
            task.bins,
            task.places,
            task.labels,
            penalty=penalty,
            directions=task.directions,
            weights=task.weights,
        )

    return Candidate(name, learn, learn)


def _boosting(name: str, how: Boosting) -> Candidate:
    def learner(how: Boosting) -> Callable[[Task, int, int], Additive]:
        def learn(task: Task, seed: int, jobs: int) -> Additive:
            return fit_boosting(
                task.bins,
                task.places,
                task.labels,
                how,
                seed=seed,
                directions=task.directions,
                weights=task.weights,
                # Sharing out a few thousand rows costs more than it saves.
                jobs=jobs if len(task.labels) > MANY else 1,
            )

        return learn

    return Candidate(name, learner(how), learner(replace(how, bags=2)))


def _boosting_for(rows: int, columns: int) -> Boosting:
    """Coarse bins and large leaves where rows are few; fine ones, and fewer bags, where they are many."""
    if rows < MANY:
        return Boosting(pairs=8, bags=6, learning_rate=0.04, max_bins=32, least=20, patience=50)
    pairs = min(20, columns * (columns - 1) // 2)
    return Boosting(pairs=pairs, bags=2, learning_rate=0.08, max_bins=256, least=20, patience=40)


def _folds(labels: Floats, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that take part and the fold of each, stratified; of very many, some that are only learnt from (-1)."""
    chance = np.random.default_rng(seed)
    rows = np.arange(len(labels), dtype=np.intp)
    count = 5
    if len(labels) > MANY:
        rows, count = np.sort(chance.permutation(len(labels))[:MANY]).astype(np.intp), 3
    folds = np.empty(len(rows), np.intp)
    for outcome in (0.0, 1.0):
        members = np.flatnonzero(labels[rows] == outcome)
        folds[chance.permutation(members)] = np.arange(len(members)) % count
    if len(labels) > MANY:
        folds[folds > 0] = -1
    return rows, folds


def _refolded(folds: NDArray[np.intp], labels: Floats, seed: int) -> NDArray[np.intp]:
    """Folds by which the choice itself is judged: the same ones, or new ones where there was but one."""
    if len(np.unique(folds)) > 1:
        return folds
    return np.asarray(np.random.default_rng(seed + 1).permutation(len(labels)) % 3, np.intp)


def _chosen(
    rows: NDArray[np.intp], labels: Floats, scored: dict[str, Floats], folds: NDArray[np.intp], most: int
) -> Choice:
    honest = np.empty(len(labels))
    for fold in np.unique(folds):
        others = folds != fold
        seen = {name: odds[others] for name, odds in scored.items()}
        members, slope, shift, _ = _best(labels[others], seen, most)
        honest[~others] = slope * _mean(scored, members)[~others] + shift
    members, slope, shift, losses = _best(labels, scored, most)
    return Choice(members, slope, shift, rows, honest, losses)


def _best(
    labels: Floats, scored: dict[str, Floats], most: int
) -> tuple[tuple[str, ...], float, float, dict[str, float]]:
    """The blend with the least loss, unless a larger one is not clearly worse."""
    found = {members: _levelled(labels, _mean(scored, members)) for members in _blends(tuple(scored), most)}
    losses = {
        members: log_losses(labels, sigmoid(slope * _mean(scored, members) + shift))
        for members, (slope, shift) in found.items()
    }
    best = min(losses, key=lambda members: float(losses[members].mean()))
    for members in sorted(losses, key=lambda members: (-len(members), float(losses[members].mean()))):
        if len(members) > len(best) and paired_z(losses[members], losses[best]).z < _CLEARLY:
            best = members
            break
    told = {"+".join(members): round(float(loss.mean()), 6) for members, loss in losses.items()}
    return best, *found[best], told


def _blends(names: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    for size in range(1, most + 1):
        yield from combinations(names, size)


def _mean(scored: dict[str, Floats], members: Sequence[str]) -> Floats:
    return np.asarray(np.mean([scored[name] for name in members], axis=0), np.float64)


def _levelled(labels: Floats, log_odds: Floats) -> tuple[float, float]:
    """Slope and shift that make these log-odds true on average, the slope held near 1 and above 0."""
    spread = float(log_odds.std())
    if spread < 1e-9:
        share = (float(labels.sum()) + 0.5) / (len(labels) + 1.0)
        return 1.0, float(np.log(share / (1 - share)) - log_odds.mean())
    shift, slopes = fit_logistic(log_odds[:, None], labels, 5.0, centre=np.ones(1))
    if slopes[0] > 0.02:
        return float(slopes[0]), shift
    # What ranks the wrong way round out of fold ranks nothing: all that is left is the rate.
    share = (float(labels.sum()) + 0.5) / (len(labels) + 1.0)
    return 0.0, float(np.log(share / (1 - share)))
