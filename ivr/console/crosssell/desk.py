"""What the pages of cross-selling share: who may look, names of products and people, days and places in an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import Response

from ivr.console.access import Visitor, require
from ivr.console.pages import language_of, render
from ivr.console.parts import ConsoleParts
from policy_db.moments import midnight
from policy_db.selling_facts import OnSale

#: Whoever sells, or answers for it.
Seller = Annotated[Visitor, Depends(require("seat", "manager", "administrator"))]
OVERSEERS: Final = ("manager", "administrator")
#: Rows that one CSV file holds at most, and how many are read at a time.
MOST_ROWS: Final = 100_000
AT_ONCE: Final = 1000
_LONGEST: Final = 100
_BEGINNING: Final = date(1971, 1, 1)
_END: Final = date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Names:
    """What products and people are called: products by code, people by user name or `seat:ID`."""

    products: dict[str, str]
    people: dict[str, str]

    def product(self, code: str) -> str:
        """A product's name, or its code."""
        return self.products.get(code, code)

    def person(self, who: str) -> str:
        """Whoever a referral names: a user, or a seat as `seat:ID`."""
        return self.people.get(who.removeprefix("user:"), who.removeprefix("seat:").removeprefix("user:"))

    def seat(self, seat: str) -> str:
        """A seat's name."""
        return self.people.get(f"seat:{seat}", seat)


async def names_for(request: Request, parts: ConsoleParts, visitor: Visitor) -> Names:
    """The names in the visitor's language."""
    language = language_of(request, visitor)
    products = {one.offered.product: name_of(one, language) for one in await parts.database.offered.all()}
    users = {one.name: one.display or one.name for one in await parts.database.users.all()}
    seats = {f"seat:{one.id}": one.name or one.id for one in await parts.database.seats.all_seats()}
    return Names(products, users | seats)


def name_of(product: OnSale, language: str) -> str:
    """A product's name in a language, else in any."""
    return product.names.get(language) or next(iter(product.names.values()), "") or product.key


async def coordinators(parts: ConsoleParts) -> dict[str, str]:
    """Who may coordinate referrals: users who sell or oversee, then seats; by name, and how they are called."""
    able = {"seat", *OVERSEERS}
    users = {
        one.name: one.display or one.name
        for one in await parts.database.users.all()
        if not one.disabled and able & set(one.roles)
    }
    seats = {f"seat:{one.id}": one.name or one.id for one in await parts.database.seats.all_seats()}
    return users | seats


def self_as(visitor: Visitor) -> tuple[str, ...]:
    """The names under which a visitor can have, refer or coordinate a referral."""
    return (visitor.name, f"seat:{visitor.seat}") if visitor.seat else (visitor.name,)


def sees_all(visitor: Visitor) -> bool:
    """Whether they see what others sell too."""
    return visitor.has(*OVERSEERS)


def word(request: Request, name: str) -> str:
    """A parameter of the address, trimmed, without what no database takes."""
    return request.query_params.get(name, "").replace("\x00", "").strip()[:_LONGEST]


def days(request: Request, parts: ConsoleParts) -> tuple[datetime | None, datetime | None]:
    """From the first day's beginning to the last one's end, in the company's zone; what is no day is left out."""
    zone = ZoneInfo(parts.settings.zone)
    first, last = _day(word(request, "from")), _day(word(request, "to"))
    since = None if first is None else midnight(first, zone)
    return since, None if last is None else midnight(last + timedelta(days=1), zone)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _BEGINNING <= day <= _END else None


def place(text: str) -> tuple[datetime, str] | None:
    """Where the page before ended, from an address: its last row's moment and id."""
    at, _, last = text.partition("~")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
    except ValueError:
        return None
    return (moment, last[:_LONGEST]) if moment.tzinfo is not None and last else None


def place_after(at: datetime, last: str) -> str:
    """What the next page's address says."""
    return f"{at.isoformat()}~{last}"


def shown(request: Request, visitor: Visitor, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page of the area."""
    return render(request, visitor, f"crosssell/{template}", status=status, **values)
