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
#: How numbers begin where it is day, by the hour of UTC: nobody is called in the night of where their number is,
#: whatever the campaign says. Shanghai, São Paulo, Los Angeles; each with an hour to spare.
_DAY = {**dict.fromkeys(range(2, 12), "+86139000000"), **dict.fromkeys(range(12, 23), "+55119612345")}
BEGIN = _DAY.get(datetime.now(UTC).hour, "+141555012")
NEVER, BUSY, NOBODYS, FAX, REFUSED = (f"{BEGIN}0{last}" for last in range(1, 6))


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
        query = "select channel, caller, called, state from calls where state != 'running'"
        found = await there(lambda: hotline.rows(query), "the record")
        assert found[0][:3] == ("twilio", ANNA, twilio.number)


async def test_a_campaign_over_twilio_ends_every_attempt_as_it_was(start_hotline, tmp_path: Path) -> None:
    async def never_again(call: FakeCall) -> None:
        await there(lambda: "premium_reminder.greet" in steps(hotline), "the reminder")
        await call.press("9")

    people = {
        NEVER: Person(talk=never_again),
        BUSY: Person(ends="busy"),
        NOBODYS: Person(ends="failed", sip=404),
        FAX: Person(answered_by="fax", detected=0.0),
    }
    faults = Faults(doubled=1, delay=(0.0, 0.4), refused={REFUSED: (400, 21214)})
    async with twilio_and_hotline(start_hotline, people, faults, call_rests="") as (twilio, hotline):
        made = await asyncio.to_thread(campaign, hotline, tmp_path, [*people, REFUSED])
        query = "select number, outcome from campaign_attempts where campaign = ? and state = 'ended'"
        await there(lambda: len(hotline.rows(query, made)) == 5, "the end of all attempts")
        found = dict(hotline.rows(query, made))
        await there(
            lambda: hotline.rows("select 1 from campaigns where state = 'done'"), "the campaign's end"
        )
    assert found == {
        NEVER: "do_not_call",
        BUSY: "busy",
        NOBODYS: "invalid_number",
        FAX: "fax",
        REFUSED: "invalid_number",
    }
    assert sorted(call.to for call in twilio.calls.values()) == sorted(people)
    assert hotline.rows("select number from do_not_call where number = ?", NEVER)


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
