"""`fit_products`: from who holds what (and who bought what when) to a model of the next product.

    model = cross_sell.fit_products(holdings, customers)          # 0/1 columns, or rows of customer and product
    model = cross_sell.fit_products(None, events=purchases)       # rows of customer, product and time
    model.score(row)                                              # see cross_sell.products_model

The model is additive: an intercept a product, and tables over what is held, how it is held together, every column
of attributes in coarse to fine bins, and crosses of these; L2 keeps what few cases speak for near 0. How much, and
the temperature, are chosen by cases that a first model has not seen: of other customers, or, dated, of later days.
Dated models have two memories: tables learn from years, the products' levels follow the last weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.errors import FrameError
from cross_sell.frame import Frame, read_frame
from cross_sell.learning import Progress
from cross_sell.products_features import Features, ManyFacts, learn_features
from cross_sell.products_input import (
    CUSTOMER,
    Cases,
    Holdings,
    Purchase,
    column_called,
    dated_cases,
    read_eligible,
    read_holdings,
    read_purchases,
    undated_cases,
)
from cross_sell.products_model import ProductModel, ProductScore
from cross_sell.schema import Schema
from cross_sell.softmax import (
    Choices,
    Sparse,
    best_temperature,
    chances,
    fit_softmax,
    log_odds,
    loss,
)
from cross_sell.values import level

__all__ = ["ProductModel", "ProductScore", "fit_products"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Tell = Callable[[Progress], None]
Rule = Callable[[Mapping[object, object]], Iterable[object]]

#: Penalties on squared weights, from one that leaves little but popularity to one that trusts fifty cases.
PENALTIES = (300.0, 60.0, 15.0, 4.0, 2.0, 1.0)
_FIRST = 3
#: Half-lives in days: of what tables learn, and of what the products' levels follow.
SLOW_DAYS = 730.0
FAST_DAYS = (15.0, 30.0, 60.0, 180.0, 1e6)
_SEASON_DAYS = 60.0
#: More cases than this are thinned, the commonest answers first; those kept stand for those left out.
MOST_CASES = 60_000
_SMALL = 4_000
_HELD_OUT = 0.2
_LATEST, _PARTS = 0.12, 4
_SEARCH_ROUNDS, _LAST_ROUNDS = 45, 130
_STEADY = 2.0


def fit_products(
    ownership: object = None,
    customers: object = None,
    schema: object = None,
    *,
    products: Iterable[object] | None = None,
    eligible: object = None,
    events: object = None,
    again: Iterable[object] | None = None,
    seed: int = 0,
    progress: Tell | None = None,
) -> ProductModel:
    """Learn which product a customer buys next; the same input and seed give the same model.

    `ownership`: a 0/1 table (a column a product; other columns are attributes), rows of customer and product, a
    mapping of customer to products, or a list of lists; a table whose rows have a time as well is `events`.
    `customers`: their attributes, in the same order or with a customer column; `schema` as for `fit`.
    `products`: which columns or names are products, in the order of the model (those nobody has are allowed).
    `eligible`: what could be bought: a mapping of customer (or event) to products, a long table of the same, a list
    in the order of customers, or a function of a row of attributes; what is not in it is no alternative.
    `events`: dated purchases; `ownership` is then what was held before them. `again`: products that one customer
    may have twice; without it learnt from dated purchases, and none where nothing is dated.
    Raises FrameError, TargetError and SchemaError for what a person must put right.
    """
    began = monotonic()
    tell = _Teller(progress)
    tell("reading customers", 0.0)
    named = None if products is None else [str(one) for one in products]
    if events is None and (found := _dated(ownership, named)) is not None:
        ownership, events = None, found
    material = _material(ownership, customers, events, named)
    cases = _restricted(material, eligible)
    if not len(cases):
        raise FrameError("Nobody holds anything.", "Give at least one customer with a product.")
    repeatable = _repeatable(cases, again)
    cases.allowed = (cases.allowed & ((cases.held == 0) | repeatable)) | (cases.bought > 0)
    known = _schema(schema, material)
    cases = _thinned(cases, np.random.default_rng(seed))
    filtered = cases.dated and eligible is not None
    features = learn_features(cases, material.attributes, known, filtered=filtered)
    learner = _Learner(features, cases, features.many(cases, material.attributes), seed, tell)
    fitted = learner.fit()
    tables = fitted.weights * features.scales()[:, None]
    intercept = tables[0] + fitted.levels
    tables[0] = 0.0
    figures = fitted.figures | {"cases": len(cases), "seconds": round(monotonic() - began, 2), "seed": seed}
    names = frozenset(name for name, twice in zip(cases.products, repeatable.tolist(), strict=True) if twice)
    tell("done", 1.0)
    return ProductModel(features, tables, intercept, schema=known, repeatable=names, figures=figures)


@dataclass(slots=True)
class _Material:
    """Cases, attributes, and the key under which each case's eligible products may be found."""

    cases: Cases
    attributes: Frame | None
    keys: list[tuple[str, ...]]


