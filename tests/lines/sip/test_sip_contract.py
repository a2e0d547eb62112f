"""The contract of every line, kept by the SIP line with a caller of our own outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from contract import LineContract
from sip_person import SipHarness

from ivr.lines.sip import SipLine, SipSettings

pytestmark = pytest.mark.sip


class TestSipLine(LineContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[SipHarness]:
        settings = SipSettings(host="127.0.0.1", port=0, most_calls=4)
        harness = SipHarness(lambda clock: SipLine(settings, clock=clock))
        await harness.start()
        yield harness
        await harness.stop()
