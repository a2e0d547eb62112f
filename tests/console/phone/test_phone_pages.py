"""The dial page and what a seat picks up with, by HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from ivr.console.phone.api import tickets_of
from policy_db.seat_rows import values_of
from policy_db.seats import Seat  # type: ignore[attr-defined]
from policy_db.tables import SeatRow, UserRow
from policy_db.writes import insert


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "拨打客服热线"), ("en", "Call the hotline")])
async def test_anybody_may_open_the_dial_page_in_their_language(
    console: Any, language: str, word: str
) -> None:
    page = await console.client().get("/phone", headers={"accept-language": language})
    assert page.status_code == 200
    assert word in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text


async def test_where_the_web_phone_is_off_the_page_asks_to_sign_in(console: Any) -> None:
    console.parts.settings = console.parts.settings.model_copy(update={"web_phone": False})
    page = await console.client().get("/phone")
    assert page.status_code == 303
    assert page.headers["location"].startswith("/sign-in")
    assert (await (await console.signed_in("anna")).get("/phone")).status_code == 200


async def test_the_scripts_are_served_as_such(console: Any) -> None:
    for name in ("phone.js", "phone-audio.js", "dial.js"):
        script = await console.client().get(f"/static/phone/{name}")
        assert script.status_code == 200
        assert "javascript" in script.headers["content-type"]


async def rings_at_anna(console: Any) -> None:
    now = console.parts.clock()
    seat = Seat(
        "anna", "Anna", "browser", state="ringing", call_id="call-1", part="main", worker="w0",
        lease_until=now + timedelta(seconds=30), since=now,
    )  # fmt: skip
    store = console.database.store
    async with store.writing() as connection:
        await connection.execute(insert(store, SeatRow).values(values_of(seat)))
        await connection.execute(update(UserRow).where(UserRow.name == "anna").values(seat_id="anna"))


async def test_a_seat_that_rings_is_given_what_it_picks_up_with(console: Any) -> None:
    await rings_at_anna(console)
    client = await console.signed_in("anna")
    answer = await client.post("/api/phone/pick-up")
    assert answer.status_code == 200
    told = answer.json()
    ticket = tickets_of(console.parts).read(told["parameters"]["ticket"])
    assert ticket is not None
    assert (ticket.seat, ticket.call, ticket.worker) == ("anna", "call-1", "w0")
    assert told["url"] == f"/phone/stream?ticket={told['parameters']['ticket']}"
    assert told["call"] == "call-1"


async def test_a_seat_that_does_not_ring_and_who_has_none_are_given_nothing(console: Any) -> None:
    assert (await console.client().post("/api/phone/pick-up")).status_code == 401
    assert (await (await console.signed_in("rui")).post("/api/phone/pick-up")).status_code == 403
    assert (await (await console.signed_in("mei")).post("/api/phone/pick-up")).status_code == 403
