"""To be filled."""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area

AREA = Area("seat", Path(__file__).parent)
