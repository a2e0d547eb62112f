"""What may be suggested to the caller when their own matter is done, and what they said to it."""

from __future__ import annotations

from typing import Final

from ivr.flow.values import Level
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.suggesting import Suggests
from ivr.services.types import PROMPT, code, record
from ivr.services.words import product_name
from policy_db.selling_facts import OnSale

#: Queues that the flows transfer to; a product that is sold in any other goes to that of its kind.
QUEUES: Final = ("sales", "life_specialists", "health_specialists", "property_specialists")
ANSWERS: Final = ("accepted", "refused", "silent")
_OFFER: Final = record(product=PROMPT, queue=code(*QUEUES))


class CrossSellServices:
    """Suggestions."""

    def __init__(self, advice: Suggests) -> None:
        self._advice = advice

    @service("crosssell.suggest", level=Level.VERIFIED, outcomes={"ok": _OFFER, "nothing": None})
    async def suggest(self, context: ServiceContext) -> Outcome:
        """The product that this caller may be asked about now; most have none, and nobody is asked twice."""
        found = await self._advice.suggestion(context.call_id)
        if found is None:
            return Outcome("nothing")
        return Outcome(value={"product": product_name(found.key), "queue": queue_of(found)})

    @service(
        "crosssell.answer", inputs={"answer": code(*ANSWERS)}, level=Level.VERIFIED, outcomes={"ok": None}
    )
    async def answer(self, context: ServiceContext, answer: str) -> Outcome:
        """Remember what the caller said: a no for months, silence for this call."""
        await self._advice.answered(context.call_id, answer)
        return Outcome()


def queue_of(product: OnSale) -> str:
    """The queue that sells a product, of those that the flows know."""
    offered = product.offered
    if offered.queue in QUEUES:
        return offered.queue
    return "sales" if offered.selling == "simple" else f"{offered.line}_specialists"
