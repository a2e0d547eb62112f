"""Claims: where one stands, and taking the report of a new one answer by answer.

A report is taken from anyone, and marked with how sure the hotline was of the caller. It tells nobody whether
the policy number given exists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level
from ivr.services.policies import maybe_money, require_verified
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import (
    BOOLEAN,
    DATE,
    DIGITS,
    INTEGER,
    MONEY,
    PROMPT,
    RECORDING,
    TEXT,
    code,
    optional,
    record,
)
from ivr.services.words import CLAIM_KINDS, CLAIM_STAGES, CLAIM_STATES, claim_document, claim_kind

if TYPE_CHECKING:
    from policy_db import PolicyDatabase
    from policy_db.facts import ClaimReport

_STATUS: Final = record(
    number=DIGITS, kind=code(*CLAIM_KINDS), reported_on=DATE, status=code(*CLAIM_STATES),
    paid=optional(MONEY), missing=optional(PROMPT), count=INTEGER,
)  # fmt: skip
_REPORT: Final = record(id=TEXT, number=DIGITS, resumed=BOOLEAN, stage=code(*CLAIM_STAGES))
_ANSWERS: Final = code("when", "kind", "hurt")
_SPOKEN: Final = code("where", "what")


class ClaimServices:
    """Claims and claim reports."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("claim.status", inputs={"policy_no": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _STATUS, "none": None})  # fmt: skip
    async def status(self, context: ServiceContext, policy_no: str) -> Outcome:
        """The latest claim on a policy and how many there are."""
        require_verified(self._proofs, "claim.status", context, policy_no)
        found = await self._database.claims.status(policy_no)
        if found is None:
            return Outcome("none")
        return Outcome(value={
            "number": found.number, "kind": claim_kind(found.kind),
            "reported_on": found.reported_on, "status": found.status, "paid": maybe_money(found.paid),
            "missing": claim_document(found.missing) if found.missing else None, "count": found.count,
        })  # fmt: skip

    @service("claim.begin", inputs={"policy_no": optional(DIGITS)}, outcomes={"ok": _REPORT})
    async def begin(self, context: ServiceContext, policy_no: str | None) -> Outcome:
        """Open a report; the number is given at once, so that nothing said is without one."""
        report = await self._database.claims.begin(
            caller=context.caller, today=context.now.date(), policy=policy_no, level=int(context.level),
            call_id=context.call_id, key=context.idempotency_key or None, resume=False,
        )  # fmt: skip
        return _report(report)

    @service("claim.resumable", outcomes={"ok": _REPORT, "none": None})
    async def resumable(self, context: ServiceContext) -> Outcome:
        """The unfinished report of this telephone number, if there is a recent one."""
        report = await self._database.claims.resumable(context.caller) if context.caller else None
        return _report(report) if report else Outcome("none")

    @service("claim.save", inputs={"id": TEXT, "field": _ANSWERS, "value": TEXT}, outcomes={"ok": None})
    async def save(self, context: ServiceContext, id: str, field: str, value: str) -> Outcome:  # noqa: A002
        """Keep one answer. `when` may be `today` or `yesterday`, or a date, with a time after a blank."""
        answer = _dated(value, context) if field == "when" else value
        await self._database.claims.save_answer(id, field, answer)
        return Outcome()

    @service(
        "claim.attach", inputs={"id": TEXT, "field": _SPOKEN, "recording": RECORDING}, outcomes={"ok": None}
    )
    async def attach(self, context: ServiceContext, id: str, field: str, recording: str) -> Outcome:  # noqa: A002
        """Keep an answer given in the caller's own voice."""
        await self._database.claims.attach(id, field, recording)
        return Outcome()

    @service("claim.submit", inputs={"id": TEXT}, outcomes={"ok": record(number=DIGITS)})
    async def submit(self, context: ServiceContext, id: str) -> Outcome:  # noqa: A002
        """Hand the report in; it is a claim now."""
        return Outcome(value={"number": await self._database.claims.submit(id, context.now.date())})


def _report(report: ClaimReport) -> Outcome:
    return Outcome(value={
        "id": report.id, "number": report.number, "resumed": report.resumed, "stage": report.stage,
    })  # fmt: skip


def _dated(value: str, context: ServiceContext) -> str:
    """The answer with its day as a date."""
    day, _, clock = value.partition(" ")
    back = {"today": 0, "yesterday": 1}.get(day)
    if back is not None:
        day = (context.now.date() - timedelta(days=back)).isoformat()
    return f"{day} {clock[:5]}".rstrip()
