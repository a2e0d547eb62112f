"""Documents that callers ask for: how they can be sent to this caller, and sending them.

What is sent goes only where the insurer has it on file, or to the very number that calls. A link that goes out by short
message or mail opens with six digits that are told in the call alone; they follow from the document, so a step that
runs twice sends one document and tells one code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from ivr.flow.values import Level, Money
from ivr.services.policies import require_verified
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, DIGITS, INTEGER, MONEY, code, optional, record
from policy_db.documents import outbox_key
from policy_db.link_facts import NewLink
from policy_db.outreach_facts import NewMessage

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.facts import Customer

PERSONAL: Final = ("policy_summary", "premium_notice", "receipt")
OPEN: Final = ("rate_table", "claim_guide", "claim_report")
GUIDES: Final = ("medical", "critical", "motor", "property", "death")
#: What can be offered, by first letters: s(ms), e(-mail), p(ost).
OFFERS: Final = ("s", "e", "p", "se", "sp", "ep", "sep")
#: Messages that one address is sent in a day, at most.
MOST_A_DAY: Final = 10
_MOBILE: Final = re.compile(r"(?:\+?86|0086|0)?(1[3-9]\d{9})")
_FOREIGN: Final = re.compile(r"\+[1-9]\d{6,14}")
_CHANNELS: Final = ("sms", "email", "post")
_WAYS: Final = record(offer=code(*OFFERS), sms=BOOLEAN, email=BOOLEAN, post=BOOLEAN, tail=optional(DIGITS))
_SENT: Final = record(code=optional(DIGITS), tail=optional(DIGITS))
_KIND: Final = {"kind": code(*OPEN), "channel": code(*_CHANNELS)}

Channel = Literal["sms", "email", "post"]


@dataclass(frozen=True, slots=True)
class SendingRules:
    """By which channels the company sends at all, and how long a link is good."""

    channels: frozenset[str] = frozenset(_CHANNELS)
    link_for: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A document as it is asked for."""

    kind: str
    channel: Channel
    customer: Customer | None
    policy: str = ""
    claim: str = ""
    facts: Mapping[str, Any] | None = None


def document_id(key: str) -> str:
    """The id of a document that is asked for under a key, which is the same for every try of one step."""
    return hashlib.sha256(f"document\x00{key}".encode()).hexdigest()[:32]


def mobile(caller: str) -> str:
    """The number (E.164) that messages to a caller go to; empty where the line shows none that takes them."""
    home = _MOBILE.fullmatch(caller)
    if home is not None:
        return f"+86{home[1]}"
    return caller if _FOREIGN.fullmatch(caller) and not caller.startswith("+86") else ""


