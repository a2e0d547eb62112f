"""Products on offer and what they cost, from their rate tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import cast

from sqlalchemy import func, or_, select
from sqlalchemy.sql import ColumnElement

from policy_db.facts import Frequency, Money, NotOffered, Product, ProductClass, Quote, Sex
from policy_db.store import AnyRow, Store
from policy_db.tables import ProductRow, RateRow

_CENT = Decimal("0.01")


class Products:
    """Find products and quote their premium."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, code: str, today: date) -> Product | None:
        """The product with that code, if it is on sale on `today`."""
        return next(iter(await self._where(today, ProductRow.code == code)), None)

    async def all(self, today: date) -> tuple[Product, ...]:
        """Every product on sale on `today`, by code."""
        return await self._where(today)

    async def quote(
        self, code: str, today: date, *, age: int, sum_insured: Decimal, term: int, sex: Sex | None = None
    ) -> Quote | NotOffered | None:
        """The premium for these choices, why there is none, or None for an unknown product.

        `age` in full years, `term` in years. Where the rate depends on a sex that is not given, the higher
        holds.
        """
        product = await self.find(code, today)
        if product is None:
            return None
        refused = _refusal(product, age, sum_insured, term)
        if refused is not None:
            return refused
        rate = await self._rate(code, age, term, sex)
        if rate is None:
            return NotOffered("age")
        premium = (sum_insured * rate / 1000).quantize(_CENT, ROUND_HALF_UP)
        currency = product.least_sum.currency
        return Quote(Money(premium, currency), product.frequency, Money(sum_insured, currency), term)

    async def _rate(self, code: str, age: int, term: int, sex: Sex | None) -> Decimal | None:
        query = (
            select(func.max(RateRow.rate))
            .join(ProductRow, ProductRow.id == RateRow.product_id)
            .where(
                ProductRow.code == code,
                RateRow.term == term,
                RateRow.age_from <= age,
                RateRow.age_to >= age,
            )
        )
        if sex is not None:
            query = query.where(RateRow.sex.in_((sex, "any")))
        async with self._store.reading() as connection:
            return (await connection.execute(query)).scalar()

    async def _where(self, today: date, *conditions: ColumnElement[bool]) -> tuple[Product, ...]:
        sexed = (
            select(RateRow.id)
            .where(RateRow.product_id == ProductRow.id, RateRow.sex != "any")
            .correlate(ProductRow)
            .exists()
        )
        query = (
            select(*ProductRow.__table__.columns, sexed.label("asks_sex"))
            .where(
                ProductRow.on_sale_from <= today,
                or_(ProductRow.on_sale_to.is_(None), ProductRow.on_sale_to >= today),
                *conditions,
            )
            .order_by(ProductRow.code)
        )
        async with self._store.reading() as connection:
            return tuple(_product(row) for row in await connection.execute(query))


def _refusal(product: Product, age: int, sum_insured: Decimal, term: int) -> NotOffered | None:
    if not product.least_age <= age <= product.most_age:
        return NotOffered("age")
    if not product.least_sum.amount <= sum_insured <= product.most_sum.amount:
        return NotOffered("sum")
    return None if term in product.terms else NotOffered("term")


def _product(row: AnyRow) -> Product:
    terms: Sequence[int] = row.terms
    return Product(
        code=row.code,
        key=row.key,
        names=row.names,
        product_class=cast("ProductClass", row.product_class),
        least_age=row.least_age,
        most_age=row.most_age,
        least_sum=Money(row.least_sum, row.currency),
        most_sum=Money(row.most_sum, row.currency),
        terms=tuple(terms),
        frequency=cast("Frequency", row.frequency),
        grace_days=row.grace_days,
        lapses=row.lapses,
        asks_sex=bool(row.asks_sex),
        summary=row.summary,
    )
