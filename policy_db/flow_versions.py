"""Versions of the call flows: which files took calls, since when, by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import ConflictError
from policy_db.store import AnyRow, Store
from policy_db.tables.flows import FlowFileRow, FlowVersionRow
from policy_db.writes import insert

Action = Literal["published", "rolled_back", "found"]


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """A set of flow files that took calls from `at` on; `files` is the hash of each by name."""

    id: int
    version: str
    at: datetime
    who: str
    action: Action
    message: str
    origin: int | None
    files: Mapping[str, str]


class FlowVersions:
    """The history, newest first, and the texts of the files."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(
        self,
        version: str,
        files: Mapping[str, str],
        *,
        who: str,
        action: Action,
        message: str = "",
        origin: int | None = None,
        after: int | None = None,
    ) -> FlowVersion:
        """Note that these texts take calls from now on.

        Raises ConflictError when the newest version is another than `after` (if that is given).
        """
        hashes = {name: file_hash(text) for name, text in files.items()}
        async with self._store.writing("flow_versions") as connection:
            newest = await _newest(connection)
            if after is not None and (newest is None or newest.id != after):
                raise ConflictError(
                    "Another version was published meanwhile.", "Compare with it, then publish yours."
                )
            for name, text in files.items():
                kept = insert(self._store, FlowFileRow).values(hash=hashes[name], text=text)
                await connection.execute(kept.on_conflict_do_nothing())
            added = insert(self._store, FlowVersionRow).values(
                version=version,
                at=self._clock(),
                who=who,
                action=action,
                message=message,
                origin=origin,
                files=hashes,
            )
            number = (await connection.execute(added.returning(FlowVersionRow.id))).scalar_one()
            row = (await connection.execute(_VERSIONS.where(FlowVersionRow.id == number))).one()
            return _version(row)

    async def newest(self) -> FlowVersion | None:
        """The version that takes calls, as far as is known."""
        async with self._store.reading() as connection:
            return await _newest(connection)

    async def history(self, *, limit: int = 50, before: int | None = None) -> tuple[FlowVersion, ...]:
        """The latest versions, the newest first; `before` goes on from an id."""
        query = _VERSIONS.order_by(FlowVersionRow.id.desc()).limit(limit)
        if before is not None:
            query = query.where(FlowVersionRow.id < before)
        async with self._store.reading() as connection:
            return tuple(_version(row) for row in await connection.execute(query))

    async def find(self, number: int) -> FlowVersion | None:
        """One version."""
        async with self._store.reading() as connection:
            row = (await connection.execute(_VERSIONS.where(FlowVersionRow.id == number))).first()
        return None if row is None else _version(row)

    async def texts(self, version: FlowVersion) -> dict[str, str]:
        """The texts of a version's files, by name."""
        query = select(FlowFileRow.hash, FlowFileRow.text).where(
            FlowFileRow.hash.in_(list(version.files.values()))
        )
        async with self._store.reading() as connection:
            by_hash = {row.hash: row.text for row in await connection.execute(query)}
        return {name: by_hash[digest] for name, digest in version.files.items()}


def file_hash(text: str) -> str:
    """By which a text is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


_VERSIONS = select(*FlowVersionRow.__table__.columns)


async def _newest(connection: AsyncConnection) -> FlowVersion | None:
    row = (await connection.execute(_VERSIONS.order_by(FlowVersionRow.id.desc()).limit(1))).first()
    return None if row is None else _version(row)


def _version(row: AnyRow) -> FlowVersion:
    return FlowVersion(
        id=row.id,
        version=row.version,
        at=row.at,
        who=row.who,
        action=cast("Action", row.action),
        message=row.message,
        origin=row.origin,
        files=row.files,
    )
