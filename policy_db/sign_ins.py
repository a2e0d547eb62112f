"""Tries to sign in, counted by name, address and altogether, so that guessing is slow and no holder is shut out.

A try is written down as failed before its password is looked at, and forgotten when it was right; so tries made at
once count each. While a name is held up, further tries are refused without being counted: an attacker cannot make the
wait longer by going on. A device from which a user signed in before carries a mark (OWASP, device cookies) and is
counted for itself.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.keys import Keys
from policy_db.passwords import PasswordRules
from policy_db.store import Store
from policy_db.tables import SignInRow
from policy_db.user_facts import plain_name
from policy_db.writes import insert

_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Try:
    """A try under way: whether it may go on, and the row that counts it until it is known to be right."""

    allowed: bool
    row: int | None = None


class SignIns:
    """The book of tries."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    def device_mark(self, name: str) -> str:
        """What a device keeps by which it is known as one that this user signed in from."""
        nonce = secrets.token_hex(8)
        return f"{nonce}.{self._device_seal(name, nonce)}"

    def _device(self, name: str, mark: str) -> str:
        """The device a mark names, empty for a stranger's or a forged one."""
        nonce, _, seal = mark.partition(".")
        known = self._device_seal(name, nonce)
        return nonce if nonce and hmac.compare_digest(seal.encode(), known.encode()) else ""

    def _device_seal(self, name: str, nonce: str) -> str:
        return self._keys.digest("device", f"{plain_name(name)}\x00{nonce}").hex()[:40]

    async def begin(self, rules: PasswordRules, name: str, *, address: str, mark: str) -> Try:
        """Count a try, if the name, the address and the whole are not held up."""
        now, hashed, device = self._clock(), self._hash(name), self._device(name, mark)
        async with self._store.writing("sign-ins") as connection:
            if await self._held_up(connection, rules, hashed, device, address, now):
                return Try(False)
            row = insert(self._store, SignInRow).values(
                at=now, name_hash=hashed, address=address[:64], device=device
            )
            number = (await connection.execute(row.returning(SignInRow.id))).scalar_one()
        return Try(True, number)

    async def passed(self, done: Try, name: str, *, mark: str) -> None:
        """The password was right: forget this try and the failures of this kind of device before it."""
        condition = (SignInRow.name_hash == self._hash(name)) & (SignInRow.device == self._device(name, mark))
        async with self._store.writing() as connection:
            await connection.execute(delete(SignInRow).where(condition | (SignInRow.id == done.row)))
            await connection.execute(delete(SignInRow).where(SignInRow.at < self._clock() - _KEPT))

    async def unlock(self, name: str) -> None:
        """Forget every failure for a name."""
        async with self._store.writing() as connection:
            await connection.execute(delete(SignInRow).where(SignInRow.name_hash == self._hash(name)))

    async def held_until(self, rules: PasswordRules, name: str) -> datetime | None:
        """Until when strangers' tries for the name are refused, None if they are not."""
        now = self._clock()
        async with self._store.reading() as connection:
            until = await self._name_until(connection, rules, self._hash(name), "", now)
        return until if until is not None and until > now else None

    def _hash(self, name: str) -> bytes:
        return self._keys.digest("sign-in", plain_name(name))

    async def _held_up(
        self,
        connection: AsyncConnection,
        rules: PasswordRules,
        hashed: bytes,
        device: str,
        address: str,
        now: datetime,
    ) -> bool:
        until = await self._name_until(connection, rules, hashed, device, now)
        if until is not None and until > now:
            return True
        if device:
            return False
        from_here = await _count(
            connection, SignInRow.address == address[:64], SignInRow.at > now - rules.window
        )
        if from_here >= rules.address_tries:
            return True
        return await _count(connection, SignInRow.at > now - timedelta(minutes=1)) >= rules.all_tries

    async def _name_until(
        self, connection: AsyncConnection, rules: PasswordRules, hashed: bytes, device: str, now: datetime
    ) -> datetime | None:
        query = select(func.count(), func.max(SignInRow.at, type_=SignInRow.at.type)).where(
            SignInRow.name_hash == hashed, SignInRow.device == device, SignInRow.at > now - rules.window
        )
        count, last = (await connection.execute(query)).one()
        if count < rules.tries:
            return None
        doublings = min(count - rules.tries, 10)
        held: datetime = last + min(rules.lock * 2**doublings, rules.longest_lock)
        return held


async def _count(connection: AsyncConnection, *conditions: Any) -> int:
    query = select(func.count()).select_from(SignInRow).where(*conditions)
    return int((await connection.execute(query)).scalar_one())
