"""Cross-selling in a real browser: each page at two widths and by axe, a sale told by keyboard, a refused form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hint_kit import suggest
from seat_kit import seat_user

from tests.console.console_kit import ServedConsole, axe

PAGES = (
    "/crosssell/referrals", "/crosssell/referrals/s-c9", "/crosssell/referrals/new?customer=nobody&call=c-none",
    "/crosssell/do-not-call", "/crosssell/products",
    "/crosssell/suggestions", "/crosssell/suggestions/s-c1", "/crosssell/models", "/crosssell/models/501",
)  # fmt: skip
#: Tables of which a part is out of sight.
CUT_OFF = "[...document.querySelectorAll('.table')].filter((one) => one.scrollWidth > one.clientWidth).length"


async def several(parts: Any) -> None:
    """A referral to two specialists, and the seats that serve them."""
    await seat_user(parts)
    known = await suggest(parts, state="connected")
    assert known is not None
    head = replace(known, id="s-c9", suggestion="s-c1", call_id="c9", also=("301",), state="accepted")
    await parts.database.referrals.flag(head, who="hotline")


def test_every_page_fits_both_widths_and_passes_axe(
    browse: Callable[..., Any], served: ServedConsole
) -> None:
    served.run(several(served.parts))
    page = browse("boss", PAGES[0])
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for path in PAGES:
            page.goto(served.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert page.evaluate(CUT_OFF) == 0, (path, width)
            assert axe(page) == [], (path, width)


def test_a_sale_is_told_by_keyboard_with_what_it_needs(
    browse: Callable[..., Any], served: ServedConsole
) -> None:
    served.run(several(served.parts))
    page = browse("mei", "/crosssell/referrals/s-c1", language="en", width=390)
    assert page.locator("[name=policy]").is_hidden()
    page.locator("input[value=sold]").focus()
    page.keyboard.press("Space")
    page.locator("[name=policy]").focus()
    page.keyboard.type("86990001")
    page.keyboard.press("Tab")
    page.keyboard.type("212.50")
    page.keyboard.press("Enter")
    page.locator(".way [aria-current=step]", has_text="Sold").wait_for()
    known = served.run(served.parts.database.referrals.find("s-c1"))
    assert (known.state, known.policy) == ("sold", "86990001")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_refused_form_leads_to_what_is_wrong_and_the_preview_is_read(
    browse: Callable[..., Any], served: ServedConsole, width: int
) -> None:
    page = browse("mei", "/crosssell/products/101", language="en", width=width)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("[name='talk.en.opening']", "")
    page.fill("[name=margin]", "much")
    see = page.get_by_role("button", name="See it as a seat does")
    see.press("Enter")
    page.locator(".wrongs a").first.wait_for()
    assert page.locator(".wrongs a").all_inner_texts() == ["Margin (yuan)", "English · Opening"]
    assert page.input_value("[name=margin]") == "much"
    assert axe(page) == []
    page.fill("[name=margin]", "2600")
    page.fill("[name='talk.en.opening']", "Good morning")
    see.click()
    page.locator("#seat-hint-en", has_text="Good morning").wait_for()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
