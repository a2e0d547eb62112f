"""A suggestion for a call, as an adviser would have written it down, and the product that it is about."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cross_sell.adviser import referral_of
from ivr.console.parts import ConsoleParts
from policy_db.selling_facts import Arm, OfferedProduct, Referral, ReferralState, Suggestion

TALK: dict[str, Any] = {
    "opening": "您好，刚才您愿意了解一下意外险。",
    "needs": ["平时出行多吗？", "家里谁靠您的收入生活？"],
    "proposal": "意外身故、伤残和医疗都有保障。",
    "objections": [{"says": "我再想想", "answer": "当然，您慢慢看条款。"}],
    "commitment": "您看发到哪里？",
    "never_say": ["不承诺“一定能赔”"],
}
PRODUCT = OfferedProduct(
    product="501", active=True, selling="simple", line="property", licence="property", queue="service",
    margin=Decimal(500), premium=Decimal(200), talk={"zh-CN": TALK},
)  # fmt: skip
WAY: tuple[ReferralState, ...] = ("offered", "accepted", "transferred", "connected")


async def suggest(
    parts: ConsoleParts,
    call: str = "c1",
    *,
    arm: Arm = "offer",
    gate: str = "",
    state: ReferralState = "flagged",
    id: str = "",  # noqa: A002
) -> Referral | None:
    """Something, or nothing behind a gate, is suggested in a call; its referral in this state."""
    database, now = parts.database, parts.clock()
    known = await database.offered.find("501")
    version = 0 if known is None else known.offered.version
    await database.offered.save(PRODUCT, by="test", version=version)
    said = [
        {"feature": "has_motor", "contribution": 0.8, "text": {"zh-CN": "常开车出行", "en": "They drive a lot"}},
        {"feature": "policies", "contribution": 0.4, "text": {"zh-CN": "已有两份保单", "en": "Two policies here"}},
    ]  # fmt: skip
    suggestion = Suggestion(
        id=id or f"s-{call}", call_id=call, customer="C1", policy="86001234", decided_at=now - timedelta(seconds=9),
        language="zh-CN", gate=gate, gates=(), arm=arm, product="" if gate else "501",
        probability=None if gate else 0.31, propensity=0.8, offer_propensity=0.9, candidates=(),
        reasons=() if gate else tuple(said), portfolio=() if gate else ("501",), features={}, models={},
        script="standard", milliseconds=4.0,
    )  # fmt: skip
    begun = referral_of(suggestion) if suggestion.offers else None
    await database.suggestions.add(suggestion, begun)
    if begun is None:
        return None
    for step in WAY[: WAY.index(state) + 1] if state in WAY else ():
        begun = await database.referrals.move(begun.id, step, who="hotline", at=now)
    return begun
