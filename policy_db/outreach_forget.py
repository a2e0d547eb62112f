"""Whom the hotline called, forgotten: on request, or when it is long ago. Attempts stay to be counted, without names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.retention_ties import Tie
from policy_db.tables import CampaignAttemptRow, CampaignPersonRow, CampaignRow, OutboxRow, PromiseRow

_NOBODY = {"number": "", "customer": "", "policy": ""}


async def forget_called(
    connection: AsyncConnection, customer: str, policies: Sequence[str], phones: Sequence[str]
) -> None:
    """Everything about calls to one customer: who was called, what was promised, what is to be sent."""

    def theirs(table: Any, number: Any) -> ColumnElement[bool]:
        return or_(table.customer == customer, table.policy.in_(policies), number.in_(phones))

    await _blank(
        connection,
        theirs(CampaignPersonRow, CampaignPersonRow.number),
        theirs(CampaignAttemptRow, CampaignAttemptRow.number),
    )
    await connection.execute(
        delete(PromiseRow).where(or_(PromiseRow.customer == customer, PromiseRow.policy.in_(policies)))
    )
    await connection.execute(delete(OutboxRow).where(theirs(OutboxRow, OutboxRow.address)))


async def forget_long_ago(connection: AsyncConnection, before: datetime, holds: Collection[Tie]) -> int:
    """Who was called before a moment, unless something holds it; how many rows."""
    customers = [number for kind, number in holds if kind == "customer"]
    policies = [number for kind, number in holds if kind == "policy"]

    def free(table: Any) -> ColumnElement[bool]:
        return and_(table.customer.not_in(customers), table.policy.not_in(policies))

    old = CampaignAttemptRow.planned_at < before
    gone = await _blank(
        connection,
        CampaignPersonRow.state.in_(("done", "excluded"))
        & CampaignPersonRow.campaign.in_(_ended(before))
        & (CampaignPersonRow.number != "")
        & free(CampaignPersonRow),
        old
        & (CampaignAttemptRow.state == "ended")
        & (CampaignAttemptRow.number != "")
        & free(CampaignAttemptRow),
    )
    settled = PromiseRow.settled_at.is_not(None) & (PromiseRow.made_at < before) & free(PromiseRow)
    sent = OutboxRow.state.in_(("sent", "failed")) & (OutboxRow.created_at < before) & free(OutboxRow)
    for table, condition in ((PromiseRow, settled), (OutboxRow, sent)):
        gone += (await connection.execute(delete(table).where(condition))).rowcount
    return gone


def _ended(before: datetime) -> Any:
    return select(CampaignRow.id).where(CampaignRow.ended_at < before)


async def _blank(
    connection: AsyncConnection, people: ColumnElement[bool], attempts: ColumnElement[bool]
) -> int:
    """Take the person from rows; who still waits is done with."""
    listed = await connection.execute(
        update(CampaignPersonRow).where(people).values(facts={}, next_at=None, **_NOBODY)
    )
    await connection.execute(
        update(CampaignPersonRow)
        .where(CampaignPersonRow.number == "", CampaignPersonRow.state == "waiting")
        .values(state="excluded", excluded="forgotten")
    )
    tried = await connection.execute(
        update(CampaignAttemptRow).where(attempts).values(carrier_id="", call_id="", **_NOBODY)
    )
    return listed.rowcount + tried.rowcount
