"""Erasure of one customer's data on request (个人信息保护法第四十七条; GDPR article 17), as far as nothing forbids it.

What must stay, and why, is found first and shown; then the rest goes. Doing it again finds what has come since, or
nothing. Calls stay to be counted, without number, identity or timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, Literal

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.claim_facts import CLOSED
from policy_db.clock import Clock
from policy_db.documents_forget import forget_documents
from policy_db.keys import Keys
from policy_db.outreach_forget import forget_called
from policy_db.retention import Period, Retention
from policy_db.retention_delete import Deleter, RemoveFile
from policy_db.retention_purge import Purge, SaleRules, contract_end, is_short
from policy_db.retention_ties import (
    Tie,
    calls_of_customer,
    open_holds,
    spellings,
    ties_of_calls,
    ties_of_claims,
    ties_of_recordings,
    ties_of_referrals,
    ties_of_suggestions,
)
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    AttemptRow,
    CallRow,
    ClaimRow,
    CommissionRow,
    ComplaintRow,
    CustomerRow,
    ImportLineRow,
    LegalHoldRow,
    MessageRow,
    PolicyRow,
    RecordingRow,
    ReferralRow,
    SuggestionRow,
    WaitingCallRow,
)

Why = Literal["hold", "open_policy", "statutory", "open_claim", "open_complaint", "running_call", "needed"]
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Stay:
    """Something that stays: `what` (policy, claim, recording, call, complaint, customer), its number, why, until when."""

    what: str
    number: str
    why: Why
    until: date | None = None

    def told(self) -> dict[str, Any]:
        """For the record."""
        until = None if self.until is None else self.until.isoformat()
        return {"what": self.what, "number": self.number, "why": self.why, "until": until}


@dataclass(slots=True)
class Plan:
    """What an erasure would do: ids of what goes, and what stays."""

    customer: str
    row: int | None = None
    phone: str = ""
    calls: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    policies: list[int] = field(default_factory=list)
    complaints: list[int] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    referrals: list[str] = field(default_factory=list)
    policy_numbers: list[str] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether there is such a customer (any more)."""
        return self.row is not None

    @property
    def whole(self) -> bool:
        """Whether the customer goes altogether."""
        return self.known and not any(
            one.what in ("customer", "policy", "claim", "complaint") for one in self.stays
        )

    def counts(self) -> dict[str, int]:
        """How many of each kind go."""
        return {
            "calls": len(self.calls),
            "recordings": len(self.recordings),
            "claims": len(self.claims),
            "policies": len(self.policies),
            "complaints": len(self.complaints),
            "suggestions": len(self.suggestions),
            "customers": int(self.whole),
        }


