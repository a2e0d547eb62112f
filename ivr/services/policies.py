"""What a verified caller may ask about a policy: its contents, its benefits, its premium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level, Money, Value
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, CODE, DATE, DIGITS, INTEGER, MONEY, PROMPT, code, optional, record
from ivr.services.words import (
    COMPLAINT_STATES,
    FREQUENCIES,
    POLICY_STATUSES,
    PRODUCT_CLASSES,
    coverage_name,
    product_name,
)

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.facts import Money as StoredMoney
    from policy_db.facts import PremiumPosition

_DETAILS: Final = record(
    number=DIGITS, product=PROMPT, product_code=CODE, product_class=code(*PRODUCT_CLASSES),
    status=code(*POLICY_STATUSES), sum_insured=MONEY, started_on=DATE, ends_on=optional(DATE),
    coverages=INTEGER, beneficiaries=INTEGER, premium=MONEY, frequency=code(*FREQUENCIES),
)  # fmt: skip
_COVERAGE: Final = record(
    index=INTEGER, name=PROMPT, sum=MONEY, deductible=optional(MONEY), more=BOOLEAN
)  # fmt: skip
_DUE: Final = record(
    state=code("due", "overdue", "in_grace"), amount=MONEY, due_on=DATE, days_overdue=INTEGER,
    days_until_due=INTEGER, grace_until=DATE, last_paid=optional(MONEY), last_paid_on=optional(DATE),
    paid_to=optional(DATE),
)  # fmt: skip
_COMPLAINT: Final = record(number=DIGITS, since=DATE, status=code(*COMPLAINT_STATES))
_LAPSED: Final = record(
    lapsed_on=DATE, owed=MONEY, can_reinstate=BOOLEAN, reinstate_until=optional(DATE)
)  # fmt: skip
_NOTHING_DUE: Final = record(
    last_paid=optional(MONEY), last_paid_on=optional(DATE), next_due_on=optional(DATE), next_amount=optional(MONEY)
)  # fmt: skip


def flow_money(stored: StoredMoney) -> Money:
    """An amount of the database as the flows' own kind."""
    return Money(stored.amount, stored.currency)


def maybe_money(stored: StoredMoney | None) -> Money | None:
    """Likewise, or None."""
    return None if stored is None else flow_money(stored)


def require_verified(proofs: ProofBook, name: str, context: ServiceContext, policy_no: str) -> None:
    """Raise LevelRefusedError unless this call has verified this very policy."""
    if proofs.level(context.call_id, policy_no) < Level.VERIFIED:
        raise LevelRefusedError(name, Level.VERIFIED)


class PolicyServices:
    """Policies and premiums."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("policy.details", inputs={"policy_no": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _DETAILS, "not_found": None})  # fmt: skip
    async def details(self, context: ServiceContext, policy_no: str) -> Outcome:
        """What a policy is: product, status, sum insured, term, premium, and how much more there is to hear."""
        require_verified(self._proofs, "policy.details", context, policy_no)
        policy = await self._database.policies.find(policy_no, context.now.date())
        if policy is None:
            return Outcome("not_found")
        return Outcome(value={
            "number": policy.number, "product": product_name(policy.product_key),
            "product_code": policy.product_code, "product_class": policy.product_class,
            "status": policy.status, "sum_insured": flow_money(policy.sum_insured),
            "started_on": policy.started_on, "ends_on": policy.ends_on,
            "coverages": len(policy.coverages), "beneficiaries": len(policy.beneficiaries),
            "premium": flow_money(policy.premium), "frequency": policy.frequency,
        })  # fmt: skip

    @service("policy.coverage", inputs={"policy_no": DIGITS, "index": INTEGER}, level=Level.VERIFIED,
             outcomes={"ok": _COVERAGE, "not_found": None})  # fmt: skip
    async def coverage(self, context: ServiceContext, policy_no: str, index: int) -> Outcome:
        """One benefit of a policy, counted from 1, and whether more follow."""
        require_verified(self._proofs, "policy.coverage", context, policy_no)
        policy = await self._database.policies.find(policy_no, context.now.date())
        if policy is None or not 1 <= index <= len(policy.coverages):
            return Outcome("not_found")
        item = policy.coverages[index - 1]
        return Outcome(value={
            "index": index, "name": coverage_name(item.key), "sum": flow_money(item.sum_insured),
            "deductible": flow_money(item.deductible) if item.deductible.amount else None,
            "more": index < len(policy.coverages),
        })  # fmt: skip

    @service("policy.premium", inputs={"policy_no": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _DUE, "lapsed": _LAPSED, "nothing_due": _NOTHING_DUE})  # fmt: skip
    async def premium(self, context: ServiceContext, policy_no: str) -> Outcome:
        """What is owed on a policy and until when; lapsed and fully paid policies have outcomes of their own."""
        require_verified(self._proofs, "policy.premium", context, policy_no)
        position = await self._database.policies.premium_position(policy_no, context.now.date())
        if position is None or position.state in {"not_yet", "paid_up", "ended"}:
            return Outcome("nothing_due", _nothing_due(position))
        if position.state == "lapsed":
            return Outcome("lapsed", {
                "lapsed_on": position.lapsed_on, "owed": flow_money(position.amount),
                "can_reinstate": position.can_reinstate, "reinstate_until": position.reinstate_until,
            })  # fmt: skip
        return Outcome(value=_due(position))

    @service("complaint.open", inputs={"policy_no": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _COMPLAINT, "none": None})  # fmt: skip
    async def complaint(self, context: ServiceContext, policy_no: str) -> Outcome:
        """The complaint about a policy that is not settled yet, if there is one."""
        require_verified(self._proofs, "complaint.open", context, policy_no)
        found = await self._database.complaints.open_for(policy_no)
        if found is None:
            return Outcome("none")
        return Outcome(value={"number": found.number, "since": found.since, "status": found.status})


def _due(position: PremiumPosition) -> dict[str, Value]:
    return {
        "state": position.state, "amount": flow_money(position.amount), "due_on": position.due_on,
        "days_overdue": position.days_overdue, "days_until_due": position.days_until_due,
        "grace_until": position.grace_until, "last_paid": maybe_money(position.last_paid),
        "last_paid_on": position.last_paid_on, "paid_to": position.paid_to,
    }  # fmt: skip


def _nothing_due(position: PremiumPosition | None) -> dict[str, Value]:
    if position is None:
        return {"last_paid": None, "last_paid_on": None, "next_due_on": None, "next_amount": None}
    later = position.state == "not_yet"
    return {
        "last_paid": maybe_money(position.last_paid), "last_paid_on": position.last_paid_on,
        "next_due_on": position.due_on if later else None,
        "next_amount": flow_money(position.amount) if later else None,
    }  # fmt: skip
