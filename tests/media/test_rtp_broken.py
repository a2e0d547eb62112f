"""Broken packets by the thousand; `python -m tests.media.rtp_fuzz` throws millions."""

from __future__ import annotations

import pytest
from rtp_fuzz import fuzz


@pytest.mark.parametrize("seed", range(3))
def test_broken_packets_are_only_counted(seed: int) -> None:
    found = fuzz(6000, seed)
    assert found["taken"] > 1000
    assert all(found[reason] > 30 for reason in ("malformed", "payload_type", "source", "rtcp", "srtp"))
