"""Changing a claim: what a form or a program wishes, as a change of the claim it was made from."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints

from ivr.console.access import Visitor
from ivr.console.audit import did
from ivr.console.claims.desk import DOCUMENTS
from ivr.console.parts import ConsoleParts
from policy_db.claim_facts import ClaimCase, ClaimChange
from policy_db.errors import BadValueError
from policy_db.facts import ClaimStatus

Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]


class Wish(BaseModel):
    """A form of the claim's page as it was sent; what is None was not on it.

    `missing` are the papers wanted, by their words or in free text; the form says with `papers` that it shows them,
    because a browser sends nothing of boxes that are not ticked.
    """

    version: int = Field(ge=0, le=2_000_000_000)
    status: ClaimStatus | None = None
    reason: Text = ""
    paid: Word | None = None
    adjuster: Word | None = None
    missing: Annotated[list[Word], Field(max_length=20)] | None = None
    papers: bool = False
    checked_how: Text | None = None

    @classmethod
    def of(cls, case: ClaimCase) -> Self:
        """What the forms show of a claim as it is."""
        return cls(
            version=case.version,
            adjuster=case.adjuster,
            missing=[*case.missing][:20],
            checked_how=case.checked_how,
        )

    @property
    def other_papers(self) -> str:
        """The papers that have no word of their own."""
        return ", ".join(item for item in self.missing or () if item not in DOCUMENTS)

    def change(self) -> ClaimChange:
        """The change that it asks for. Raises BadValueError for an amount that is none."""
        missing = self.missing if self.missing is not None else [] if self.papers else None
        return ClaimChange(
            status=self.status,
            reason=self.reason,
            paid=_amount(self.paid),
            adjuster=self.adjuster,
            missing=None if missing is None else tuple(missing),
            checked_how=self.checked_how,
        )


async def made(parts: ConsoleParts, visitor: Visitor, case: ClaimCase, wish: Wish) -> None:
    """Make a change, audit it, tell the pages. Raises StaleError, ConflictError, BadValueError."""
    told = await parts.database.claim_reviews.change(
        case.number, visitor.name, wish.change(), version=wish.version
    )
    if told:
        details = {name: told[name]["is"] for name in ("status", "adjuster") if name in told}
        await did(parts, visitor, "changed", f"claim:{case.number}", what=sorted(told), **details)
    parts.bus.publish("claim", case.number)


def _amount(value: str | None) -> Decimal | None:
    if not value:
        return None
    try:
        return Decimal(value.replace(",", ""))
    except InvalidOperation:
        raise BadValueError(f"{value!r} is no amount.", "Write it as 1234.50.") from None
