"""The products that callers may be offered, and how each is sold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, delete, select, update

from policy_db.clock import Clock
from policy_db.errors import NotFoundError
from policy_db.message_facts import StaleError
from policy_db.selling_facts import OfferedProduct, OnSale
from policy_db.store import AnyRow, Store
from policy_db.tables import OfferedProductRow, ProductRow
from policy_db.writes import insert

_NAMES = tuple(one.name for one in fields(OfferedProduct))
_COLUMNS = tuple(getattr(OfferedProductRow, name) for name in _NAMES)
_PRODUCT = (
    ProductRow.key,
    ProductRow.names,
    ProductRow.product_class,
    ProductRow.least_age,
    ProductRow.most_age,
    ProductRow.least_sum,
    ProductRow.most_sum,
    ProductRow.on_sale_from,
    ProductRow.on_sale_to,
)


class OfferedProducts:
    """What may be offered. `cross_sell.catalogue` knows what makes a good entry, and checks it before it is saved."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def all(self) -> tuple[OnSale, ...]:
        """Every offered product beside the product itself, by code; those that are not active too."""
        return await self._where(_query())

    async def find(self, product: str) -> OnSale | None:
        """The offered product of that code."""
        found = await self._where(_query().where(OfferedProductRow.product == product))
        return found[0] if found else None

    async def save(self, product: OfferedProduct, *, by: str, version: int) -> OfferedProduct:
        """Change it, or add it with `version` 0. Raises NotFoundError without such a product, StaleError."""
        now = self._clock()
        values = values_of(product) | {"changed_at": now, "changed_by": by, "version": version + 1}
        async with self._store.writing(f"offered {product.product}") as connection:
            known = select(ProductRow.id).where(ProductRow.code == product.product)
            if (await connection.execute(known)).first() is None:
                raise NotFoundError(f"There is no product {product.product}.")
            if version == 0:
                statement = insert(self._store, OfferedProductRow).values(values).on_conflict_do_nothing()
                done = (await connection.execute(statement.returning(OfferedProductRow.product))).first()
            else:
                change = update(OfferedProductRow).where(
                    OfferedProductRow.product == product.product, OfferedProductRow.version == version
                )
                done = (
                    await connection.execute(change.values(values).returning(OfferedProductRow.product))
                ).first()
            if done is None:
                await _stale(connection, product.product)
        return OfferedProduct(**values)

    async def remove(self, product: str) -> bool:
        """Offer it no more, and forget how it was sold; whether there was such an entry."""
        statement = delete(OfferedProductRow).where(OfferedProductRow.product == product)
        async with self._store.writing() as connection:
            return bool((await connection.execute(statement)).rowcount)

    async def _where(self, query: Select[Any]) -> tuple[OnSale, ...]:
        async with self._store.reading() as connection:
            return tuple(on_sale(row) for row in await connection.execute(query))


def read_offered(entries: Iterable[Mapping[str, Any]]) -> tuple[OfferedProduct, ...]:
    """Offered products from the entries of a catalogue file; raises KeyError or ValueError for what is none."""
    return tuple(
        OfferedProduct(
            product=str(entry["product"]),
            active=bool(entry.get("active", True)),
            selling=entry["selling"],
            line=entry["line"],
            licence=str(entry["licence"]),
            queue=str(entry["queue"]),
            margin=Decimal(str(entry["margin"])),
            premium=Decimal(str(entry["premium"])),
            limits=entry.get("limits", {}),
            talk=entry.get("talk", {}),
            reasons=entry.get("reasons", {}),
        )
        for entry in entries
    )


def values_of(product: OfferedProduct) -> dict[str, Any]:
    """The columns of an entry."""
    plain = {name: getattr(product, name) for name in _NAMES}
    return plain | {name: dict(plain[name]) for name in ("limits", "talk", "reasons")}


def offered_query(*conditions: Any) -> Select[Any]:
    """The query of offered products with their products, by code, for `on_sale`."""
    return _query().where(*conditions)


def on_sale(row: AnyRow) -> OnSale:
    """An offered product from its row."""
    values = row._mapping
    offered = OfferedProduct(**{name: values[name] for name in _NAMES})
    return OnSale(offered, **{one.key: values[one.key] for one in _PRODUCT})


def _query() -> Select[Any]:
    return (
        select(*_COLUMNS, *_PRODUCT)
        .join(ProductRow, ProductRow.code == OfferedProductRow.product)
        .order_by(OfferedProductRow.product)
    )


async def _stale(connection: Any, product: str) -> None:
    row = (
        await connection.execute(
            select(
                OfferedProductRow.version, OfferedProductRow.changed_by, OfferedProductRow.changed_at
            ).where(OfferedProductRow.product == product)
        )
    ).first()
    if row is None:
        raise NotFoundError(f"The product {product} is not offered.", "Add it with version 0.")
    at: datetime = row.changed_at
    raise StaleError(row.version, row.changed_by, at)