class DocumentServices:
    """Documents by short message, mail and post."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook, rules: SendingRules) -> None:
        self._database = database
        self._proofs = proofs
        self._rules = rules

    @service("document.ways", inputs={"policy_no": optional(DIGITS)}, outcomes={"ok": _WAYS, "none": None})
    async def ways(self, context: ServiceContext, policy_no: str | None) -> Outcome:
        """How something can be sent: to the addresses of a policy that this call verified, else to its own number."""
        customer = await self._customer(context, policy_no)
        there = {channel: bool(self._address(context, customer, channel)) for channel in _CHANNELS}
        offer = "".join(channel[0] for channel in _CHANNELS if there[channel])
        if not offer:
            return Outcome("none")
        number = self._address(context, customer, "sms")
        return Outcome(value={"offer": offer, **there, "tail": number[-4:] or None})

    @service("document.send",
             inputs={"kind": code(*PERSONAL), "channel": code(*_CHANNELS), "policy_no": DIGITS},
             level=Level.VERIFIED, outcomes={"ok": _SENT, "no_way": None, "not_found": None})  # fmt: skip
    async def send(self, context: ServiceContext, kind: str, channel: Channel, policy_no: str) -> Outcome:
        """Send a document about a policy to its holder."""
        require_verified(self._proofs, "document.send", context, policy_no)
        customer = await self._customer(context, policy_no)
        if customer is None:
            return Outcome("not_found")
        return await self._send(context, _Wish(kind, channel, customer, policy_no))

    @service("document.send_rates",
             inputs={"channel": code(*_CHANNELS), "product": DIGITS, "age": INTEGER, "sum": MONEY, "term": INTEGER,
                     "sex": optional(code("m", "f"))},
             outcomes={"ok": _SENT, "no_way": None})  # fmt: skip
    async def send_rates(
        self,
        context: ServiceContext,
        channel: Channel,
        product: str,
        age: int,
        sum: Money,  # noqa: A002 - the word of the flows
        term: int,
        sex: str | None,
    ) -> Outcome:
        """Send the premium table for a caller's own choices."""
        facts = {"product": product, "age": age, "sum": str(sum.amount), "term": term, "sex": sex or ""}
        customer = await self._customer(context, None)
        return await self._send(context, _Wish("rate_table", channel, customer, facts=facts))

    @service("document.send_guide", inputs={"channel": code(*_CHANNELS), "guide": optional(code(*GUIDES))},
             outcomes={"ok": _SENT, "no_way": None})  # fmt: skip
    async def send_guide(self, context: ServiceContext, channel: Channel, guide: str | None) -> Outcome:
        """Send the list of papers that a claim needs, of one kind or of all."""
        customer = await self._customer(context, None)
        return await self._send(
            context, _Wish("claim_guide", channel, customer, facts={"guide": guide or ""})
        )

    @service("document.send_claim", inputs={"channel": code(*_CHANNELS), "claim_no": DIGITS},
             outcomes={"ok": _SENT, "no_way": None, "not_found": None})  # fmt: skip
    async def send_claim(self, context: ServiceContext, channel: Channel, claim_no: str) -> Outcome:
        """Send the report of a claim that this call made, or that is on a policy which it verified."""
        case = await self._database.claim_reviews.find(claim_no)
        if case is None:
            return Outcome("not_found")
        own = bool(case.policy) and self._proofs.level(context.call_id, case.policy) >= Level.VERIFIED
        if case.call != context.call_id and not own:
            return Outcome("not_found")
        customer = await self._customer(context, case.policy if own else None)
        policy = case.policy if own else ""
        return await self._send(context, _Wish("claim_report", channel, customer, policy, claim_no))

    async def _customer(self, context: ServiceContext, policy_no: str | None) -> Customer | None:
        """The holder of a policy that this call has verified; of the latest one where none is named."""
        number = policy_no or self._proofs.of(context.call_id).latest
        if number is None or self._proofs.level(context.call_id, number) < Level.VERIFIED:
            return None
        policy = await self._database.policies.find(number, context.now.date())
        return None if policy is None else await self._database.customers.find(policy.customer)

    def _address(self, context: ServiceContext, customer: Customer | None, channel: str) -> str:
        if channel not in self._rules.channels:
            return ""
        if channel == "sms":
            return mobile(context.caller) if customer is None else mobile(customer.phone)
        if customer is None:
            return ""
        if channel == "email":
            return customer.email
        place = customer.address if customer.address and customer.name else ""
        return " ".join(part for part in (customer.postcode, place, customer.name) if part) if place else ""

    async def _send(self, context: ServiceContext, wish: _Wish) -> Outcome:
        """The document, its link and the message that brings it; each is there once, however often this runs."""
        address = self._address(context, wish.customer, wish.channel)
        document = document_id(context.idempotency_key or f"{context.call_id}:{wish.kind}:{wish.channel}")
        if not address or await self._too_many(context, document, address):
            return Outcome("no_way")
        customer = wish.customer.number if wish.customer else ""
        await self._database.documents.add(
            document,
            kind=wish.kind,
            policy=wish.policy or None,
            call=context.call_id,
            language=context.language,
            channel=wish.channel,
            customer=customer,
            claim=wish.claim,
            facts=wish.facts,
        )
        linked = wish.channel == "sms" or (
            wish.channel == "email" and wish.kind not in ("rate_table", "claim_guide")
        )
        if linked:
            await self._database.links.add(self._link(context, wish, document, customer))
        await self._database.outbox.put(NewMessage(
            key=outbox_key(document), kind="document", channel=wish.channel, address=address[:200],
            language=context.language, customer=customer, policy=wish.policy, call_id=context.call_id,
            facts={"document": document, "link": document if linked else ""},
        ))  # fmt: skip
        told = self._database.links.code(document) if linked else None
        return Outcome(value={"code": told, "tail": address[-4:] if wish.channel == "sms" else None})

    def _link(self, context: ServiceContext, wish: _Wish, document: str, customer: str) -> NewLink:
        return NewLink(
            id=document,
            kind="claim" if wish.claim else "document",
            asks="code",
            expires_at=context.now + self._rules.link_for,
            language=context.language,
            document=document,
            claim=wish.claim,
            policy=wish.policy,
            customer=customer,
            call=context.call_id,
        )

    async def _too_many(self, context: ServiceContext, document: str, address: str) -> bool:
        """Whether this address has had its messages for a day, not counting this very one."""
        since = context.now - timedelta(days=1)
        keys = await self._database.outbox.keys_to(address, since, MOST_A_DAY + 1)
        return len(set(keys) - {outbox_key(document)}) >= MOST_A_DAY
