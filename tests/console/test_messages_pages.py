"""Messages on the console: who sees which, what is done to them, that nobody's change is lost, lists, CSV, API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.console.voicemail.arriving import take_in
from ivr.console.voicemail.due import after_working, due_clock
from ivr.flow.model import Hours
from policy_db import PolicyDatabase
from policy_db.administration import Calendar
from policy_db.message_facts import Transcript
from tests.console.console_kit import Console

SHANGHAI = ZoneInfo("Asia/Shanghai")


async def leave(database: PolicyDatabase, message: str, *, mailbox: str = "service", **facts: Any) -> None:
    values = {"caller": "+8616000001234", "reason": "message", "level": 1, **facts}
    await database.recordings.begin(
        message, purpose="voicemail", call=f"call-{message}", worker="w1", file=f"day/{message}.wav",
        mailbox=mailbox, **values,
    )  # fmt: skip
    await database.recordings.finish(message, seconds=12.0, size=96044, why="key")
    await database.recordings.keep(message)


@pytest.fixture
async def desk(console: Console) -> Console:
    """Three messages: one for everybody, a complaint, and one in the mailbox of anna's seat."""
    await console.database.users.change("anna", seat="seat1")
    await leave(console.database, "m1")
    await leave(
        console.database, "m2", mailbox="complaints", reason="complaint", caller="+8613900000000", level=0
    )
    await leave(console.database, "m3", mailbox="seat1")
    await take_in(console.parts, everything=True)
    return console


async def test_reviewers_and_managers_see_shared_mailboxes_and_a_seat_its_own(desk: Console) -> None:
    for user, sees, hidden in (("rui", "m1 m2", "m3"), ("mei", "m1 m2", "m3"), ("anna", "m3", "m1 m2")):
        client = await desk.signed_in(user)
        page = (await client.get("/messages")).text
        assert all(f"/messages/{one}" in page for one in sees.split()), user
        assert not any(f"/messages/{one}" in page for one in hidden.split()), user
        assert [(await client.get(f"/messages/{one}")).status_code for one in hidden.split()] == [404] * len(
            hidden.split()
        )
        api = (await client.get("/api/messages")).json()
        assert sorted(one["id"] for one in api["items"]) == sees.split()


async def test_an_administrator_alone_has_no_messages_to_see(desk: Console) -> None:
    client = await desk.signed_in("root")
    pages = ("/messages", "/messages/m1", "/messages/export.csv", "/messages/settings")
    for path in (*pages, "/api/messages", "/api/messages/m1"):
        assert (await client.get(path)).status_code == 403, path
    assert (await client.get("/messages/badge")).status_code == 204
    assert (await desk.client().get("/api/messages")).status_code == 401


async def test_opening_a_message_reads_it_and_is_audited(desk: Console) -> None:
    client = await desk.signed_in("rui")
    page = await client.get("/messages/m1")
    assert page.status_code == 200
    assert "王建国" in page.text
    assert 'data-recording="m1"' in page.text
    assert (await client.get("/api/messages?view=new")).json()["total"] == 1
    looks = await desk.database.audit.about("message:m1")
    assert [(one.actor, one.action) for one in looks] == [("staff:rui", "looked")]


async def test_a_message_is_sorted_given_away_noted_and_done(desk: Console) -> None:
    client = await desk.signed_in("rui")
    form = {"version": 0, "category": "complaint", "urgency": "urgent", "assigned": "user:anna"}
    assert (await client.post("/messages/m1", data=form)).status_code == 303
    await client.post("/messages/m1/note", data={"note": "Rang twice"})
    await client.post("/messages/m1", data={"version": 1, "state": "done"})
    anna = await desk.signed_in("anna")
    found = (await anna.get("/api/messages/m1")).json()
    assert (found["category"], found["urgency"], found["state"]) == ("complaint", "urgent", "done")
    assert [(one["who"], one["action"]) for one in found["history"]] == [
        ("system", "arrived"), ("rui", "category"), ("rui", "urgency"), ("rui", "assignee"), ("rui", "note"),
        ("rui", "state"),
    ]  # fmt: skip
    page = (await anna.get("/messages/m1")).text
    assert "Rang twice" in page


