"""A desk on each SIP line in turn, and a caller outside; also makes the contract of every line importable."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desk import Desk, open_desk, outside
from sip_caller import SipCaller


@pytest.fixture(params=["sip", "pjsua"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A line of each kind with default settings on loopback, stopped at the end."""
    async with open_desk(request.param) as one:
        yield one


@pytest.fixture
async def caller(desk: Desk) -> AsyncIterator[SipCaller]:
    """An outside telephone aimed at the desk."""
    async with outside(desk) as one:
        yield one
