"""Documents in a real browser: the policyholder's page on a telephone, the console on a desk and on a telephone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policy_db.link_facts import NewLink
from tests.console.console_kit import ServedConsole, axe


async def _claim(served: ServedConsole) -> tuple[str, str]:
    database = served.parts.database
    today = database.clock().date()
    report = await database.claims.begin(caller="13912345678", today=today)
    number = await database.claims.submit(report.id, today)
    await database.documents.add("d1", kind="claim_report", claim=number, language="zh-CN", channel="sms")
    until = database.clock().replace(year=today.year + 1, day=1)
    await database.links.add(NewLink("l1", "claim", "code", until, "zh-CN", document="d1", claim=number))
    return f"/d/{database.links.token('l1')}", database.links.code("l1")


def test_a_policyholder_opens_a_link_on_a_telephone(
    served: ServedConsole, browse: Callable[..., Any], tmp_path: Any
) -> None:
    path, code = served.run(_claim(served))
    page = browse("", path, width=390)
    assert axe(page) == []
    page.get_by_label("验证码").fill(code)
    page.get_by_role("button", name="打开").click()
    page.get_by_text("已受理，等待审核").wait_for()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#files").set_input_files(
        [{"name": "script.jpg", "mimeType": "image/jpeg", "buffer": b"<script>"}]
    )
    page.get_by_role("button", name="上传").click()
    page.get_by_text("不支持这种文件").wait_for()


def test_documents_and_letters_on_the_console(served: ServedConsole, browse: Callable[..., Any]) -> None:
    served.run(_claim(served))
    served.run(served.parts.database.documents.mark("d1", "failed", "no_sms_provider"))
    for width in (1280, 390):
        page = browse("rui", "/documents", width=width)
        page.get_by_text("没有设置短信服务商").wait_for()
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(served.url + "/documents/post")
        assert axe(page) == []
