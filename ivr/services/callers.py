"""What is remembered for a telephone number: a hint for comfort, never proof of who is calling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, CODE, optional, record

if TYPE_CHECKING:
    from policy_db import PolicyDatabase


class CallerServices:
    """Callers and their language."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database

    @service("caller.profile", outcomes={"ok": record(language=optional(CODE), known=BOOLEAN)})
    async def profile(self, context: ServiceContext) -> Outcome:
        """The language this number chose last, and whether it has called or is a customer's."""
        if not context.caller:
            return Outcome(value={"language": None, "known": False})
        profile = await self._database.preferences.profile(context.caller)
        return Outcome(value={"language": profile.language, "known": profile.known})

    @service("caller.remember_language", inputs={"language": CODE}, outcomes={"ok": None})
    async def remember_language(self, context: ServiceContext, language: str) -> Outcome:
        """Greet this number in this language from now on; a withheld number is not remembered."""
        if context.caller:
            await self._database.preferences.remember_language(context.caller, language)
        return Outcome()
