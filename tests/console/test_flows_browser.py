"""The flows' pages in a real browser, at a desk and on a telephone."""

from __future__ import annotations

import pytest

from tests.console.console_kit import axe


@pytest.mark.parametrize("width", [1280, 390])
def test_flows_are_drawn_read_and_changed_without_serious_findings(browse, served, width: int) -> None:
    for path in ("/flows", "/flows/person", "/flows/person/text", "/flows/history"):
        page = browse("mei", path, width=width, language="en")
        assert axe(page) == [], path
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path


def test_a_finding_leads_to_its_line_and_a_draft_survives_the_browser(browse, served) -> None:
    page = browse("mei", "/flows/person/text", language="en")
    text = page.locator("textarea[name=source]")
    text.fill(text.input_value().replace("next: why}", "next: nowhere}", 1))
    page.get_by_role("button", name="Check and run tests").click()
    page.get_by_role("button", name="line").first.click()
    chosen = text.evaluate("t => t.value.slice(t.selectionStart, t.selectionEnd)")
    assert "nowhere" in chosen
    page.reload()
    page.get_by_role("button", name="Go on with them").click()
    assert "nowhere" in text.input_value()


def test_steps_of_the_diagram_are_reached_by_keyboard(browse, served) -> None:
    page = browse("mei", "/flows/person", language="en")
    page.locator("a[data-step=route]").focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#step-route")
