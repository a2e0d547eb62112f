"""The next purchase of each customer of a Danish insurer, among what the customer may buy (Bruun, Maistro, Lioma 2022).

Purchases are judged in time's order by models of all that came before: four parts, each a twentieth of the
purchases, up to the last. A hit is a purchase with any of its items among the first three. Where the folder has
`purchase_events_test` the whole first file is learnt from, and that is judged. What may be bought is read from
`filter_train` and `filter_test` (event and item) where they are there; else a customer may buy everything but the
items already bought that customers do not buy again, as told by the purchases learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cross_sell.dates import day_of
from cross_sell.evaluation.data import find, needed, read_table
from cross_sell.evaluation.table import Table, Tell
from cross_sell.evaluation.zimnat import lightgbm_of
from cross_sell.frame import Frame, read_frame
from cross_sell.metrics import Floats
from cross_sell.products import fit_products
from cross_sell.products_input import Cases, Purchase, dated_cases, read_eligible, read_purchases
from cross_sell.products_model import ProductModel
from cross_sell.softmax import chances

COLUMNS = ("HR@1", "HR@3", "HR@3 of known customers", "log loss", "ineligible suggestions")
PARTS, PART = 4, 0.05
_RECENT_DAYS = 90.0
Answers = dict[str, list[tuple[Floats, Cases]]]


def evaluate(folder: str | Path, seed: int = 0, progress: Tell | None = None) -> Table:
    """Hit rates and log loss of the next purchase, by popularity, LightGBM and `fit_products`."""
    tell = progress or (lambda _doing, _share: None)
    table, splits, eligible, note = _read(Path(folder))
    purchases, products = read_purchases(table)
    found: Answers = {}
    for number, (start, end) in enumerate(splits(purchases)):
        tell(f"part {number + 1}", number / PARTS)
        _judge(found, purchases[:start], purchases[start:end], products, eligible, seed)
    rows = [(name, _figures(answers)) for name, answers in found.items()]
    judged = sum(len(cases) for _, cases in next(iter(found.values())))
    return Table(
        "Tryg: the next purchase", COLUMNS, rows, (f"{judged:,} purchases judged; {note} Seed {seed}.",)
    )


def _read(folder: Path) -> tuple[Frame, Any, Mapping[str, frozenset[str]] | None, str]:
    path = needed(folder, "table of purchases", "purchase_events_train.csv*", "*purchase*.csv*")
    table, later = read_table(path), find(folder, "purchase_events_test.csv*")
    filters = [
        read_table(one) for one in (find(folder, f"filter_{part}.csv*") for part in ("train", "test")) if one
    ]
    eligible: dict[str, frozenset[str]] = {}
    for one in filters:
        eligible.update(read_eligible(one))
    what = "what may be bought is given." if eligible else "what may be bought is told by earlier purchases."
    if later is None:
        return (
            table,
            _last_parts,
            eligible or None,
            f"{PARTS} parts, each after all it was learnt from; {what}",
        )
    end = table.rows
    joined = _joined(table, read_table(later))
    first = day_of(min(joined.columns["event_time"][end:].tolist()))
    return (
        joined,
        lambda all_: [(_before(all_, first), len(all_))],
        eligible or None,
        f"those of {later.name}; {what}",
    )


def _joined(first: Frame, second: Frame) -> Frame:
    names = [name for name in first.columns if name in second.columns]
    return read_frame({name: np.r_[first.columns[name], second.columns[name]] for name in names})


def _before(purchases: list[Purchase], day: float) -> int:
    return sum(one.day < day for one in purchases)


def _last_parts(purchases: list[Purchase]) -> list[tuple[int, int]]:
    size = len(purchases)
    cuts = [round(size * (1 - PART * (PARTS - part))) for part in range(PARTS + 1)]
    return list(pairwise(cuts))


def _judge(
    found: Answers,
    before: list[Purchase],
    after: list[Purchase],
    products: tuple[str, ...],
    eligible: Mapping[str, frozenset[str]] | None,
    seed: int,
) -> None:
    """Score one part by models of all before it, and keep what each method said."""
    every = dated_cases([*before, *after], products, None, {})
    seen, unseen = every.take(slice(0, len(before))), every.take(slice(len(before), len(every)))
    model = fit_products(
        events=_table(before, products), products=products, eligible=_of(before, eligible), seed=seed
    )
    unseen.allowed = _allowed(model, after, unseen, eligible)
    known = np.ones_like(unseen.allowed)
    found.setdefault("popularity", []).append((_popular(seen, known, None), unseen))
    found.setdefault("popularity among eligible", []).append((_popular(seen, unseen.allowed, None), unseen))
    recent = _popular(seen, unseen.allowed, _RECENT_DAYS)
    found.setdefault("popularity of 90 days among eligible", []).append((recent, unseen))
    if find_spec("lightgbm") is not None:
        boosted = lightgbm_of(seen, unseen, None, None, seed)
        found.setdefault("LightGBM among eligible", []).append((boosted, unseen))
    candidates = [[products[place] for place in np.flatnonzero(free)] for free in unseen.allowed]
    ours = model.probabilities(_rows(before, after, products), candidates)
    found.setdefault("cross_sell.fit_products", []).append((ours, unseen))


def _table(purchases: list[Purchase], products: tuple[str, ...]) -> dict[str, list[Any]]:
    flat = [(one, products[place]) for one in purchases for place in one.products]
    return {
        "event": [one.key for one, _ in flat],
        "customer": [one.customer for one, _ in flat],
        "product": [name for _, name in flat],
        "at": [one.day for one, _ in flat],
    }


def _of(purchases: list[Purchase], eligible: Mapping[str, frozenset[str]] | None) -> object:
    if eligible is None or not any(one.key in eligible for one in purchases):
        return None
    return {one.key: sorted(eligible[one.key]) for one in purchases if one.key in eligible}


def _allowed(
    model: ProductModel, after: list[Purchase], unseen: Cases, eligible: Mapping[str, frozenset[str]] | None
) -> Any:
    """What may be suggested at each purchase; never told by the purchase itself."""
    if eligible is not None and any(one.key in eligible for one in after):
        named = [eligible.get(one.key, frozenset(model.products)) for one in after]
        return np.asarray([[name in one for name in model.products] for one in named])
    again = np.asarray([name in model.repeatable for name in model.products])
    return (unseen.held == 0) | again


def _rows(
    before: list[Purchase], after: list[Purchase], products: tuple[str, ...]
) -> list[dict[object, object]]:
    """What was known of each customer when a purchase was made: the purchases before it, and the day."""
    history: dict[str, list[tuple[float, list[str]]]] = {}
    rows: list[dict[object, object]] = []
    for place, one in enumerate([*before, *after]):
        if place >= len(before):
            rows.append({"history": list(history.get(one.customer, ())), "at": one.day})
        history.setdefault(one.customer, []).append((one.day, [products[item] for item in one.products]))
    return rows


def _popular(seen: Cases, allowed: Any, days: float | None) -> Floats:
    inside = slice(None) if days is None else seen.day > np.nanmax(seen.day) - days
    share = np.log(seen.bought[inside].sum(axis=0) + 0.5).astype(np.float32)
    return np.asarray(chances(np.broadcast_to(share, allowed.shape), allowed), np.float64)


def _figures(answers: list[tuple[Floats, Cases]]) -> dict[str, float]:
    said = np.concatenate([one for one, _ in answers])
    bought = np.concatenate([cases.bought for _, cases in answers])
    allowed = np.concatenate([cases.allowed for _, cases in answers])
    known = np.concatenate([cases.before for _, cases in answers]) > 0
    order = np.argsort(-said, axis=1, kind="stable")
    hits = np.cumsum(np.take_along_axis(bought > 0, order, 1), axis=1) > 0
    suggested = np.take_along_axis(said, order[:, :3], 1) > 0
    wrong = suggested & ~np.take_along_axis(allowed, order[:, :3], 1)
    loss = -(bought * np.log(np.maximum(said, 1e-3))).sum(axis=1).mean()
    values = (
        hits[:, 0].mean(),
        hits[:, 2].mean(),
        hits[known, 2].mean(),
        loss,
        wrong.sum() / suggested.sum(),
    )
    return {name: float(value) for name, value in zip(COLUMNS, values, strict=True)}
