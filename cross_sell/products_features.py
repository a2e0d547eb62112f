"""What the learner of many products sees of a case: families of features, each a table with a line per product.

A factor has one place a case (a column in coarse or fine bins, how many products are held, which set of products);
a group has several (each product held, bought twice, bought last). Families are factors alone, groups alone, crosses
of two factors, crosses of a group and a factor, and pairs of products held. The same places are found for many
cases at once (to learn) and for one (in a call).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.bins import Bins, learn_bins
from cross_sell.dates import day_of, way_of
from cross_sell.frame import Frame, codes_of
from cross_sell.products_input import Cases
from cross_sell.schema import Column, Kind, Schema
from cross_sell.softmax import Sparse

Indices = NDArray[np.int64]
#: Pieces of a number or a date, from coarse to fine; crosses take the coarsest.
PIECES = (9, 30, 150)
#: Dates are cut at the starts of years, half-years, quarters and months, where these are no more than so many.
MOST_STARTS = 240
#: Days since the last purchase are told apart at these.
GAPS = (1.0, 7.0, 30.0, 90.0, 180.0, 365.0)
_MOST_HELD = 6
_LEAST = 5
#: Of the columns that say most, so many are crossed with one another, with sets held, and with each product held.
_MOST_PAIRED, _MOST_WITH_SETS, _MOST_CROSSED = 4, 3, 7
_MOST_PLACES = 100
#: All tables together hold at most so many numbers, so that a file stays under a megabyte.
MOST_WEIGHTS = 150_000

HELD, TWICE, LATEST, BARRED = "held", "held twice", "bought last", "not to be had"
COUNT, SET, GAP, BEFORE = "products held", "set held", "days since", "purchases before"
_INTERCEPT_SCALE = 3.0


@dataclass(frozen=True, slots=True)
class Reader:
    """How one column of attributes becomes places: by bins of levels, or by edges of numbers or days."""

    column: str
    bins: Bins
    edges: tuple[tuple[float, ...], ...] = ()
    way: str | None = None

    def sizes(self) -> tuple[int, ...]:
        """How many places each of its factors has."""
        return tuple(len(edges) + 2 for edges in self.edges) if self.edges else (self.bins.size,)

    def names(self) -> tuple[str, ...]:
        """The names of its factors, the coarsest first."""
        return tuple(f"{self.column}:{place}" for place in range(len(self.sizes())))

    def places(self, value: object) -> tuple[int, ...]:
        """The places of one value, one a factor; 0 is missing."""
        if not self.edges:
            return (self.bins.place(value),)
        known = day_of(value, self.way) if self.way else self._number(value)
        if known != known:
            return tuple(0 for _ in self.edges)
        return tuple(bisect_right(edges, known) + 1 for edges in self.edges)

    def _number(self, value: object) -> float:
        one = self.bins._ordinal(value) if self.bins.place(value) else float("nan")
        return float(one)

    def as_dict(self) -> dict[str, Any]:
        """The reader as plain data."""
        plain: dict[str, Any] = {"column": self.column, "edges": [list(one) for one in self.edges]}
        return plain | {"way": self.way, "bins": self._bins().as_dict()}

    def _bins(self) -> Bins:
        bare = self.bins
        return (
            Bins(bare.name, bare.key, True, order=bare.order, missing=bare.missing)
            if self.edges
            else self.bins
        )

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Reader:
        """The reader that `as_dict` has written."""
        edges = tuple(tuple(float(edge) for edge in one) for one in plain["edges"])
        return cls(str(plain["column"]), Bins.from_dict(plain["bins"]), edges, plain.get("way"))


def learn_reader(frame: Frame, column: Column) -> Reader | None:
    """How to read a column; None where it says nothing (one value, or all missing)."""
    values = frame.columns[column.name]
    way = way_of(values.tolist()[:20_000]) if values.dtype.kind not in "fiub" else None
    if way is None and not column.ordered:
        bins = learn_bins(frame, column)
        return Reader(column.name, bins) if len(bins.levels) > 1 or _both(frame, column, bins) else None
    bins = Bins(column.name, column.name, True, order=column.levels, missing=column.missing)
    distinct, rows = codes_of(values)
    raw: list[Any] = list(distinct) if way is None else _firsts(values, rows, len(distinct))
    bare = Reader(column.name, bins, ((),), way)
    read = np.asarray([day_of(one, way) if way else bare._number(one) for one in raw] or [np.nan])[rows]
    known = read[np.isfinite(read)]
    pieces = _calendar(known) if way else [_edges(known, most) for most in PIECES]
    edges = tuple(one for one in dict.fromkeys(pieces) if one)
    return Reader(column.name, bins, edges, way) if edges else None


def _both(frame: Frame, column: Column, bins: Bins) -> bool:
    return len(np.unique(bins.places(frame))) > 1


def _firsts(values: NDArray[Any], rows: NDArray[np.intp], size: int) -> list[Any]:
    """One value, as it stands, of each distinct one."""
    first = np.zeros(size, np.int64)
    first[rows[::-1]] = np.arange(len(rows))[::-1]
    return [values[place] for place in first]


def _edges(known: NDArray[np.float64], most: int) -> tuple[float, ...]:
    """Edges between distinct values where these are few, else quantiles."""
    distinct = np.unique(known)
    if len(distinct) < 2:
        return ()
    if len(distinct) <= most:
        return tuple(((distinct[1:] + distinct[:-1]) / 2).tolist())
    cuts = np.quantile(known, np.arange(1, most) / most, method="higher")
    return tuple(one for one in np.unique(cuts).tolist() if one > distinct[0])


def _calendar(days: NDArray[np.float64]) -> list[tuple[float, ...]]:
    """The starts of years, half-years, quarters and months between the first and the last day."""
    if not len(days):
        return []
    first, last = date.fromordinal(max(int(days.min()), 1)), date.fromordinal(int(days.max()))
    starts = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    inside = [start for start in starts if first < start <= last]
    every = [
        tuple(float(one.toordinal()) for one in inside if one.month % step == 1 % step)
        for step in (12, 6, 3, 1)
    ]
    return [edges for edges in every if len(edges) <= MOST_STARTS]


@dataclass(slots=True)
class Facts:
    """One case as the tables see it: places by factor, products by group."""

    factors: dict[str, int] = field(default_factory=dict)
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class ManyFacts:
    """Many cases: places by factor (one array each), products by group (cases × products)."""

    rows: int
    factors: dict[str, Indices] = field(default_factory=dict)
    groups: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of feature: `kind` is one, each, cross, each-cross or pairs; `index` finds a code's line."""

    kind: str
    parts: tuple[str, ...]
    scale: float
    size: int
    index: dict[int, int] = field(default_factory=dict)

    def codes(self, facts: Facts) -> Sequence[int]:
        """The codes of one case."""
        if self.kind == "one":
            return (facts.factors[self.parts[0]],)
        if self.kind == "cross":
            return (facts.factors[self.parts[0]] * self.size + facts.factors[self.parts[1]],)
        group = facts.groups[self.parts[0]]
        if self.kind == "each":
            return group
        if self.kind == "pairs":
            return [first * self.size + second for first, second in combinations(group, 2)]
        place = facts.factors[self.parts[1]]
        return [one * self.size + place for one in group]

    def many(self, facts: ManyFacts) -> tuple[Indices, Indices]:
        """Rows and codes of many cases."""
        if self.kind in ("one", "cross"):
            codes = facts.factors[self.parts[0]]
            if self.kind == "cross":
                codes = codes * self.size + facts.factors[self.parts[1]]
            return np.arange(facts.rows), codes
        group = facts.groups[self.parts[0]]
        if self.kind == "pairs":
            return _pairs(group, self.size)
        rows, which = np.nonzero(group)
        codes = which.astype(np.int64)
        return (
            (rows, codes)
            if self.kind == "each"
            else (rows, codes * self.size + facts.factors[self.parts[1]][rows])
        )


