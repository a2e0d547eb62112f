"""What the page of one record shows besides its own fields."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from ivr.console.access import Visitor
from ivr.console.admin.fields import fields_of
from ivr.console.documents.desk import page_of
from ivr.console.parts import ConsoleParts
from policy_db.administration import Entry
from policy_db.customer_history import customer_history

PURPOSES = ("recording", "marketing", "health_data")
#: Calls and promises that a page shows, the latest.
_MOST_ATTEMPTS: Final = 20
_MOST_DOCUMENTS: Final = 10


def today(parts: ConsoleParts) -> date:
    """The company's day."""
    return parts.clock().astimezone(ZoneInfo(parts.settings.zone)).date()


async def customer(parts: ConsoleParts, visitor: Visitor, entry: Entry) -> dict[str, Any]:
    """Policies with their dues, what happened around the customer, the calls that we made to them and what was sent."""
    number = str(entry.values["number"])
    history = await customer_history(parts.database.store, number, str(entry.values["phone"]))
    latest = {one.purpose: one for one in reversed(history.consents)}
    return {
        "standings": await parts.database.policies.standings(number, today(parts)),
        "history": history,
        "consents": latest,
        "purposes": [*PURPOSES, *(one for one in latest if one not in PURPOSES)],
        "reached_out": await parts.database.outreach.of_customer(number, limit=_MOST_ATTEMPTS),
        "promises": await parts.database.promises.page(customer=number, limit=_MOST_ATTEMPTS),
        "sent": await page_of(parts, {"customer": number}, limit=_MOST_DOCUMENTS, offset=0),
    }


async def policy(parts: ConsoleParts, visitor: Visitor, entry: Entry) -> dict[str, Any]:
    """Its standing, coverages, beneficiaries, instalments, payments, the reminder calls about it and what was sent."""
    database, number = parts.database, str(entry.values["number"])
    admin = database.administration
    return {
        "policy": await database.policies.find(number, today(parts)),
        "premium": await database.policies.premium_position(number, today(parts)),
        "instalments": await database.policies.instalments(number),
        "payments": await database.policies.payments(number),
        "coverages": await admin.search("coverages", policy_id=entry.id, limit=200),
        "beneficiaries": await admin.search("beneficiaries", policy_id=entry.id, limit=200),
        "reached_out": await database.outreach.of_policy(number, limit=_MOST_ATTEMPTS),
        "promises": await database.promises.page(policies=(number,), limit=_MOST_ATTEMPTS),
        "sent": await page_of(parts, {"policy": number}, limit=_MOST_DOCUMENTS, offset=0),
    }


async def product(parts: ConsoleParts, visitor: Visitor, entry: Entry) -> dict[str, Any]:
    """Which terms and sexes its rates are for; and what callers hear of it."""
    rates = await parts.database.administration.search("rates", product_id=entry.id, limit=20_000)
    name = f"product.{entry.values['key']}"
    known = {language: parts.catalogue.prompts(language).get(name) for language in parts.catalogue.languages}
    return {
        "rates": len(rates),
        "terms": sorted({int(one.values["term"]) for one in rates}),
        "sexes": sorted({str(one.values["sex"]) for one in rates}),
        "prompts": known,
    }


async def salesperson(parts: ConsoleParts, visitor: Visitor, entry: Entry) -> dict[str, Any]:
    """The months, and the commissions of the latest."""
    months = await parts.database.sales.months(str(entry.values["number"]), limit=24)
    admin = parts.database.administration
    latest = months[0].month if months else None
    rows = (
        await admin.search("commissions", salesperson_id=entry.id, month=latest, limit=200) if latest else ()
    )
    fields = fields_of("commissions", None, "en", leave=("salesperson",))
    return {"months": months, "commissions": rows, "month": latest, "commission_fields": fields}


async def seat(parts: ConsoleParts, visitor: Visitor, entry: Entry) -> dict[str, Any]:
    """What the seat is doing, and has done."""
    id_ = str(entry.values["id"])
    found = next(one for one in await parts.database.seats.all_seats() if one.id == id_)
    return {
        "seat": found,
        "moves": await parts.database.seats.history(id_, limit=15),
        "skills": sorted({name for one in await parts.database.seats.all_seats() for name in one.skills}),
    }
