"""Databases for the tests of queues and seats, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server

from policy_db import migrate

__all__ = ["postgres_server"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with tables and nothing in them."""
    if request.param == "sqlite":
        place = f"sqlite:///{tmp_path / 'seats.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        place = server.create()
    await migrate(place)
    return place
