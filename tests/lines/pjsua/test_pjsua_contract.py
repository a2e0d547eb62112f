"""The contract of every line, kept by the pjsua2 line with a caller of our own outside."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from contract import LineContract
from sip_person import SipHarness

from ivr.lines.pjsua import PjsuaLine, PjsuaSettings

pytestmark = pytest.mark.sip


class TestPjsuaLine(LineContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[SipHarness]:
        settings = PjsuaSettings(host="127.0.0.1", port=0)
        harness = SipHarness(lambda clock: PjsuaLine(settings, clock=clock))
        await harness.start()
        yield harness
        await harness.stop()