class _Teller:
    """Tells how far the work has come."""

    def __init__(self, progress: Tell | None) -> None:
        self._progress = progress

    def __call__(self, doing: str, share: float) -> None:
        if self._progress is not None:
            self._progress(Progress(doing, share))

    def part(self, doing: str, start: float, end: float) -> Callable[[float], None]:
        """A callback for a part of the work."""
        return lambda share: self(doing, start + share * (end - start))


def _dated(ownership: object, named: Sequence[str] | None) -> object | None:
    """The ownership itself where its rows have a time and are purchases."""
    if ownership is None or not (hasattr(ownership, "columns") or isinstance(ownership, list | Mapping)):
        return None
    try:
        read_purchases(ownership, named)
    except FrameError:
        return None
    return ownership


def _material(ownership: object, customers: object, events: object, named: Sequence[str] | None) -> _Material:
    holdings = None if ownership is None else read_holdings(ownership, named)
    if events is None:
        if holdings is None:
            raise FrameError("There is nothing to learn from.", "Give ownership, or dated events.")
        attributes, rows = _attributes(customers, holdings)
        cases = undated_cases(
            holdings, np.asarray([rows.get(one, -1) for one in range(len(holdings.customers))])
        )
        return _Material(cases, attributes, [(holdings.customers[one],) for one in cases.customer.tolist()])
    purchases, listed = read_purchases(events, named)
    attributes, by_name = _named_attributes(customers, holdings)
    cases = dated_cases(purchases, listed, holdings, by_name)
    return _Material(cases, attributes, [_keys(one) for one in purchases])


def _keys(purchase: Purchase) -> tuple[str, ...]:
    return purchase.key, purchase.customer


def _attributes(customers: object, holdings: Holdings) -> tuple[Frame | None, dict[int, int]]:
    """Attributes, and the row of each customer: by a customer column where both have one, else in order."""
    if customers is None:
        return holdings.attributes, {one: one for one in range(len(holdings.customers))}
    table = read_frame(customers)
    who = column_called(table, CUSTOMER)
    names = table.levels(who) if who else []
    place = {name: row for row, name in enumerate(names) if name is not None}
    if who and any(one in place for one in holdings.customers):
        rows = {index: place[one] for index, one in enumerate(holdings.customers) if one in place}
        return table.without(who), rows
    if table.rows != len(holdings.customers):
        raise FrameError(
            f"There are {len(holdings.customers)} holders and {table.rows} rows of customers.",
            "Give them in the same order, or with a customer column in both.",
        )
    return (table.without(who) if who else table), {one: one for one in range(table.rows)}


def _named_attributes(customers: object, holdings: Holdings | None) -> tuple[Frame | None, dict[str, int]]:
    if customers is None:
        if holdings is None or holdings.attributes is None:
            return None, {}
        return holdings.attributes, {name: row for row, name in enumerate(holdings.customers)}
    table = read_frame(customers)
    who = column_called(table, CUSTOMER)
    if who is None:
        raise FrameError(
            "Customers of dated purchases need a customer column.", f"Call it one of {CUSTOMER[:4]}."
        )
    return table.without(who), {name: row for row, name in enumerate(table.levels(who)) if name is not None}


