"""What campaigns come to: figures for reports, and the calls whose people waited for a seat in vain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from policy_db.moments import Period, seconds_between
from policy_db.outreach_facts import NEVER_RANG
from policy_db.tables import CampaignAttemptRow, CampaignRow, PromiseRow, WaitingCallRow


def figures_query(period: Period) -> Select[*tuple[Any, ...]]:
    """Attempts that were planned in a period and may have rung, by campaign, as `OutreachFigures` has them."""
    attempt = CampaignAttemptRow
    return (
        select(
            CampaignRow.name,
            func.count(),
            func.count(attempt.answered_at),
            _number(attempt.disposition.not_in(("", "abandoned"))),
            _number(attempt.outcome == "promised"),
            _number(PromiseRow.state == "kept"),
            *(_number(attempt.outcome == one) for one in ("link_sent", "do_not_call", "abandoned")),
        )
        .join(CampaignRow, CampaignRow.id == attempt.campaign)
        .outerjoin(PromiseRow, PromiseRow.attempt == attempt.id)
        .where(
            attempt.planned_at >= period.since,
            attempt.planned_at < period.until,
            attempt.outcome.not_in(NEVER_RANG),
        )
        .group_by(CampaignRow.id, CampaignRow.name)
        .order_by(CampaignRow.name, CampaignRow.id)
    )


def abandoned_query(campaign: str, since: datetime, now: datetime, within: float) -> Select[*tuple[Any, ...]]:
    """Calls of a campaign since a moment: made, answered, and of these the abandoned.

    Abandoned is whose person wanted a seat and got none within so many seconds, whatever they did then.
    """
    attempt, place = CampaignAttemptRow, WaitingCallRow
    theirs = place.call_id == attempt.call_id
    over = or_(
        place.state.not_in(("waiting", "offered")), place.entered_at <= now - timedelta(seconds=within)
    )
    in_time = and_(
        place.answered_at.is_not(None), seconds_between(place.entered_at, place.answered_at) <= within
    )
    in_vain = and_(attempt.call_id != "", exists().where(theirs, over), ~exists().where(theirs, in_time))
    return select(
        func.count(),
        func.count(attempt.answered_at),
        _number(and_(attempt.answered_at.is_not(None), or_(attempt.outcome == "abandoned", in_vain))),
    ).where(attempt.campaign == campaign, attempt.planned_at >= since)


def in_vain_query(call_id: str) -> Select[*tuple[Any, ...]]:
    """How often a call waited for a seat, and how often one came or something was agreed in its place."""
    place = WaitingCallRow
    settled = or_(
        place.answered_at.is_not(None),
        place.state.in_(("callback", "voicemail")),
        and_(place.state == "left", place.outcome == "key"),
    )
    return select(func.count(), _number(settled)).where(place.call_id == call_id)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
