"""Documents and links, forgotten on request or with time; what is in them goes with them, papers with their claim."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.retention_ties import Tie
from policy_db.tables import ClaimRow, DocumentRow, LinkRow


async def forget_documents(
    connection: AsyncConnection,
    customer: str,
    policies: Sequence[int],
    numbers: Sequence[str],
    claims: Sequence[str],
) -> None:
    """What was sent to a customer about what goes: policies by id and number, claims by id. What stays keeps its own."""
    of_claims = select(ClaimRow.number).where(ClaimRow.id.in_(claims))
    about_nothing = (
        (DocumentRow.customer == customer) & DocumentRow.policy_id.is_(None) & (DocumentRow.claim == "")
    )
    gone = or_(DocumentRow.policy_id.in_(policies), DocumentRow.claim.in_(of_claims), about_nothing)
    await connection.execute(delete(DocumentRow).where(gone))
    free = (LinkRow.customer == customer) & (LinkRow.policy == "") & (LinkRow.claim == "")
    links = or_(LinkRow.policy.in_(numbers), LinkRow.claim.in_(of_claims), free)
    await connection.execute(delete(LinkRow).where(links))


async def drop_documents(connection: AsyncConnection, documents: Sequence[str]) -> int:
    """Documents by their ids, with content, links and faxes; how many."""
    return (await connection.execute(delete(DocumentRow).where(DocumentRow.id.in_(documents)))).rowcount


async def forget_links(connection: AsyncConnection, before: datetime, holds: Collection[Tie]) -> None:
    """Links that were over before a moment, unless something holds them."""
    columns = {
        "customer": LinkRow.customer,
        "policy": LinkRow.policy,
        "claim": LinkRow.claim,
        "call": LinkRow.call_id,
    }
    free = [
        column.not_in([number for held, number in holds if held == kind]) for kind, column in columns.items()
    ]
    await connection.execute(delete(LinkRow).where(LinkRow.expires_at < before, *free))