def _pairs(group: NDArray[np.bool_], size: int) -> tuple[Indices, Indices]:
    rows, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    often = np.flatnonzero(group.sum(axis=0) >= _LEAST)
    for first, second in combinations(often.tolist(), 2):
        both = np.flatnonzero(group[:, first] & group[:, second])
        rows.append(both)
        codes.append(np.full(len(both), first * size + second))
    return np.concatenate(rows), np.concatenate(codes)


@dataclass(frozen=True, slots=True)
class Features:
    """Everything that turns a case into lines of the tables."""

    products: tuple[str, ...]
    readers: tuple[Reader, ...]
    sets: dict[tuple[int, ...], int]
    families: tuple[Family, ...]
    dated: bool
    filtered: bool
    columns: int

    def facts(self, held: Mapping[int, float], row: Mapping[object, object], moment: Moment | None) -> Facts:
        """One case: products held by place and how many, attributes, and what is known of purchases."""
        found = Facts()
        for reader in self.readers:
            found.factors.update(zip(reader.names(), reader.places(row.get(reader.column)), strict=True))
        owned = tuple(sorted(place for place, count in held.items() if count > 0))
        found.groups[HELD] = owned
        found.factors[COUNT] = min(len(owned), _MOST_HELD)
        found.factors[SET] = self.sets.get(owned, 0)
        if self.dated:
            told = moment or Moment()
            found.groups[TWICE] = tuple(sorted(place for place, count in held.items() if count > 1))
            found.groups[LATEST] = told.latest
            found.factors[GAP] = gap_place(told.gap)
            found.factors[BEFORE] = min(told.before, 4)
        if self.filtered:
            found.groups[BARRED] = moment.barred if moment else ()
        return found

    def lines(self, facts: Facts) -> Iterator[tuple[int, Family, int]]:
        """The lines of the tables that a case meets: line, family and code."""
        for family in self.families:
            for code in family.codes(facts):
                line = family.index.get(code)
                if line is not None:
                    yield line, family, code

    def many(self, cases: Cases, attributes: Frame | None) -> ManyFacts:
        """Many cases at once."""
        return many_facts(cases, attributes, self.readers, self.sets, filtered=self.filtered)

    def matrix(self, facts: ManyFacts) -> Sparse:
        """The cases as rows of features; column 0 is the intercept."""
        rows, columns = [np.arange(facts.rows)], [np.zeros(facts.rows, np.int64)]
        values = [np.full(facts.rows, _INTERCEPT_SCALE, np.float32)]
        for family in self.families:
            where, codes = family.many(facts)
            lines = _found(family.index, codes)
            inside = lines >= 0
            rows.append(where[inside])
            columns.append(lines[inside])
            values.append(np.full(int(inside.sum()), family.scale, np.float32))
        all_rows = np.concatenate(rows)
        order = np.argsort(all_rows, kind="stable")
        return Sparse(
            all_rows[order],
            np.concatenate(columns)[order],
            np.concatenate(values)[order],
            (facts.rows, self.columns),
        )

    def scales(self) -> NDArray[np.float64]:
        """The value of each column where it is met: weights times this are what a line adds."""
        scales = np.full(self.columns, _INTERCEPT_SCALE)
        for family in self.families:
            scales[list(family.index.values())] = family.scale
        return scales


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of a customer's purchases: days since the last (NaN unknown), how many, what; what is barred."""

    gap: float = float("nan")
    before: int = 0
    latest: tuple[int, ...] = ()
    barred: tuple[int, ...] = ()


