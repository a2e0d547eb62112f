"""Complaints and whether they are settled."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select, update

from policy_db.errors import ConflictError, NotFoundError
from policy_db.facts import ComplaintFact
from policy_db.store import Store
from policy_db.tables import ComplaintRow, PolicyRow
from policy_db.writes import count_up, insert


class Complaints:
    """Open, find and close complaints. A number is the day (YYMMDD) and a four-digit count."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open_for(self, policy: str) -> ComplaintFact | None:
        """The oldest complaint about a policy that is not closed; None if there is none."""
        query = (
            select(ComplaintRow.number, ComplaintRow.opened_on, ComplaintRow.status)
            .join(PolicyRow, PolicyRow.id == ComplaintRow.policy_id)
            .where(PolicyRow.number == policy, ComplaintRow.status != "closed")
            .order_by(ComplaintRow.opened_on, ComplaintRow.id)
            .limit(1)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        return ComplaintFact(row.number, row.opened_on, "open" if row.status == "open" else "in_progress")

    async def open(self, policy: str, subject: str, today: date, *, channel: str = "phone") -> str:
        """Take a complaint about a policy; gives its number. Raises NotFoundError."""
        async with self._store.writing() as connection:
            query = select(PolicyRow.id, PolicyRow.customer_id).where(PolicyRow.number == policy)
            found = (await connection.execute(query)).first()
            if found is None:
                raise NotFoundError(f"There is no policy {policy}.")
            count = await count_up(self._store, connection, f"complaint:{today:%y%m%d}")
            if count > 9999:
                raise ConflictError("All complaint numbers of the day are used.", "Take it down by hand.")
            number = f"{today:%y%m%d}{count:04d}"
            await connection.execute(
                insert(self._store, ComplaintRow).values(
                    number=number,
                    customer_id=found.customer_id,
                    policy_id=found.id,
                    opened_on=today,
                    status="open",
                    channel=channel,
                    subject=subject,
                )
            )
        return number

    async def close(self, number: str, today: date) -> None:
        """Close a complaint. Raises NotFoundError if there is none that is open."""
        change = (
            update(ComplaintRow)
            .where(ComplaintRow.number == number, ComplaintRow.status != "closed")
            .values(status="closed", closed_on=today)
        )
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError(f"There is no open complaint {number}.")
