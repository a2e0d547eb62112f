"""One product of each customer is masked, and is to be found from what the customer holds beside it.

(Zimnat Insurance Recommendation Challenge, Zindi 2020.) A fifth of the customers, by chance, are judged by a model
of the others; where the folder has a second table of the same columns, the first is learnt from and the second is
judged. Every product of a judged customer is masked in turn, and each customer weighs 1: the mean of all the single
masks there could be. The two products that are most of the answers are told apart from the rarer ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cross_sell.evaluation.data import needed, read_table
from cross_sell.evaluation.table import Table, Tell
from cross_sell.frame import Frame
from cross_sell.metrics import Floats
from cross_sell.products import fit_products
from cross_sell.products_input import Cases, Holdings, read_holdings, undated_cases
from cross_sell.softmax import chances

COLUMNS = (
    "recall@1",
    "recall@3",
    "rarer recall@1",
    "rarer recall@3",
    "log loss",
    "calibration error",
)
ATTRIBUTES = (
    "ID", "join_date", "sex", "marital_status", "birth_year", "branch_code", "occupation_code",
    "occupation_category_code",
)  # fmt: skip
_JUDGED = 0.2
_COMMONEST = 2
_BINS = 10


def evaluate(folder: str | Path, seed: int = 0, progress: Tell | None = None) -> Table:
    """Recall, log loss and calibration error of the masked product, by popularity, LightGBM and `fit_products`."""
    tell = progress or (lambda _doing, _share: None)
    learning, judged, products, note = _read(Path(folder), seed)
    seen, unseen = _cases(learning, products), _cases(judged, products)
    common = np.argsort(-seen.bought.sum(axis=0), kind="stable")[:_COMMONEST]
    rows: list[tuple[str, Mapping[str, float]]] = []
    tell("popularity", 0.0)
    rows.append(("popularity", figures(popularity(seen, unseen), unseen, common)))
    if find_spec("lightgbm") is not None:
        tell("LightGBM", 0.05)
        found = lightgbm_of(seen, unseen, learning.without(*products), judged.without(*products), seed)
        rows.append(("LightGBM", figures(found, unseen, common)))
    tell("fitting", 0.3)
    model = fit_products(
        learning, products=products, seed=seed, progress=lambda one: tell(one.doing, 0.3 + 0.6 * one.share)
    )
    tell("scoring", 0.9)
    rows.append(
        ("cross_sell.fit_products", figures(model.probabilities(_rows(judged, unseen)), unseen, common))
    )
    names = ", ".join(products[place] for place in common)
    notes = (note, f"The two commonest answers are {names}; all others are the rarer ones. Seed {seed}.")
    return Table("Zimnat: the masked product", COLUMNS, rows, notes)


def _read(folder: Path, seed: int) -> tuple[Frame, Frame, tuple[str, ...], str]:
    path = needed(folder, "table of customers", "zimnat_dev.csv*", "*.csv*")
    frame = read_table(path)
    products = tuple(name for name in frame.columns if name not in ATTRIBUTES)
    for other in sorted(folder.glob("*.csv*")):
        if other != path and (later := read_table(other)).columns.keys() >= set(products):
            return frame, later, products, f"{later.rows:,} customers of {other.name} judged."
    order = np.random.default_rng(seed).permutation(frame.rows)
    size = round(_JUDGED * frame.rows)
    note = f"{size:,} of {frame.rows:,} customers judged, the others learnt from."
    return frame.take(order[size:]), frame.take(order[:size]), products, note


def _holdings(frame: Frame, products: tuple[str, ...]) -> Holdings:
    return read_holdings(frame, products)


def _cases(frame: Frame, products: tuple[str, ...]) -> Cases:
    cases = undated_cases(_holdings(frame, products), np.arange(frame.rows))
    return cases.take(cases.held.sum(axis=1) > 0)


def _rows(frame: Frame, cases: Cases) -> list[dict[object, object]]:
    """A row of attributes for every case, with the products that are left under `owned`."""
    bare = frame.without(*cases.products)
    return [
        {**bare.row(row), "owned": [cases.products[place] for place in np.flatnonzero(held)]}
        for row, held in zip(cases.row.tolist(), cases.held, strict=True)
    ]


def popularity(seen: Cases, unseen: Cases) -> Floats:
    """Every customer the same: products by their share of answers, without those held."""
    share = np.log(seen.bought.sum(axis=0) + 0.5).astype(np.float32)
    return np.asarray(chances(np.broadcast_to(share, unseen.held.shape), unseen.allowed), np.float64)


def lightgbm_of(
    seen: Cases, unseen: Cases, learning: Frame | None, judged: Frame | None, seed: int
) -> Floats:
    """LightGBM over what is held and the attributes, one class a product; those held are taken out afterwards."""
    import lightgbm

    from cross_sell.products_features import learn_features

    features = learn_features(seen, learning, None, filtered=False)

    def design(cases: Cases, frame: Frame | None) -> Any:
        facts = features.many(cases, frame)
        finest = [reader.names()[-1] for reader in features.readers]
        columns = [facts.factors[name] for name in finest]
        columns += [np.nan_to_num(cases.gap, nan=-1.0), cases.before] if cases.dated else []
        return np.column_stack([cases.held, cases.held.sum(axis=1), *columns])

    who, what = np.nonzero(seen.bought)
    table = lightgbm.Dataset(design(seen, learning)[who], what, weight=seen.bought[who, what])
    settings = {
        "objective": "multiclass", "num_class": len(seen.products), "learning_rate": 0.05, "num_leaves": 15,
        "lambda_l2": 1.0, "feature_fraction": 0.6, "verbosity": -1, "seed": seed, "num_threads": 1, "deterministic": True,
    }  # fmt: skip
    found = np.asarray(lightgbm.train(settings, table, num_boost_round=100).predict(design(unseen, judged)))
    found = np.where(unseen.allowed, np.maximum(found, 1e-9), 0.0)
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float64)


def figures(found: Floats, cases: Cases, common: Any) -> dict[str, float]:
    """The table's figures of chances (cases × products)."""
    answer, weight = cases.bought.argmax(axis=1), cases.bought.max(axis=1).astype(np.float64)
    said = found[np.arange(len(answer)), answer]
    # Products of equal chance share their places.
    tied = (found == said[:, None]).sum(axis=1) - 1
    better = (found > said[:, None]).sum(axis=1) + tied / 2
    rare = ~np.isin(answer, common)
    first = found.argmax(axis=1)

    def within(most: int, where: Any) -> float:
        return float(np.average(better[where] < most, weights=weight[where])) if where.any() else float("nan")

    every = np.ones(len(answer), np.bool_)
    values = (
        within(1, every), within(3, every), within(1, rare), within(3, rare),
        float(np.average(-np.log(np.maximum(said, 1e-9)), weights=weight)),
        weighted_calibration_error(found.max(axis=1), first == answer, weight),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def weighted_calibration_error(said: Floats, true: Any, weight: Floats) -> float:
    """Mean distance of what was said of the first choice and how often it was right, over bins of equal weight."""
    order = np.argsort(said, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    place = np.minimum((share * _BINS - 1e-9).astype(int), _BINS - 1)
    missed = weight[order] * (said[order] - true[order])
    return float(np.abs(np.bincount(place, weights=missed, minlength=_BINS)).sum() / weight.sum())