def gap_place(gap: float) -> int:
    """The place of a number of days; 0 where it is not known."""
    return 0 if gap != gap else bisect_right(GAPS, gap) + 1


def _found(index: Mapping[int, int], codes: Indices) -> Indices:
    """The lines of codes, -1 where there is none."""
    if not index:
        return np.full(len(codes), -1, np.int64)
    known = np.fromiter(index.keys(), np.int64, len(index))
    lines = np.fromiter(index.values(), np.int64, len(index))
    order = np.argsort(known)
    known, lines = known[order], lines[order]
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.asarray(np.where(known[place] == codes, lines[place], -1), np.int64)


def many_facts(
    cases: Cases,
    attributes: Frame | None,
    readers: Sequence[Reader],
    sets: Mapping[tuple[int, ...], int],
    *,
    filtered: bool,
) -> ManyFacts:
    """The places of many cases."""
    found = ManyFacts(len(cases))
    for reader in readers:
        for name, places in zip(reader.names(), _read_column(reader, attributes), strict=True):
            found.factors[name] = np.where(cases.row >= 0, np.r_[places, 0][cases.row], 0)
    owned = cases.held > 0
    found.groups[HELD] = owned
    found.factors[COUNT] = np.minimum(owned.sum(axis=1), _MOST_HELD)
    found.factors[SET] = _set_places(owned, sets)
    if cases.dated:
        found.groups[TWICE] = cases.held > 1
        found.groups[LATEST] = cases.latest
        gaps = np.searchsorted(GAPS, np.nan_to_num(cases.gap), side="right") + 1
        found.factors[GAP] = np.where(np.isnan(cases.gap), 0, gaps)
        found.factors[BEFORE] = np.minimum(cases.before, 4)
    if filtered:
        found.groups[BARRED] = ~cases.allowed
    return found


