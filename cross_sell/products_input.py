"""What customers hold and have bought, in any of the shapes people have it, read into cases to learn from.

A case is one moment of one customer: what was held, what was then bought (or was masked), and what could be bought.
Undated holdings make one case a held product: it is taken away, and is to be found from the rest; the cases of a
customer weigh 1 together. Dated purchases make one case a purchase: what was bought, from what was bought before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.dates import day_of, way_of
from cross_sell.errors import FrameError, TargetError
from cross_sell.frame import Frame, codes_of, numbers_of, read_frame
from cross_sell.values import flag, level

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Singles = NDArray[np.float32]

#: Names under which a table may call these columns.
CUSTOMER = ("customer", "customer_id", "user", "user_id", "client", "client_id", "policyholder", "id", "ID")
PRODUCT = ("product", "product_id", "item", "item_id", "product_code")
TIME = ("at", "time", "date", "event_time", "purchased", "purchase_date", "purchased_at", "day", "timestamp")
EVENT = ("event", "event_id", "purchase", "purchase_id", "basket", "order_id")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What one customer bought at one moment: `day` in days (NaN where not known), products by place."""

    customer: str
    day: float
    products: tuple[int, ...]
    key: str = ""


@dataclass(slots=True)
class Cases:
    """Cases to learn from, one a row of every array; `row` is the customer's row of attributes (-1: none)."""

    products: tuple[str, ...]
    held: Singles
    bought: Singles
    allowed: Flags
    customer: Indices
    row: Indices
    dated: bool = False
    day: Floats = field(default_factory=lambda: np.zeros(0))
    gap: Floats = field(default_factory=lambda: np.zeros(0))
    before: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    latest: Flags = field(default_factory=lambda: np.zeros((0, 0), np.bool_))

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, keep: Any) -> Cases:
        """The cases at these places."""
        dated = [self.day[keep], self.gap[keep], self.before[keep], self.latest[keep]] if self.dated else []
        return Cases(
            self.products,
            self.held[keep],
            self.bought[keep],
            self.allowed[keep],
            self.customer[keep],
            self.row[keep],
            self.dated,
            *dated,
        )


@dataclass(frozen=True, slots=True)
class Holdings:
    """Who holds what: `held` customers × products (how many of each), names of customers, products."""

    customers: tuple[str, ...]
    products: tuple[str, ...]
    held: Singles
    attributes: Frame | None = None


def column_called(table: Frame, names: Sequence[str]) -> str | None:
    """The column of the table that goes by one of these names, whatever its case."""
    lower = {name.lower(): name for name in table.columns}
    return next((lower[name.lower()] for name in names if name.lower() in lower), None)


def read_holdings(source: object, products: Iterable[object] | None = None) -> Holdings:
    """Holdings from a wide 0/1 table, a long table (customer, product), a mapping or a list of lists.

    In a wide table without `products`, every column that holds nothing but 0/1 (or yes/no) is a product, and the
    rest are attributes. Raises FrameError or TargetError that say what is wrong.
    """
    asked = None if products is None else tuple(dict.fromkeys(str(one) for one in products))
    listed = _lists(source)
    if listed is not None:
        return _of_lists(*listed, asked)
    table = read_frame(source)
    who, what = column_called(table, CUSTOMER), column_called(table, PRODUCT)
    if who and what and not (asked and all(name in table.columns for name in asked)):
        return _of_long(table, who, what, asked)
    return _of_wide(table, asked)


def _lists(source: object) -> tuple[list[str], list[list[str]]] | None:
    """Customers and what each holds, where the source is a mapping or a list of such lists."""
    if isinstance(source, Mapping) and source and all(_is_list(value) for value in source.values()):
        values = list(source.values())
        if isinstance(values[0], np.ndarray) or (
            len({len(value) for value in values}) == 1 and _columns(source)
        ):
            return None
        return [str(key) for key in source], [_names(value) for value in values]
    if isinstance(source, list | tuple) and source and all(_is_list(value) for value in source):
        return [str(place) for place in range(len(source))], [_names(value) for value in source]
    return None


