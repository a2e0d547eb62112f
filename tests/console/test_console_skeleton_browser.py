"""The sign-in in a real browser."""

from __future__ import annotations

from tests.console.console_kit import PASSWORD, axe


def test_the_sign_in_page_is_accessible_and_works_by_keyboard(browse, served) -> None:
    page = browse("", "/sign-in", width=390)
    assert axe(page) == []
    page.keyboard.type("mei")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/sign-in" not in page.url