async def test_who_is_given_a_message_is_told_until_they_have_seen_it(desk: Console) -> None:
    rui, anna = await desk.signed_in("rui"), await desk.signed_in("anna")
    await rui.post("/messages/m1", data={"version": 0, "assigned": "user:anna"})
    assert "Given to you: 2" in (await anna.get("/messages/badge")).text  # and the one in her own mailbox
    await anna.get("/messages/m1")
    await anna.get("/messages/m3")
    assert "Given to you" not in (await anna.get("/messages/badge")).text


async def test_a_change_made_from_an_older_state_is_offered_again_and_nothing_is_lost(desk: Console) -> None:
    rui, mei = await desk.signed_in("rui"), await desk.signed_in("mei")
    await rui.post("/messages/m1", data={"version": 0, "category": "complaint", "urgency": "high"})
    late = {"version": 0, "category": "enquiry", "urgency": "normal", "note": "My own words"}
    reply = await mei.post("/messages/m1", data=late)
    assert reply.status_code == 409
    assert "Rui changed this message" in reply.text
    assert "My own words" in reply.text
    assert 'value="enquiry" selected' in reply.text
    assert 'name="version" value="1"' in reply.text
    assert (await mei.get("/api/messages/m1")).json()["category"] == "complaint"
    assert (await mei.post("/messages/m1", data=late | {"version": 1})).status_code == 303
    assert (await mei.get("/api/messages/m1")).json()["category"] == "enquiry"
    stale = await mei.patch("/api/messages/m1", json={"version": 1, "category": "claim"})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")


async def test_a_part_of_the_page_answers_a_form_sent_by_script(desk: Console) -> None:
    client = await desk.signed_in("rui")
    form = {"version": 0, "category": "enquiry"}
    reply = await client.post("/messages/m1", data=form, headers={"hx-request": "true"})
    assert reply.status_code == 200
    assert reply.text.lstrip().startswith('<div id="desk"')
    moved = {"version": 1, "mailbox": "seat2"}
    reply = await client.post("/messages/m1", data=moved, headers={"hx-request": "true"})
    assert reply.headers["hx-redirect"] == "/messages"


async def test_a_promise_to_call_back_leads_to_the_seats_telephone(desk: Console) -> None:
    await desk.database.users.change("rui", seat="seat2")
    client = await desk.signed_in("rui")
    await client.post("/messages/m1/call-back")
    page = (await client.get("/messages/m1")).text
    assert 'action="/seat/call"' in page
    promise = (await desk.database.messages.call_backs(message="m1"))[0]
    await client.post(f"/messages/m1/call-back/{promise.id}", data={"state": "reached"})
    assert 'action="/seat/call"' not in (await client.get("/messages/m1")).text
    assert (
        await client.post(f"/messages/m1/call-back/{promise.id}", data={"state": "reached"})
    ).status_code == 404


async def test_the_list_narrows_pages_and_is_exported_as_it_is_shown(desk: Console) -> None:
    client = await desk.signed_in("rui")
    for query, found in {
        "mailbox=complaints": ["m2"], "category=complaint": ["m2"], "q=王建国": ["m1"], "q=139000": ["m2"],
        "urgency=urgent": [], "view=archived": [], "view=mine": [], "assigned=-": ["m2", "m1"], "category=-": ["m1"],
    }.items():  # fmt: skip
        items = (await client.get(f"/api/messages?{query}")).json()["items"]
        assert sorted(one["id"] for one in items) == sorted(found), query
        lines = (await client.get(f"/messages/export.csv?{query}")).text.strip().splitlines()
        assert len(lines) == len(found) + 1, query
    first = (await client.get("/api/messages?size=1")).json()
    assert (first["more"], first["total"], len(first["items"])) == (True, 2, 1)
    exported = await desk.database.audit.about("messages")
    assert {one.action for one in exported} == {"exported"}


async def test_what_a_message_says_is_shown_with_how_sure_it_is(desk: Console) -> None:
    said = Transcript("<b>我要投诉</b>", "zh-CN", 0.41, "test engine", datetime.now(UTC))
    await desk.database.messages.write_down("m2", said)
    client = await desk.signed_in("rui")
    page = (await client.get("/messages/m2")).text
    assert "&lt;b&gt;我要投诉" in page
    assert "confidence 41 %" in page
    assert "Listen to be sure" in page
    assert (await client.get("/api/messages?q=投诉")).json()["items"][0]["id"] == "m2"


