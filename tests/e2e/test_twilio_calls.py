"""Whole calls over Twilio: the fake Twilio, a proxy before the hotline, and the hotline in its own processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hotline_process import HotlineProcess, run_command, until
from twilio_proxy import proxy

from ivr.testing.twilio import FakeCall, FakeTwilio, Faults, Person

pytestmark = pytest.mark.sip

ANNA = "+8613800138000"
#: A zone where it is about noon now: nobody may be called in the small hours of their own day.
NOON = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
RULES = {
    "windows": {
        "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00"),
        "rests": "",
        "holidays": None,
    },
    "pace": {"at_once": 10, "per_second": 20},
    "retries": {"attempts": 1},
    "ring_seconds": 20,
}


@asynccontextmanager
async def twilio_and_hotline(
    start_hotline: Any,
    people: dict[str, Person] | None = None,
    faults: Faults | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[FakeTwilio, HotlineProcess]]:
    """A hotline that takes the fake for Twilio, reached through a proxy."""
    async with proxy() as way, FakeTwilio(way.url, people=people, faults=faults) as twilio:
        hotline = await asyncio.to_thread(lambda: start_hotline(**twilio.settings, **settings))
        way.target = f"http://127.0.0.1:{hotline.http_port}"
        yield twilio, hotline


def steps(hotline: HotlineProcess) -> list[str]:
    rows = hotline.rows("select data from call_events where kind = 'step_entered' order by call_id, seq")
    return [f"{one.get('flow')}.{one.get('step')}" for one in (json.loads(data) for (data,) in rows)]


async def there(condition: Any, what: str, seconds: float = 40.0) -> Any:
    return await asyncio.to_thread(until, condition, seconds, what)


async def test_a_caller_hears_the_hotline_and_their_keys_lead_through_it(start_hotline) -> None:
    async with twilio_and_hotline(start_hotline) as (twilio, hotline):
        call = await twilio.call(ANNA)
        assert call.status == "in-progress", call.problems
        await there(lambda: "main.menu" in steps(hotline), "the menu")
        await call.until(lambda: bytes(call.stream.heard).strip(b"\xff\x7f") != b"")
        await call.press("0")
        await there(lambda: any(one.startswith("person.") for one in steps(hotline)), "the way to a person")
        await call.until(lambda: bool(call.stream.marks))
        await call.hang_up()
        query = "select line, caller, called, state from calls where state != 'running'"
        found = await there(lambda: hotline.rows(query), "the record")
        assert found[0][:3] == ("twilio", ANNA, twilio.number)


async def test_a_reminder_campaign_over_twilio_ends_every_attempt_as_it_was(
    start_hotline, tmp_path: Path
) -> None:
    async def never_again(call: FakeCall) -> None:
        await there(lambda: "premium_reminder.greet" in steps(hotline), "the reminder")
        while not call.over:
            await call.press("9")
            await asyncio.sleep(1.0)

    people = {
        "+8613900000001": Person(talk=never_again),
        "+8613900000002": Person(ends="busy"),
        "+8613900000003": Person(ends="failed", sip=404),
        "+8613900000004": Person(answered_by="fax"),
    }
    faults = Faults(doubled=1, delay=(0.0, 0.4), refused={"+8613900000005": (400, 21214)})
    async with twilio_and_hotline(start_hotline, people, faults, zone=NOON) as (_twilio, hotline):
        made = await asyncio.to_thread(campaign, hotline, tmp_path, [*people, "+8613900000005"])
        query = "select number, outcome from campaign_attempts where campaign = ? and state = 'ended'"
        await there(lambda: len(hotline.rows(query, made)) == 5, "the end of all attempts", 60)
        found = {number[-1]: outcome for number, outcome in hotline.rows(query, made)}
    assert found == {
        "1": "do_not_call",
        "2": "busy",
        "3": "invalid_number",
        "4": "fax",
        "5": "invalid_number",
    }


def campaign(hotline: HotlineProcess, folder: Path, numbers: list[str]) -> str:
    """A campaign over Twilio to these numbers; its id. It calls from now on."""
    file, rules = folder / "people.csv", folder / "rules.json"
    file.write_text("number,policy\n" + "".join(f"{one},86001234\n" for one in numbers))
    rules.write_text(json.dumps(RULES))
    words = ("new", "list", "--csv", str(file), "--flow", "premium_reminder", "--rules", str(rules))
    said = run_command("campaign", *words, "--line", "twilio", environment=hotline.environment)
    made = next(word for word in said.split() if word.startswith("c-"))
    run_command("campaign", "start", made, environment=hotline.environment)
    return made