def _restricted(material: _Material, eligible: object) -> Cases:
    """The cases with what was no alternative taken out of `allowed`; what was bought could be bought."""
    cases = material.cases
    if eligible is None:
        return cases
    place = {name: index for index, name in enumerate(cases.products)}
    for row, names in enumerate(_lists_of(eligible, material)):
        if names is not None:
            free = np.zeros(len(place), np.bool_)
            free[[place[name] for name in names if name in place]] = True
            cases.allowed[row] &= free | (cases.bought[row] > 0)
    return cases


def _lists_of(eligible: object, material: _Material) -> Iterable[Iterable[str] | None]:
    """What each case's customer could buy; None where that is not said."""
    cases = material.cases
    if callable(eligible):
        rows = (
            {row: material.attributes.row(row) for row in set(cases.row.tolist()) if row >= 0}
            if (material.attributes is not None)
            else {}
        )
        said = {
            row: frozenset(level(one) or "" for one in eligible(attributes))
            for row, attributes in rows.items()
        }
        return (said.get(row) for row in cases.row.tolist())
    if isinstance(eligible, list | tuple) and eligible and not isinstance(eligible[0], Mapping):
        listed = [frozenset(level(one) or "" for one in names) for names in eligible]
        return (listed[one] if one < len(listed) else None for one in cases.customer.tolist())
    known = read_eligible(eligible)
    return (next((known[key] for key in keys if key in known), None) for keys in material.keys)


def _repeatable(cases: Cases, again: Iterable[object] | None) -> Flags:
    """Products that customers have twice: as said, or those that holders buy again at a tenth of others' rate."""
    if again is not None:
        named = {level(one) for one in again}
        return np.asarray([name in named for name in cases.products])
    if not cases.dated:
        return np.zeros(len(cases.products), np.bool_)
    holds, mass = cases.held > 0, cases.bought.sum(axis=1, keepdims=True)
    share = cases.bought.sum(axis=0) / max(float(mass.sum()), 1e-9)
    bought_again = (cases.bought * holds).sum(axis=0)
    return np.asarray((bought_again >= 1) & (bought_again >= 0.1 * share * (holds * mass).sum(axis=0)))


def _schema(schema: object, material: _Material) -> Schema:
    known = Schema(()) if schema is None else Schema.of(schema)
    return known if material.attributes is None else known.completed(material.attributes, "")


def _thinned(cases: Cases, rng: np.random.Generator) -> Cases:
    """At most so many cases: those of the commonest answers by chance, with the weight of those left out."""
    if len(cases) <= MOST_CASES or cases.dated:
        return cases
    answer = cases.bought.argmax(axis=1)
    counts = np.bincount(answer, minlength=len(cases.products))
    low, high = 0.0, float(counts.max())
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() < MOST_CASES else (low, middle)
    rate = np.minimum(1.0, high / np.maximum(counts, 1))[answer]
    kept = np.flatnonzero(rng.random(len(cases)) < rate)
    thinned = cases.take(kept)
    thinned.bought = (thinned.bought / rate[kept, None]).astype(np.float32)
    return thinned


@dataclass(frozen=True, slots=True)
class _Fitted:
    weights: Floats
    levels: Floats
    figures: dict[str, Any]


