"""PINs as argon2id hashes, checked in a thread and always at the same cost."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from policy_db.errors import BadValueError


@dataclass(frozen=True, slots=True)
class PinCheck:
    """Whether a PIN was right, and a stronger hash to keep if the stored one is weaker than wanted."""

    right: bool
    better_hash: str | None = None


class PinHasher:
    """Makes and checks PIN hashes.

    `time_cost` (passes) and `memory_cost` (KiB) default to RFC 9106's second recommendation. An unknown
    account is checked against a hash of the same cost that no PIN opens, so it takes as long as a wrong
    PIN; a stored hash of another cost is followed by that same check for the same reason.
    """

    def __init__(self, time_cost: int = 3, memory_cost: int = 65536, parallelism: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost, memory_cost, parallelism)
        self._nobody: str | None = None

    @classmethod
    def cheap(cls) -> PinHasher:
        """A hasher of the least cost argon2 allows: salted and real, for demonstrations and tests."""
        return cls(time_cost=1, memory_cost=8, parallelism=1)

    def hash_now(self, pin: str) -> str:
        """The hash of a PIN, in the calling thread. Raises BadValueError for anything but 4 to 12 digits."""
        if not (4 <= len(pin) <= 12 and pin.isascii() and pin.isdigit()):
            raise BadValueError("A PIN has 4 to 12 digits.")
        return self._hasher.hash(pin)

    async def hash(self, pin: str) -> str:
        """The hash of a PIN, made in a thread."""
        return await asyncio.to_thread(self.hash_now, pin)

    async def check(self, stored: str | None, pin: str) -> PinCheck:
        """Compare a PIN with a stored hash (None for an unknown account), in a thread."""
        return await asyncio.to_thread(self._check, stored, pin)

    def _check(self, stored: str | None, pin: str) -> PinCheck:
        if stored is None:
            self._opens(self._hash_of_nobody(), pin)
            return PinCheck(right=False)
        right = self._opens(stored, pin)
        if not self._is_weak(stored):
            return PinCheck(right)
        if not right:
            self._opens(self._hash_of_nobody(), pin)
            return PinCheck(right=False)
        return PinCheck(right=True, better_hash=self._hasher.hash(pin))

    def _is_weak(self, stored: str) -> bool:
        try:
            return self._hasher.check_needs_rehash(stored)
        except InvalidHashError:
            return True

    def _opens(self, stored: str, pin: str) -> bool:
        try:
            return self._hasher.verify(stored, pin)
        except (VerificationError, InvalidHashError):
            return False

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._nobody
