"""Talks of several, from the pages' own buttons: who hears whom after each of them is told by their tones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hotline_process import HotlineProcess
from people_kit import until_came
from seat_browser import SeatPage, seat_pages
from seat_house import eventually, speaks, voices
from sip_caller import EVENTS, KEYS, OutsideCall, SipCaller
from test_seat_in_the_browser import add_seat_of_a_browser, ask_for_a_person, hotline

__all__ = ["hotline"]

pytestmark = pytest.mark.sip
#: Tones that the pages' people have in place of a voice.
PEOPLE = {"seat1": "ann", "bob": "bob", "boss": "boss"}
SHOTS = os.environ.get("SHOTS")


@dataclass
class Cast:
    """Who is on the telephone: a caller, and people at their pages, by the names of their tones."""

    hotline: HotlineProcess
    call: OutsideCall
    pages: Mapping[str, SeatPage]
    outside: SipCaller
    last: dict[str, set[str]] = field(default_factory=dict)

    async def hear(self, **heard: set[str]) -> None:
        """Wait until everybody named hears these voices and no other, and still does a moment later."""

        async def as_wanted() -> bool:
            for _ in range(2):
                now = {who: await self.heard_by(who) for who in heard}
                self.last = now
                if now != heard:
                    return False
                await asyncio.sleep(0.6)
            return True

        try:
            await eventually(as_wanted, "", 20)
        except AssertionError:
            raise AssertionError(f"heard {self.last}, not {heard}") from None

    async def heard_by(self, who: str) -> set[str]:
        return voices(self.call) if who == "caller" else await self.pages[who].voices()

    async def music(self, who: str) -> None:
        """Somebody hears something that is no voice."""
        assert await self.heard_by(who) == set()
        if who == "caller":
            assert any(packet.loud for packet in self.call.heard[-100:])
        else:
            await self.hears_something(who)

    async def hears_something(self, who: str) -> None:
        """Somebody's page gives sound."""

        async def sounds() -> bool:
            return bool(np.abs(await self.pages[who].heard(1.0)).max(initial=0) > 0.01)

        await eventually(sounds, f"{who} hears something")

    async def shot(self, name: str, *people: str) -> None:
        if SHOTS:
            for who in people:
                page = self.pages[who].page
                for width in (1280, 390):
                    await page.set_viewport_size({"width": width, "height": 900})
                    await page.screenshot(path=f"{SHOTS}/{name}-{who}-{width}.png", full_page=True)
                await page.set_viewport_size({"width": 1280, "height": 900})


@asynccontextmanager
async def talking(hotline: HotlineProcess, tmp_path: Path, *others: str) -> AsyncIterator[Cast]:
    """A caller talks with ann; others are at their pages and ready."""
    seats = ("seat1", *others)
    for seat in others:
        add_seat_of_a_browser(hotline, seat)
    sound = tmp_path / "none.wav"
    roles = {"boss": ("seat", "manager")}
    async with (
        SipCaller(hotline.address) as caller,
        SipCaller(hotline.address) as outside,
        seat_pages(hotline, sound, *seats, voices=PEOPLE, roles=roles) as pages,
    ):
        by_name = {PEOPLE[seat]: page for seat, page in zip(seats, pages, strict=True)}
        ann = by_name["ann"]
        await ann.begin()
        call, _ = await ask_for_a_person(caller)
        await ann.rings()
        await ann.answer()
        for name, page in by_name.items():
            if name != "ann":
                await page.begin()
        await ann.joined()
        speaks(call, "caller", 600)
        cast = Cast(hotline, call, by_name, outside)
        await cast.hear(caller={"ann"}, ann={"caller"})
        yield cast
        await call.hang_up()


async def ask_first(page: SeatPage, whom: str) -> None:
    """Ask a seat, or a number, before the caller is sent there."""
    await page.page.click('#seat-call [data-open="transfer"]')
    await page.page.fill("#transfer-find", whom)
    await page.page.click(f'#dialog-transfer [data-ask="{whom}"]:visible')


async def answers(page: SeatPage) -> None:
    """It rings at a page, whose person picks up."""
    await page.rings()
    await page.answer()


