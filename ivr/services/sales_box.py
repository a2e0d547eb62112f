"""A salesperson's mailbox by telephone: the messages that were left for them, one after another.

What is deleted by key is archived: it leaves the mailbox, and goes when messages go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, DATE, DIGITS, INTEGER, RECORDING, TEXT, record
from policy_db.message_facts import MessageChange, MessageFilter, Sight, StaleError
from policy_db.messages import SALES_BOX

if TYPE_CHECKING:
    from datetime import datetime

    from policy_db import PolicyDatabase
    from policy_db.message_facts import Message

_COUNTS: Final = record(new=INTEGER, all=INTEGER)
_MESSAGE: Final = record(id=TEXT, recording=RECORDING, day=DATE, new=BOOLEAN, callable=BOOLEAN, more=BOOLEAN)
#: Messages that a mailbox holds by telephone; older ones are heard on the console.
MOST: Final = 100
_TRIES: Final = 3


class SalesBoxServices:
    """The mailboxes of salespeople."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook) -> None:
        self._database = database
        self._proofs = proofs

    @service("sales.box", inputs={"number": DIGITS}, level=Level.VERIFIED, outcomes={"ok": _COUNTS})
    async def box(self, context: ServiceContext, number: str) -> Outcome:
        """How many messages are in the salesperson's mailbox, and how many of them are new."""
        found = await self._messages("sales.box", context, number)
        return Outcome(value={"new": sum(one.state == "new" for one in found), "all": len(found)})

    @service("sales.message", inputs={"number": DIGITS, "index": INTEGER, "only_new": BOOLEAN}, level=Level.VERIFIED,
             outcomes={"ok": _MESSAGE, "none": None}, idempotent=False)  # fmt: skip
    async def message(self, context: ServiceContext, number: str, index: int, only_new: bool) -> Outcome:
        """One message, counted from 0, the oldest first; of all, or of those nobody has heard. It counts as heard."""
        found = await self._messages("sales.message", context, number)
        if only_new:
            found = [one for one in found if one.state == "new"]
        if not 0 <= index < len(found):
            return Outcome("none")
        one = found[index]
        await self._database.messages.opened(one.id, who(number), assigned=True)
        await self._database.audit.add(who(number), "listened", f"message:{one.id}", call=context.call_id)
        return Outcome(value={
            "id": one.id, "recording": one.file, "day": one.received_at.astimezone(context.now.tzinfo).date(),
            "new": one.state == "new", "callable": is_number(one.caller), "more": index + 1 < len(found),
        })  # fmt: skip

    @service("sales.delete_message", inputs={"number": DIGITS, "id": TEXT}, level=Level.VERIFIED,
             outcomes={"ok": None, "none": None})  # fmt: skip
    async def delete_message(self, context: ServiceContext, number: str, id: str) -> Outcome:  # noqa: A002
        """Take a message out of the mailbox; it is archived."""
        for _ in range(_TRIES):
            messages = await self._messages("sales.delete_message", context, number)
            found = next((one for one in messages if one.id == id), None)
            if found is None:
                return Outcome("none")
            try:
                change = MessageChange(state="archived")
                await self._database.messages.change(
                    id, who(number), change, version=found.version, due=_no_due
                )
            except StaleError:
                continue
            return Outcome()
        return Outcome("none")

    async def _messages(self, name: str, context: ServiceContext, number: str) -> list[Message]:
        """What is in the mailbox, the oldest first. Raises LevelRefusedError for anybody else's."""
        if self._proofs.of(context.call_id).salesperson != number:
            raise LevelRefusedError(name, Level.VERIFIED)
        wanted = MessageFilter(view="mine", order="oldest")
        return list(
            await self._database.messages.inbox(sight_of(number), wanted, now=context.now, limit=MOST)
        )


def sight_of(number: str) -> Sight:
    """What a salesperson sees: their own mailbox, and what was given to them."""
    return Sight(who(number), (f"{SALES_BOX}{number}",), False, (), number)


def who(number: str) -> str:
    """A salesperson as histories and the audit log name them."""
    return f"salesperson:{number}"


def is_number(caller: str) -> bool:
    """Whether a caller left a number that can be called."""
    return len(caller) > 4 and caller.removeprefix("+").isdecimal()


def _no_due(mailbox: str, urgency: str, at: datetime) -> None:
    return None
