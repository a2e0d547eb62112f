"""Seats in real browsers on a whole hotline: the call is on the screen before it rings, both hear each other, and
nobody is stranded when a browser or the console is gone."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from hotline_process import HotlineProcess, run_command, serving, until
from people_kit import add_seat, always_open, state_of, until_came, until_tone
from seat_browser import SeatPage, seat_pages, share_of_tone
from sip_caller import OutsideCall, SipCaller, sine
from wire_kit import hears, spoken

from phone_browser import TONE, write_tone  # isort: skip - its folder is on the path by seat_browser

pytestmark = pytest.mark.sip
CALLER_TONE = 500.0


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """What the seats' microphones hear."""
    path = tmp_path / "microphone.wav"
    write_tone(path)
    return path


@pytest.fixture(scope="module")
def hotline(portfolio: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HotlineProcess]:
    """One hotline for all of these tests, whose people are there at any time; every test leaves it without calls."""
    folder = tmp_path_factory.mktemp("seats")
    always_open(folder / "flows")
    shutil.copytree(portfolio, folder / "data")
    with serving(folder / "data", flows_dir=folder / "flows") as one:
        yield one


async def ask_for_a_person(caller: SipCaller, number: str = "13800138000") -> tuple[OutsideCall, float]:
    """Dial, press 0 and then 2: about a claim. The call, and when that was."""
    call = await caller.dial("4000001234", caller=number)
    await call.until_sound()
    await call.press("0")
    await hears(call, spoken("person_why")[:16000])
    return call, await call.press("2")


def add_seat_of_a_browser(hotline: HotlineProcess, seat: str) -> None:
    """Make a seat whose telephone is its page, if there is none of that name."""
    if not hotline.rows("select 1 from seats where id = ?", seat):
        words = ("seats", "add", seat, "--address", "browser", "--language", "zh-CN")
        run_command(*words, environment=hotline.environment)


async def becomes(hotline: HotlineProcess, seat: str, state: str, seconds: float = 20.0) -> None:
    await asyncio.to_thread(until, lambda: state_of(hotline, seat) == state, seconds, f"{seat} {state}")


def customer(hotline: HotlineProcess) -> tuple[str, str]:
    """Name and telephone number (without +86) of a customer who is the only one with that number."""
    query = "select name, phone from customers group by phone having count(*) = 1 order by id limit 1"
    ((name, phone),) = hotline.rows(query)
    return str(name), str(phone).removeprefix("+86")


async def test_a_call_is_on_the_screen_before_it_rings_and_both_hear_each_other(
    hotline: HotlineProcess, microphone: Path
) -> None:
    name, number = customer(hotline)
    async with SipCaller(hotline.address) as caller, seat_pages(hotline, microphone, "seat1") as (seat,):
        await seat.begin()
        call, chosen = await ask_for_a_person(caller, number)
        shown, rang = await seat.rings()
        assert rang - shown >= 0.3
        assert rang - chosen < 2.5
        text = await seat.page.inner_text("#seat-call")
        for fact in (name, "About a claim", "Pressed 2: About a claim", "A guess by the number alone"):
            assert fact in text
        assert number not in text

        await seat.answer()
        await seat.joined()
        call.say(sine(CALLER_TONE, 60.0))
        await asyncio.gather(until_tone(call, TONE, 15.0), seat.hears_tone(CALLER_TONE))

        await seat.do("hold")
        await seat.page.wait_for_selector('[data-do="unhold"]')
        held = time.time()
        await asyncio.sleep(1.0)
        latest = np.concatenate([packet.pcm for packet in call.heard if packet.at > held + 0.4])
        assert share_of_tone(latest.astype(np.float32), TONE) < 0.3
        await seat.do("unhold")
        await until_tone(call, TONE, 15.0)

        await seat.do("hang_up")
        await seat.state("wrap_up")
        await seat.note("claim_status", "told what papers are missing")
        await seat.state("ready")
        rows = hotline.rows("select seat_id, user, disposition, note from wrap_ups")
        assert rows == [("seat1", "user-seat1", "claim_status", "told what papers are missing")]
        await call.hang_up()