class Erasure:
    """Plans and does erasures."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        clock: Clock,
        *,
        remove_file: RemoveFile,
        sales: SaleRules,
        today: date,
    ) -> None:
        self._store = store
        self._keys = keys
        self._retention = Retention(store, clock)
        self._deleter = Deleter(store, remove_file)
        self._today = today
        self._purge = Purge(store, clock, remove_file, sales, today)

    # What would be done

    async def plan(self, number: str) -> Plan:
        """What would go and what would stay. A customer who is not there (any more) gives an empty plan."""
        periods = await self._retention.periods()
        plan = Plan(number)
        async with self._store.reading() as connection:
            customer = (
                await connection.execute(
                    select(CustomerRow.id, CustomerRow.phone).where(CustomerRow.number == number)
                )
            ).first()
            if customer is None:
                return plan
            plan.row, plan.phone = customer.id, customer.phone
            holds = await open_holds(connection)
            if ("customer", number) in holds:
                plan.stays.append(Stay("customer", number, "hold"))
                return plan
            await self._plan_claims(connection, plan, holds, periods)
            await self._plan_policies(connection, plan, holds, periods)
            await self._plan_complaints(connection, plan)
            calls = await calls_of_customer(connection, customer.id, number, customer.phone)
            await self._plan_recordings(connection, plan, calls, holds)
            await self._plan_calls(connection, plan, calls, holds)
            await self._plan_suggestions(connection, plan, holds)
        await self._keep_sales(plan, periods)
        return plan

    async def _plan_claims(
        self, connection: AsyncConnection, plan: Plan, holds: frozenset[Tie], periods: dict[str, Period]
    ) -> None:
        mine = select(PolicyRow.id).where(PolicyRow.customer_id == plan.row)
        wanted: list[Any] = [ClaimRow.policy_id.in_(mine)]
        if plan.phone:
            wanted.append(ClaimRow.policy_id.is_(None) & ClaimRow.caller.in_(spellings(plan.phone)))
        query = select(ClaimRow.id, ClaimRow.number, ClaimRow.status, ClaimRow.saved_at).where(or_(*wanted))
        rows = list(await connection.execute(query))
        ties = await ties_of_claims(connection, [row.id for row in rows])
        for row in rows:
            why, until = self._why_claim_stays(row, ties[row.id] & holds, periods["claims"])
            if why is None:
                plan.claims.append(row.id)
            else:
                plan.stays.append(Stay("claim", row.number, why, until))

    def _why_claim_stays(
        self, row: AnyRow, held: set[Tie] | frozenset[Tie], period: Period
    ) -> tuple[Why | None, date | None]:
        if held:
            return "hold", None
        if row.status == "draft":
            return None, None
        if row.status not in CLOSED:
            return "open_claim", None
        until = (row.saved_at + timedelta(days=period.days)).date()
        return ("statutory", until) if until >= self._today else (None, None)

    async def _plan_policies(
        self, connection: AsyncConnection, plan: Plan, holds: frozenset[Tie], periods: dict[str, Period]
    ) -> None:
        kept_claims = {one.number for one in plan.stays if one.what == "claim"}
        needed = set(
            (
                await connection.execute(select(ClaimRow.policy_id).where(ClaimRow.number.in_(kept_claims)))
            ).scalars()
        )
        columns = (
            PolicyRow.id, PolicyRow.number, PolicyRow.started_on, PolicyRow.ends_on, PolicyRow.surrendered_on,
        )  # fmt: skip
        for row in await connection.execute(select(*columns).where(PolicyRow.customer_id == plan.row)):
            plan.policy_numbers.append(row.number)
            why, until = self._why_policy_stays(row, holds, periods)
            if why is None and row.id in needed:
                why = "needed"
            if why is None:
                plan.policies.append(row.id)
            else:
                plan.stays.append(Stay("policy", row.number, why, until))

    def _why_policy_stays(
        self, row: AnyRow, holds: frozenset[Tie], periods: dict[str, Period]
    ) -> tuple[Why | None, date | None]:
        if ("policy", row.number) in holds:
            return "hold", None
        ended = contract_end(row.ends_on, row.surrendered_on)
        if ended is None or ended >= self._today:
            return "open_policy", None
        short = is_short(row.started_on, row.ends_on)
        until = ended + timedelta(days=periods["sales_short" if short else "sales_long"].days)
        return ("statutory", until) if until >= self._today else (None, None)

    async def _plan_complaints(self, connection: AsyncConnection, plan: Plan) -> None:
        query = select(ComplaintRow.id, ComplaintRow.number, ComplaintRow.status).where(
            or_(ComplaintRow.customer_id == plan.row, ComplaintRow.policy_id.in_(plan.policies))
        )
        for row in await connection.execute(query):
            if row.status == "closed":
                plan.complaints.append(row.id)
            else:
                plan.stays.append(Stay("complaint", row.number, "open_complaint"))

    async def _plan_recordings(
        self, connection: AsyncConnection, plan: Plan, calls: Sequence[str], holds: frozenset[Tie]
    ) -> None:
        mine = or_(
            RecordingRow.call_id.in_(calls),
            RecordingRow.caller.in_(spellings(plan.phone)),
            RecordingRow.id.in_(
                select(MessageRow.recording_id).where(
                    or_(MessageRow.customer_id == plan.row, MessageRow.policy_id.in_(plan.policies))
                )
            ),
        )
        query = select(RecordingRow.id, RecordingRow.claim_id, RecordingRow.state).where(mine)
        rows = list(await connection.execute(query))
        goes = set(plan.claims)
        for batch in _batches(rows):
            ties = await ties_of_recordings(connection, [row.id for row in batch])
            for row in batch:
                if row.state == "recording":
                    plan.stays.append(Stay("recording", row.id, "running_call"))
                elif ties[row.id] & holds:
                    plan.stays.append(Stay("recording", row.id, "hold"))
                elif row.claim_id and row.claim_id not in goes:
                    plan.stays.append(Stay("recording", row.id, "needed"))
                else:
                    plan.recordings.append(row.id)

    async def _plan_calls(
        self, connection: AsyncConnection, plan: Plan, calls: Sequence[str], holds: frozenset[Tie]
    ) -> None:
        for batch in _batches(calls):
            query = select(CallRow.id).where(CallRow.id.in_(batch), CallRow.state == "running")
            running = set((await connection.execute(query)).scalars())
            ties = await ties_of_calls(connection, batch)
            for call in batch:
                if call in running:
                    plan.stays.append(Stay("call", call, "running_call"))
                elif ties[call] & holds:
                    plan.stays.append(Stay("call", call, "hold"))
                else:
                    plan.calls.append(call)

    async def _plan_suggestions(self, connection: AsyncConnection, plan: Plan, holds: frozenset[Tie]) -> None:
        """Suggestions and referrals lose the person, unless their call or policy is held."""
        suggested = select(SuggestionRow.id).where(SuggestionRow.customer == plan.customer)
        referred = select(ReferralRow.id).where(ReferralRow.customer == plan.customer)
        for batch in _batches((await connection.execute(suggested)).scalars().all()):
            ties = await ties_of_suggestions(connection, batch)
            plan.suggestions += [one for one in batch if not ties[one] & holds]
        for batch in _batches((await connection.execute(referred)).scalars().all()):
            ties = await ties_of_referrals(connection, batch)
            plan.referrals += [one for one in batch if not ties[one] & holds]

    async def _keep_sales(self, plan: Plan, periods: dict[str, Period]) -> None:
        """Recordings of sales stay for their time, and their calls with them."""
        kept = await self._purge.kept_sales(plan.recordings, periods)
        if not kept:
            return
        query = select(RecordingRow.call_id).where(RecordingRow.id.in_(kept))
        async with self._store.reading() as connection:
            calls = set((await connection.execute(query)).scalars())
        plan.recordings = [one for one in plan.recordings if one not in kept]
        plan.calls = [one for one in plan.calls if one not in calls]
        plan.stays += [Stay("recording", one, "statutory") for one in sorted(kept)]
        plan.stays += [Stay("call", one, "needed") for one in sorted(calls)]

    # Doing it

    async def erase(self, number: str, *, who: str) -> Plan:
        """Do what the plan says and write it down; may be repeated at any point."""
        plan = await self.plan(number)
        if not plan.known or any(one.what == "customer" for one in plan.stays):
            return plan
        for batch in _batches(plan.recordings):
            gone, failed = await self._deleter.files(batch)
            if failed:
                plan.stays += [Stay("recording", one, "needed") for one in sorted(set(batch) - set(gone))]
            async with self._store.writing() as connection:
                await self._deleter.recordings(connection, gone)
        for batch in _batches(plan.calls):
            async with self._store.writing() as connection:
                await self._deleter.blank_calls(connection, batch)
        async with self._store.writing("users of data") as connection:
            await self._forget_numbers(connection, plan)
            await self._forget_suggestions(connection, plan)
            await forget_called(connection, plan.customer, plan.policy_numbers, spellings(plan.phone))
            await self._forget_contracts(connection, plan)
        await self._retention.note_erasure(
            number, who=who, erased=plan.counts(), stays=[one.told() for one in plan.stays]
        )
        return plan

    async def _forget_numbers(self, connection: AsyncConnection, plan: Plan) -> None:
        """What is known of their telephone, and of tries to pass for them."""
        phones = spellings(plan.phone)
        await self._deleter.numbers(connection, phones)
        tried = [
            self._keys.digest(f"attempt:{kind}", number)
            for number in plan.policy_numbers
            for kind in ("id_tail", "pin")
        ]
        await connection.execute(delete(AttemptRow).where(AttemptRow.subject_hash.in_(tried)))
        keys = [plan.customer, *plan.policy_numbers]
        await connection.execute(delete(ImportLineRow).where(ImportLineRow.key.in_(keys)))
        places = update(WaitingCallRow).where(
            WaitingCallRow.call_id.in_(plan.calls), WaitingCallRow.state == "callback"
        )
        await connection.execute(places.values(state="left", version=WaitingCallRow.version + 1))
        numbers = [plan.customer, *plan.policy_numbers]
        released = LegalHoldRow.number.in_(numbers) & LegalHoldRow.released_at.is_not(None)
        await connection.execute(update(LegalHoldRow).where(released).values(why=""))

    async def _forget_suggestions(self, connection: AsyncConnection, plan: Plan) -> None:
        """What was offered to them stays to be counted; a number that is not to be called stays listed."""
        for batch in _batches(plan.suggestions):
            await self._deleter.blank_suggestions(connection, batch)
        for batch in _batches(plan.referrals):
            await self._deleter.blank_referrals(connection, batch)
        await self._deleter.unlist(connection, plan.customer)

    async def _forget_contracts(self, connection: AsyncConnection, plan: Plan) -> None:
        """Claims, complaints, policies, and at last the customer; each only if nothing that stays needs it."""
        ids = select(PolicyRow.number).where(PolicyRow.id.in_(plan.policies))
        numbers = (await connection.execute(ids)).scalars().all()
        await forget_documents(connection, plan.customer, plan.policies, numbers, plan.claims)
        await self._deleter.claims(connection, plan.claims)
        await connection.execute(delete(ComplaintRow).where(ComplaintRow.id.in_(plan.complaints)))
        for table in (ComplaintRow, CallRow, ClaimRow, CommissionRow):
            cut = update(table).where(table.policy_id.in_(plan.policies)).values(policy_id=None)
            await connection.execute(cut)
        await connection.execute(delete(PolicyRow).where(PolicyRow.id.in_(plan.policies)))
        if plan.whole:
            await connection.execute(delete(CustomerRow).where(CustomerRow.id == plan.row))


def _batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
