"""All pages of the administration; those with a path of their own come before those of every kind of record."""

from __future__ import annotations

from fastapi import APIRouter

from ivr.console.admin import extras, hours, imports, prompts, queues, records, start

router = APIRouter()
for _router in (
    start.router,
    queues.router,
    hours.router,
    prompts.router,
    imports.router,
    extras.router,
    records.router,
):
    router.include_router(_router)
