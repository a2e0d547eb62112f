"""A desk on the pjsua2 line alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desk import Desk, open_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A line with default settings on loopback, stopped at the end."""
    async with open_desk("pjsua") as one:
        yield one