def _read_column(reader: Reader, attributes: Frame | None) -> list[Indices]:
    if attributes is None:
        return [np.zeros(0, np.int64) for _ in reader.sizes()]
    column = attributes.columns[reader.column]
    distinct, rows = codes_of(column)
    firsts = _firsts(column, rows, len(distinct))
    places = np.asarray([reader.places(value) for value in firsts], np.int64).reshape(len(firsts), -1)
    return [places[rows, place] for place in range(len(reader.sizes()))]


def _sets(owned: NDArray[np.bool_]) -> tuple[list[tuple[int, ...]], Indices, Indices]:
    packed = np.packbits(owned, axis=1)
    _, first, rows, counts = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    sets = [tuple(np.flatnonzero(owned[place]).tolist()) for place in first]
    return sets, np.asarray(rows, np.int64).ravel(), counts


def _set_places(owned: NDArray[np.bool_], known: Mapping[tuple[int, ...], int]) -> Indices:
    sets, rows, _ = _sets(owned)
    return np.asarray([known.get(one, 0) for one in sets] or [0], np.int64)[rows]


def learn_features(
    cases: Cases, attributes: Frame | None, schema: Schema | None, *, filtered: bool
) -> Features:
    """The families that these cases can fill, codes met fewer than five times left out."""
    readers = _readers(attributes, schema)
    distinct, _, counts = _sets(cases.held > 0)
    often = [
        one for one, count in zip(distinct, counts.tolist(), strict=True) if count >= _LEAST and len(one) > 1
    ]
    sets = {one: place + 1 for place, one in enumerate(often)}
    facts = many_facts(cases, attributes, readers, sets, filtered=filtered)
    counted = [_counted(family, facts) for family in _families(cases, readers, facts, filtered=filtered)]
    families, columns = _within(counted, len(cases.products))
    return Features(cases.products, tuple(readers), sets, families, cases.dated, filtered, columns)


def _readers(attributes: Frame | None, schema: Schema | None) -> list[Reader]:
    if attributes is None:
        return []
    columns = (schema or Schema.infer(attributes)).features()
    found = (learn_reader(attributes, column) for column in columns if column.name in attributes.columns)
    return [reader for reader in found if reader is not None]


