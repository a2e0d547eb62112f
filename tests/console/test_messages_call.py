"""A message from the telephone to the archive: left by a caller of the real hotline, handled on the console."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from hotline_process import HotlineProcess, serving
from sip_caller import SipCaller, dominant, sine

from ivr.console.access import COOKIE
from policy_db import Keys, PinHasher, PolicyDatabase, build_demo

pytestmark = [pytest.mark.sip, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class House:
    """A hotline that serves, and a reviewer who is signed in."""

    hotline: HotlineProcess
    token: str
    csrf: str

    def browser(self) -> httpx.AsyncClient:
        """The reviewer's browser, as far as HTTP goes."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.hotline.http_port}",
            cookies={COOKIE: self.token},
            headers={"x-csrf-token": self.csrf, "accept-language": "en"},
        )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    token, csrf = asyncio.run(reviewer(tmp_path))
    with serving(tmp_path) as running:
        yield House(running, token, csrf)


async def reviewer(folder: Path) -> tuple[str, str]:
    """A database with the fixed policies, and a reviewer's session in it: its token and the token of its forms."""
    url, keys = f"sqlite:///{folder / 'hotline.db'}", Keys.from_file(folder / "database.key")
    async with await PolicyDatabase.open(url, keys=keys, pins=PinHasher.cheap(), migrate=True) as database:
        await build_demo(database, customers=0, today=datetime.now(UTC).date())
        user = await database.users.add("rui", roles=("reviewer",))
        token = await database.users.start_session(user)
        session = await database.users.session(token)
    assert session is not None
    return token, session.csrf


async def nudged(lines: object, topic: str) -> None:
    async for line in lines:  # type: ignore[attr-defined]
        if line.startswith("data:") and f'"{topic}"' in line:
            return


async def test_a_message_left_by_telephone_is_in_the_inbox_within_two_seconds_and_handled_to_the_archive(
    house: House,
) -> None:
    hotline = house.hotline
    async with house.browser() as browser, SipCaller(hotline.address) as caller:
        assert "No new messages" in (await browser.get("/messages?view=new")).text
        async with browser.stream("GET", "/events", timeout=60) as stream:
            lines = stream.aiter_lines()
            await nudged(lines, "*")
            call = await caller.dial("4000001234")
            await call.until_sound()
            for key in "71":  # leave a message, an ordinary one
                await call.press(key)
            async with asyncio.timeout(30):
                while not hotline.rows("select 1 from recordings where state = 'recording'"):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            call.say(sine(700, 3.0))
            await asyncio.sleep(3.2)
            await call.hang_up()
            gone = time.monotonic()
            found: list[dict[str, object]] = []
            async with asyncio.timeout(10):
                while not found:
                    await nudged(lines, "message")  # what makes a page read its list again
                    found = (await browser.get("/api/messages?view=new")).json()["items"]
            late = time.monotonic() - gone
        message = str(found[0]["id"])
        assert late < 2.0, f"it took {late:.2f} s"
        assert f"/messages/{message}" in (await browser.get("/messages?view=new")).text

        sound = await browser.get(f"/recordings/{message}/audio")
        samples, rate = soundfile.read(io.BytesIO(sound.content), dtype="int16")
        middle = samples[len(samples) // 2 - rate // 4 : len(samples) // 2 + rate // 4]
        assert rate == 8000
        assert abs(dominant(np.asarray(middle)) - 700) < 20

        path = f"/messages/{message}"
        await browser.get(path)
        await browser.post(path, data={"version": 0, "category": "enquiry", "assigned": "user:rui"})
        assert (await browser.get("/api/messages?view=mine")).json()["items"][0]["id"] == message
        await browser.post(f"{path}/note", data={"note": "Answered by letter"})
        await browser.post(path, data={"version": 1, "state": "archived"})
        whole = (await browser.get(f"/api{path}")).json()
        assert whole["state"] == "archived"
        assert [entry["action"] for entry in whole["history"]] == [
            "arrived", "opened", "category", "assignee", "note", "state",
        ]  # fmt: skip
        assert (await browser.get("/api/messages")).json()["items"] == []
