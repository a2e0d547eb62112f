"""Who may record prompts by telephone: a number and a PIN of a user, given out for some hours."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from policy_db.clock import Clock
from policy_db.errors import NotFoundError
from policy_db.pins import PinHasher
from policy_db.store import Store
from policy_db.tables import PromptPinRow, UserRow
from policy_db.user_facts import plain_name
from policy_db.writes import insert

#: How long a number and its PIN are good.
GOOD_FOR: Final = timedelta(hours=12)
#: Roles that may change what callers hear.
MAY_RECORD: Final = frozenset({"administrator"})
_NUMBERS: Final = range(1000, 10_000)


@dataclass(frozen=True, slots=True)
class PromptPin:
    """What a person keys in; the PIN is shown once and kept as a hash alone."""

    number: str
    pin: str = field(repr=False)
    expires_at: datetime


def draw(bound: int) -> int:
    """A number below `bound` that nobody can guess."""
    return secrets.randbelow(bound)


class PromptPins:
    """The numbers and PINs; `Identity.check_recorder` checks them."""

    def __init__(
        self, store: Store, pins: PinHasher, clock: Clock, draw: Callable[[int], int] = draw
    ) -> None:
        self._store = store
        self._pins = pins
        self._clock = clock
        self._draw = draw

    async def issue(self, user: str) -> PromptPin:
        """A new number and PIN for a user, in place of what they had. Raises NotFoundError for no such user."""
        now, pin = self._clock(), f"{self._draw(1_000_000):06}"
        hashed = await self._pins.hash(pin)
        async with self._store.writing("prompt_pins") as connection:
            mine = select(UserRow.id).where(UserRow.name == plain_name(user))
            user_id = (await connection.execute(mine)).scalar()
            if user_id is None:
                raise NotFoundError(f"There is no user {user}.")
            over = (PromptPinRow.user_id == user_id) | (PromptPinRow.expires_at <= now)
            await connection.execute(delete(PromptPinRow).where(over))
            taken = set((await connection.execute(select(PromptPinRow.number))).scalars())
            free = [one for one in map(str, _NUMBERS) if one not in taken]
            made = PromptPin(free[self._draw(len(free))], pin, now + GOOD_FOR)
            row = {"user_id": user_id, "number": made.number, "pin_hash": hashed, "made_at": now}
            await connection.execute(
                insert(self._store, PromptPinRow).values(**row, expires_at=made.expires_at)
            )
        return made

    async def revoke(self, user: str) -> bool:
        """Whatever the user was given opens nothing any more; whether there was something."""
        mine = select(UserRow.id).where(UserRow.name == plain_name(user)).scalar_subquery()
        async with self._store.writing() as connection:
            gone = await connection.execute(delete(PromptPinRow).where(PromptPinRow.user_id == mine))
        return bool(gone.rowcount)

    async def held(self, user: str) -> tuple[str, datetime] | None:
        """The number that a user has now, and until when."""
        query = (
            select(PromptPinRow.number, PromptPinRow.expires_at)
            .join(UserRow, UserRow.id == PromptPinRow.user_id)
            .where(UserRow.name == plain_name(user), PromptPinRow.expires_at > self._clock())
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else (row.number, row.expires_at)
