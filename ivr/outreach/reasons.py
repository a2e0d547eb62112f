"""Whether there is still a reason to call somebody, looked up just before: nobody is reminded of what they have paid."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from ivr.outreach.rules import Rules
from policy_db import PolicyDatabase
from policy_db.outreach_facts import Campaign, Person
from policy_db.selling_facts import Scope

#: The purpose of a consent that somebody may refuse or take back: to be called at all.
CONSENT: Final = "calls"
_PREMIUM: Final = frozenset({"premium_due", "overdue", "grace_ending"})
_OPEN: Final = frozenset({"due", "overdue", "in_grace"})


class Reasons:
    """Looks up what speaks against a call, at the moment of it."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database

    async def excluded(self, person: Person, rules: Rules, now: datetime) -> str:
        """Why this person must not be called, by a word of `selection.REASONS`; empty if nothing does."""
        listed = self._database.do_not_call.is_listed
        scope: Scope = "sales" if rules.scope == "sales" else "all"
        if await listed(person.number, person.customer, scope, now):
            return "do_not_call"
        if person.customer:
            consent = await self._database.customers.consent(person.customer, CONSENT)
            if consent is not None and not consent.given:
                return "no_consent"
        return ""

    async def over(self, campaign: Campaign, person: Person, today: date) -> str:
        """The outcome of somebody whose matter is settled meanwhile; empty if it is not."""
        if campaign.kind not in _PREMIUM or not person.policy:
            return ""
        position = await self._database.policies.premium_position(person.policy, today)
        return "" if position is not None and position.state in _OPEN else "paid_meanwhile"

    async def promised_until(self, campaign: Campaign, person: Person, now: datetime) -> datetime | None:
        """Until when a promise to pay is given its time; None where there is none."""
        if campaign.kind not in _PREMIUM or not person.policy:
            return None
        promise = await self._database.promises.open_of(person.policy)
        if promise is None:
            return None
        until = datetime.combine(promise.pay_on + timedelta(days=1), datetime.min.time(), now.tzinfo)
        return until if until > now else None