def _families(
    cases: Cases, readers: Sequence[Reader], facts: ManyFacts, *, filtered: bool
) -> Iterator[Family]:
    width = len(cases.products)
    yield Family("each", (HELD,), 1.0, width)
    yield Family("one", (COUNT,), 1.0, 1)
    for reader in readers:
        for place, name in enumerate(reader.names()):
            yield Family("one", (name,), 0.7 if place else 1.0, 1)
    if filtered:
        yield Family("each", (BARRED,), 1.0, width)
    if cases.dated:
        yield from (Family("each", (group,), 1.0, width) for group in (TWICE, LATEST))
        yield from (Family("one", (factor,), 1.0, 1) for factor in (GAP, BEFORE))
        yield Family("each-cross", (LATEST, GAP), 0.5, len(GAPS) + 2)
    yield Family("pairs", (HELD,), 0.5, width)
    yield Family("one", (SET,), 0.5, 1)
    told = _most_telling(cases, readers, facts)
    sizes = {
        name: size for reader in readers for name, size in zip(reader.names(), reader.sizes(), strict=True)
    }
    for first, second in combinations(told[:_MOST_PAIRED], 2):
        yield Family("cross", (first, second), 0.6, sizes[second])
    for name in told[:_MOST_WITH_SETS]:
        yield Family("cross", (SET, name), 0.5, sizes[name])
    for name in told[:_MOST_CROSSED]:
        if sizes[name] <= _MOST_PLACES:
            yield Family("each-cross", (HELD, name), 0.5, sizes[name])


def _most_telling(cases: Cases, readers: Sequence[Reader], facts: ManyFacts) -> list[str]:
    """The coarse factors, those first that say most of what is bought: mutual information less what chance gives."""
    names = [reader.names()[0] for reader in readers]
    told = {name: _information(facts.factors[name], cases.bought) for name in names}
    return sorted(names, key=lambda name: -told[name])


def _information(places: Indices, bought: NDArray[np.float32]) -> float:
    table = np.zeros((int(places.max(initial=0)) + 1, bought.shape[1]))
    np.add.at(table, places, bought)
    whole = float(table.sum()) or 1.0
    joint = table / whole
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    inside = joint > 0
    told = float((joint[inside] * np.log(joint[inside] / apart[inside])).sum())
    chance: float = (int(np.count_nonzero(joint.sum(axis=1))) - 1) * (bought.shape[1] - 1) / (2 * whole)
    return told - chance


def _counted(family: Family, facts: ManyFacts) -> tuple[Family, list[tuple[int, int]]]:
    _, codes = family.many(facts)
    met, counts = np.unique(codes, return_counts=True)
    least = 1 if family.kind == "each" else _LEAST
    return family, [
        (code, count) for code, count in zip(met.tolist(), counts.tolist(), strict=True) if count >= least
    ]


def _within(
    counted: Sequence[tuple[Family, list[tuple[int, int]]]], width: int
) -> tuple[tuple[Family, ...], int]:
    """Families with their lines numbered from 1, the rarest codes of crosses left out where there are too many."""
    most = max(MOST_WEIGHTS // max(width, 1), 2 * width + 20)
    everything = sorted((count for _, codes in counted for _, count in codes), reverse=True)
    least = everything[most - 1] if len(everything) > most else 0
    line, families = 1, []
    for family, codes in counted:
        kept = [code for code, count in codes if count >= least or family.kind == "each"]
        families.append(
            Family(
                family.kind,
                family.parts,
                family.scale,
                family.size,
                {code: line + k for k, code in enumerate(kept)},
            )
        )
        line += len(kept)
    return tuple(one for one in families if one.index), line


def silent(column: Column | None) -> bool:
    """Whether a column must not be named in a reason."""
    return column is None or not column.told or column.kind not in set(Kind)
