"""What the console's pages work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ivr.app.content import load_content
from ivr.app.storage import open_storage
from ivr.bus import Bus
from ivr.resources import chosen
from ivr.seats import Changed, Desk
from ivr.settings import Settings

if TYPE_CHECKING:
    from ivr.console.parts import ConsoleParts


@asynccontextmanager
async def open_console(settings: Settings) -> AsyncIterator[ConsoleParts]:
    """What the console's pages work with, closed afterwards."""
    from ivr.console.parts import (
        ConsoleParts,  # workers have no pages, and start sooner without their libraries
    )

    content = load_content(settings)
    async with open_storage(settings) as (database, bus):
        yield ConsoleParts(
            settings=settings,
            database=database,
            desk=Desk(database.seats, listener=lambda change: publish_seats(bus, change)),
            bus=bus,
            flows=content.flows,
            catalogue=content.speaker.catalogue,
            flows_dir=settings.own_flows_dir,
            prompts_dir=chosen(settings.prompts_dir, "prompts"),
        )


def publish_seats(bus: Bus, change: Changed) -> None:
    """Tell of seats and calls that the desk has changed."""
    for seat in change.seats:
        bus.publish("seat", seat.id)
    for call in change.calls:
        bus.publish("call", call.call_id)
        bus.publish("queue", call.queue)