class _Learner:
    """Finds penalty, temperature and (dated) memory by unseen cases, then fits all of them."""

    def __init__(self, features: Features, cases: Cases, facts: ManyFacts, seed: int, tell: _Teller) -> None:
        self._cases, self._tell = cases, tell
        self._matrix = features.matrix(facts)
        self._width = features.columns
        self._choices = Choices(cases.bought.copy(), cases.allowed)
        if cases.dated:
            self._matrix = _with_seasons(self._matrix, cases.day)
        self._parts = _parts(cases, seed)

    def fit(self) -> _Fitted:
        """The weights of all cases, tempered, and the levels that follow the latest."""
        penalty, held, figures, start = self._searched()
        weights = self._learnt(None, penalty, start, _LAST_ROUNDS, self._tell.part("learning", 0.65, 0.98))
        levels = np.zeros(weights.shape[1])
        temperature = held.temperature
        if self._cases.dated:
            every = np.ones(len(self._cases), np.bool_)
            sums = self._sums(weights, every) / np.float32(temperature)
            levels = _levels(sums, self._choices, _fading(self._cases.day, held.fast))
        figures |= {"penalty": penalty, "temperature": round(temperature, 4), "level_days": held.fast}
        return _Fitted(weights[: self._width] / temperature, levels, figures)

    def _searched(self) -> tuple[float, _Unseen, dict[str, Any], Floats]:
        """The penalty of least loss: from the middle of the list, on towards wherever the loss falls."""
        tried: dict[int, tuple[_Unseen, Floats]] = {}
        self._try(_FIRST, tried)
        for step in (1, -1):
            place = _FIRST
            while 0 <= place + step < len(PENALTIES):
                self._try(place + step, tried)
                if tried[place + step][0].loss >= tried[place][0].loss:
                    break
                place += step
            if place != _FIRST:
                break
        best = min(tried, key=lambda place: tried[place][0].loss)
        unseen, weights = tried[best]
        figures = {"log_loss": round(unseen.loss, 5), "popularity_log_loss": round(unseen.popularity, 5)}
        return PENALTIES[best], unseen, figures, weights

    def _try(self, place: int, tried: dict[int, tuple[_Unseen, Floats]]) -> None:
        near = min(tried, key=lambda other: abs(other - place)) if tried else None
        start = tried[near][1] if near is not None else None
        done = 0.05 + 0.1 * len(tried)
        found, weights = [], start
        for seen, unseen in self._parts:
            told = self._tell.part("choosing", done, done + 0.1)
            weights = self._learnt(seen, PENALTIES[place], start, _SEARCH_ROUNDS, told)
            found.append(self._judged(weights, seen, unseen))
        assert weights is not None  # noqa: S101 - there is always a part
        tried[place] = (_pooled(found), weights)

    def _learnt(
        self,
        seen: Flags | None,
        penalty: float,
        start: Floats | None,
        rounds: int,
        told: Callable[[float], None],
    ) -> Floats:
        matrix, choices = self._matrix, self._choices
        if self._cases.dated:
            fading = _fading(self._cases.day, SLOW_DAYS, seen)
            choices = replace(choices, chosen=(choices.chosen * fading[:, None]).astype(np.float32))
        if seen is not None:
            matrix, choices = matrix.take(seen), choices.take(seen)
        first = _popular(choices, matrix.shape[1]) if start is None else start
        return fit_softmax(matrix, choices, penalty, first, rounds=rounds, told=told)

    def _sums(self, weights: Floats, keep: Flags) -> NDArray[np.float32]:
        """The sums of weights of cases, without what seasons add."""
        lasting = weights.copy()
        lasting[self._width :] = 0.0
        return log_odds(self._matrix.take(keep), lasting)

    def _judged(self, weights: Floats, seen: Flags, unseen: Flags) -> _Unseen:
        sums, choices = self._sums(weights, unseen), self._choices.take(unseen)
        fast = 0.0
        if self._cases.dated:
            fast, sums = self._followed(weights, unseen)
        flat = np.zeros((int(seen.sum()), sums.shape[1]), np.float32)
        popular = _levels(flat, self._choices.take(seen), np.ones(len(flat))).astype(np.float32)
        temperature = best_temperature(sums, choices)
        return _Unseen(
            loss(sums, choices, temperature),
            temperature,
            fast,
            loss(np.broadcast_to(popular, sums.shape), choices),
        )

    def _followed(self, weights: Floats, unseen: Flags) -> tuple[float, NDArray[np.float32]]:
        """The memory that foretells best, part by part of the later days, and the sums at its levels."""
        days, every = self._cases.day, np.ones(len(self._cases), np.bool_)
        sums = self._sums(weights, every)
        parts = np.array_split(np.flatnonzero(unseen)[np.argsort(days[unseen], kind="stable")], _PARTS)
        told: dict[float, NDArray[np.float32]] = {}
        for half_life in FAST_DAYS:
            told[half_life] = sums.copy()
            for part in (one for one in parts if len(one)):
                earlier = days < days[part[0]]
                if earlier.any():
                    fading = _fading(days[earlier], half_life)
                    told[half_life][part] += _levels(
                        sums[earlier], self._choices.take(earlier), fading
                    ).astype(np.float32)
        later = self._choices.take(unseen)
        best = min(told, key=lambda half_life: loss(told[half_life][unseen], later))
        return best, told[best][unseen]


