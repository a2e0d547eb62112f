"""Who is calling: policy number and ID digits, then the PIN; a salesperson's number and PIN.

Every wrong answer is `refused` alike, whether the number exists or not; the database sees to equal time.
"""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level, Secret, Type, Value
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import DIGITS, INTEGER, PROMPT, SECRET, TEXT, code, record
from ivr.services.words import POLICY_STATUSES, PRODUCT_CLASSES, product_name
from policy_db.callers import forms

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.facts import IdentityCheck, Policy

_POLICY: Final = record(
    number=DIGITS, product=PROMPT, product_class=code(*PRODUCT_CLASSES), status=code(*POLICY_STATUSES)
)
_NUMBERS: Final = Type("list", item=DIGITS)
#: More readings than that of something that was said are guesses.
MOST_READINGS: Final = 6
#: How much each later reading of a group, and of the whole, counts less, in figures that differ.
LATER: Final = 0.5
EARLIER: Final = 0.25
_REFUSED: Final = record(tries_left=INTEGER)


class IdentityServices:
    """Identification and verification of callers."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("identity.recall", outcomes={"verified": record(policy=_POLICY), "nobody": None},
             grants={"verified": Level.VERIFIED})  # fmt: skip
    async def recall(self, context: ServiceContext) -> Outcome:
        """The policy that this call has verified already, so that nobody is asked twice."""
        number = self._proofs.of(context.call_id).latest
        if number is None or self._proofs.level(context.call_id, number) < Level.VERIFIED:
            return Outcome("nobody")
        policy = await self._find(number, context.now)
        return Outcome("verified", {"policy": policy}) if policy else Outcome("nobody")

    @service("identity.own_policies", outcomes={"ok": _NUMBERS})
    async def own_policies(self, context: ServiceContext) -> Outcome:
        """Policies of the number that calls, which a spoken number may be one of; never told, only listened for."""
        return Outcome(value=await self._own(context.caller))

    @service("identity.likeliest", inputs={"readings": _NUMBERS, "firsts": _NUMBERS, "seconds": _NUMBERS},
             outcomes={"ok": DIGITS})  # fmt: skip
    async def likeliest(
        self, context: ServiceContext, readings: list[str], firsts: list[str], seconds: list[str]
    ) -> Outcome:
        """Which policy number was said, out of what it may have been when it was said in one breath and in two.

        One of the policies of the number that calls, if exactly one of them is among those readings; else what both
        times agree on best. No other policy is looked at, so what is read back tells nobody whether a policy exists.
        """
        heard = best_agreed(readings[:MOST_READINGS], firsts[:MOST_READINGS], seconds[:MOST_READINGS])
        own = set(await self._own(context.caller)) & {*heard, *readings[:MOST_READINGS]}
        return Outcome(value=own.pop() if len(own) == 1 else heard[0])

    async def _own(self, caller: str) -> list[str]:
        return list(await self._database.policies.numbers_of_phone(forms(caller))) if caller else []

    @service("identity.identify", inputs={"policy_no": DIGITS, "id_tail": SECRET},
             outcomes={"identified": record(policy=_POLICY, holder=TEXT), "refused": _REFUSED, "locked": None},
             grants={"identified": Level.IDENTIFIED}, idempotent=False)  # fmt: skip
    async def identify(self, context: ServiceContext, policy_no: str, id_tail: Secret) -> Outcome:
        """Check the last six digits of the policyholder's ID number."""
        check = await self._database.identity.check_id_tail(
            policy_no, id_tail.reveal(), caller=context.caller, call_id=context.call_id
        )
        policy = await self._find(policy_no, context.now) if check.outcome == "passed" else None
        if policy is None:
            return _turned_away(check)
        self._proofs.raise_policy(context.call_id, policy_no, Level.IDENTIFIED)
        return Outcome("identified", {"policy": policy, "holder": check.name or ""})

    @service("identity.verify", inputs={"policy_no": DIGITS, "pin": SECRET}, level=Level.IDENTIFIED,
             outcomes={"verified": None, "refused": _REFUSED, "locked": None},
             grants={"verified": Level.VERIFIED}, idempotent=False)  # fmt: skip
    async def verify(self, context: ServiceContext, policy_no: str, pin: Secret) -> Outcome:
        """Check the service PIN of a policy that this call has identified."""
        if self._proofs.level(context.call_id, policy_no) < Level.IDENTIFIED:
            raise LevelRefusedError("identity.verify", Level.IDENTIFIED)
        check = await self._database.identity.check_pin(
            policy_no, pin.reveal(), caller=context.caller, call_id=context.call_id
        )
        if check.outcome != "passed":
            return _turned_away(check)
        self._proofs.raise_policy(context.call_id, policy_no, Level.VERIFIED)
        return Outcome("verified")

    @service("identity.salesperson", inputs={"number": DIGITS, "pin": SECRET},
             outcomes={"verified": record(number=DIGITS, name=TEXT), "refused": _REFUSED, "locked": None},
             grants={"verified": Level.VERIFIED}, idempotent=False)  # fmt: skip
    async def salesperson(self, context: ServiceContext, number: str, pin: Secret) -> Outcome:
        """Check a salesperson's number and PIN."""
        check = await self._database.identity.check_salesperson(
            number, pin.reveal(), caller=context.caller, call_id=context.call_id
        )
        if check.outcome != "passed":
            return _turned_away(check)
        self._proofs.raise_salesperson(context.call_id, number)
        return Outcome("verified", {"number": number, "name": check.name or ""})

    async def _find(self, number: str, now: datetime) -> dict[str, Value] | None:
        policy = await self._database.policies.find(number, now.date())
        return _brief(policy) if policy else None


def best_agreed(readings: list[str], firsts: list[str], seconds: list[str]) -> list[str]:
    """What a number may be that was said whole and then in two, best first: early readings, and alike both times."""
    ranked: dict[str, float] = {}
    for (at, first), (after, second) in product(enumerate(firsts), enumerate(seconds)):
        number = first + second
        unlike = min(
            (
                _differing(number, whole) + EARLIER * rank
                for rank, whole in enumerate(readings)
                if len(whole) == len(number)
            ),
            default=0.0,
        )
        ranked.setdefault(number, LATER * (at + after) + unlike)
    return sorted(ranked, key=lambda number: ranked[number])


def _differing(one: str, other: str) -> int:
    return sum(mine != theirs for mine, theirs in zip(one, other, strict=True))


def _brief(policy: Policy) -> dict[str, Value]:
    """What an identified caller may hear: the kind of policy and whether it is alive."""
    return {
        "number": policy.number,
        "product": product_name(policy.product_key),
        "product_class": policy.product_class,
        "status": policy.status,
    }


def _turned_away(check: IdentityCheck) -> Outcome:
    return (
        Outcome("locked")
        if check.outcome == "locked"
        else Outcome("refused", {"tries_left": check.tries_left})
    )