async def test_a_browser_that_is_closed_in_mid_talk_frees_its_seat_and_the_caller_goes_on(
    hotline: HotlineProcess, microphone: Path
) -> None:
    async with (
        SipCaller(hotline.address) as caller,
        SipCaller(hotline.address) as desk,
        seat_pages(hotline, microphone, "seat1") as (seat,),
    ):
        await seat.begin()
        call, _ = await ask_for_a_person(caller)
        await seat.rings()
        await seat.answer()
        await seat.joined()
        await asyncio.to_thread(add_seat, hotline, "next", desk)
        with suppress(Exception):
            await seat.page.goto("chrome://crash")  # gone without a word
        at_desk = await until_came(desk, seconds=40.0)
        await becomes(hotline, "seat1", "offline", 40.0)
        assert not call.ended.is_set()
        await becomes(hotline, "next", "talking")
        await at_desk.hang_up()
        await call.hang_up()
        run_command("seats", "sign-out", "next", environment=hotline.environment)


def kill_console(hotline: HotlineProcess) -> None:
    """Kill the process that serves the pages, if there is one now."""
    for one in psutil.Process(hotline.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "http" in " ".join(one.cmdline()).split():
                one.kill()


async def test_the_console_is_killed_in_mid_talk_and_the_talk_goes_on(
    hotline: HotlineProcess, microphone: Path
) -> None:
    async with (
        SipCaller(hotline.address) as caller,
        SipCaller(hotline.address) as desk,
    ):
        await asyncio.to_thread(add_seat, hotline, "desk2", desk)
        run_command("seats", "sign-out", "desk2", environment=hotline.environment)
        async with seat_pages(hotline, microphone, "desk2") as (seat,):
            await seat.begin()
            call, _ = await ask_for_a_person(caller)
            await seat.page.wait_for_selector("#seat-call.ringing")
            at_desk = await until_came(desk)
            shown = float(await seat.page.evaluate("document.getElementById('seat').dataset.popAt")) / 1000
            assert at_desk.requests[0].at - shown >= 0.3
            await seat.joined()
            call.say(sine(CALLER_TONE, 60.0))
            await until_tone(at_desk, CALLER_TONE, 15.0)

            async with asyncio.timeout(60):  # it stands up within a second: killed until the page has noticed
                while not await seat.page.query_selector("#seat-lost:not([hidden])"):
                    await asyncio.to_thread(kill_console, hotline)
                    await asyncio.sleep(0.2)
            await until_tone(at_desk, CALLER_TONE, 15.0)
            await seat.page.wait_for_selector("#seat-lost", state="hidden", timeout=60_000)
            await until_tone(at_desk, CALLER_TONE, 15.0)
            assert state_of(hotline, "desk2") == "talking"
            await seat.do("hang_up")
            await seat.state("wrap_up")
            await call.hang_up()


async def serve(seat: SeatPage, calls: int, done: list[str], name: str) -> int:
    """Answer calls and note them, until the seats together have served so many; how many this one has."""
    served, patience = 0, 60
    while len(done) < calls:
        try:
            await seat.rings(3.0)
        except Exception:
            patience -= 1
            assert patience, f"{done} were served, and nobody rings"
            continue
        done.append(name)
        await seat.answer()
        await seat.joined()
        await seat.hears_tone(CALLER_TONE)
        await seat.do("hang_up")
        await seat.state("wrap_up")
        await seat.note("answered", f"call {served + 1}")
        await seat.state("ready")
        served += 1
    return served


async def test_two_seats_serve_five_callers_who_come_at_once(
    hotline: HotlineProcess, microphone: Path
) -> None:
    async with SipCaller(hotline.address) as caller:
        add_seat_of_a_browser(hotline, "seat9")
        async with seat_pages(hotline, microphone, "seat1", "seat9") as pages:
            for page in pages:
                await page.begin()
            asked = await asyncio.gather(*(ask_for_a_person(caller, f"1390013900{n}") for n in range(5)))
            for call, _ in asked:
                call.say(sine(CALLER_TONE, 120.0))
            done: list[str] = []
            served = await asyncio.gather(*(serve(page, 5, done, f"{n}") for n, page in enumerate(pages)))
            assert sum(served) == 5
            assert min(served) >= 1
            query = "select count(*), count(distinct call_id) from wrap_ups where note like 'call _'"
            rows = hotline.rows(query)
            assert rows == [(5, 5)]
            assert hotline.rows("select 1 from waiting_calls where ended_at is null") == []
            for call, _ in asked:
                await call.hang_up()
