"""Reports and call records in a real browser."""

from __future__ import annotations

from datetime import timedelta

from board_kit import ended_call
from test_call_records import STORY

from policy_db.facts import TimelineEntry
from tests.console.console_kit import axe


async def _past(parts) -> None:
    now = parts.clock()
    for number in range(40):
        await ended_call(
            parts.database,
            f"e{number}",
            now - timedelta(hours=3 * number),
            30.0 + number,
            caller=f"+8613800{number:06}",
        )
    entries = [TimelineEntry(number, number * 2.0, kind, data) for number, (kind, data) in enumerate(STORY)]
    await parts.database.calls.append("e0", entries)


def test_reports_and_records_are_accessible_at_a_desk_and_on_a_telephone(browse, served) -> None:
    served.run(_past(served.parts))
    for width, language in ((1280, "zh-CN"), (390, "en")):
        page = browse("mei", "/reports", width=width, language=language)
        page.wait_for_selector("[data-chart][data-drawn]")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for path in ("/reports?view=queues", "/reports/definitions", "/calls", "/calls/e0"):
            page.goto(served.url + path)
            page.wait_for_selector("h1")
            assert axe(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_step_of_the_picture_leads_to_its_entry_by_keyboard(browse, served) -> None:
    served.run(_past(served.parts))
    page = browse("rui", "/calls/e0?flow=main", language="en")
    page.locator('.calls-picture a[data-step="menu"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_selector('.calls-timeline li.now[data-step="menu"]')
