"""A real call goes through its steps on the board of a real hotline, and is then told on its own page."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from hotline_process import HotlineProcess, environment_of, run_command, serving
from sip_caller import SipCaller

from ivr.console.access import COOKIE
from policy_db import Keys, PolicyDatabase
from tests.browser import CHROMIUM
from tests.console.console_kit import BROWSER_ARGUMENTS

pytestmark = pytest.mark.sip


@pytest.fixture
def hotline(tmp_path: Path) -> Iterator[HotlineProcess]:
    """A hotline with a small portfolio."""
    folder = tmp_path / "data"
    run_command("db", "demo", "--customers", "20", environment=environment_of(folder))
    with serving(folder) as running:
        yield running


async def session_of_a_manager(hotline: HotlineProcess) -> str:
    url = f"sqlite:///{hotline.data_dir / 'hotline.db'}"
    keys = Keys.from_file(hotline.data_dir / "database.key")
    async with await PolicyDatabase.open(url, keys=keys) as database:
        user = await database.users.add("manager", roles=("manager",), display="Manager")
        return await database.users.start_session(user)


async def test_a_call_moves_through_its_steps_on_the_open_board(hotline: HotlineProcess) -> None:
    from playwright.async_api import async_playwright

    url, token = f"http://127.0.0.1:{hotline.http_port}", await session_of_a_manager(hotline)
    async with async_playwright() as playwright, SipCaller(hotline.address) as caller:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        context = await browser.new_context(locale="en")
        await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{url}/board")
        await page.wait_for_selector("text=Nobody is calling now.")

        call = await caller.dial("4000001234")
        await call.until_sound()
        row = page.locator(".board-calls tbody tr")
        await row.wait_for(timeout=10_000)
        assert "13800138000" in await row.inner_text()
        await call.press("7")  # leave a message
        await page.locator(".board-calls tbody tr", has_text="message").wait_for(timeout=10_000)
        name = (await row.get_attribute("id") or "").removeprefix("call-")
        await call.hang_up()
        await row.wait_for(state="detached", timeout=10_000)

        await page.goto(f"{url}/calls/{name}?flow=main")
        story = await page.inner_text(".calls-timeline")
        assert "Flow “Main menu” begins" in story
        assert "Pressed 7" in story
        assert await page.locator(".flow-diagram .lit").count() > 2
        assert errors == []
        await browser.close()
    await asyncio.sleep(0)
