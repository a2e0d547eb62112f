"""Where administration begins: a door to each list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ivr.console.access import Overseer
from ivr.console.pages import render
from ivr.console.parts import Parts

router = APIRouter(prefix="/admin")


@dataclass(frozen=True, slots=True)
class Door:
    """Where it leads, the key of its text, who may pass, and how many there are behind it."""

    path: str
    text: str
    managers: bool = False
    count: int | None = None


_GROUPS: Final = {
    "insurance": (
        Door("/admin/customers", "admin.customers"),
        Door("/admin/policies", "admin.policies"),
        Door("/admin/products", "admin.products", True),
        Door("/admin/salespeople", "admin.salespeople"),
        Door("/admin/imports", "admin.imports"),
    ),
    "hotline": (
        Door("/admin/seats", "admin.seats", True),
        Door("/admin/queues", "admin.queues", True),
        Door("/admin/hours", "admin.hours", True),
        Door("/admin/prompts", "admin.prompts"),
        Door("/flows", "admin.flows", True),
    ),
    "console": (
        Door("/admin/users", "admin.users"),
        Door("/admin/audit", "admin.audit", True),
        Door("/admin/retention", "admin.retention"),
    ),
}
_COUNTED: Final = ("customers", "policies", "products", "salespeople", "seats")


@router.get("")
async def start(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """The doors that the visitor may pass."""
    is_administrator = visitor.has("administrator")
    groups = []
    for group, doors in _GROUPS.items():
        shown = [one for one in doors if is_administrator or one.managers]
        entries = [Door(one.path, one.text, count=await _count(parts, one)) for one in shown]
        if entries:
            groups.append((group, entries))
    return render(request, visitor, "admin/start.html", groups=groups)


async def _count(parts: Parts, door: Door) -> int | None:
    kind = door.path.rpartition("/")[2]
    return await parts.database.administration.count(kind) if kind in _COUNTED else None
