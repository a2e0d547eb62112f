"""What the pages of messages and their API share: who sees which, who can be asked, names of mailboxes, filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from fastapi import Request

from ivr.console.access import ForbiddenError, Visitor
from ivr.console.pages import language_of, text
from ivr.console.parts import ConsoleParts
from policy_db.errors import NotFoundError
from policy_db.message_facts import Message, MessageFilter, Sight
from policy_db.messages import SALES_BOX
from policy_db.seat_facts import Seat
from policy_db.users import User

VIEWS: Final = ("new", "mine", "all", "archived")
ORDERS: Final = ("newest", "oldest", "due")
_LONGEST: Final = 100


def box_of(seat: Seat) -> str:
    """The seat's own mailbox."""
    return seat.mailbox or seat.id


async def sight_of(parts: ConsoleParts, visitor: Visitor) -> Sight:
    """Whose messages the visitor sees. Raises ForbiddenError for who has no messages to see at all."""
    seller = visitor.user.salesperson
    shared = visitor.has("reviewer", "manager")
    if not (shared or seller or visitor.has("seat")):
        raise ForbiddenError
    seats = await parts.database.seats.all_seats()
    boxes = [box_of(seat) for seat in seats if seat.id == visitor.seat]
    if seller:
        boxes.append(f"{SALES_BOX}{seller}")
    personal = tuple(box_of(seat) for seat in seats)
    return Sight(visitor.name, tuple(boxes), shared, personal, seller)


async def message_for(parts: ConsoleParts, visitor: Visitor, message: str) -> Message:
    """The message, if the visitor sees it. Raises NotFoundError (the same for one that they may not see)."""
    found = await parts.database.messages.find(message, await sight_of(parts, visitor))
    if found is None:
        raise NotFoundError("There is no message of that id.")
    return found


def is_mine(message: Message, sight: Sight) -> bool:
    """Whether it was given to them, or lies in a mailbox of their own and was given to nobody else."""
    if message.assignee:
        return message.assignee == sight.user
    return (
        bool(message.salesperson and message.salesperson == sight.salesperson)
        or message.mailbox in sight.boxes
    )


def wanted_of(query: Mapping[str, str]) -> MessageFilter:
    """The filter in an address; words that are no filter are left out."""

    def word(name: str) -> str:
        return query.get(name, "").strip()[:_LONGEST]

    view, order = word("view"), word("order")
    return MessageFilter(
        view=cast("Any", view if view in VIEWS else "all"),
        q=word("q"),
        mailbox=word("mailbox"),
        category=word("category"),
        urgency=word("urgency"),
        state=word("state"),
        assigned=word("assigned"),
        overdue=word("due") == "overdue",
        order=cast("Any", order if order in ORDERS else "newest"),
    )


@dataclass(frozen=True, slots=True)
class Names:
    """How mailboxes, categories and people are called, in one language, and what can be chosen from."""

    mailboxes: Mapping[str, str]
    categories: Mapping[str, str]
    offered: Mapping[str, str]
    users: Mapping[str, str]
    salespeople: Mapping[str, str]

    def mailbox(self, name: str) -> str:
        """The title of a mailbox, its name if it has none."""
        return self.mailboxes.get(name, name or "–")

    def category(self, code: str) -> str:
        """The title of a category."""
        return self.categories.get(code, code)

    def assigned(self, message: Message) -> str:
        """Whom a message is given to."""
        if message.assignee:
            return self.user(message.assignee)
        return self.salespeople.get(message.salesperson, message.salesperson)

    def user(self, who: str) -> str:
        """A user as they are called; others (`system`) as they stand."""
        return self.users.get(who, who)


async def names_of(request: Request, parts: ConsoleParts, visitor: Visitor) -> Names:
    """The names in the visitor's language."""
    language, database = language_of(request, visitor), parts.database
    categories = await database.messages.categories(all_of_them=True)
    titles = {one.code: _title(one.titles, language, one.code) for one in categories}
    salespeople = dict(await database.messages.salespeople())
    mailboxes = {
        name: _title(box.title, language, name) for name, box in parts.flows.current.hotline.mailboxes.items()
    }
    for seat in await database.seats.all_seats():
        mailboxes[box_of(seat)] = text(request, visitor, "messages.box_of", name=seat.name)
    for number, name in salespeople.items():
        mailboxes[f"{SALES_BOX}{number}"] = text(request, visitor, "messages.box_of", name=name)
    return Names(
        mailboxes,
        titles,
        {one.code: titles[one.code] for one in categories if one.active},
        {user.name: user.display for user in await database.users.all() if _can_answer(user)},
        salespeople,
    )


def _can_answer(user: User) -> bool:
    return not user.disabled and bool({"seat", "reviewer", "manager"} & set(user.roles) or user.salesperson)


def _title(titles: Mapping[str, str], language: str, otherwise: str) -> str:
    return titles.get(language) or next(iter(titles.values()), otherwise)