def _columns(source: Mapping[Any, Any]) -> bool:
    """Whether a mapping of lists is a table by columns: it names customers and products, or holds 0 and 1."""
    names = {str(name).lower() for name in source}
    if names & {name.lower() for name in PRODUCT}:
        return True
    return any(all(flag(one) is not None for one in values) for values in source.values() if len(values))


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset | np.ndarray)


def _names(values: Iterable[object]) -> list[str]:
    listed = values if not isinstance(values, set | frozenset) else sorted(values, key=str)
    return [name for value in listed if (name := level(value)) is not None]


def _of_lists(customers: list[str], lists: list[list[str]], asked: tuple[str, ...] | None) -> Holdings:
    products = asked or tuple(sorted({name for names in lists for name in names}))
    place = {name: index for index, name in enumerate(products)}
    held = np.zeros((len(customers), len(products)), np.float32)
    for row, names in enumerate(lists):
        for name in names:
            if name in place:
                held[row, place[name]] += 1
    return Holdings(tuple(customers), products, held)


def _of_long(table: Frame, who: str, what: str, asked: tuple[str, ...] | None) -> Holdings:
    lists: dict[str, list[str]] = {}
    for customer, product in zip(table.levels(who), table.levels(what), strict=True):
        names = lists.setdefault(customer or "", [])
        if product is not None:
            names.append(product)
    return _of_lists(list(lists), list(lists.values()), asked)


def _of_wide(table: Frame, asked: tuple[str, ...] | None) -> Holdings:
    missing = [name for name in asked or () if name not in table.columns]
    if missing:
        raise FrameError(f"There is no column {missing[0]!r}.", "Name the products as the table does.")
    products = asked or tuple(name for name, column in table.columns.items() if _is_held(column))
    if not products:
        raise FrameError(
            "No column of the table says who holds what.",
            "Give columns of 0 and 1, one a product, or rows of customer and product.",
        )
    held = np.zeros((table.rows, len(products)), np.float32)
    for place, name in enumerate(products):
        held[:, place] = _held(table.columns[name], name)
    rest = table.without(*products)
    who = column_called(rest, CUSTOMER)
    customers = tuple(text or "" for text in table.levels(who)) if who else _numbered(table.rows)
    attributes = rest.without(who) if who else rest
    return Holdings(customers, products, held, attributes if attributes.columns else None)


def _numbered(rows: int) -> tuple[str, ...]:
    return tuple(str(place) for place in range(rows))


def _is_held(column: NDArray[Any]) -> bool:
    distinct, _ = codes_of(column)
    known = [text for text in distinct if text is not None]
    return bool(known) and all(flag(text) is not None for text in known)


def _held(column: NDArray[Any], name: str) -> Floats:
    """How many of the product each row holds; missing is none."""
    numbers = numbers_of(column)
    if np.isfinite(numbers).any():
        return np.maximum(np.nan_to_num(numbers), 0.0)
    distinct, rows = codes_of(column)
    answers = [False if text is None else flag(text) for text in distinct]
    if any(answer is None for answer in answers):
        raise TargetError(f"Column {name!r} is not a yes or no.", "Give 1 where the product is held, else 0.")
    return np.asarray(answers or [False], np.float64)[rows]


def read_purchases(
    source: object, products: Iterable[object] | None = None
) -> tuple[list[Purchase], tuple[str, ...]]:
    """Dated purchases from a long table of customer, product, time and (where there is one) event, in time's order.

    Rows of one event, or of one customer at one time, are one purchase.
    """
    table = read_frame(source)
    who, what, when = (column_called(table, names) for names in (CUSTOMER, PRODUCT, TIME))
    if who is None or what is None or when is None:
        raise FrameError(
            "Dated purchases need a customer, a product and a time in each row.",
            f"Call the columns one of {CUSTOMER[:4]}, {PRODUCT[:4]} and {TIME[:4]}.",
        )
    values, names, customers = table.columns[when].tolist(), table.levels(what), table.levels(who)
    way = way_of(values) or "iso"
    known = {value: day_of(value, way) for value in set(values)}
    asked = tuple(dict.fromkeys(str(one) for one in products)) if products is not None else None
    listed = asked or tuple(sorted({name for name in names if name is not None}))
    place = {name: index for index, name in enumerate(listed)}
    event = column_called(table, EVENT)
    events = table.levels(event) if event else [None] * table.rows
    baskets: dict[tuple[str, str], tuple[float, list[int]]] = {}
    for row, name in enumerate(names):
        if name not in place:
            continue
        day, key = known[values[row]], events[row]
        basket = baskets.setdefault((customers[row] or "", key if key is not None else repr(day)), (day, []))
        basket[1].append(place[name])
    found = [
        Purchase(customer, day, tuple(sorted(set(bought))), key)
        for (customer, key), (day, bought) in baskets.items()
    ]
    return sorted(
        found, key=lambda one: (np.inf if np.isnan(one.day) else one.day, one.customer, one.key)
    ), listed


