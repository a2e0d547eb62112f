"""Customers: contact data and consents. ID numbers go in encrypted and are found by a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.sql import ColumnElement

from policy_db.clock import Clock
from policy_db.errors import BadValueError, NotFoundError
from policy_db.facts import Consent, Customer, NewCustomer
from policy_db.keys import Keys, clean_id
from policy_db.pins import PinHasher
from policy_db.store import AnyRow, Store
from policy_db.tables import ConsentRow, CustomerRow
from policy_db.writes import insert

_COLUMNS = (
    CustomerRow.number,
    CustomerRow.name,
    CustomerRow.sex,
    CustomerRow.born_on,
    CustomerRow.phone,
    CustomerRow.email,
    CustomerRow.address,
    CustomerRow.province,
    CustomerRow.city,
    CustomerRow.postcode,
    CustomerRow.occupation,
    CustomerRow.language,
)


class Customers:
    """Find, add and change customers."""

    def __init__(self, store: Store, keys: Keys, pins: PinHasher, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._pins = pins
        self._clock = clock

    async def find(self, number: str) -> Customer | None:
        """The customer with that customer number."""
        return next(iter(await self._where(CustomerRow.number == number)), None)

    async def names(self, numbers: Collection[str]) -> dict[str, str]:
        """The names of customers by their numbers, for a list of them."""
        if not numbers:
            return {}
        query = select(CustomerRow.number, CustomerRow.name).where(CustomerRow.number.in_(set(numbers)))
        async with self._store.reading() as connection:
            return {row.number: row.name for row in await connection.execute(query)}

    async def find_by_id_number(self, id_number: str) -> tuple[Customer, ...]:
        """The customers registered under that ID number."""
        return await self._where(CustomerRow.id_hash == self._keys.id_hash(id_number))

    async def find_by_phone(self, phone: str) -> tuple[Customer, ...]:
        """The customers who gave that telephone number (E.164); a family may share one."""
        return await self._where(CustomerRow.phone == phone)

    async def add(self, new: NewCustomer) -> Customer:
        """Add a customer under a new number. Raises BadValueError for an impossible ID number or PIN."""
        id_number = clean_id(new.id_number)
        if not 6 <= len(id_number) <= 40:
            raise BadValueError("An ID number has 6 to 40 characters.")
        pin_hash = None if new.pin is None else await self._pins.hash(new.pin)
        number = f"C{secrets.randbelow(10**12):012d}"
        async with self._store.writing() as connection:
            values = {column.key: getattr(new, column.key) for column in _COLUMNS if column.key != "number"}
            await connection.execute(
                insert(self._store, CustomerRow).values(
                    **values,
                    number=number,
                    id_cipher=self._keys.encrypt(id_number, number),
                    id_hash=self._keys.id_hash(id_number),
                    id_tail_hash=self._keys.id_tail_hash(number, id_number),
                    pin_hash=pin_hash,
                    created_at=self._clock(),
                )
            )
        return Customer(number=number, **values)

    async def id_number(self, number: str) -> str:
        """The ID number itself, for a person whose work needs it; record who looked. Raises NotFoundError."""
        query = select(CustomerRow.id_cipher).where(CustomerRow.number == number)
        async with self._store.reading() as connection:
            cipher = (await connection.execute(query)).scalar()
        if cipher is None:
            raise NotFoundError(f"There is no customer {number}.")
        return self._keys.decrypt(cipher, number)

    async def set_pin(self, number: str, pin: str) -> None:
        """Give a customer a new PIN. Raises NotFoundError or BadValueError."""
        pin_hash = await self._pins.hash(pin)
        change = update(CustomerRow).where(CustomerRow.number == number).values(pin_hash=pin_hash)
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError(f"There is no customer {number}.")

    async def consent(self, number: str, purpose: str) -> Consent | None:
        """The customer's latest word on a purpose, None if never asked."""
        query = (
            select(ConsentRow.purpose, ConsentRow.given, ConsentRow.at, ConsentRow.source)
            .join(CustomerRow, CustomerRow.id == ConsentRow.customer_id)
            .where(CustomerRow.number == number, ConsentRow.purpose == purpose)
            .order_by(ConsentRow.at.desc(), ConsentRow.id.desc())
            .limit(1)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Consent(row.purpose, row.given, row.at, row.source)

    async def set_consent(self, number: str, purpose: str, *, given: bool, source: str) -> None:
        """Record a yes or no, with where it came from (`call:ID`, `form:…`). Raises NotFoundError."""
        async with self._store.writing() as connection:
            customer = (
                await connection.execute(select(CustomerRow.id).where(CustomerRow.number == number))
            ).scalar()
            if customer is None:
                raise NotFoundError(f"There is no customer {number}.")
            await connection.execute(
                insert(self._store, ConsentRow).values(
                    customer_id=customer, purpose=purpose, given=given, at=self._clock(), source=source
                )
            )

    async def _where(self, condition: ColumnElement[bool]) -> tuple[Customer, ...]:
        query = select(*_COLUMNS).where(condition).order_by(CustomerRow.id)
        async with self._store.reading() as connection:
            return tuple(_customer(row) for row in await connection.execute(query))


def _customer(row: AnyRow) -> Customer:
    return Customer(**row._mapping)
