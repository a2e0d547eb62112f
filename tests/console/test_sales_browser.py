"""Salespeople and telephone-service conduct in a real browser, at two widths."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.console.console_kit import axe

PAGES = ("/salespeople", "/salespeople/1001", "/reports?view=answer_days", "/reports?view=answer_queues")


def test_a_manager_reads_how_salespeople_sell_and_how_calls_are_answered(browse: Callable[..., Any]) -> None:
    for width in (1280, 390):
        for place, path in enumerate(PAGES):
            page = browse("boss", path, width=width, language="en" if width == 1280 else "zh-CN")
            assert axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            _shot(page, f"{place}-{width}")


def test_a_preference_that_is_changed_stays_changed(browse: Callable[..., Any]) -> None:
    page = browse("boss", "/salespeople/1001", language="en")
    page.select_option("[name=channel]", "email")
    page.uncheck("[name=put_through]")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    assert page.locator("[name=channel]").input_value() == "email"
    assert not page.locator("[name=put_through]").is_checked()


def _shot(page: Any, name: str) -> None:
    folder = os.environ.get("HOTLINE_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"sales-{name}.png", full_page=True)
