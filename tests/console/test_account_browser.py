"""The account's pages in a real browser: accessible, no wider than a telephone, and working without a mouse."""

from __future__ import annotations

from tests.console.console_kit import PASSWORD, axe

PATHS = (
    "/account", "/account/password", "/admin/users", "/admin/users/new", "/admin/users/1", "/admin/audit",
    "/admin/retention", "/admin/retention/erasure",
)  # fmt: skip


def test_pages_are_accessible_and_fit_a_telephone(browse, served) -> None:
    for width in (1280, 390):
        page = browse("boss", "/account", width=width)
        for path in PATHS:
            page.goto(served.url + path)
            assert axe(page) == [], (path, width)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (path, width, wide)


def test_a_password_is_changed_by_keyboard(browse) -> None:
    page = browse("mei", "/account/password", language="en")
    page.focus("input[name=old]")
    for words in (PASSWORD, "seven purple elephants", "seven purple elephants"):
        page.keyboard.type(words)
        page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "The password is changed" in page.inner_text("main")


def test_a_new_token_stands_on_the_page_once(browse) -> None:
    page = browse("mei", "/account", language="en")
    page.fill('input[name="name"]', "nightly report")
    page.click('form[action="/account/tokens"] button')
    assert page.inner_text("#new-token").startswith("hotline_")
    page.goto(page.url)
    assert page.locator("#new-token").count() == 0
