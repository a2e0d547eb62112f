"""Passwords of the console's users: what is refused, how they are hashed, and how guessing is slowed down."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from policy_db.user_facts import UserProblemError, plain_name

#: NIST SP 800-63B, section 5.1.1.2, asks for 8; ours is a system that holds people's policies.
LEAST_PASSWORD: Final = 10
MOST_PASSWORD: Final = 200
_LOOKALIKES: Final = str.maketrans("@0134578$!", "aoieastbsi")
#: Hashing takes a core and tens of megabytes; more at once would only make everybody slower.
_AT_ONCE: Final = 2


class PasswordRules:
    """How passwords are hashed, when guessing is held up, and when sessions end.

    `tries` wrong passwords for a name within `window` hold that name up for `lock`, doubled with each further failure
    up to `longest_lock`. A device that the user signed in from before is counted for itself, so a stranger's guesses
    do not lock it out. `address_tries` failures of any names from one address within `window`, or `all_tries` of all
    within a minute, hold up strangers likewise.
    """

    def __init__(
        self,
        *,
        hasher: PasswordHasher | None = None,
        tries: int = 5,
        lock: timedelta = timedelta(minutes=1),
        longest_lock: timedelta = timedelta(minutes=15),
        window: timedelta = timedelta(minutes=15),
        address_tries: int = 30,
        all_tries: int = 120,
        idle: timedelta = timedelta(minutes=30),
        longest: timedelta = timedelta(hours=12),
    ) -> None:
        self.hasher = hasher or PasswordHasher()
        self.tries = tries
        self.lock = lock
        self.longest_lock = longest_lock
        self.window = window
        self.address_tries = address_tries
        self.all_tries = all_tries
        #: A session ends when nothing is asked for so long, and at the latest after `longest`.
        self.idle = idle
        self.longest = longest
        self.nobody = self.hasher.hash(secrets.token_hex(16))
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    def cheap(cls) -> PasswordRules:
        """Rules with the least cost argon2 allows, for tests."""
        return cls(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    async def hashed(self, password: str) -> str:
        """The hash to keep."""
        async with self._turns:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def opens(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; takes as long where none is stored."""
        async with self._turns:
            right = await asyncio.to_thread(self._verify, stored or self.nobody, password)
        return right and stored is not None

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self.hasher.verify(stored, password[:MOST_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False


def check_password(password: str, name: str) -> None:
    """Raises UserProblemError for a password that is too short or long, common, or made of the user's name.

    Length and a list of what everybody tries, no rules about kinds of characters: NIST SP 800-63B, section 5.1.1.2.
    """
    if len(password) < LEAST_PASSWORD:
        raise UserProblemError(
            "short", f"A password has at least {LEAST_PASSWORD} characters.", least=LEAST_PASSWORD
        )
    if len(password) > MOST_PASSWORD:
        raise UserProblemError(
            "long", f"A password has at most {MOST_PASSWORD} characters.", most=MOST_PASSWORD
        )
    plain = password.casefold()
    if len(set(plain)) < 4 or _is_run(plain) or _is_common(plain):
        raise UserProblemError("common", "That password is among the first that anybody tries.")
    user = plain_name(name)
    if len(user) > 2 and user in plain and len(plain.replace(user, "")) < 6:
        raise UserProblemError("name", "That password is made of the user's name.")


@cache
def _common() -> frozenset[str]:
    text = (Path(__file__).parent / "common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.split() if line)


def _is_common(plain: str) -> bool:
    core = _core(plain)
    known = _common()
    return plain in known or core in known or any(core == word * 2 for word in known if len(word) > 3)


def _core(plain: str) -> str:
    """The word of it: look-alikes read as letters, without digits and signs around it."""
    stripped = plain.strip("0123456789!?.,-_*#@$+=/&%^~ ")
    return stripped.translate(_LOOKALIKES)


def _is_run(plain: str) -> bool:
    """Whether it counts up or down all the way: 1234567890, abcdefghij."""
    steps = {(ord(after) - ord(before)) for before, after in pairwise(plain)}
    return steps in ({1}, {-1}, {1, -9}, {-1, 9})
