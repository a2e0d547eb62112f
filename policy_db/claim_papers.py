"""Photographs and papers that policyholders add to a claim by a link; kept encrypted, gone with the claim."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

from sqlalchemy import func, select, update

from policy_db.clock import Clock
from policy_db.errors import ConflictError, NotFoundError
from policy_db.keys import Keys
from policy_db.link_facts import ClaimPaper
from policy_db.store import Store
from policy_db.tables import ClaimPaperRow, ClaimRow
from policy_db.writes import insert

_COLUMNS: Final = tuple(
    one for one in ClaimPaperRow.__table__.columns if one.name not in ("cipher", "claim_id", "link_id")
)


class ClaimPapers:
    """Keeps what came for a claim. `most` papers and `most_bytes` together may come for one."""

    def __init__(
        self, store: Store, clock: Clock, keys: Keys, most: int = 40, most_bytes: int = 80_000_000
    ) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys
        self._most = most
        self._most_bytes = most_bytes

    async def add(
        self,
        claim: str,
        content: bytes,
        *,
        kind: Literal["photo", "paper"],
        media_type: str,
        name: str,
        link: str,
    ) -> ClaimPaper:
        """Keep a paper of the claim of that number; the same content again is the paper that there is.

        Raises NotFoundError, or ConflictError where the claim has as much as it may.
        """
        digest = hashlib.sha256(content).hexdigest()
        async with self._store.writing(f"claim papers:{claim}") as connection:
            owner = (await connection.execute(select(ClaimRow.id).where(ClaimRow.number == claim))).scalar()
            if owner is None:
                raise NotFoundError("There is no claim of that number.")
            mine = ClaimPaperRow.claim_id == owner
            same = select(*_COLUMNS).where(mine, ClaimPaperRow.sha256 == digest)
            known = (await connection.execute(same)).first()
            if known is not None:
                return ClaimPaper(**known._mapping)
            held = select(func.count(), func.coalesce(func.sum(ClaimPaperRow.size), 0)).where(mine)
            count, size = (await connection.execute(held)).one()
            if count >= self._most or size + len(content) > self._most_bytes:
                raise ConflictError("This claim has as many papers as we can keep.")
            paper = digest[:16] + owner[-16:]
            statement: Any = insert(self._store, ClaimPaperRow).values(
                id=paper,
                claim_id=owner,
                link_id=link,
                kind=kind,
                name=name[:100],
                media_type=media_type,
                size=len(content),
                sha256=digest,
                cipher=self._keys.seal(content, f"paper:{paper}"),
                received_at=self._clock(),
                seen_by="",
            )
            row = (await connection.execute(statement.returning(*_COLUMNS))).one()
        return ClaimPaper(**row._mapping)

    async def of_claim(self, claim: str) -> tuple[ClaimPaper, ...]:
        """The papers of a claim, the oldest first."""
        query = (
            select(*_COLUMNS)
            .join(ClaimRow, ClaimRow.id == ClaimPaperRow.claim_id)
            .where(ClaimRow.number == claim)
            .order_by(ClaimPaperRow.received_at, ClaimPaperRow.id)
        )
        async with self._store.reading() as connection:
            return tuple(ClaimPaper(**row._mapping) for row in await connection.execute(query))

    async def content(self, claim: str, paper: str, *, seen_by: str = "") -> tuple[ClaimPaper, bytes]:
        """A paper of a claim and what is in it; noted as seen by whom, if it is. Raises NotFoundError."""
        query = (
            select(*_COLUMNS, ClaimPaperRow.cipher)
            .join(ClaimRow, ClaimRow.id == ClaimPaperRow.claim_id)
            .where(ClaimRow.number == claim, ClaimPaperRow.id == paper)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise NotFoundError("There is no such paper.")
        if seen_by and row.seen_at is None:
            change = update(ClaimPaperRow).where(ClaimPaperRow.id == paper, ClaimPaperRow.seen_at.is_(None))
            async with self._store.writing() as connection:
                await connection.execute(change.values(seen_at=self._clock(), seen_by=seen_by))
        facts = {name: value for name, value in row._mapping.items() if name != "cipher"}
        return ClaimPaper(**facts), self._keys.open(row.cipher, f"paper:{paper}")
