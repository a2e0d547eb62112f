"""A desk to call and a caller outside, for the tests of the pjsua2 line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desk import Desk, open_desk, outside
from sip_caller import SipCaller


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A line with default settings on loopback, stopped at the end."""
    async with open_desk() as one:
        yield one


@pytest.fixture
async def caller(desk: Desk) -> AsyncIterator[SipCaller]:
    """An outside telephone aimed at the desk."""
    async with outside(desk) as one:
        yield one
