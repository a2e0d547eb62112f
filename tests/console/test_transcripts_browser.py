"""What callers said, in writing, in a real browser: it comes by itself, a click plays it, a person corrects it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.media.g711 import Law, encode
from ivr.media.wav import write_g711
from policy_db.message_facts import Segment, SpokenWord, Transcript, UrgencyReason
from tests.console.console_kit import axe

SAID = (
    (("您好", 1.0), ("我", 1.0), ("的", 0.94), ("车", 0.9), ("被", 0.8), ("撞了", 0.71)),
    (("在", 1.0), ("人民", 0.45), ("路", 0.52), ("有", 1.0), ("人", 1.0), ("受伤", 0.88)),
)


def segments() -> tuple[Segment, ...]:
    found, at = [], 0.4
    for words in SAID:
        spoken = []
        for text, confidence in words:
            spoken.append(SpokenWord(text, confidence, round(at, 2), round(at + 0.3, 2)))
            at += 0.35
        found.append(Segment(tuple(spoken)))
        at += 0.6
    return tuple(found)


def transcript() -> Transcript:
    text = "，".join("".join(word for word, _ in words) for words in SAID)
    reasons = (UrgencyReason("撞了", "high", 2.15, 0.71), UrgencyReason("受伤", "urgent", 4.85, 0.88))
    return Transcript(text, "zh-CN", 0.85, "Vosk zh-CN", datetime.now(UTC), segments(), "urgent", reasons)


def due(_mailbox: str, _urgency: str, received: datetime) -> datetime:
    return received


async def leave(served: Any, message: str) -> None:
    samples = (np.sin(np.arange(48_000) * 2 * np.pi * 500 / 8000) * 8000).astype(np.int16)
    path: Path = served.folder / "recordings" / f"{message}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_g711(path, encode(samples, Law.MU), Law.MU)
    database = served.parts.database
    call = f"call-{message}"
    await database.calls.begin(call, worker="here-0", caller="+8616000001234", called="2", language="zh-CN")
    await database.recordings.begin(
        message, purpose="voicemail", call=call, worker="here-0", file=path.name, caller="+8616000001234",
        level=1, mailbox="service", reason="message",
    )  # fmt: skip
    await database.recordings.finish(message, seconds=6.0, size=48_058, why="key")
    await database.recordings.keep(message)
    await database.calls.finish(call, "caller_hung_up")
    await database.messages.take_in(due)


async def write_down(served: Any, message: str) -> None:
    """As the process beside the workers does."""
    work = served.parts.database.transcriptions
    await work.find_new("here-")
    job = await work.take("here-1", "here-", ("zh-CN",), seconds=60)
    assert await work.write(job, "here-1", transcript(), due) is not None
    served.parts.bus.publish("message", message)


def position(page: Any) -> float:
    return float(page.evaluate("document.querySelector('hotline-player').audio.currentTime"))


def wait_for(page: Any, reached: Callable[[float], bool]) -> None:
    """Until the player is there."""
    for _ in range(200):
        if reached(position(page)):
            return
        page.wait_for_timeout(50)
    raise AssertionError(position(page))


def picture(page: Any, name: str) -> None:
    """Kept where the environment asks for pictures."""
    if folder := os.environ.get("HOTLINE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1280), ("en", 390)])
def test_a_transcript_comes_by_itself_plays_where_it_is_clicked_and_is_corrected(
    browse, served, language: str, width: int
) -> None:
    served.run(leave(served, "m1"))
    page = browse("rui", "/messages/m1", language=language)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.query_selector(".said") is None
    served.run(write_down(served, "m1"))
    page.wait_for_selector(".said", timeout=15_000)
    assert page.inner_text(".said-words >> nth=1").strip() == "在人民路有人受伤"
    assert page.inner_text(".said .unsure >> nth=0") == "人民"
    page.wait_for_selector(".facts .badge.bad")  # it is urgent now
    page.wait_for_function("document.querySelector('#desk select[name=urgency]').value === 'urgent'")
    assert "受伤" in page.inner_text(".timeline")
    assert axe(page) == []
    picture(page, f"transcript-{width}")
    page.click(".said .unsure >> nth=0")
    wait_for(page, lambda at: at > 3)
    page.click("hotline-player .player-play")
    assert position(page) < 6
    page.click(".said-why >> nth=0")
    wait_for(page, lambda at: at < 3)
    page.click("details:has(textarea[name=text]) summary")
    page.fill("textarea[name=text]", "您好，我的车被撞了，在人民北路，有人受伤。")
    page.click("details:has(textarea[name=text]) button")
    page.wait_for_selector("blockquote:has-text('人民北路')")
    page.wait_for_selector(
        f".timeline :text('{'修改了文字记录' if language == 'zh-CN' else 'corrected the transcript'}')"
    )
    assert axe(page) == []
    picture(page, f"corrected-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_form_that_was_begun_stays_and_tells_that_the_message_has_changed(browse, served) -> None:
    served.run(leave(served, "m1"))
    page = browse("rui", "/messages/m1", language="en")
    page.fill("#desk textarea[name=note]", "I have called them.")
    served.run(write_down(served, "m1"))
    page.wait_for_selector("#desk [data-told]")
    assert page.input_value("#desk textarea[name=note]") == "I have called them."
    assert page.input_value("#desk select[name=urgency]") == "normal"
    assert axe(page) == []
    picture(page, "changed-meanwhile")
    page.click("#desk button:text('Keep note')")
    page.wait_for_selector(".timeline .note:text('I have called them.')")
    assert page.input_value("#desk select[name=urgency]") == "urgent"
    assert page.query_selector("#desk [data-told]") is None


def test_a_claims_words_are_on_its_page(browse, served) -> None:
    database = served.parts.database

    async def report() -> str:
        claim = await database.claims.begin(
            caller="+8616000001234", today=datetime.now(UTC).date(), call_id="call-m1"
        )
        await leave(served, "m1")
        await database.claims.attach(claim.id, "what", "m1")
        return str(claim.number)

    number = served.run(report())
    served.run(write_down(served, "m1"))
    page = browse("rui", f"/claims/{number}", language="zh-CN")
    assert "有人受伤" in page.inner_text(".said")
    assert axe(page) == []
    picture(page, "claim-1280")