@dataclass(frozen=True, slots=True)
class _Unseen:
    """What unseen cases say of weights: loss, the temperature and memory of least loss, popularity's loss."""

    loss: float
    temperature: float
    fast: float
    popularity: float


def _pooled(found: Sequence[_Unseen]) -> _Unseen:
    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    return _Unseen(
        mean(one.loss for one in found),
        mean(one.temperature for one in found),
        found[-1].fast,
        mean(one.popularity for one in found),
    )


def _parts(cases: Cases, seed: int) -> list[tuple[Flags, Flags]]:
    """Seen and unseen cases: the latest apart where dated, else customers by chance (in turn where they are few)."""
    if cases.dated:
        later = np.argsort(np.argsort(cases.day, kind="stable")) >= (1 - _LATEST) * len(cases)
        return [(~later, later)] if later.any() and not later.all() else [(~later | later, ~later | later)]
    customers = int(cases.customer.max()) + 1
    folds = 4 if len(cases) < _SMALL else 1
    parts = max(folds, round(1 / _HELD_OUT))
    part = np.random.default_rng(seed).permutation(customers) % parts
    pairs = [(part[cases.customer] != one, part[cases.customer] == one) for one in range(folds)]
    every = np.ones(len(cases), np.bool_)
    return [(seen, unseen) for seen, unseen in pairs if seen.any() and unseen.any()] or [(every, every)]


def _with_seasons(matrix: Sparse, days: Floats) -> Sparse:
    """The matrix with a column for every two months: what moves with time is not to be learnt as what is held."""
    known = np.nan_to_num(days - np.nanmin(days)) if np.isfinite(days).any() else np.zeros(len(days))
    place = (known // _SEASON_DAYS).astype(np.int64)
    rows = np.r_[matrix.rows, np.arange(len(days))]
    columns = np.r_[matrix.columns, matrix.shape[1] + place]
    values = np.r_[matrix.values, np.ones(len(days), np.float32)]
    order = np.argsort(rows, kind="stable")
    shape = (matrix.shape[0], matrix.shape[1] + int(place.max()) + 1)
    return Sparse(rows[order], columns[order], values[order], shape)


def _fading(days: Floats, half_life: float, seen: Flags | None = None) -> Floats:
    """Weights that halve with every half-life before the last day (of those seen)."""
    inside = days if seen is None else days[seen]
    last = np.nanmax(inside) if np.isfinite(inside).any() else 0.0
    age = np.nan_to_num(np.maximum(last - days, 0.0), nan=0.0)
    return np.asarray(0.5 ** (age / half_life), np.float64)


def _popular(choices: Choices, columns: int) -> Floats:
    """Weights that give every product its share, and nothing else: where the search begins."""
    weights = np.zeros((columns, choices.chosen.shape[1]))
    share = choices.chosen.sum(axis=0) / np.maximum(
        (choices.allowed * choices.chosen.sum(axis=1, keepdims=True)).sum(axis=0), 1e-9
    )
    weights[0] = np.log(np.maximum(share, 1e-5)) / 3.0
    return weights


def _levels(sums: NDArray[np.float32], choices: Choices, fading: Floats) -> Floats:
    """What to add to each product so that, among cases weighted by `fading`, as many are expected as were bought."""
    chosen = choices.chosen * fading[:, None].astype(np.float32)
    mass = chosen.sum(axis=1, keepdims=True)
    bought = chosen.sum(axis=0)
    levels = np.zeros(sums.shape[1])
    for _ in range(30):
        expected = (chances(sums + levels.astype(np.float32), choices.allowed) * mass).sum(axis=0)
        step = np.log((bought + _STEADY) / (expected + _STEADY))
        levels += 0.8 * step
        if np.abs(step).max() < 1e-3:
            break
    return levels
