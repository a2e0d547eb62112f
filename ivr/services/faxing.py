"""Documents by fax: to the machine that the caller is speaking by, or to a number that a verified caller names.

What is prepared here for the caller's own machine is sent by a transfer that names it (`ivr.flow.model.TransferTo`);
what is for a number waits in the database and is dialled by whichever worker has room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import phonenumbers

from ivr.flow.values import Level
from ivr.media.fax import missing
from ivr.services.documents import GUIDES, PERSONAL, document_id
from ivr.services.policies import require_verified
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, DIGITS, INTEGER, MONEY, TEXT, code, optional, record

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

#: What can be faxed.
KINDS: Final = (*PERSONAL, "rate_table", "claim_guide", "claim_report")
#: Faxes to one number in a day, at most: it may be somebody's telephone.
MOST_A_DAY: Final = 5
_WAYS: Final = record(number=BOOLEAN)
_MADE: Final = record(document=TEXT)
_SENT: Final = record(tail=DIGITS)
_WHAT: Final = {
    "kind": code(*KINDS), "policy_no": optional(DIGITS), "claim_no": optional(DIGITS), "guide": optional(code(*GUIDES)),
    "product": optional(DIGITS), "age": optional(INTEGER), "sum": optional(MONEY), "term": optional(INTEGER),
    "sex": optional(code("m", "f")),
}  # fmt: skip
#: What a premium table cannot be made without.
_CHOICES: Final = ("product", "age", "sum", "term")


@dataclass(frozen=True, slots=True)
class FaxRules:
    """Whether documents go out by fax at all, and how numbers begin (E.164) to which they do."""

    on: bool = True
    numbers: tuple[str, ...] = ("+86",)

    @property
    def possible(self) -> bool:
        """Whether anything can be faxed from this machine."""
        return self.on and not missing()


@dataclass(frozen=True, slots=True)
class _Wish:
    """A document as it is asked for; `to` is a number, empty for the machine in the call.

    `choices` are a caller's own, of which a premium table is made.
    """

    kind: str
    policy_no: str | None
    claim_no: str | None
    guide: str | None
    choices: Mapping[str, Any] = field(default_factory=dict)
    to: str = ""

    @property
    def facts(self) -> dict[str, Any] | None:
        """What the document is made of beside what it is about; None where something is missing."""
        if self.kind == "claim_guide":
            return {"guide": self.guide or ""}
        if self.kind != "rate_table":
            return {}
        if any(self.choices[name] is None for name in _CHOICES):
            return None
        return {**self.choices, "sum": str(self.choices["sum"].amount), "sex": self.choices["sex"] or ""}


class FaxServices:
    """Faxes, prepared and asked for."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook, rules: FaxRules) -> None:
        self._database = database
        self._proofs = proofs
        self._rules = rules

    @service("fax.ways", outcomes={"ok": _WAYS, "none": None})
    async def ways(self, context: ServiceContext) -> Outcome:
        """Whether a fax can be sent at all, and whether also to a number: only for who has shown a policy's PIN."""
        if not self._rules.possible:
            return Outcome("none")
        return Outcome(value={"number": bool(self._rules.numbers) and self._verified(context) is not None})

    @service("fax.prepare", inputs=_WHAT, outcomes={"ok": _MADE, "none": None, "not_found": None})
    async def prepare(
        self,
        context: ServiceContext,
        kind: str,
        policy_no: str | None,
        claim_no: str | None,
        guide: str | None,
        **choices: Any,
    ) -> Outcome:
        """Prepare a document for the caller's own machine."""
        made = await self._made(context, _Wish(kind, policy_no, claim_no, guide, choices))
        return Outcome(value={"document": made}) if made else Outcome("none" if made is None else "not_found")

    @service("fax.send", inputs={**_WHAT, "number": DIGITS},
             outcomes={"ok": _SENT, "none": None, "no_number": None, "not_found": None})  # fmt: skip
    async def send(
        self,
        context: ServiceContext,
        kind: str,
        policy_no: str | None,
        claim_no: str | None,
        guide: str | None,
        number: str,
        **choices: Any,
    ) -> Outcome:
        """Have a document sent to a number that the caller names."""
        to = await self._allowed(context, number)
        if not to:
            return Outcome("no_number")
        made = await self._made(context, _Wish(kind, policy_no, claim_no, guide, choices, to))
        return Outcome(value={"tail": to[-4:]}) if made else Outcome("none" if made is None else "not_found")

    async def _made(self, context: ServiceContext, wish: _Wish) -> str | None:
        """The id of a document that is to be faxed; empty where there is no such thing, None where nothing is faxed."""
        if not self._rules.possible:
            return None
        about = await self._about(context, wish.kind, wish.policy_no, wish.claim_no)
        facts = wish.facts
        if about is None or facts is None:
            return ""
        document = document_id(
            f"fax\x00{context.idempotency_key or context.call_id}\x00{wish.kind}\x00{wish.to}"
        )
        await self._database.documents.add(
            document, kind=wish.kind, call=context.call_id, language=context.language, channel="fax",
            facts=facts, **about,
        )  # fmt: skip
        await self._database.faxes.put(document, number=wish.to, call_id=context.call_id)
        return document

    async def _about(
        self, context: ServiceContext, kind: str, policy_no: str | None, claim_no: str | None
    ) -> dict[str, Any] | None:
        """Whom and what a document is about, for a caller who may have it; None where there is no such thing."""
        if kind in ("claim_guide", "rate_table"):
            return {}
        if kind == "claim_report":
            return await self._claim(context, claim_no or "")
        require_verified(self._proofs, "fax.prepare", context, policy_no or "")
        policy = await self._database.policies.find(policy_no or "", context.now.date())
        return None if policy is None else {"policy": policy_no, "customer": policy.customer}

    async def _claim(self, context: ServiceContext, claim_no: str) -> dict[str, Any] | None:
        """A claim that this call made, or that is on a policy which it verified."""
        case = await self._database.claim_reviews.find(claim_no)
        if case is None:
            return None
        own = bool(case.policy) and self._proofs.level(context.call_id, case.policy) >= Level.VERIFIED
        if not own:
            return {"claim": claim_no} if case.call == context.call_id else None
        policy = await self._database.policies.find(case.policy, context.now.date())
        holder = "" if policy is None else policy.customer
        return {"claim": claim_no, "policy": case.policy, "customer": holder}

    def _verified(self, context: ServiceContext) -> str | None:
        latest = self._proofs.of(context.call_id).latest
        known = latest is not None and self._proofs.level(context.call_id, latest) >= Level.VERIFIED
        return latest if known else None

    async def _allowed(self, context: ServiceContext, number: str) -> str:
        """The number as E.164, if a fax may go there at this caller's wish; else empty."""
        found = as_e164(number)
        if self._verified(context) is None or not found.startswith(self._rules.numbers or ("-",)):
            return ""
        since = context.now - timedelta(days=1)
        return found if await self._database.faxes.count_to(found, since) < MOST_A_DAY else ""


def as_e164(number: str, region: str = "CN") -> str:
    """A number as it was keyed, as E.164; empty for what is no ordinary number (premium rates are none)."""
    try:
        found = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return ""
    kinds = (
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.VOIP,
    )
    if not phonenumbers.is_valid_number(found) or phonenumbers.number_type(found) not in kinds:
        return ""
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
