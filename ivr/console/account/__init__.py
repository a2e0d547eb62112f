"""Signing in and out, one's own account, and the start page."""

from __future__ import annotations

from pathlib import Path

from ivr.console.account.pages import router
from ivr.console.area import Area

AREA = Area("account", Path(__file__).parent, pages=router)
