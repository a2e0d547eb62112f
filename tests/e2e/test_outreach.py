"""A campaign of the demonstration portfolio rings telephones; what people do there is in the database."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hotline_process import HotlineProcess, run_command, until
from sip_caller import OutsideCall, Pcm, SipCaller, sine
from wire_kit import SAME, hears, likeness, spoken

from ivr.flow.values import Money

pytestmark = pytest.mark.sip

#: A zone where it is about noon now: nobody may be called in the small hours of their own day.
_AHEAD = 12 - datetime.now(UTC).hour
NOON = f"Etc/GMT{-_AHEAD:+d}"
RULES = {
    "windows": {
        "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00"),
        "rests": "",
        "holidays": None,
    },
    "pace": {"at_once": 10, "per_second": 20},
    "retries": {"attempts": 1},
    "ring_seconds": 5,
}


def campaign(hotline: HotlineProcess, folder: Path, people: dict[str, str], **rules: Any) -> str:
    """A campaign of these addresses, each about a policy; its id. It calls from now on."""
    file, wanted = folder / "people.csv", folder / "rules.json"
    file.write_text("number,policy\n" + "".join(f"{one},{policy}\n" for one, policy in people.items()))
    wanted.write_text(json.dumps({**RULES, **rules}))
    words = ("new", "list", "--csv", str(file), "--flow", "premium_reminder", "--rules", str(wanted))
    said = run_command("campaign", *words, environment=hotline.environment)
    made = next(word for word in said.split() if word.startswith("c-"))
    run_command("campaign", "start", made, environment=hotline.environment)
    return made


def address(phone: SipCaller, name: str) -> str:
    return f"sip:{name}@{phone.address[0]}:{phone.address[1]}"


async def until_came(phone: SipCaller, seconds: float = 20.0) -> OutsideCall:
    async with asyncio.timeout(seconds):
        while not phone.came:
            await asyncio.sleep(0.02)
    return phone.came[0]


async def outcomes(hotline: HotlineProcess, made: str, wanted: int) -> dict[str, str]:
    """The outcome of each number's attempt, once all have ended."""

    def ended() -> dict[str, str]:
        query = "select number, outcome from campaign_attempts where campaign = ? and state = 'ended'"
        found = dict(hotline.rows(query, made))
        return found if len(found) >= wanted else {}

    return await asyncio.to_thread(until, ended, 60, "the end of all attempts")


def due() -> Pcm:
    """What the demonstration's policy 86001234 is told, ten days before it is due."""
    day = datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=10)
    return spoken("reminder_due", amount=Money(Decimal("3200.00")), due_on=day)


async def test_a_person_confirms_hears_the_premium_and_promises_to_pay(start_hotline, tmp_path: Path) -> None:
    hotline: HotlineProcess = start_hotline(zone=NOON, call_rests="")
    async with SipCaller(hotline.address) as phone:
        made = await asyncio.to_thread(campaign, hotline, tmp_path, {address(phone, "wang"): "86001234"})
        call = await until_came(phone)
        assert call.requests[0].get("x-attempt").startswith("a-")
        await hears(call, spoken("reminder_greeting")[:16000])
        await call.press("1")
        await hears(call, spoken("reminder_confirm")[:16000])
        assert likeness(call.pcm(), due()) < SAME  # nothing of the policy before who is there
        await call.press("19860801#")
        await hears(call, due())
        await call.press("2")
        await hears(call, spoken("reminder_which_day")[:12000])
        await call.press("3")
        await hears(call, spoken("reminder_send_too")[:12000])
        await call.press("2")
        async with asyncio.timeout(15):
            await call.ended.wait()
        assert await outcomes(hotline, made, 1) == {address(phone, "wang"): "promised"}
    ((policy, pay_on, state),) = hotline.rows("select policy, pay_on, state from promises")
    today = datetime.now(UTC).astimezone().date()
    assert (policy, state) == ("86001234", "open")
    assert abs(date.fromisoformat(pay_on) - today - timedelta(days=7)) <= timedelta(days=1)
    ((outbound, level),) = hotline.rows("select outbound, level from calls")
    assert (outbound, level) == (1, 1)


async def test_busy_silent_machine_wrong_number_and_nobody_there_are_each_told_apart(
    start_hotline, tmp_path: Path
) -> None:
    hotline: HotlineProcess = start_hotline(zone=NOON, call_rests="")
    names = ("busy", "machine", "wrong", "never", "quick")
    async with AsyncExitStack() as stack:
        phones = {one: await stack.enter_async_context(SipCaller(hotline.address)) for one in names}
        phones["busy"].answers = False
        people = {address(phone, name): "86001234" for name, phone in phones.items()}
        people["sip:nobody@127.0.0.1:9"] = "86005678"
        made = await asyncio.to_thread(campaign, hotline, tmp_path, people)
        calls = {name: await until_came(phone) for name, phone in phones.items() if name != "busy"}
        calls["machine"].say(greeting())
        await asyncio.gather(
            press_after_greeting(calls["wrong"], "2"), press_after_greeting(calls["never"], "9")
        )
        await calls["quick"].hang_up()
        found = await outcomes(hotline, made, len(people))
        by_name = {one.removeprefix("sip:").partition("@")[0]: how for one, how in found.items()}
    assert by_name == {
        "busy": "busy",
        "machine": "machine",
        "wrong": "wrong_number",
        "never": "do_not_call",
        "quick": "silent",
        "nobody": "unreachable",
    }
    ((number, scope),) = hotline.rows("select number, scope from do_not_call where number like 'sip:%'")
    assert (number.partition("@")[0], scope) == ("sip:never", "all")


async def press_after_greeting(call: OutsideCall, key: str) -> None:
    await asyncio.sleep(1.5)
    await call.press(key)


def greeting() -> Any:
    """A machine's greeting of 6 s: syllables of several tones with pauses too short to be a turn's end; then its tone."""
    noise = np.random.default_rng(1)
    syllable = [
        (sum(sine(float(hertz), 0.16).astype(np.float64) for hertz in noise.uniform(200, 2600, 5)) / 5)
        for _ in range(30)
    ]
    pause = np.zeros(320)
    parts = [part for one in syllable for part in (one, pause)]
    whole = [*parts, np.zeros(2400), sine(1000.0, 0.5).astype(np.float64)]
    return np.concatenate(whole).astype(np.int16)
