"""What seats, products and scripts bring: referrals, how far they came, sales of those asked, premium sold.

Sales are not effect: a seat may sell to callers who would have bought anyway. The proof says what offering is worth;
this says who did the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cross_sell.proof.estimates import Estimate, share
from policy_db.moments import Period
from policy_db.referrals import CountBy, Referrals
from policy_db.selling_facts import ReferralCount

#: By what it is told: the seat that sold, the seat that referred (empty: the hotline), the product, the words.
KEYS: Final[tuple[CountBy, ...]] = ("seat", "referred_by", "product", "script")


@dataclass(frozen=True, slots=True)
class Line:
    """One key: how many referrals reached each step. `call_to_sale` is sold of those asked, with its interval."""

    key: str
    flagged: int
    asked: int
    accepted: int
    connected: int
    quoted: int
    sold: int
    refused: int
    declined: int
    lost: int
    call_to_sale: Estimate
    premium: Decimal

    @property
    def premium_per_sale(self) -> Decimal | None:
        """The mean first year's premium of a sale."""
        return None if not self.sold else (self.premium / self.sold).quantize(Decimal("0.01"))


async def incentives(referrals: Referrals, period: Period, by: CountBy) -> tuple[Line, ...]:
    """Every key's line, those who sold most premium first."""
    found = [line_of(one) for one in await referrals.counts(period.since, period.until, by)]
    return tuple(sorted(found, key=lambda one: (-one.premium, -one.sold, -one.flagged, one.key)))


def line_of(count: ReferralCount) -> Line:
    """The line of one count."""
    reached = count.reached
    asked, sold = reached.get("offered", 0), reached.get("sold", 0)
    return Line(
        key=count.key,
        flagged=count.flagged,
        asked=asked,
        accepted=reached.get("accepted", 0),
        connected=reached.get("connected", 0),
        quoted=reached.get("quoted", 0),
        sold=sold,
        refused=reached.get("refused", 0),
        declined=reached.get("declined", 0),
        lost=reached.get("lost", 0),
        call_to_sale=share(sold, asked),
        premium=count.premium,
    )
