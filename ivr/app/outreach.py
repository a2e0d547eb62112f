"""Calls of campaigns: the dialler that plans them, and what places them in a worker."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.app.ids import installation_id, new_call_id
from ivr.app.place import Place
from ivr.app.processes import until_stopped
from ivr.app.storage import open_storage
from ivr.clock import SystemClock
from ivr.lines.base import Leg, Line
from ivr.settings import Settings
from ivr.worker.worker import OutboundCall, Worker

if TYPE_CHECKING:
    from ivr.lines.twilio.line import TwilioLine
    from ivr.outreach.carrier import Carrier
    from ivr.outreach.placing import Placer


async def run_dialler(settings: Settings) -> None:
    """The process that plans the calls of campaigns, from its start to SIGTERM."""
    from ivr.outreach.dialler import Dialler
    from ivr.outreach.windows import CompanyHours
    from ivr.outreach.workers import Workers

    stop = until_stopped()
    clock = SystemClock(settings.zone)
    async with open_storage(settings) as (database, bus):
        await Dialler(
            database,
            Workers(database, clock.now),
            holder=f"{installation_id(settings)}-dialler/{secrets.token_hex(6)}",
            clock=clock.now,
            steady=time.monotonic,
            ids=lambda: f"a-{secrets.token_hex(10)}",
            notify=bus.publish,
            company=CompanyHours.of(settings),
        ).run(stop)


def placing_calls(place: Place, worker: Callable[[], Worker]) -> Placer:
    """What places the calls of campaigns in a worker; `worker` gives it once it is made."""
    from ivr.call.outbound import Outbound
    from ivr.outreach.placing import Opening, Placer

    def begin(leg: Leg, opening: Opening) -> OutboundCall:
        start = Outbound(opening.flow, opening.language, opening.facts)
        return worker().begin(leg, opening.call_id, start)

    return Placer(
        place.database,
        carriers_of(place.settings, place.trunk, place.twilio),
        holder=f"{place.name}/{secrets.token_hex(6)}",
        begin=begin,
        room=lambda: worker().has_room,
        stopping=lambda: worker().stopping,
        new_call_id=lambda: new_call_id(place.settings.zone, place.index),
        clock=SystemClock(place.settings.zone).now,
        notify=place.bus.publish,
    )


def carriers_of(settings: Settings, trunk: Line, twilio: TwilioLine | None = None) -> dict[str, Carrier]:
    """Who places calls of campaigns, by the line that a campaign names."""
    from ivr.lines.sip import SipLine
    from ivr.outreach.carrier import SipCarrier

    carriers: dict[str, Carrier] = {}
    if isinstance(trunk, SipLine):
        carriers["sip"] = SipCarrier(trunk, settings.outreach_address)
    if twilio is not None:
        from ivr.outreach.twilio import TwilioCarrier

        carriers["twilio"] = TwilioCarrier(twilio)
    return carriers
