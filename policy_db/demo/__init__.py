"""A believable made-up portfolio, to try the hotline with and to measure it by."""

from __future__ import annotations

from policy_db.demo.build import build_demo
from policy_db.demo.fixed import demo_table
from policy_db.demo.refresh import refresh_demo

__all__ = ["build_demo", "demo_table", "refresh_demo"]
