"""Who is calling: ID digits and PINs are checked, counted and locked here; unknown and wrong are told alike.

Failures are counted for the number that calls and for the number that is tried, whether it exists or not. A
failure counts until `window` has passed, so a lock ends by itself and nobody can lock a policyholder out
for good. A caller whose telephone number has been right about a policy before keeps tries of their own
there: strangers who lock the policy do not lock them.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.facts import IdentityCheck
from policy_db.keys import Keys
from policy_db.pins import PinHasher
from policy_db.prompt_pins import MAY_RECORD
from policy_db.store import Store
from policy_db.tables import (
    AttemptRow,
    CustomerRow,
    PolicyRow,
    PromptPinRow,
    RoomRow,
    SalespersonRow,
    UserRow,
)
from policy_db.writes import insert

Kind = Literal["id_tail", "pin", "salesperson", "room", "recorder"]


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """How many wrong tries there are within `window`, for the number tried and for the caller.

    Callers who hide their number share one count, `hidden_tries`, which is why it is larger.
    """

    tries: int = 3
    hidden_tries: int = 30
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a kind: `passed` is false until it is known to be right."""

    at: datetime
    caller: str
    subject: bytes
    passed: bool


def failures(attempts: Sequence[Attempt]) -> list[datetime]:
    """When tries failed, leaving out what the same caller then got right; both latest first."""
    settled: set[tuple[str, bytes]] = set()
    failed = []
    for one in attempts:
        if one.passed:
            settled.add((one.caller, one.subject))
        elif (one.caller, one.subject) not in settled:
            failed.append(one.at)
    return failed


def standing(failed: Sequence[datetime], tries: int, window: timedelta) -> tuple[int, datetime | None]:
    """Tries left, and until when there are none; `failed` is latest first and within the window."""
    if len(failed) < tries:
        return tries - len(failed), None
    return 0, failed[tries - 1] + window


