"""What a salesperson may ask: their own commission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level
from ivr.services.errors import LevelRefusedError
from ivr.services.policies import flow_money
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import DATE, DIGITS, INTEGER, MONEY, optional, record

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

_COMMISSION: Final = record(
    month=DATE, earned=MONEY, paid=MONEY, pending=MONEY, policies=INTEGER, year_to_date=MONEY,
    paid_on=optional(DATE),
)  # fmt: skip


class SalesServices:
    """Salespeople."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("sales.commission", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _COMMISSION, "none": None})  # fmt: skip
    async def commission(self, context: ServiceContext, number: str) -> Outcome:
        """The latest month's commission of the salesperson that this call has verified."""
        if self._proofs.of(context.call_id).salesperson != number:
            raise LevelRefusedError("sales.commission", Level.VERIFIED)
        found = await self._database.sales.commission(number, context.now.date())
        if found is None:
            return Outcome("none")
        return Outcome(value={
            "month": found.month, "earned": flow_money(found.earned),
            "paid": flow_money(found.paid), "pending": flow_money(found.pending),
            "policies": found.policies, "year_to_date": flow_money(found.year_to_date),
            "paid_on": found.paid_on,
        })  # fmt: skip
