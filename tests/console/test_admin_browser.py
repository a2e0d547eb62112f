"""Administration in a real browser: a file is brought in; pages by keyboard, on narrow screens, by axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.console.console_kit import axe

GOOD_AND_BAD = "工号,姓名,手机,入职日期\n2001,赵志刚,13800138000,2026-03-01\n2002,钱多,12,2026/13/1\n"


def test_a_file_with_good_and_bad_lines_is_checked_applied_and_seen_in_the_list(
    browse: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "staff.csv"
    file.write_bytes(GOOD_AND_BAD.encode("gb18030"))
    page = browse("root", "/admin/imports?kind=salespeople", language="en")
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Dry run").click()
    page.get_by_text("is no telephone number").wait_for()
    assert axe(page) == []
    page.get_by_label("Leave out the 1 wrong lines").check()
    page.get_by_role("button", name="Write 1 records").press("Enter")
    page.get_by_text("1 records written by root").wait_for()
    page.goto(page.url.split("/admin/")[0] + "/admin/salespeople?q=2001")
    page.get_by_role("link", name="2001").press("Enter")
    page.get_by_role("heading", name="赵志刚").wait_for()


@pytest.mark.parametrize(
    "path",
    [
        "/admin", "/admin/queues/service", "/admin/hours", "/admin/products/101/rates",
        "/admin/prompts?language=zh-HK", "/admin/prompts/es/reminder_due",
    ],
)  # fmt: skip
def test_pages_fit_a_narrow_screen_and_pass_axe(browse: Callable[..., Any], path: str) -> None:
    page = browse("root", path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cards = "[...document.querySelectorAll('table.cards')].every(one => one.offsetWidth <= 390)"
    assert page.evaluate(cards)
    assert axe(page) == []
