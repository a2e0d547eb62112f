"""What running calls and their services ask of whoever suggests something to callers, and a hotline that never does."""

from __future__ import annotations

from typing import Any, Protocol

from ivr.flow.instructions import Transfer
from ivr.services.journey import Journey
from policy_db.selling_facts import OnSale


class Suggests(Protocol):
    """Whoever knows what to suggest: `ivr.services.advice.Advice`."""

    # What a call tells

    def known(self, journey: Journey) -> None:
        """The caller has proved who they are."""

    def on_the_way(self, journey: Journey, request: Transfer) -> None:
        """The caller is on the way to a person."""

    def came_back(self, call_id: str, outcome: str) -> None:
        """The way to a person has ended so."""

    def noted(self, call_id: str, kind: str, **details: Any) -> None:
        """Something is noted about a call on its way to a person, or with one."""

    async def over(self, call_id: str) -> None:
        """The call is over."""

    # What a flow asks

    async def suggestion(self, call_id: str) -> OnSale | None:
        """The product to ask about now, at most once in a call; within its patience, and never a failure."""

    async def answered(self, call_id: str, answer: str) -> None:
        """What the caller said to it: `accepted`, `refused` or `silent`."""


class NoSuggestions:
    """A hotline that suggests nothing, and listens to nobody for it."""

    def known(self, journey: Journey) -> None:
        """Nothing follows."""

    def on_the_way(self, journey: Journey, request: Transfer) -> None:
        """Nothing follows."""

    def came_back(self, call_id: str, outcome: str) -> None:
        """Nothing follows."""

    def noted(self, call_id: str, kind: str, **details: Any) -> None:
        """Nothing follows."""

    async def over(self, call_id: str) -> None:
        """Nothing is left of it."""

    async def suggestion(self, call_id: str) -> OnSale | None:
        """Never any."""
        return None

    async def answered(self, call_id: str, answer: str) -> None:
        """Nobody was asked."""
