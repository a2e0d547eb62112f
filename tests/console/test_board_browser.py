"""The live board in a real browser."""

from __future__ import annotations

from datetime import timedelta

from board_kit import call_now, place_now, queue_and_seats

from tests.console.console_kit import axe


async def _scene(database) -> None:
    await queue_and_seats(database, ready=3)
    for number, step in enumerate(("main.menu", "premium_enquiry.due", "claim_report.when", "person.person")):
        await call_now(
            database,
            f"c{number}",
            caller=f"+86138001380{number:02}",
            step=step,
            since=timedelta(minutes=3 * number),
        )
    await place_now(database, "c3", waited=150)


def test_the_board_follows_a_call_without_being_loaded_again(browse, served) -> None:
    served.run(_scene(served.parts.database))
    page = browse("mei", "/board", language="en")
    page.wait_for_selector("#call-c0")
    assert "Main menu" in page.inner_text("#call-c0")
    assert "has waited" in page.inner_text(".board-alarms")
    page.wait_for_selector("#hour .u-over")
    served.run(served.parts.database.calls.update("c0", step="claim_report.when", step_at=9.0))
    served.parts.bus.publish("call", "c0")
    page.locator("#call-c0", has_text="Report a claim").wait_for()
    served.run(served.parts.database.calls.finish("c0", "normal"))
    served.parts.bus.publish("call", "c0")
    page.wait_for_selector("#call-c0", state="detached")


def test_the_board_is_accessible_at_a_desk_and_on_a_telephone_in_both_languages(browse, served) -> None:
    served.run(_scene(served.parts.database))
    for width, language in ((1280, "zh-CN"), (390, "en")):
        page = browse("mei", "/board", width=width, language=language)
        page.wait_for_selector("#hour .u-over")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(served.url + "/board/alarms")
        assert axe(page) == []