class Identity:
    """Checks callers against policies and salespeople.

    Numbers and secrets are strings of digits; `caller` is the telephone number, empty if hidden.
    """

    def __init__(self, store: Store, keys: Keys, pins: PinHasher, clock: Clock, rules: IdentityRules) -> None:
        self._store = store
        self._keys = keys
        self._pins = pins
        self._clock = clock
        self._rules = rules

    async def check_id_tail(self, policy: str, tail: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare the last six of the policyholder's ID number (`*` for X)."""
        attempt = await self._begin("id_tail", policy, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        holder = await self._holder(policy)
        expected = b"\x00" * 32 if holder is None else holder.id_tail_hash
        given = self._keys.id_tail_hash("" if holder is None else holder.number, tail)
        right = hmac.compare_digest(expected, given) and len(tail) == 6
        return await self._end(attempt, right, policy, holder)

    async def check_holder(self, policy: str, answer: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare eight digits with the policyholder's birthday (YYYYMMDD), or six with the end of their ID number.

        Tries are counted together with those of `check_id_tail`.
        """
        if len(answer) != 8:
            return await self.check_id_tail(policy, answer, caller=caller, call_id=call_id)
        attempt = await self._begin("id_tail", policy, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        holder = await self._holder(policy)
        expected = "00000000" if holder is None else f"{holder.born_on:%Y%m%d}"
        right = hmac.compare_digest(expected.encode(), answer.encode())
        return await self._end(attempt, right and holder is not None, policy, holder)

    async def check_pin(self, policy: str, pin: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare the policyholder's PIN. When it is right, a weak stored hash gives way to a strong one."""
        attempt = await self._begin("pin", policy, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        holder = await self._holder(policy)
        right = await self._check_pin(CustomerRow, holder, pin)
        return await self._end(attempt, right, policy, holder)

    async def check_salesperson(self, number: str, pin: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare a salesperson's PIN; one who has left is unknown."""
        attempt = await self._begin("salesperson", number, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        person = await self._salesperson(number)
        right = await self._check_pin(SalespersonRow, person, pin)
        return await self._end(attempt, right, number, person)

    async def check_room(self, number: str, pin: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare the PIN of a meet-me room; one that is closed is unknown.

        Where it passes, `name` is `moderator` or `guest`, by the PIN.
        """
        attempt = await self._begin("room", number, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        room = await self._room(number)
        as_guest = await self._pins.check(None if room is None else room.pin_hash, pin)
        as_moderator = await self._pins.check(None if room is None else room.moderator_hash, pin)
        role = "moderator" if as_moderator.right else "guest"
        return await self._end(attempt, as_guest.right or as_moderator.right, number, _Passed(role))

    async def check_recorder(self, number: str, pin: str, *, caller: str, call_id: str) -> IdentityCheck:
        """Compare the PIN that the console gave a user for recording prompts; `name` is the user's where it passes."""
        attempt = await self._begin("recorder", number, caller, call_id)
        if isinstance(attempt, IdentityCheck):
            return attempt
        user = await self._recorder(number)
        check = await self._pins.check(None if user is None else user.pin_hash, pin)
        return await self._end(attempt, check.right, number, user)

    async def _check_pin(self, table: Any, person: Any, pin: str) -> bool:
        check = await self._pins.check(None if person is None else person.pin_hash, pin)
        if check.better_hash is not None:
            async with self._store.writing() as connection:
                change = update(table).where(table.id == person.id, table.pin_hash == person.pin_hash)
                await connection.execute(change.values(pin_hash=check.better_hash))
        return check.right

    async def _begin(self, kind: Kind, subject: str, caller: str, call_id: str) -> _Begun | IdentityCheck:
        """Write the attempt down as failed before it is checked; or say that there are no tries left."""
        digest, now = self._keys.digest(f"attempt:{kind}", subject), self._clock()
        async with self._store.writing(f"{kind}:{caller}", f"{kind}:{digest.hex()}") as connection:
            left, until = await self._left(connection, kind, digest, caller, now)
            if not left:
                return IdentityCheck("locked", 0, until)
            row = await connection.execute(
                insert(self._store, AttemptRow)
                .values(at=now, kind=kind, caller=caller, subject_hash=digest, call_id=call_id, passed=False)
                .returning(AttemptRow.id)
            )
            return _Begun(row.scalar_one(), left - 1)

    async def _left(
        self, connection: AsyncConnection, kind: Kind, subject: bytes, caller: str, now: datetime
    ) -> tuple[int, datetime | None]:
        rules = self._rules
        query = (
            select(AttemptRow.at, AttemptRow.caller, AttemptRow.subject_hash, AttemptRow.passed)
            .where(
                AttemptRow.kind == kind,
                AttemptRow.at > now - rules.window,
                or_(AttemptRow.caller == caller, AttemptRow.subject_hash == subject),
            )
            .order_by(AttemptRow.id.desc())
        )
        seen = [Attempt(*row) for row in await connection.execute(query)]
        by_caller = [one for one in seen if one.caller == caller]
        trusted = bool(caller) and await self._was_right_before(connection, kind, subject, caller)
        by_subject = [one for one in seen if one.subject == subject and (one.caller == caller or not trusted)]
        counts = (
            standing(failures(by_caller), rules.tries if caller else rules.hidden_tries, rules.window),
            standing(failures(by_subject), rules.tries, rules.window),
        )
        locked = [until for _, until in counts if until is not None]
        return min(left for left, _ in counts), max(locked, default=None)

    async def _was_right_before(
        self, connection: AsyncConnection, kind: Kind, subject: bytes, caller: str
    ) -> bool:
        query = select(AttemptRow.id).where(
            AttemptRow.subject_hash == subject,
            AttemptRow.kind == kind,
            AttemptRow.caller == caller,
            AttemptRow.passed,
        )
        return (await connection.execute(query.limit(1))).first() is not None

    async def _end(self, attempt: _Begun, right: bool, subject: str, person: Any) -> IdentityCheck:
        if not right or person is None:
            return IdentityCheck("refused", attempt.left_if_wrong)
        async with self._store.writing() as connection:
            await connection.execute(
                update(AttemptRow).where(AttemptRow.id == attempt.id).values(passed=True)
            )
        return IdentityCheck("passed", self._rules.tries, None, subject, person.name)

    async def _holder(self, policy: str) -> Any:
        query = (
            select(
                CustomerRow.id,
                CustomerRow.number,
                CustomerRow.name,
                CustomerRow.id_tail_hash,
                CustomerRow.pin_hash,
                CustomerRow.born_on,
            )
            .join(PolicyRow, PolicyRow.customer_id == CustomerRow.id)
            .where(PolicyRow.number == policy)
        )
        async with self._store.reading() as connection:
            return (await connection.execute(query)).first()

    async def _salesperson(self, number: str) -> Any:
        today: date = self._clock().date()
        query = select(SalespersonRow.id, SalespersonRow.name, SalespersonRow.pin_hash).where(
            SalespersonRow.number == number,
            or_(SalespersonRow.left_on.is_(None), SalespersonRow.left_on > today),
        )
        async with self._store.reading() as connection:
            return (await connection.execute(query)).first()

    async def _recorder(self, number: str) -> Any:
        query = (
            select(UserRow.name, UserRow.roles, PromptPinRow.pin_hash)
            .join(UserRow, UserRow.id == PromptPinRow.user_id)
            .where(
                PromptPinRow.number == number,
                PromptPinRow.expires_at > self._clock(),
                UserRow.disabled.is_(False),
            )
        )
        async with self._store.reading() as connection:
            user = (await connection.execute(query)).first()
        return user if user is not None and MAY_RECORD & set(user.roles) else None

    async def _room(self, number: str) -> Any:
        query = select(RoomRow.pin_hash, RoomRow.moderator_hash).where(
            RoomRow.number == number, RoomRow.active
        )
        async with self._store.reading() as connection:
            return (await connection.execute(query)).first()


@dataclass(frozen=True, slots=True)
class _Passed:
    name: str


@dataclass(frozen=True, slots=True)
class _Begun:
    id: int
    left_if_wrong: int
