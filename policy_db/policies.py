"""Policies with what they cover, for whom, and how their premium stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from policy_db.errors import BadValueError, NotFoundError
from policy_db.facts import (
    Beneficiary,
    Coverage,
    Frequency,
    InstalmentFact,
    Money,
    PaymentFact,
    Policy,
    PremiumPosition,
    ProductClass,
)
from policy_db.standing import PolicyTerms, premium_position, status_on
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    BeneficiaryRow,
    CoverageRow,
    CustomerRow,
    InstalmentRow,
    PaymentRow,
    PolicyRow,
    ProductRow,
    SalespersonRow,
)
from policy_db.writes import insert

_FIRST_UNPAID = (
    select(func.min(InstalmentRow.due_on))
    .where(InstalmentRow.policy_id == PolicyRow.id, InstalmentRow.paid < InstalmentRow.amount)
    .correlate(PolicyRow)
    .scalar_subquery()
    .label("first_unpaid")
)
_TERMS = (
    PolicyRow.started_on,
    PolicyRow.ends_on,
    PolicyRow.surrendered_on,
    PolicyRow.currency,
    ProductRow.grace_days,
    ProductRow.lapses,
)
_POLICY = (
    select(
        *_TERMS,
        PolicyRow.id,
        PolicyRow.number,
        PolicyRow.insured,
        PolicyRow.sum_insured,
        PolicyRow.premium,
        PolicyRow.frequency,
        CustomerRow.number.label("customer"),
        CustomerRow.name.label("holder"),
        ProductRow.code.label("product_code"),
        ProductRow.key.label("product_key"),
        ProductRow.names.label("product_names"),
        ProductRow.product_class,
        SalespersonRow.number.label("salesperson"),
        _FIRST_UNPAID,
    )
    .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
    .join(ProductRow, ProductRow.id == PolicyRow.product_id)
    .outerjoin(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id)
)


class Policies:
    """Find policies, and see and book what is paid for them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, number: str, today: date) -> Policy | None:
        """The policy with that number, its status as of `today`."""
        found = await self._where(PolicyRow.number, number, today)
        return found[0] if found else None

    async def of_customer(self, customer: str, today: date) -> tuple[Policy, ...]:
        """All policies held by a customer (by customer number), the oldest first."""
        return await self._where(CustomerRow.number, customer, today)

    async def numbers_of_phone(self, phones: Sequence[str], limit: int = 8) -> tuple[str, ...]:
        """The numbers of the policies whose holder gave one of these telephone numbers, oldest first."""
        query = (
            select(PolicyRow.number)
            .join(CustomerRow, PolicyRow.customer_id == CustomerRow.id)
            .where(CustomerRow.phone.in_(phones))
            .order_by(PolicyRow.id)
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple((await connection.execute(query)).scalars())

    async def premium_position(self, number: str, today: date) -> PremiumPosition | None:
        """Where the policy stands with its premium on `today`; None if there is no such policy."""
        query = select(PolicyRow.id, *_TERMS).join(ProductRow).where(PolicyRow.number == number)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            instalments = await _instalments(connection, row.id, row.currency)
        return premium_position(_terms(row), instalments, today)

    async def standings(self, customer: str, today: date) -> tuple[tuple[Policy, PremiumPosition], ...]:
        """All policies held by a customer and where each stands with its premium, the oldest first."""
        policies = await self.of_customer(customer, today)
        query = (
            select(PolicyRow.id, PolicyRow.number, *_TERMS)
            .join(ProductRow, ProductRow.id == PolicyRow.product_id)
            .where(PolicyRow.number.in_([one.number for one in policies]))
        )
        async with self._store.reading() as connection:
            rows = {row.number: row for row in await connection.execute(query)}
            ids = [row.id for row in rows.values()]
            instalments = await _by_policy(connection, InstalmentRow, InstalmentRow.due_on, ids)

        def position(number: str) -> PremiumPosition:
            row = rows[number]
            facts = [_instalment(one, row.currency) for one in instalments[row.id]]
            return premium_position(_terms(row), facts, today)

        return tuple((one, position(one.number)) for one in policies if one.number in rows)

    async def instalments(self, number: str) -> tuple[InstalmentFact, ...]:
        """Every instalment of a policy in the order of its due day; none for an unknown policy."""
        query = select(PolicyRow.id, PolicyRow.currency).where(PolicyRow.number == number)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
            return () if row is None else tuple(await _instalments(connection, row.id, row.currency))

    async def payments(self, number: str, limit: int = 500) -> tuple[PaymentFact, ...]:
        """The payments booked for a policy, the latest first."""
        query = (
            select(
                PaymentRow.paid_on,
                PaymentRow.amount,
                PolicyRow.currency,
                PaymentRow.method,
                PaymentRow.reference,
                InstalmentRow.due_on,
            )
            .join(InstalmentRow, InstalmentRow.id == PaymentRow.instalment_id)
            .join(PolicyRow, PolicyRow.id == InstalmentRow.policy_id)
            .where(PolicyRow.number == number)
            .order_by(PaymentRow.paid_on.desc(), PaymentRow.id.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(
                PaymentFact(
                    row.paid_on, Money(row.amount, row.currency), row.method, row.reference, row.due_on
                )
                for row in await connection.execute(query)
            )

    async def record_payment(
        self, number: str, amount: Decimal, paid_on: date, *, reference: str, method: str = "transfer"
    ) -> bool:
        """Book money to the earliest unpaid instalments; False if `reference` is booked already.

        Raises NotFoundError for an unknown policy, BadValueError if the amount is not positive or exceeds
        all that is open.
        """
        async with self._store.writing(f"policy:{number}") as connection:
            policy = (
                await connection.execute(select(PolicyRow.id).where(PolicyRow.number == number))
            ).scalar()
            if policy is None:
                raise NotFoundError(f"There is no policy {number}.")
            booked = select(func.count()).select_from(PaymentRow).where(PaymentRow.reference == reference)
            if (await connection.execute(booked)).scalar_one():
                return False
            shares = await _split(connection, policy, amount)
            for instalment, share in shares:
                await connection.execute(
                    insert(self._store, PaymentRow).values(
                        instalment_id=instalment,
                        amount=share,
                        paid_on=paid_on,
                        method=method,
                        reference=reference,
                    )
                )
                await connection.execute(
                    update(InstalmentRow)
                    .where(InstalmentRow.id == instalment)
                    .values(paid=InstalmentRow.paid + share, paid_on=paid_on)
                )
        return True

    async def _where(self, column: InstrumentedAttribute[str], value: str, today: date) -> tuple[Policy, ...]:
        query = _POLICY.where(column == value).order_by(PolicyRow.started_on, PolicyRow.id)
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
            ids = [row.id for row in rows]
            coverages = await _by_policy(connection, CoverageRow, CoverageRow.position, ids)
            beneficiaries = await _by_policy(connection, BeneficiaryRow, BeneficiaryRow.rank, ids)
        return tuple(_policy(row, coverages[row.id], beneficiaries[row.id], today) for row in rows)


async def _split(connection: AsyncConnection, policy: int, amount: Decimal) -> list[tuple[int, Decimal]]:
    """The amount over the earliest unpaid instalments, as (instalment, share)."""
    query = (
        select(InstalmentRow.id, InstalmentRow.amount, InstalmentRow.paid)
        .where(InstalmentRow.policy_id == policy, InstalmentRow.paid < InstalmentRow.amount)
        .order_by(InstalmentRow.due_on)
    )
    left, shares = amount, []
    for row in await connection.execute(query):
        share = min(left, row.amount - row.paid)
        if share > 0:
            shares.append((row.id, share))
            left -= share
    if left or not shares:
        raise BadValueError(f"{amount} cannot be booked.", "Book a positive amount, no more than is open.")
    return shares


async def _by_policy(
    connection: AsyncConnection, table: Any, order: InstrumentedAttribute[Any], ids: Sequence[int]
) -> dict[int, list[AnyRow]]:
    grouped: dict[int, list[AnyRow]] = {one: [] for one in ids}
    if ids:
        query = select(*table.__table__.columns).where(table.policy_id.in_(ids)).order_by(order, table.id)
        for row in await connection.execute(query):
            grouped[row.policy_id].append(row)
    return grouped


async def _instalments(connection: AsyncConnection, policy: int, currency: str) -> list[InstalmentFact]:
    query = (
        select(InstalmentRow.due_on, InstalmentRow.amount, InstalmentRow.paid, InstalmentRow.paid_on)
        .where(InstalmentRow.policy_id == policy)
        .order_by(InstalmentRow.due_on)
    )
    return [_instalment(row, currency) for row in await connection.execute(query)]


def _instalment(row: AnyRow, currency: str) -> InstalmentFact:
    return InstalmentFact(row.due_on, Money(row.amount, currency), Money(row.paid, currency), row.paid_on)


def _terms(row: AnyRow) -> PolicyTerms:
    return PolicyTerms(
        started_on=row.started_on,
        ends_on=row.ends_on,
        surrendered_on=row.surrendered_on,
        grace_days=row.grace_days,
        lapses=row.lapses,
        currency=row.currency,
    )


def _policy(row: AnyRow, coverages: Sequence[AnyRow], beneficiaries: Sequence[AnyRow], today: date) -> Policy:
    def money(amount: Decimal) -> Money:
        return Money(amount, row.currency)

    return Policy(
        number=row.number,
        customer=row.customer,
        holder=row.holder,
        insured=row.insured,
        product_code=row.product_code,
        product_key=row.product_key,
        product_names=row.product_names,
        product_class=cast("ProductClass", row.product_class),
        status=status_on(_terms(row), row.first_unpaid, today),
        sum_insured=money(row.sum_insured),
        premium=money(row.premium),
        frequency=cast("Frequency", row.frequency),
        started_on=row.started_on,
        ends_on=row.ends_on,
        salesperson=row.salesperson,
        coverages=tuple(
            Coverage(one.key, one.name, money(one.sum_insured), money(one.deductible)) for one in coverages
        ),
        beneficiaries=tuple(
            Beneficiary(one.name, one.relation, one.share, one.rank) for one in beneficiaries
        ),
    )
