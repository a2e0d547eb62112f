"""A prompt recorded with the browser's microphone is what the next caller hears."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import sync_playwright

from ivr.flow.instructions import Phrase
from ivr.speech import Speaker
from tests.browser import CHROMIUM
from tests.console.console_kit import BROWSER_ARGUMENTS, COOKIE, ServedConsole, session_of


def _rendered(served: ServedConsole) -> Any:
    parts = served.parts
    speaker = Speaker(parts.catalogue, parts.prompts_dir, own=parts.settings.own_prompts_dir)
    return speaker.render([Phrase("welcome", "en")])


def test_a_prompt_recorded_with_the_microphone_is_heard(served: ServedConsole) -> None:
    before = _rendered(served).clips[0]
    arguments = [*BROWSER_ARGUMENTS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(locale="en")
        token = served.run(session_of(served.parts.database, "root"))
        context.add_cookies([{"name": COOKIE, "value": token, "url": served.url}])
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{served.url}/admin/prompts/en/welcome")
        record = page.locator("[data-record]")
        record.press("Enter")
        page.get_by_text(re.compile(r"^[3-9] s$")).wait_for()  # it beeps once a second
        record.press("Enter")
        page.locator("[data-preview]").wait_for()
        page.get_by_role("button", name="Put in place").press("Enter")
        page.get_by_text("new calls hear it within seconds").wait_for()
        browser.close()
    assert errors == []
    after = _rendered(served).clips[0]
    assert after.seconds > 0.5
    assert after != before
