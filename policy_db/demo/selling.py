"""What callers of the demonstration may be offered, who wants no offers, and what became of earlier suggestions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from policy_db.demo.batch import Batch
from policy_db.demo.catalogue import INSTALMENTS
from policy_db.demo.data import load_yaml
from policy_db.demo.plans import Plan
from policy_db.offered_products import read_offered, values_of
from policy_db.selling_facts import WAY, ReferralState
from policy_db.tables import DoNotCallRow, OfferedProductRow, ReferralRow, ReferralStepRow, SuggestionRow

_LISTED: Final = 0.02
_SUGGESTED: Final = 0.06
_HOLDOUT: Final = 0.08
_RANDOM: Final = 0.05
#: What becomes of suggestions, in turn, so that a small demonstration has some of each.
_FATES: Final[tuple[ReferralState, ...]] = (
    "refused", "quoted", "sold", "refused", "declined", "connected", "flagged", "sold", "lost", "transferred",
    "offered", "refused", "accepted", "sold",
)  # fmt: skip
#: The way to an end that is not a sale.
_WAYS: Final[Mapping[ReferralState, tuple[ReferralState, ...]]] = {
    "refused": ("flagged", "offered", "refused"),
    "declined": ("flagged", "offered", "accepted", "transferred", "connected", "declined"),
    "lost": ("flagged", "offered", "accepted", "transferred", "lost"),
}
_WHO: Final[Mapping[str, str]] = {"accepted": "caller", "refused": "caller"}
_SEATS: Final = ("seat1", "seat2", "seat3")
_BY_SEAT: Final = ("connected", "quoted", "sold", "declined")


def add_offered(batch: Batch, now: datetime) -> None:
    """Put the offered products of `offered.yaml` on the pile."""
    for one in read_offered(load_yaml("offered.yaml")):
        values = values_of(one) | {"changed_at": now, "changed_by": "demo", "version": 1}
        batch.add_plain(OfferedProductRow, **values)


class SellingHistory:
    """Suggestions and referrals of the last year, and the do-not-call list, from dice of their own."""

    def __init__(self, batch: Batch, *, seed: int, today: date) -> None:
        self._batch = batch
        self._rng = random.Random(f"selling {seed}")  # noqa: S311  it makes up people, not keys
        self._today = today
        self._now = datetime.combine(today, time(1), UTC)
        self._offered = {one.product: one for one in read_offered(load_yaml("offered.yaml"))}
        self._made = 0

    def add_fixed(self, customer: str, entry: Mapping[str, Any]) -> None:
        """What the entry of a fixed person says of offers."""
        if "do_not_call" in entry:
            self._list(customer, "", entry["do_not_call"]["days_ago"], entry["do_not_call"]["source"])
        if "refused" in entry:
            at = self._now - timedelta(days=entry["refused"]["days_ago"])
            self._refer(customer, "", entry["refused"]["product"], at, "offer", "refused", None)

    def add(self, customer: str, phone: str, plans: Sequence[Plan]) -> None:
        """Perhaps an entry of the do-not-call list, and perhaps a suggestion of the last year."""
        rng = self._rng
        if rng.random() < _LISTED:
            self._list("", phone, rng.randint(1, 900), rng.choice(("call", "form:withdrawal", "letter")))
        if rng.random() >= _SUGGESTED:
            return
        draw, fate = rng.random(), _FATES[self._made % len(_FATES)]
        if draw < _HOLDOUT:
            self._suggest(customer, plans[0].number, self._lot(plans), self._day(), "holdout")
            return
        arm = "random" if draw < _HOLDOUT + _RANDOM else "offer"
        sold = self._bought(plans) if fate == "sold" else None
        if sold is not None:
            at = datetime.combine(sold.started_on - timedelta(days=rng.randint(1, 9)), time(3), UTC)
            self._refer(customer, plans[0].number, sold.product.facts["code"], at, arm, "sold", sold)
            return
        state: ReferralState = "quoted" if fate == "sold" else fate
        self._refer(customer, plans[0].number, self._lot(plans), self._day(), arm, state, None)

    def _day(self) -> datetime:
        day = self._today - timedelta(days=self._rng.randint(1, 360))
        return datetime.combine(day, time(self._rng.randint(1, 9), self._rng.randint(0, 59)), UTC)

    def _lot(self, plans: Sequence[Plan]) -> str:
        """A product that they do not have."""
        held = {one.product.facts["code"] for one in plans}
        return self._rng.choice([code for code in self._offered if code not in held])

    def _bought(self, plans: Sequence[Plan]) -> Plan | None:
        """A policy that may have come of a suggestion: begun within a year, and not their first."""
        later = sorted(plans, key=lambda one: one.started_on)[1:]
        since = self._today - timedelta(days=360)
        return next((one for one in later if since < one.started_on < self._today), None)

    def _list(self, customer: str, phone: str, days: int, source: str) -> None:
        self._batch.add(
            DoNotCallRow,
            number=phone,
            customer=customer,
            scope="sales",
            since=self._now - timedelta(days=days),
            until=None,
            source=source,
            removed_at=None,
            removed_by="",
        )

    def _suggest(self, customer: str, policy: str, product: str, at: datetime, arm: str) -> str:
        """A suggestion of what was then the only eligible product."""
        self._made += 1
        name, prior = f"demo-{self._made}", self._offered[product].limits["prior"]["accepts"]
        value = round(
            prior * self._offered[product].limits["closes"] * float(self._offered[product].margin), 4
        )
        shares = {"holdout": _HOLDOUT, "random": _RANDOM, "offer": 1 - _HOLDOUT - _RANDOM}
        candidate = {
            "product": product,
            "probability": prior,
            "value": value,
            "worth": True,
            "chance": 1 - _HOLDOUT,
            "model": "prior",
        }
        self._batch.add_plain(
            SuggestionRow,
            id=name,
            call_id=f"demo-call-{self._made}",
            customer=customer,
            policy=policy,
            decided_at=at,
            language="zh-CN",
            gate="",
            gates=[{"code": "", "open": True, "product": product}],
            arm=arm,
            product=product,
            probability=prior,
            propensity=shares[arm],
            offer_propensity=1 - _HOLDOUT,
            candidates=[candidate],
            reasons=[],
            portfolio=[product],
            features={},
            models={product: "prior"},
            script="standard",
            milliseconds=5.0,
        )
        return name

    def _refer(
        self,
        customer: str,
        policy: str,
        product: str,
        at: datetime,
        arm: str,
        state: ReferralState,
        sold: Plan | None,
    ) -> None:
        name = self._suggest(customer, policy, product, at, arm)
        way = _WAYS.get(state) or WAY[: WAY.index(state) + 1]
        seat = self._rng.choice(_SEATS) if set(way) & set(_BY_SEAT) else ""
        self._batch.add_plain(
            ReferralRow,
            id=name,
            suggestion=name,
            call_id=f"demo-call-{self._made}",
            customer=customer,
            product=product,
            also=[],
            script="standard",
            state=state,
            flagged_at=at,
            changed_at=self._when(at, way, len(way) - 1),
            referred_by="",
            seat=seat,
            coordinator="",
            policy="" if sold is None else sold.number,
            premium=None if sold is None else _first_year(sold),
            version=len(way),
        )
        for seq, step in enumerate(way):
            self._batch.add_plain(
                ReferralStepRow,
                referral=name,
                seq=seq,
                state=step,
                at=self._when(at, way, seq),
                who=f"seat:{seat}" if step in _BY_SEAT else _WHO.get(step, "hotline"),
                note="",
            )

    def _when(self, at: datetime, way: Sequence[ReferralState], seq: int) -> datetime:
        """Steps within the call follow by half minutes, a quote and a sale by days."""
        days = {"quoted": 1, "sold": 3, "declined": 2, "lost": 1}.get(way[seq], 0)
        return min(at + timedelta(days=days, seconds=30 * seq), max(at, self._now))


def _first_year(plan: Plan) -> Decimal:
    """What the policy costs in its first year."""
    months = INSTALMENTS[plan.frequency][1]
    return plan.premium * Decimal(max(1, 12 // months))
