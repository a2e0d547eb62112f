"""When a campaign calls next: a running one that calls nobody has a reason, and people ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ivr.outreach.rules import Rules
from ivr.outreach.windows import CompanyHours, Openings
from policy_db import PolicyDatabase
from policy_db.outreach_facts import Campaign

#: What is due within so long is due now: the dialler looks every second.
_NOW: Final = timedelta(minutes=1)


async def next_call(
    database: PolicyDatabase, campaign: Campaign, company: CompanyHours, now: datetime
) -> datetime | None:
    """The moment before which nobody of a running campaign may be called, in the zone of `now`.

    By the clocks of those who wait, the windows, and the gaps after attempts; caps may put it off further. None: now,
    or there is nobody to call.
    """
    if campaign.state != "running":
        return None
    openings = Openings(Rules.read(campaign.rules).windows, company)
    due = await database.campaigns.first_due(campaign.id)
    moments = [openings.next_opening(place, max(now, first)) for place, first in due.items()]
    first = min((one for one in moments if one is not None), default=None)
    return None if first is None or first - now < _NOW else first.astimezone(now.tzinfo)
