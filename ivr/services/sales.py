"""What a salesperson may ask: commission, performance, rank, policies to look after, and what became of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from ivr.flow.values import Level
from ivr.services.errors import LevelRefusedError
from ivr.services.policies import flow_money
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.sales_texts import notice
from ivr.services.types import BOOLEAN, DATE, DIGITS, INTEGER, MONEY, TEXT, code, optional, record
from policy_db.outreach_facts import NewMessage
from policy_db.sales_facts import DUE_KINDS, PERIODS
from policy_db.sales_notices import notice_key

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.sales_facts import SalesPerson, SalesPreferences

_COMMISSION: Final = record(
    month=DATE, earned=MONEY, paid=MONEY, pending=MONEY, policies=INTEGER, year_to_date=MONEY,
    paid_on=optional(DATE),
)  # fmt: skip
_PERIOD: Final = code(*PERIODS)
_PERFORMANCE: Final = record(since=DATE, policies=INTEGER, premium=MONEY, persistency=optional(INTEGER))
_RANK: Final = record(team=INTEGER, team_size=INTEGER, company=INTEGER, company_size=INTEGER)
_COUNTS: Final = record(lapsing=INTEGER, due=INTEGER, ending=INTEGER)
_POLICY: Final = record(policy_no=DIGITS, amount=MONEY, day=DATE, more=BOOLEAN)
#: How a call to a customer ended, as it is told to their salesperson; all that did not reach anybody is one word.
CALL_OUTCOMES: Final = (
    "already_paid", "call_later", "confirmed_only", "disputed", "do_not_call", "finished", "hung_up", "link_sent",
    "not_reached", "promised", "to_person", "told", "wrong_number",
)  # fmt: skip
_NEWS: Final = record(policy_no=DIGITS, outcome=code(*CALL_OUTCOMES), day=DATE, more=BOOLEAN)
_FOUND: Final = record(number=DIGITS, name=TEXT, put_through=BOOLEAN)
#: By what a salesperson is told of things.
Channel = Literal["sms", "email"]
#: Policies that a list by message names, of each kind.
MOST_LISTED: Final = 30
#: Calls to customers that are told of by telephone.
MOST_NEWS: Final = 20


class SalesServices:
    """Salespeople."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("sales.commission", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _COMMISSION, "none": None})  # fmt: skip
    async def commission(self, context: ServiceContext, number: str) -> Outcome:
        """The latest month's commission of the salesperson that this call has verified."""
        self._require("sales.commission", context, number)
        found = await self._database.sales.commission(number, context.now.date())
        if found is None:
            return Outcome("none")
        return Outcome(value={
            "month": found.month, "earned": flow_money(found.earned),
            "paid": flow_money(found.paid), "pending": flow_money(found.pending),
            "policies": found.policies, "year_to_date": flow_money(found.year_to_date),
            "paid_on": found.paid_on,
        })  # fmt: skip

    @service("sales.performance", inputs={"number": DIGITS, "period": _PERIOD}, level=Level.VERIFIED,
             outcomes={"ok": _PERFORMANCE})  # fmt: skip
    async def performance(self, context: ServiceContext, number: str, period: str) -> Outcome:
        """What the salesperson sold since the month, quarter or year began; persistency in per cent."""
        self._require("sales.performance", context, number)
        found = await self._database.sales.performance(number, cast("Any", period), context.now.date())
        share = found.persistency
        return Outcome(value={
            "since": found.since, "policies": found.policies, "premium": flow_money(found.premium),
            "persistency": None if share is None else round(share * 100),
        })  # fmt: skip

    @service("sales.rank", inputs={"number": DIGITS, "period": _PERIOD}, level=Level.VERIFIED,
             outcomes={"ok": _RANK, "none": None})  # fmt: skip
    async def rank(self, context: ServiceContext, number: str, period: str) -> Outcome:
        """The salesperson's own place in team and company, and how many they are; nobody else's."""
        self._require("sales.rank", context, number)
        found = await self._database.sales.rank(number, cast("Any", period), context.now.date())
        if found is None:
            return Outcome("none")
        return Outcome(value={
            "team": found.team, "team_size": found.team_size, "company": found.company,
            "company_size": found.company_size,
        })  # fmt: skip

    @service("sales.due_counts", inputs={"number": DIGITS}, level=Level.VERIFIED, outcomes={"ok": _COUNTS})
    async def due_counts(self, context: ServiceContext, number: str) -> Outcome:
        """How many of the salesperson's policies lapse unless paid, fall due within 30 days, or end within 30 days."""
        self._require("sales.due_counts", context, number)
        found = await self._database.sales.due_counts(number, context.now.date())
        return Outcome(value=dict(found))

    @service("sales.due", inputs={"number": DIGITS, "kind": code(*DUE_KINDS), "index": INTEGER}, level=Level.VERIFIED,
             outcomes={"ok": _POLICY, "none": None})  # fmt: skip
    async def due(self, context: ServiceContext, number: str, kind: str, index: int) -> Outcome:
        """One of those policies, counted from 0 by the nearest day, and whether there are more."""
        self._require("sales.due", context, number)
        today = context.now.date()
        found = await self._database.sales.due(
            number, cast("Any", kind), today, limit=2, offset=max(0, index)
        )
        if not found:
            return Outcome("none")
        one = found[0]
        return Outcome(value={
            "policy_no": one.policy, "amount": flow_money(one.amount), "day": one.day, "more": len(found) > 1,
        })  # fmt: skip

    @service("sales.send_list", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": record(channel=code("sms", "email")), "no_way": None})  # fmt: skip
    async def send_list(self, context: ServiceContext, number: str) -> Outcome:
        """Have the list of those policies sent to the telephone or mailbox on file; once in a call."""
        self._require("sales.send_list", context, number)
        person = await self._database.salespeople.find(number)
        way = (
            None
            if person is None
            else address_of(person, await self._database.salespeople.preferences(number))
        )
        if way is None:
            return Outcome("no_way")
        channel, address = way
        today = context.now.date()
        counts = await self._database.sales.due_counts(number, today)
        lists = [await self._database.sales.due(number, kind, today, limit=MOST_LISTED) for kind in DUE_KINDS]
        facts = notice(
            "sales_list", context.language, counts, [one for some in lists for one in some], channel
        )
        key = notice_key("sales_list", number, context.call_id)
        message = NewMessage(
            key, "sales_list", channel, address, context.language, call_id=context.call_id, facts=facts
        )
        await self._database.outbox.put(message)
        return Outcome(value={"channel": channel})

    @service("sales.news", inputs={"number": DIGITS, "index": INTEGER}, level=Level.VERIFIED,
             outcomes={"ok": _NEWS, "none": None})  # fmt: skip
    async def news(self, context: ServiceContext, number: str, index: int) -> Outcome:
        """What became of the hotline's calls to the salesperson's customers, counted from 0, the latest first."""
        self._require("sales.news", context, number)
        found = await self._database.sales.news(number, limit=MOST_NEWS)
        if not 0 <= index < len(found):
            return Outcome("none")
        one = found[index]
        return Outcome(value={
            "policy_no": one.policy, "outcome": call_outcome(one.outcome),
            "day": one.at.astimezone(context.now.tzinfo).date(), "more": index + 1 < len(found),
        })  # fmt: skip

    @service("sales.find", inputs={"number": DIGITS}, outcomes={"found": _FOUND, "not_found": None})
    async def find(self, context: ServiceContext, number: str) -> Outcome:
        """The salesperson of a number that a caller gives, if at work: the name, and whether callers are put through."""
        person = await self._database.salespeople.find(number)
        if person is None or not person.at_work:
            return Outcome("not_found")
        wanted = await self._database.salespeople.preferences(number)
        through = wanted.put_through and bool(person.phone)
        return Outcome("found", {"number": number, "name": person.name, "put_through": through})

    def _require(self, name: str, context: ServiceContext, number: str) -> None:
        """Raise LevelRefusedError unless this call has verified this very salesperson."""
        if self._proofs.of(context.call_id).salesperson != number:
            raise LevelRefusedError(name, Level.VERIFIED)


def call_outcome(stored: str) -> str:
    """How a call ended, in a word that has a prompt."""
    return stored if stored in CALL_OUTCOMES else "not_reached"


def address_of(person: SalesPerson, wanted: SalesPreferences) -> tuple[Channel, str] | None:
    """Channel and address by which a salesperson is told of things; the other one where the chosen has no address."""
    ways: dict[Channel, str] = {"sms": person.phone, "email": person.email}
    if wanted.channel == "none":
        return next(((channel, address) for channel, address in ways.items() if address), None)
    order: tuple[Channel, ...] = ("sms", "email") if wanted.channel == "sms" else ("email", "sms")
    for channel in order:
        if ways[channel]:
            return channel, ways[channel]
    return None
