"""What a flow may ask for in a call that the hotline made: whom it is for, what is due, and what the person says to it.

The attempt is found by the call. What the person says is written at once, so that a call that breaks has said it.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level, Money, Secret
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import CODE, DATE, DIGITS, INTEGER, MONEY, SECRET, TEXT, code, optional, record
from policy_db.facts import Money as StoredMoney
from policy_db.outreach_facts import Attempt, NewMessage
from policy_db.promises import Pledge
from policy_db.selling_facts import DoNotCall

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.facts import PremiumPosition

#: What a flow may note of a person's answer.
WORDS: Final = (
    "already_paid",
    "confirmed_only",
    "disputed",
    "finished",
    "link_sent",
    "told",
    "to_person",
    "wrong_number",
)
#: Days ahead to which a payment may be promised, and not beyond the last day of cover.
MOST_DAYS: Final = 30
_DUE: Final = record(
    state=code("due", "overdue", "in_grace"), amount=MONEY, due_on=DATE, days_overdue=INTEGER,
    days_until_due=INTEGER, grace_until=DATE,
)  # fmt: skip
_KINDS: Final = code(
    "premium_due", "overdue", "grace_ending", "renewal", "claim_papers", "appointment", "survey", "list"
)
_WHOM: Final = record(kind=_KINDS, policy_no=optional(DIGITS), claim_no=optional(DIGITS), day=optional(DATE))
_REFUSED: Final = record(tries_left=INTEGER)
_TAIL: Final = record(tail=DIGITS)


class OutreachServices:
    """Calls that the hotline made."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("outreach.reached", outcomes={"ok": _WHOM, "not_found": None})
    async def reached(self, context: ServiceContext) -> Outcome:
        """Why this call was made, and about which policy; nothing else of the person."""
        attempt = await self._database.outreach.of_call(context.call_id)
        campaign = None if attempt is None else await self._database.campaigns.find(attempt.campaign)
        person = None if attempt is None else await self._database.campaigns.person(attempt.person)
        if attempt is None or campaign is None or person is None:
            return Outcome("not_found")
        day = str(person.facts.get("day", ""))
        return Outcome(value={
            "kind": campaign.kind,
            "policy_no": attempt.policy or None,
            "claim_no": str(person.facts.get("claim", "")) or None,
            "day": date.fromisoformat(day) if day else None,
        })  # fmt: skip

    @service("outreach.confirm", inputs={"answer": SECRET},
             outcomes={"confirmed": None, "refused": _REFUSED, "locked": None, "unknown": None},
             grants={"confirmed": Level.IDENTIFIED}, idempotent=False)  # fmt: skip
    async def confirm(self, context: ServiceContext, answer: Secret) -> Outcome:
        """Check that this is the right person: eight digits of their birthday, or the last six of their ID number."""
        attempt = await self._database.outreach.of_call(context.call_id)
        if attempt is None or not attempt.policy:
            return Outcome("unknown")
        check = await self._database.identity.check_holder(
            attempt.policy, answer.reveal(), caller=attempt.number, call_id=context.call_id
        )
        if check.outcome == "locked":
            return Outcome("locked")
        if check.outcome != "passed":
            return Outcome("refused", {"tries_left": check.tries_left})
        self._proofs.raise_policy(context.call_id, attempt.policy, Level.IDENTIFIED)
        await self._database.outreach.said(context.call_id, "confirmed_only")
        return Outcome("confirmed")

    @service("outreach.due", level=Level.IDENTIFIED, outcomes={"ok": _DUE, "nothing": None})
    async def due(self, context: ServiceContext) -> Outcome:
        """What is owed on the policy of this call, to whoever has confirmed that it is theirs."""
        attempt = await self._confirmed("outreach.due", context)
        position = await self._position(attempt, context)
        if position is None:
            return Outcome("nothing")
        await self._database.outreach.said(context.call_id, "told")
        return Outcome(value={
            "state": position.state, "amount": Money(position.amount.amount, position.amount.currency),
            "due_on": position.due_on, "days_overdue": position.days_overdue,
            "days_until_due": position.days_until_due, "grace_until": position.grace_until,
        })  # fmt: skip

    @service("outreach.promise", inputs={"pay_on": optional(DATE), "days": optional(INTEGER)}, level=Level.IDENTIFIED,
             outcomes={"ok": record(pay_on=DATE), "too_late": record(latest=DATE), "nothing": None})  # fmt: skip
    async def promise(
        self, context: ServiceContext, pay_on: date | None = None, days: int | None = None
    ) -> Outcome:
        """Keep a promise to pay by a day, or within some days."""
        attempt = await self._confirmed("outreach.promise", context)
        position = await self._position(attempt, context)
        if position is None or position.due_on is None:
            return Outcome("nothing")
        today = context.now.date()
        pay_on = pay_on or today + timedelta(days=days or 0)
        latest = today + timedelta(days=MOST_DAYS)
        if position.grace_until is not None and position.grace_until >= today:
            latest = min(latest, position.grace_until)
        if not today <= pay_on <= latest:
            return Outcome("too_late", {"latest": latest})
        pledge = Pledge(position.due_on, pay_on, position.amount)
        await self._database.promises.make(attempt, pledge, context.now)
        await self._database.outreach.said(context.call_id, "promised")
        return Outcome(value={"pay_on": pay_on})

    @service("outreach.pay_link", level=Level.IDENTIFIED,
             outcomes={"ok": _TAIL, "no_way": None, "nothing": None})  # fmt: skip
    async def pay_link(self, context: ServiceContext) -> Outcome:
        """Have a message with a way to pay sent to the number that was called."""
        attempt = await self._confirmed("outreach.pay_link", context)
        position = await self._position(attempt, context)
        if position is None or position.due_on is None:
            return Outcome("nothing")
        if not attempt.number.startswith("+"):
            return Outcome("no_way")
        await self._database.outbox.put(_pay_link(attempt, context, position.due_on, position.amount))
        await self._database.outreach.said(context.call_id, "link_sent")
        return Outcome(value={"tail": attempt.number[-4:]})

    @service("outreach.note", inputs={"word": code(*WORDS)}, outcomes={"ok": None})
    async def note(self, context: ServiceContext, word: str) -> Outcome:
        """Note what the person said, or what was done for them."""
        await self._database.outreach.said(context.call_id, word)
        return Outcome()

    @service("outreach.call_later", inputs={"hours": INTEGER}, outcomes={"ok": None})
    async def call_later(self, context: ServiceContext, hours: int) -> Outcome:
        """Call again some hours from now, when people are called."""
        later = context.now + timedelta(hours=max(1, min(hours, 24 * 14)))
        await self._database.outreach.said(context.call_id, "call_later", later_at=later)
        return Outcome()

    @service("outreach.never_again", outcomes={"ok": None})
    async def never_again(self, context: ServiceContext) -> Outcome:
        """Put the number that was called on the list of those that are not called."""
        attempt = await self._database.outreach.said(context.call_id, "do_not_call")
        number = context.caller if attempt is None else attempt.number
        if number:
            entry = DoNotCall(number, "", "all", context.now, None, "call")
            await self._database.do_not_call.add(entry)
        return Outcome()

    @service("outreach.answer", inputs={"question": CODE, "answer": TEXT}, outcomes={"ok": None})
    async def answer(self, context: ServiceContext, question: str, answer: str) -> Outcome:
        """Keep an answer to a question of a survey, with the person it was asked."""
        attempt = await self._database.outreach.said(context.call_id, "finished")
        if attempt is not None:
            await self._database.campaigns.tell(attempt.person, {question: answer})
        return Outcome()

    async def _confirmed(self, name: str, context: ServiceContext) -> Attempt:
        """The attempt of a call whose person has confirmed to be the policyholder. Raises LevelRefusedError."""
        attempt = await self._database.outreach.of_call(context.call_id)
        if attempt is None or self._proofs.level(context.call_id, attempt.policy) < Level.IDENTIFIED:
            raise LevelRefusedError(name, Level.IDENTIFIED)
        return attempt

    async def _position(self, attempt: Attempt, context: ServiceContext) -> PremiumPosition | None:
        """Where the premium stands, if there is something to be paid that keeps the cover."""
        position = await self._database.policies.premium_position(attempt.policy, context.now.date())
        return position if position is not None and position.state in ("due", "overdue", "in_grace") else None


def _pay_link(attempt: Attempt, context: ServiceContext, due_on: date, amount: StoredMoney) -> NewMessage:
    return NewMessage(
        key=f"pay_link:{attempt.id}",
        kind="pay_link",
        channel="sms",
        address=attempt.number,
        language=context.language,
        customer=attempt.customer,
        policy=attempt.policy,
        call_id=context.call_id,
        facts={
            "amount": str(amount.amount.quantize(Decimal("0.01"))),
            "currency": amount.currency,
            "due_on": due_on.isoformat(),
        },
    )
