"""Messages and claims in a real browser: without reload, by keyboard, on a narrow screen, two people at one message."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.media.g711 import Law, encode
from ivr.media.wav import write_g711
from policy_db import PolicyDatabase
from tests.console.console_kit import axe

LEAVE = ("m1", "m2", "m3")


def tone(folder: Path, name: str, hertz: float = 700.0) -> None:
    samples = (np.sin(np.arange(16000) * 2 * np.pi * hertz / 8000) * 8000).astype(np.int16)
    path = folder / "recordings" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_g711(path, encode(samples, Law.MU), Law.MU)


async def leave(served: Any, message: str, mailbox: str = "service") -> None:
    """As a worker does: the file, the row, the nudge."""
    tone(served.folder, message)
    recordings = served.parts.database.recordings
    await recordings.begin(
        message, purpose="voicemail", call=f"call-{message}", worker="w1", file=f"{message}.wav",
        caller="+8616000001234", level=1, mailbox=mailbox, reason="message",
    )  # fmt: skip
    await recordings.finish(message, seconds=2.0, size=16058, why="key")
    await recordings.keep(message)
    served.parts.bus.publish("message", message)


async def report(database: PolicyDatabase, served: Any) -> str:
    today = datetime.now(UTC).date()
    claim = await database.claims.begin(caller="+8616000001234", today=today, policy="86001234", level=1)
    for question, value in {"when": f"{today} 10:30", "kind": "traffic", "hurt": "no"}.items():
        await database.claims.save_answer(claim.id, question, value)
    tone(served.folder, "r1")
    await database.recordings.begin(
        "r1", purpose="claim", call="call-1", worker="w1", file="r1.wav", caller="1", claim=claim.id
    )
    await database.recordings.finish("r1", seconds=2.0, size=16058, why="key")
    await database.claims.attach(claim.id, "what", "r1")
    await database.claims.submit(claim.id, today)
    return claim.number


def position(page: Any) -> float:
    return float(page.evaluate("document.querySelector('hotline-player').audio.currentTime"))


def played(page: Any) -> None:
    """Press play, and hear some of it."""
    page.click(".player-play")
    for _ in range(100):
        if position(page) > 0.1:
            return
        page.wait_for_timeout(50)
    raise AssertionError("nothing is played")


def test_a_message_appears_plays_and_is_handled_without_loading_the_page_again(browse, served) -> None:
    inbox = browse("rui", "/messages?view=new", language="en")
    assert "No new messages." in inbox.inner_text("main")
    served.run(leave(served, "m1"))
    row = inbox.wait_for_selector("#message-m1", timeout=15_000)
    assert "王建国" in row.inner_text()
    assert axe(inbox) == []
    row.query_selector("a").click()
    inbox.wait_for_selector("#desk")
    assert axe(inbox) == []
    played(inbox)
    inbox.select_option("select[name=category]", "suggestion")
    inbox.select_option("select[name=assigned]", "user:anna")
    inbox.click("#desk button:has-text('Save')")
    inbox.wait_for_selector(".timeline :text('assigned it to: Anna')")
    inbox.fill("textarea[name=note]", "Called back\nand said thanks")
    inbox.click("text=Keep note")
    inbox.wait_for_selector(".note:has-text('said thanks')")
    inbox.click("text=Archive")
    inbox.wait_for_selector("#desk button:has-text('Open again')")
    assert position(inbox) > 0.1


def test_two_people_at_one_message_lose_nothing(browse, served) -> None:
    served.run(leave(served, "m1"))
    rui = browse("rui", "/messages/m1", language="en")
    mei = browse("mei", "/messages/m1", language="en")
    mei.select_option("select[name=category]", "enquiry")
    rui.select_option("select[name=category]", "complaint")
    rui.click("#desk button:has-text('Save')")
    mei.wait_for_selector(".timeline :text('changed the category: Complaint')")
    mei.click("#desk button:has-text('Save')")
    told = mei.wait_for_selector("#desk [role=alert]").inner_text()
    assert "Rui changed this message" in told
    assert "now “Complaint”, yours “Enquiry”" in told
    assert mei.input_value("select[name=category]") == "enquiry"
    mei.click("#desk button:has-text('Save')")
    rui.wait_for_selector(".timeline :text('changed the category: Enquiry')")


def test_the_list_works_by_keyboard(browse, served) -> None:
    for message in LEAVE:
        served.run(leave(served, message))
    page = browse("rui", "/messages")
    for message in LEAVE:
        page.wait_for_selector(f"#message-{message}")
    for key in ("j", "j", "ArrowDown", "k"):
        page.keyboard.press(key)
    focused = page.evaluate("document.activeElement.closest('tr').id")
    assert focused == page.locator("tbody tr").nth(1).get_attribute("id")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/messages/{focused.removeprefix('message-')}**")
    following = page.locator("[data-next]").get_attribute("href")
    page.keyboard.press("n")
    page.wait_for_url(f"**{following}")
    page.wait_for_selector("[data-back]")
    page.keyboard.press("u")
    page.wait_for_url("**/messages")


def test_whoever_is_given_a_message_is_told_on_whatever_page_they_are(browse, served) -> None:
    served.run(leave(served, "m1"))
    anna = browse("anna", "/account", language="en")
    rui = browse("rui", "/messages/m1", language="en")
    rui.select_option("select[name=assigned]", "user:anna")
    rui.click("#desk button:has-text('Save')")
    anna.click("text=Given to you: 1")
    anna.wait_for_selector("#message-m1")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_claims_are_read_and_decided_on_a_narrow_screen(browse, served, language: str) -> None:
    number = served.run(report(served.parts.database, served))
    page = browse("rui", "/claims", width=390, language=language)
    page.click(f"#claim-{number} a")
    page.wait_for_selector("#desk")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    played(page)
    page.check("input[name=missing][value=invoice]")
    page.click("#desk input[name=papers] ~ .row button")
    page.wait_for_selector("#desk input[name=version][value='1']", state="attached")
    told = served.run(served.parts.database.claims.status("86001234"))
    assert (told.status, told.missing) == ("missing_documents", "invoice")
    page.fill("textarea[name=reason]", "Not covered")
    page.click("#desk button[value=declined]")
    page.wait_for_selector(".note:has-text('Not covered')")
