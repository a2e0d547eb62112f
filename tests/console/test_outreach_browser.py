"""Campaigns in a real browser: made from the form, seen before anybody is called, started, and read at two widths."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policy_db.outreach import NewAttempt
from tests.console.console_kit import ServedConsole, axe

PAGES = ("/outreach", "/outreach/new", "/outreach/promises", "/outreach/history?q=86001234")
LIST = "number,policy\n13800138000,86001234\n13800138001,86001234\n13800138000,\n12345,\n"


async def called(parts: Any, campaign: str) -> None:
    """One of the people was called, and promised to pay."""
    database, now = parts.database, parts.clock()
    person = (await database.campaigns.people(campaign, state="waiting"))[0]
    await database.outreach.plan([NewAttempt("a-1", person, "sip")], holder="d", at=now)
    await database.outreach.submitting(["a-1"], holder="d")
    await database.outreach.take("a-1", holder="w", call_id="call-1", at=now)
    await database.outreach.moved("a-1", "answered", at=now, answered_by="person")
    await database.outreach.said("call-1", "promised")
    await database.outreach.moved("a-1", "ended", at=now, outcome="finished")
    (attempt,) = await database.outreach.unsettled()
    await database.outreach.settle(attempt, state="done", outcome="promised", next_at=None, at=now)


def test_a_campaign_is_made_looked_through_started_and_watched(
    browse: Callable[..., Any], served: ServedConsole, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(LIST, encoding="utf-8")
    page = browse("boss", "/outreach/new", language="en")
    assert axe(page) == []
    page.fill("[name=name]", "Spring reminders")
    page.select_option("[name=kind]", "list")
    page.set_input_files("[name=file]", str(file))
    _shot(page, "new")
    page.locator("main form button").last.click()
    page.locator("h1", has_text="Spring reminders").wait_for()
    assert page.locator(".tile", has_text="To be called").locator("b").inner_text() == "2"
    assert page.get_by_text("Same number twice").count() == 1
    assert page.get_by_text("the number is not valid").count() == 1
    _shot(page, "draft")
    made = page.url.rsplit("/", 1)[1]
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start").click()
    page.locator(".badge", has_text="Running").first.wait_for()
    served.run(called(served.parts, made))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for path in (f"/outreach/{made}", *PAGES):
            page.goto(served.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert axe(page) == [], (path, width)
            _shot(page, f"{path.strip('/').replace('/', '-').partition('?')[0].replace(made, 'one')}-{width}")
    page.goto(f"{served.url}/outreach/{made}")
    page.get_by_text("Promised").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    page.locator(".badge", has_text="Paused").first.wait_for()


def _shot(page: Any, name: str) -> None:
    """A picture to be looked at, where somebody wants one."""
    folder = os.environ.get("HOTLINE_TEST_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/outreach-{name}.png", full_page=True)
