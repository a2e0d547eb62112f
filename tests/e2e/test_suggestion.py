"""A suggestion in a real call: asked about when the caller's own matter is done, read by the seat before it rings,
followed to its end; and callers who must not be asked are not."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hotline_process import HotlineProcess, run_command, serving, until
from people_kit import always_open, until_came
from seat_browser import session_for
from sip_caller import OutsideCall, SipCaller
from wire_kit import hears, spoken, type_in

from ivr.console.access import COOKIE
from policy_db import Keys, PolicyDatabase
from policy_db.seat_facts import Seat

pytestmark = pytest.mark.sip
WANG = "86001234" + "011234" + "246810"
ZHOU = "86003579" + "210510" + "314159"
LIU = "86009999" + "200031" + "975310"
ZHAO = "86007777" + "081026" + "864209"


@pytest.fixture(scope="module")
def hotline(portfolio: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HotlineProcess]:
    """A hotline whose people are there at any time, and in which nobody is left alone to be compared with."""
    folder = tmp_path_factory.mktemp("suggestion")
    always_open(folder / "flows")
    shutil.copytree(portfolio, folder / "data")
    settings = {"crosssell_holdout": 0, "crosssell_random": 0, "pop_lead_seconds": 5, "log_level": "info"}
    with serving(folder / "data", flows_dir=folder / "flows", **settings) as one:
        yield one


async def licensed_seat(hotline: HotlineProcess, name: str, phone: SipCaller, *, there: bool = True) -> None:
    """A seat with a desk telephone that may sell anything; `there`: signed in, without a page."""
    host, port = phone.address
    url = f"sqlite:///{hotline.data_dir / 'hotline.db'}"
    async with await PolicyDatabase.open(
        url, keys=Keys.from_file(hotline.data_dir / "database.key")
    ) as opened:
        licences = ("life", "health", "property")
        await opened.seats.add(
            seats=[Seat(name, name, f"sip:{name}@{host}:{port}", ("zh-CN",), licences=licences)]
        )
    if there:
        await asyncio.to_thread(run_command, "seats", "sign-in", name, environment=hotline.environment)


@asynccontextmanager
async def at_work(hotline: HotlineProcess, user: str, seat: str) -> AsyncIterator[httpx.AsyncClient]:
    """What the page of a person at a seat asks and tells, while they are ready."""
    url = f"http://127.0.0.1:{hotline.http_port}"
    token = await session_for(hotline, user, seat)
    async with httpx.AsyncClient(base_url=url, headers={"accept-language": "en"}, timeout=30) as client:
        client.cookies.set(COOKIE, token)
        page = (await client.get("/seat")).text
        client.headers["x-csrf-token"] = re.search(r'name="csrf" content="([^"]+)"', page)[1]
        assert (await client.post("/api/seat/state", json={"state": "ready"})).status_code == 200
        beating = asyncio.create_task(_beat(client))
        try:
            yield client
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


async def _beat(client: httpx.AsyncClient) -> None:
    while True:
        await client.post("/api/seat/beat", json={"tab": "tab-number-one"})
        await asyncio.sleep(3)


async def premium_told(caller: SipCaller, typed: str, number: str) -> OutsideCall:
    """Ring, ask for the premium, prove who one is, and say with 9 that this was all."""
    call = await caller.dial("4000001234", caller=number)
    await call.until_sound()
    await type_in(call, "2" + typed)
    await call.until_silence(quiet=0.2, seconds=60.0)
    return call


def states(hotline: HotlineProcess, call: str = "%") -> list[str]:
    return [
        row[0]
        for row in hotline.rows("select state from referrals where call_id like ? order by flagged_at", call)
    ]


def said(hotline: HotlineProcess, call: str, prompt: str) -> bool:
    rows = hotline.rows("select data from call_events where call_id = ? and kind = 'said'", call)
    return any(prompt in json.loads(row[0])["prompts"] for row in rows)


def latest_call(hotline: HotlineProcess) -> str:
    ((call,),) = hotline.rows("select id from calls order by started_at desc limit 1")
    return str(call)


def stepped(hotline: HotlineProcess, call: str, flow: str, step: str) -> bool:
    rows = hotline.rows("select data from call_events where call_id = ? and kind = 'step_entered'", call)
    return any((one["flow"], one["step"]) == (flow, step) for one in (json.loads(row[0]) for row in rows))


async def comes_to(hotline: HotlineProcess, flow: str, step: str) -> str:
    """Wait until the latest call was at a step; its id."""
    await asyncio.to_thread(
        until, lambda: stepped(hotline, latest_call(hotline), flow, step), 60, f"{flow}.{step}"
    )
    return latest_call(hotline)


async def rung_for(client: httpx.AsyncClient) -> tuple[dict[str, Any], str, float]:
    """What the seat can read as soon as it is claimed: by API and on the page; and when it had the page."""
    async with asyncio.timeout(60):
        while (await client.get("/api/seat")).json()["state"] != "ringing":
            await asyncio.sleep(0.02)
    page = await client.get("/seat/now")
    read_at = time.time()
    return (await client.get("/api/seat/hint")).json(), page.text, read_at


async def test_a_caller_is_offered_says_yes_and_the_seat_knows_what_and_why_before_it_rings(
    hotline: HotlineProcess,
) -> None:
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await licensed_seat(hotline, "desk1", desk, there=False)
        async with at_work(hotline, "dora", "desk1") as client:
            call = await premium_told(caller, WANG, "+8616000001234")
            await comes_to(hotline, "premium_enquiry", "what_next")
            ((arm, decided_at),) = hotline.rows(
                "select arm, decided_at from suggestions where policy = '86001234'"
            )
            assert arm == "offer"
            await call.press("9")
            await comes_to(hotline, "cross_sell", "ask")
            await hears(call, spoken("cross_sell_ask", product="product_name.critical_illness")[:16000])
            await call.press("1")
            hint, page, read_at = await rung_for(client)
            at_desk = await until_came(desk)

            assert read_at < at_desk.requests[0].at, "the screen comes before the ring"
            assert hint["product"], hint
            assert hint["agreed"] is True
            assert len(hint["reasons"]) == 2
            for part in (
                hint["product"],
                *hint["reasons"],
                hint["talk"]["opening"],
                hint["talk"]["proposal"],
            ):
                assert part in page, part
            assert hint["talk"]["never_say"]
            await hears(at_desk, spoken("seat_reason.suggestion", product="product_name.critical_illness"))
            await asyncio.to_thread(until, lambda: states(hotline)[-1] == "connected", 20, "connected")
            ((ours, now),) = hotline.rows(
                "select count(*), max(call_id) from suggestions where decided_at = ?", decided_at
            )
            assert (ours, now) == (1, latest_call(hotline)), "what was ready was used"
            await at_desk.hang_up()
            await call.hang_up()
    steps = hotline.rows(
        "select s.state, s.who from referral_steps s join referrals r on r.id = s.referral where r.call_id = ?"
        " order by s.seq",
        latest_call(hotline),
    )
    assert steps == [
        ("flagged", "hotline"), ("offered", "hotline"), ("accepted", "caller"), ("transferred", "hotline"),
        ("connected", "seat:desk1"),
    ]  # fmt: skip


async def test_a_no_is_thanked_for_and_remembered_and_nobody_asks_again(hotline: HotlineProcess) -> None:
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await licensed_seat(hotline, "desk2", desk)
        call = await premium_told(caller, ZHOU, "+8616000003579")
        await comes_to(hotline, "premium_enquiry", "what_next")
        await call.press("9")
        name = await comes_to(hotline, "cross_sell", "ask")
        await call.press("2")
        await hears(call, spoken("cross_sell_thanks"))
        assert states(hotline, name) == ["refused"]
        await type_in(call, "1")  # the policy: the caller is known, and is not asked twice
        await comes_to(hotline, "policy_enquiry", "what_next")
        await call.press("9")
        await asyncio.to_thread(until, lambda: came_back(hotline, name) == 3, 60, "the main menu")
        asked = [1 for row in asked_rows(hotline, name) if row == "ask"]
        assert len(asked) == 1
        assert states(hotline, name) == ["refused"]
        await call.hang_up()


def asked_rows(hotline: HotlineProcess, call: str) -> list[str]:
    rows = hotline.rows("select data from call_events where call_id = ? and kind = 'step_entered'", call)
    return [one["step"] for one in (json.loads(row[0]) for row in rows) if one["flow"] == "cross_sell"]


def came_back(hotline: HotlineProcess, call: str) -> int:
    rows = hotline.rows("select data from call_events where call_id = ? and kind = 'step_entered'", call)
    found = [json.loads(row[0]) for row in rows]
    return sum((one["flow"], one["step"]) == ("main", "menu") for one in found)


@pytest.mark.parametrize(
    ("typed", "number", "gate"),
    [(LIU, "+8616000009999", "no_consent"), (ZHAO, "+8616000007777", "sensitive_matter")],
)
async def test_a_caller_who_must_not_be_asked_is_not(
    hotline: HotlineProcess, typed: str, number: str, gate: str
) -> None:
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await licensed_seat(hotline, f"desk-{gate}", desk)
        call = await premium_told(caller, typed, number)
        menu = "lapsed_next" if gate == "no_consent" else "what_next"
        await comes_to(hotline, "premium_enquiry", menu)
        await call.press("9")
        name = await comes_to(hotline, "premium_enquiry", "offer")
        await asyncio.to_thread(until, lambda: came_back(hotline, name) == 2, 60, "the main menu")
        assert not said(hotline, name, "cross_sell_ask")
        assert hotline.rows("select gate, arm from suggestions where call_id = ?", name) == [(gate, "none")]
        assert states(hotline, name) == []
        await call.hang_up()
