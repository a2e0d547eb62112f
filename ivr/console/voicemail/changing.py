"""Changing how a message is handled: what a form or a program wishes, as a change of the message it was made from."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, StringConstraints

from ivr.console.access import Visitor
from ivr.console.audit import did
from ivr.console.parts import ConsoleParts
from ivr.console.voicemail.due import due_clock
from policy_db.errors import BadValueError
from policy_db.message_facts import Message, MessageChange, MessageState, Urgency

Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
#: What begins a choice of whom a message is given to.
USER = "user:"
SELLER = "sales:"


class Wish(BaseModel):
    """A form of the message's page as it was sent; what is None was not on it.

    `assigned` is `user:NAME`, `sales:NUMBER` or nothing; `due` a local moment as browsers write it.
    """

    version: int = Field(ge=0, le=2_000_000_000)
    state: MessageState | None = None
    category: Word | None = None
    urgency: Urgency | None = None
    mailbox: Word | None = None
    assigned: Word | None = None
    due: Word | None = None
    customer: Word | None = None
    policy: Word | None = None
    claim: Word | None = None
    note: Annotated[str, StringConstraints(max_length=5000)] = ""

    @classmethod
    def of(cls, parts: ConsoleParts, message: Message) -> Self:
        """What the form shows of a message as it is."""
        return cls(
            version=message.version,
            category=message.category,
            urgency=message.urgency,
            mailbox=message.mailbox,
            assigned=assigned_of(message),
            due=_local(message.due_at, parts),
            customer=message.customer,
            policy=message.policy,
            claim=message.claim,
        )


def assigned_of(message: Message) -> str:
    """Whom a message is given to, as a choice of the form."""
    if message.assignee:
        return f"{USER}{message.assignee}"
    return f"{SELLER}{message.salesperson}" if message.salesperson else ""


def change_of(parts: ConsoleParts, message: Message, wish: Wish) -> MessageChange:
    """The change that a form asks for. Raises BadValueError for a moment that is none."""
    assigned = wish.assigned
    return MessageChange(
        state=wish.state,
        category=wish.category,
        urgency=wish.urgency,
        mailbox=wish.mailbox,
        assignee=None
        if assigned is None
        else assigned.removeprefix(USER)
        if assigned.startswith(USER)
        else "",
        salesperson=None
        if assigned is None
        else assigned.removeprefix(SELLER)
        if assigned.startswith(SELLER)
        else "",
        due_at=None
        if wish.due in (None, "", _local(message.due_at, parts))
        else _moment(wish.due or "", parts),
        customer=wish.customer,
        policy=wish.policy,
        claim=wish.claim,
        text=wish.note,
    )


async def made(
    parts: ConsoleParts, visitor: Visitor, message: Message, change: MessageChange, *, version: int
) -> None:
    """Make a change, audit it, tell the pages. Raises StaleError, NotFoundError or BadValueError."""
    told = await parts.database.messages.change(
        message.id, visitor.name, change, version=version, due=await due_clock(parts)
    )
    if told:
        await did(parts, visitor, "changed", f"message:{message.id}", what=sorted(told))
    parts.bus.publish("message", message.id)


def _local(at: datetime | None, parts: ConsoleParts) -> str:
    """As the form's field for a moment wants it, in the company's zone."""
    return "" if at is None else at.astimezone(ZoneInfo(parts.settings.zone)).strftime("%Y-%m-%dT%H:%M")


def _moment(value: str, parts: ConsoleParts) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise BadValueError(f"{value!r} is no moment.", "Write it as 2026-05-31T17:30.") from None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(parts.settings.zone))