async def test_a_manager_adds_categories_and_due_times_and_others_may_not(desk: Console) -> None:
    mei, rui = await desk.signed_in("mei"), await desk.signed_in("rui")
    form = {"code": "lost_card", "chinese": "卡丢失", "english": "Card lost", "active": "true"}
    assert (await rui.post("/messages/settings/category", data=form)).status_code == 403
    assert (await mei.post("/messages/settings/category", data=form)).status_code == 303
    assert "Card lost" in (await rui.get("/messages/m1")).text
    due = {"mailbox": "complaints", "normal": "3", "high": "2", "urgent": "nonsense"}
    assert (await mei.post("/messages/settings/due", data=due)).status_code == 422
    assert (await mei.post("/messages/settings/due", data=due | {"urgent": "0.5"})).status_code == 303
    assert (await desk.database.messages.due_hours())["complaints", "urgent"] == 0.5
    assert (await mei.get("/messages/settings")).status_code == 200


async def test_a_due_time_goes_by_the_days_that_the_company_has_changed(desk: Console) -> None:
    hotline, now = desk.parts.flows.current.hotline, desk.parts.clock()
    name = next(iter(hotline.calendars))
    always = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    for day, expected in (({}, 0), ({now.astimezone(SHANGHAI).date(): ("closed", "")}, 1)):
        kept = (await desk.database.administration.calendars()).get(name, Calendar(name))
        await desk.database.administration.set_calendar(
            replace(kept, week=always, days=day, override="closed"), by="staff:root"
        )
        start = datetime.combine(now.astimezone(SHANGHAI).date(), time(0), SHANGHAI)
        due = (await due_clock(desk.parts))("nobodys", "normal", start)
        hours = (await desk.database.messages.due_hours())["*", "normal"]
        assert due == start + timedelta(days=expected, hours=hours)


async def test_nonsense_is_refused_and_changes_nothing(desk: Console) -> None:
    client = await desk.signed_in("rui")
    for form in (
        {"version": "x"}, {"version": 0, "urgency": "very"}, {"version": 0, "state": "gone"},
        {"version": 0, "due": "tomorrow"}, {"version": 0, "assigned": "user:nobody"}, {"version": 0, "policy": "1"},
    ):  # fmt: skip
        assert (await client.post("/messages/m1", data=form)).status_code == 422, form
    assert (await client.post("/messages/nothing", data={"version": 0})).status_code == 404
    assert (await client.post("/messages/m1/note", data={"note": "  "})).status_code == 422
    del client.headers["x-csrf-token"]
    assert (await client.post("/messages/m1", data={"version": 0, "category": "claim"})).status_code == 403
    assert (await client.get("/api/messages/m1")).json()["version"] == 0


def hours(**week: str) -> Hours:
    return Hours(zone="Asia/Shanghai", week=week, holidays="CN")


@pytest.mark.parametrize(
    ("came", "due"),
    [
        ("2026-03-10T10:00", "2026-03-10T15:00"),  # over lunch, on the same Tuesday
        ("2026-03-10T16:00", "2026-03-11T12:00"),  # over the night
        ("2026-03-13T16:30", "2026-03-16T13:30"),  # over a weekend
        ("2026-02-14T10:00", "2026-02-14T15:00"),  # a Saturday on which offices work instead of a holiday
        ("2026-03-14T10:00", "2026-03-16T14:00"),  # an ordinary Saturday: counted from Monday morning
        ("2026-09-30T23:00", "2026-10-08T14:00"),  # over the national holiday
    ],
)
def test_a_due_time_counts_working_hours(came: str, due: str) -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:00,13:00-17:00")
    start = datetime.fromisoformat(came).replace(tzinfo=SHANGHAI).astimezone(UTC)
    expected = datetime.fromisoformat(due).replace(tzinfo=SHANGHAI)
    assert after_working(hours(**week), start, timedelta(hours=4)) == expected


def test_without_any_opening_hours_every_hour_counts() -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)
    assert after_working(hours(), start, timedelta(hours=4)) == start + timedelta(hours=4)
