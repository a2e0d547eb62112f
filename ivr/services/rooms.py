"""Meet-me rooms: whether a caller may enter one, and as whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.flow.values import Secret
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, DIGITS, INTEGER, SECRET, record

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

_ENTERED: Final = record(number=DIGITS, moderator=BOOLEAN)


class RoomServices:
    """The door of every room. A room that does not exist sounds like a wrong PIN."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database

    @service("room.enter", inputs={"number": DIGITS, "pin": SECRET},
             outcomes={"entered": _ENTERED, "refused": record(tries_left=INTEGER), "locked": None},
             idempotent=False)  # fmt: skip
    async def enter(self, context: ServiceContext, number: str, pin: Secret) -> Outcome:
        """Check a room's number and PIN; the moderator has a PIN of their own."""
        check = await self._database.identity.check_room(
            number, pin.reveal(), caller=context.caller, call_id=context.call_id
        )
        if check.outcome == "locked":
            return Outcome("locked")
        if check.outcome != "passed":
            return Outcome("refused", {"tries_left": check.tries_left})
        return Outcome("entered", {"number": number, "moderator": check.name == "moderator"})