def undated_cases(holdings: Holdings, rows: Indices) -> Cases:
    """One case for every product that a customer holds: that one masked."""
    who, what = np.nonzero(holdings.held > 0)
    held = (holdings.held[who] > 0).astype(np.float32)
    count = held.sum(axis=1)
    held[np.arange(len(who)), what] = 0
    bought = np.zeros_like(held)
    bought[np.arange(len(who)), what] = 1 / count
    return Cases(holdings.products, held, bought, held == 0, who.astype(np.int64), rows[who])


def dated_cases(
    purchases: Sequence[Purchase],
    products: tuple[str, ...],
    holdings: Holdings | None,
    rows: Mapping[str, int],
) -> Cases:
    """One case for every purchase, from what its customer held and had bought before it."""
    size, width = len(purchases), len(products)
    held, bought = np.zeros((size, width), np.float32), np.zeros((size, width), np.float32)
    latest, gap = np.zeros((size, width), np.bool_), np.full(size, np.nan)
    before, day = np.zeros(size, np.int64), np.asarray([one.day for one in purchases])
    customer, row = np.zeros(size, np.int64), np.full(size, -1, np.int64)
    had = _starting(holdings, products)
    last: dict[str, int] = {}
    order: dict[str, int] = {}
    for place, one in enumerate(purchases):
        customer[place] = order.setdefault(one.customer, len(order))
        row[place] = rows.get(one.customer, -1)
        mine = had.setdefault(one.customer, np.zeros(width, np.float32))
        held[place] = mine
        if (earlier := last.get(one.customer)) is not None:
            latest[place, list(purchases[earlier].products)] = True
            gap[place] = one.day - purchases[earlier].day
            before[place] = before[earlier] + 1
        bought[place, list(one.products)] = 1 / len(one.products)
        mine[list(one.products)] += 1
        last[one.customer] = place
    return Cases(
        products,
        held,
        bought,
        np.ones((size, width), np.bool_),
        customer,
        row,
        True,
        day,
        gap,
        before,
        latest,
    )


def _starting(holdings: Holdings | None, products: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    if holdings is None:
        return {}
    place = [holdings.products.index(name) if name in holdings.products else -1 for name in products]
    padded = np.c_[holdings.held, np.zeros(len(holdings.held), np.float32)]
    return {name: padded[row, place].copy() for row, name in enumerate(holdings.customers)}


def read_eligible(source: object) -> Mapping[str, frozenset[str]]:
    """Products that may be bought, by customer or event, from a mapping or a long table of key and product."""
    lists = isinstance(source, Mapping) and source and all(_is_list(value) for value in source.values())
    if isinstance(source, Mapping) and lists and not _columns(source):
        return {str(level(key)): frozenset(_names(value)) for key, value in source.items()}
    table = read_frame(source)
    key, what = column_called(table, (*EVENT, *CUSTOMER)), column_called(table, PRODUCT)
    if key is None or what is None:
        raise FrameError(
            "What may be bought needs a customer (or event) and a product in each row.",
            "Or give a mapping of customer to products.",
        )
    found: dict[str, set[str]] = {}
    for one, name in zip(table.levels(key), table.levels(what), strict=True):
        if one is not None and name is not None:
            found.setdefault(one, set()).add(name)
    return {one: frozenset(names) for one, names in found.items()}