async def test_a_seat_asks_swaps_confers_and_sends_on(hotline: HotlineProcess, tmp_path: Path) -> None:
    async with talking(hotline, tmp_path, "bob") as cast:
        ann, bob = cast.pages["ann"], cast.pages["bob"]
        await ann.do("hold")
        await cast.hear(ann=set(), caller=set())
        await cast.music("caller")
        await ann.do("unhold")

        await ask_first(ann, "bob")
        await bob.rings()
        await cast.hears_something("ann")  # it rings
        await bob.answer()
        await cast.hear(ann={"bob"}, bob={"ann"}, caller=set())
        await cast.music("caller")
        await ann.page.keyboard.press("Alt+w")
        await cast.hear(ann={"caller"}, caller={"ann"}, bob=set())
        await cast.music("bob")
        await cast.shot("swapped", "ann", "bob")
        await ann.do("conference")
        await cast.hear(ann={"caller", "bob"}, bob={"caller", "ann"}, caller={"ann", "bob"})
        await ann.do("hang_up")
        await cast.hear(bob={"caller"}, caller={"bob"})
        await bob.page.wait_for_selector("#notes-form")
        await ann.note("answered", "bob knows more")
        await ann.state("ready")

        await bob.page.click('#seat-call [data-open="transfer"]')
        await bob.page.click('#dialog-transfer [data-send="seat"][data-to="seat1"]')
        await answers(ann)
        await cast.hear(ann={"caller"}, caller={"ann"})
        await ann.do("hang_up")
        await ann.state("wrap_up")


async def test_keys_of_the_page_reach_a_number_outside_which_takes_the_caller(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    async with talking(hotline, tmp_path) as cast:
        ann, (host, port) = cast.pages["ann"], cast.outside.address
        await ask_first(ann, f"sip:outside@{host}:{port}")
        outside = await until_came(cast.outside)
        speaks(outside, "boss", 600)
        await cast.hear(ann={"boss"}, caller=set())
        await ann.page.keyboard.press("Alt+k")
        await ann.page.click('#dialog-keypad [data-key="4"]')
        await ann.page.keyboard.press("#")
        await eventually(lambda: keys_of(outside, "4#"), "the keys are outside")
        await ann.page.keyboard.press("Escape")
        await ann.do("complete")
        await cast.hear(caller={"boss"})
        await ann.state("wrap_up")
        assert keys_at(cast.call) == ""


async def keys_of(call: OutsideCall, wanted: str) -> bool:
    return keys_at(call) == wanted


def keys_at(call: OutsideCall) -> str:
    """The keys that came as telephone events."""
    events = {packet.timestamp: packet.payload[0] for packet in call.heard if packet.payload_type == EVENTS}
    return "".join(KEYS[code] for _, code in sorted(events.items()))


async def test_a_supervisor_listens_whispers_and_joins_from_the_board_and_the_record_plays_from_a_step(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    async with talking(hotline, tmp_path, "boss") as cast:
        boss = cast.pages["boss"]
        board = await boss.page.context.new_page()
        await board.goto(boss.page.url.replace("/seat", "/board"))
        await board.click("[hx-post$='/listen']")
        await answers(boss)
        await cast.hear(boss={"caller", "ann"}, ann={"caller"}, caller={"ann"})
        await cast.shot("listens", "boss", "ann")
        await board.click("[hx-post$='/whisper']")
        await cast.hear(boss={"caller", "ann"}, ann={"caller", "boss"}, caller={"ann"})
        await board.click("[hx-post$='/join']")
        await cast.hear(boss={"caller", "ann"}, ann={"caller", "boss"}, caller={"ann", "boss"})
        if SHOTS:
            await board.screenshot(path=f"{SHOTS}/board.png", full_page=True)
        await boss.do("hang_up")
        await cast.hear(ann={"caller"}, caller={"ann"})
        record = await board.locator("[href^='/calls/']").first.get_attribute("href")
        await cast.pages["ann"].do("hang_up")
        await cast.pages["ann"].state("wrap_up")
        await cast.call.hang_up()
        await plays_from_a_step(board, boss.page.url.replace("/seat", str(record)))


async def plays_from_a_step(page: Any, url: str) -> None:
    """An entry of the record's timeline is clicked, and the sound of its moment plays."""

    async def recorded() -> bool:
        await page.goto(url)
        return await page.locator(".calls-seek").count() > 0

    await eventually(recorded, "the recording is kept")
    steps = page.locator(".calls-seek")
    step = steps.nth(await steps.count() // 2)
    wanted = float(str(await step.get_attribute("data-seek")))
    await step.click()
    await page.wait_for_function(
        "(at) => { const player = document.querySelector('.calls-sound hotline-player');"
        " return player.position >= at && player.position < at + 5 && !player.audio.paused; }",
        arg=wanted,
    )
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/record.png", full_page=True)
