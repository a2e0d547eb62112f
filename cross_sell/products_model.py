"""A model of many products as it is used: chances of being the next one, with reasons, in look-ups alone.

    scores = model.score(row)                  # ProductScore(product, probability) and .reasons, likeliest first
    scores = model.score(["motor", "home"])    # a customer of whom nothing is known but what is held
    model.recommend(row, 3, candidates=[...])
    model.observe([(row, "life"), ...])        # what was bought since: the level of every product follows
    model.save(path); ProductModel.load(path)

Probabilities are those of each product being the one that is bought next, given that one is: over all that may be
suggested they sum to 1. Nothing in a row is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from cross_sell.errors import ModelError
from cross_sell.model import Reason
from cross_sell.model_file import read_model, write_model
from cross_sell.products_features import Facts, Family, Features, Moment, Reader
from cross_sell.products_state import State, read_state
from cross_sell.schema import Schema
from cross_sell.values import level

FORMAT = "cross-sell-products"
VERSION = 1
Floats = NDArray[np.float64]
#: Tables are kept in hundredths: a file is small, and a saved model is the same to the last digit.
_STEP = 100.0
#: How many outcomes of its own a product's level is worth before it follows new ones.
_STEADY = 20.0
_BARRED = -1e9
_NOTHING = 5e-3


class ProductScore:
    """One product's chance of being the next; reasons are worked out when they are asked for."""

    __slots__ = ("_model", "_state", "probability", "product")

    def __init__(self, product: str, probability: float, model: ProductModel, state: State) -> None:
        self.product = product
        self.probability = probability
        self._model = model
        self._state = state

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What may be told, the strongest first, in English; see `reasons_in`."""
        return self.reasons_in("en")

    def reasons_in(self, language: str) -> tuple[Reason, ...]:
        """The reasons in a language (`zh-CN`, `en`): what each adds to the log-odds against the other products."""
        return self._model.reasons(self._state, self.product, language)

    def __repr__(self) -> str:
        return f"ProductScore({self.product!r}, {self.probability:.4f})"


class ProductModel:
    """Tables of log-odds by product, an intercept for each, and which products may be had twice."""

    def __init__(
        self,
        features: Features,
        tables: Floats,
        intercept: Floats,
        *,
        schema: Schema,
        repeatable: frozenset[str] = frozenset(),
        figures: Mapping[str, Any] | None = None,
        observed: int = 0,
    ) -> None:
        self.features = features
        self.products = features.products
        self.schema = schema
        self.repeatable = repeatable
        self.figures = dict(figures or {})
        self.observed = observed
        self._tables = np.asarray(np.round(tables * _STEP) / _STEP, np.float64)
        self._intercept = np.round(intercept, 5)
        self._places = {name: place for place, name in enumerate(self.products)}
        self._again = np.asarray([name in repeatable for name in self.products], np.bool_)

    def score(self, row_or_owned: object, candidates: Iterable[object] | None = None) -> list[ProductScore]:
        """Every product that may be suggested, the likeliest first; empty where there is none.

        A row is a mapping (or pandas Series) of attributes, with the products held as 0/1 columns of their names
        or as a list under `owned`, and for dated models `history` (a list of (time, product)) and `at`. A list is
        the products held. Products held are left out, unless they may be had twice. `candidates` are the only
        products to suggest; a dated model takes those that are held as well, for whoever names them has checked.
        """
        state = read_state(row_or_owned, self._places)
        named = None if candidates is None else [level(one) or "" for one in candidates]
        chances = self._chances(state, named)
        scores = [
            ProductScore(self.products[place], float(chances[place]), self, state)
            for place in np.flatnonzero(chances > 0).tolist()
        ]
        scores += [ProductScore(name, 0.0, self, state) for name in dict.fromkeys(self._strangers(named))]
        return sorted(scores, key=lambda one: -one.probability)

    def recommend(
        self, customer: object, k: int = 3, candidates: Iterable[object] | None = None
    ) -> list[ProductScore]:
        """The k likeliest products; fewer where fewer may be suggested."""
        return self.score(customer, candidates)[: max(k, 0)]

    def probabilities(
        self, rows: Iterable[object], candidates: Sequence[Iterable[object] | None] | None = None
    ) -> Floats:
        """Chances of many customers: rows × `products`, 0 where a product may not be suggested."""
        listed = list(rows)
        choices: Sequence[Iterable[object] | None] = candidates or [None] * len(listed)
        found = np.zeros((len(listed), len(self.products)))
        for place, (row, names) in enumerate(zip(listed, choices, strict=True)):
            state = read_state(row, self._places)
            found[place] = self._chances(
                state, None if names is None else [level(one) or "" for one in names]
            )
        return found

    def reasons(self, state: State, product: str, language: str = "en") -> tuple[Reason, ...]:
        """What speaks for and against a product beside the others, of what may be told; the strongest first."""
        place = self._places.get(product)
        if place is None:
            return ()
        effects: dict[str, float] = {}
        for line, family, code in self.features.lines(self._facts(state, ())):
            values = self._tables[line]
            effect = float(values[place] - values @ self._share)
            sources = self._sources(family, code)
            if sources is None:
                continue
            for source in sources:
                effects[source] = effects.get(source, 0.0) + effect / len(sources)
        told = [
            Reason(source, round(effect, 4), self._said(source, language))
            for source, effect in effects.items()
            if abs(effect) >= _NOTHING
        ]
        return tuple(sorted(told, key=lambda one: -abs(one.contribution)))

    def observe(self, outcomes: Iterable[tuple[object, object]]) -> Self:
        """Move the products' levels to what was bought since; the tables stay. Returns the model.

        Outcomes are pairs of a row, as it was before, and the product (or products) that was then bought.
        """
        seen, expected = np.zeros(len(self.products)), np.zeros(len(self.products))
        for row, bought in outcomes:
            names = bought if isinstance(bought, list | tuple | set | frozenset) else [bought]
            places = [self._places[name] for one in names if (name := level(one)) in self._places]
            if not places:
                continue
            chances = self._chances(read_state(row, self._places), None)
            if not chances[places].any():
                continue
            seen[places] += 1 / len(places)
            expected += chances
            self.observed += 1
        self._intercept = np.round(self._intercept + np.log((seen + _STEADY) / (expected + _STEADY)), 5)
        return self

    def as_dict(self) -> dict[str, Any]:
        """The model as plain data."""
        features = self.features
        return {
            "format": FORMAT,
            "format_version": VERSION,
            "products": list(self.products),
            "schema": self.schema.as_dict(),
            "figures": self.figures,
            "repeatable": sorted(self.repeatable),
            "observed": self.observed,
            "dated": features.dated,
            "filtered": features.filtered,
            "readers": [reader.as_dict() for reader in features.readers],
            "sets": [list(one) for one in features.sets],
            "families": [
                [one.kind, list(one.parts), one.scale, one.size, list(one.index)] for one in features.families
            ],
            "intercept": self._intercept.tolist(),
            "tables": [_packed(line) for line in (self._tables[1:] * _STEP).round().astype(int).tolist()],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ProductModel:
        """The model that `as_dict` has written; raises ModelError where it is none."""
        if plain.get("format") != FORMAT or plain.get("format_version") != VERSION:
            raise ModelError("This is not a model of products of this version.", "Train it again.")
        try:
            products = tuple(str(name) for name in plain["products"])
            features = _features(plain, products)
            lines = [[0] * len(products)] + [_unpacked(one, len(products)) for one in plain["tables"]]
            tables = np.asarray(lines, np.float64) / _STEP
            if tables.shape != (features.columns, len(products)):
                raise ValueError("the tables do not fit")
            return cls(
                features,
                tables,
                np.asarray(plain["intercept"], np.float64),
                schema=Schema.of(plain["schema"]),
                repeatable=frozenset(plain["repeatable"]),
                figures=plain.get("figures"),
                observed=int(plain.get("observed", 0)),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(f"The model is damaged ({error}).", "Train it again, or roll back.") from error

    def save(self, path: str | Path) -> Path:
        """Write one JSON file, whole or not at all; raises ModelError where it would be larger than 1 MB."""
        return write_model(path, self.as_dict(), remedy="Give fewer columns.")

    @classmethod
    def load(cls, path: str | Path) -> ProductModel:
        """Read a file that `save` has written; raises ModelError where it cannot be read or is none."""
        return cls.from_dict(read_model(path, "a model of products"))

    @cached_property
    def _share(self) -> Floats:
        raised = np.exp(self._intercept - self._intercept.max())
        return np.asarray(raised / raised.sum())

    def _allowed(self, state: State, named: Sequence[str] | None) -> NDArray[np.bool_]:
        free = np.ones(len(self.products), np.bool_)
        if named is not None:
            free[:] = False
            free[[self._places[name] for name in named if name in self._places]] = True
            if self.features.dated:
                return free
        for place in state.held:
            free[place] &= self._again[place]
        return free

    def _facts(self, state: State, barred: tuple[int, ...]) -> Facts:
        moment = Moment(state.gap, state.before, state.latest, barred)
        return self.features.facts(state.held, state.row, moment)

    def _chances(self, state: State, named: Sequence[str] | None) -> Floats:
        allowed = self._allowed(state, named)
        if not allowed.any():
            return np.zeros(len(self.products))
        barred = (
            tuple(np.flatnonzero(~allowed).tolist()) if self.features.filtered and named is not None else ()
        )
        lines = [line for line, _, _ in self.features.lines(self._facts(state, barred))]
        sums = self._intercept + self._tables[lines].sum(axis=0)
        sums = np.where(allowed, sums, _BARRED)
        raised = np.exp(sums - sums.max())
        return np.asarray(raised / raised.sum())

    def _strangers(self, named: Sequence[str] | None) -> list[str]:
        return [name for name in named or () if name and name not in self._places]

    def _sources(self, family: Family, code: int) -> list[str] | None:
        """What a line is about, as names of reasons; None where any of it must not be told."""
        sources = [source for part in _parts(family, code) for source in self._named(*part)]
        return None if not sources or "" in sources else sources

    def _named(self, part: str, code: int) -> list[str]:
        if part in _GROUPS:
            return [f"{part}:{self.products[code]}"]
        if part in _WORDS:
            return [part]
        name = part.rsplit(":", 1)[0]
        column = self.schema.get(name)
        return [name] if column is not None and column.told else [""]

    def _said(self, source: str, language: str) -> str:
        group, _, product = source.partition(":")
        if group in _GROUPS and product:
            named = self.schema[product].said(language) if product in self.schema else product
            return _texts()[group][language if language in _texts()[group] else "en"].format(named)
        if source in _WORDS:
            return _texts()[source][language if language in _texts()[source] else "en"]
        return self.schema[source].said(language)


_GROUPS = frozenset({"held", "held twice", "bought last", "not to be had"})
_WORDS = frozenset({"set held", "products held", "days since", "purchases before"})


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    source = resources.files("cross_sell.data").joinpath("products.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(source)
    return found


def _parts(family: Family, code: int) -> list[tuple[str, int]]:
    """The parts of a code: names of factors and groups, and the place in each."""
    if family.kind in ("one", "each"):
        return [(family.parts[0], code)]
    first, second = divmod(code, family.size)
    if family.kind == "pairs":
        return [(family.parts[0], first), (family.parts[0], second)]
    return [(family.parts[0], first), (family.parts[1], second)]


def _features(plain: Mapping[str, Any], products: tuple[str, ...]) -> Features:
    line, families = 1, []
    for kind, parts, scale, size, codes in plain["families"]:
        index = {int(code): line + place for place, code in enumerate(codes)}
        families.append(Family(str(kind), tuple(parts), float(scale), int(size), index))
        line += len(codes)
    return Features(
        products,
        tuple(Reader.from_dict(one) for one in plain["readers"]),
        {tuple(int(one) for one in held): place + 1 for place, held in enumerate(plain["sets"])},
        tuple(families),
        bool(plain["dated"]),
        bool(plain["filtered"]),
        line,
    )


def _packed(line: list[int]) -> list[int | list[int]]:
    """A line of a table, its runs of zeros written as [how many]."""
    packed: list[int | list[int]] = []
    for zero, run in groupby(line, key=lambda value: value == 0):
        values = list(run)
        packed += [[len(values)]] if zero and len(values) > 2 else values
    return packed


def _unpacked(line: Sequence[int | list[int]], width: int) -> list[int]:
    values: list[int] = []
    for one in line:
        values += [0] * one[0] if isinstance(one, list) else [one]
    if len(values) != width:
        raise ValueError("a line does not fit its products")
    return values
