"""Records of calls: found by whoever may, page by page, and told in plain words."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from board_kit import ended_call, place_now, queue_and_seats
from sqlalchemy import select, update

from policy_db.facts import TimelineEntry
from policy_db.tables import CallRow, CustomerRow, PolicyRow, UserRow


async def seated(console, user: str, seat: str) -> None:
    async with console.database.store.writing() as connection:
        await connection.execute(update(UserRow).where(UserRow.name == user).values(seat_id=seat))


async def ids(client, query: str) -> list[str]:
    return [one["id"] for one in (await client.get(f"/api/calls?{query}")).json()["calls"]]


async def some_calls(console, count: int = 3) -> None:
    now = console.parts.clock()
    for number in range(count):
        await ended_call(
            console.database,
            f"c{number:03}",
            now - timedelta(minutes=count - number),
            caller=f"+86138000{number:05}",
        )


async def test_calls_are_found_by_the_end_of_a_number_a_policy_a_customer_or_their_id(console) -> None:
    await some_calls(console)
    async with console.database.store.writing() as connection:
        query = select(PolicyRow.id, PolicyRow.number, CustomerRow.number, CustomerRow.name).join(CustomerRow)
        policy, number, customer, name = (await connection.execute(query.limit(1))).one()
        await connection.execute(update(CallRow).where(CallRow.id == "c001").values(policy_id=policy))
    client = await console.signed_in("rui")
    assert await ids(client, "") == ["c002", "c001", "c000"]
    assert await ids(client, "q=00002") == ["c002"]
    assert await ids(client, "q=c000") == ["c000"]
    for text in (number, customer, name):
        assert await ids(client, f"q={text}") == ["c001"], text
    assert await ids(client, "q=%25") == []


async def test_every_filter_leaves_out_what_does_not_fit(console) -> None:
    await some_calls(console)
    database = console.database
    await queue_and_seats(database, ready=1)
    await place_now(database, "c001", state="ended", seat_id="s0", answered_at=console.parts.clock())
    await database.calls.append(
        "c002", [TimelineEntry(0, 0.0, "flow_entered", {"flow": "products", "version": "v"})]
    )
    async with database.store.writing() as connection:
        changes = {"end_reason": "normal", "language": "en", "channel": "stream"}
        await connection.execute(update(CallRow).where(CallRow.id == "c000").values(changes))
    client = await console.signed_in("mei")
    for query, found in {
        "outcome=normal": ["c000"], "language=en": ["c000"], "channel=stream": ["c000"], "queue=q1": ["c001"],
        "seat=s0": ["c001"], "flow=products": ["c002"], "from=2199-01-01": [], "to=1999-01-01": [],
        "from=nonsense": ["c002", "c001", "c000"],
    }.items():  # fmt: skip
        assert await ids(client, query) == found, query


async def test_pages_follow_one_another_without_gap_or_repeat_while_new_calls_come(console) -> None:
    await some_calls(console, 120)
    client = await console.signed_in("rui")
    first = (await client.get("/api/calls")).json()
    await ended_call(console.database, "new", console.parts.clock())
    second = (await client.get("/api/calls", params={"before": first["next"]})).json()
    third = (await client.get("/api/calls", params={"before": second["next"]})).json()
    seen = [one["id"] for page in (first, second, third) for one in page["calls"]]
    assert seen == [f"c{number:03}" for number in reversed(range(120))]
    assert third["next"] == ""
    page = (await client.get("/calls")).text
    assert "Older" in page
    assert page.count("/calls/c") == 50


async def test_a_seat_sees_the_calls_it_served_and_no_others(console) -> None:
    await some_calls(console)
    await queue_and_seats(console.database, ready=2)
    await seated(console, "anna", "s0")
    await place_now(console.database, "c001", state="ended", seat_id="s0")
    client = await console.signed_in("anna")
    assert await ids(client, "") == ["c001"]
    assert (await client.get("/calls/c001")).status_code == 200
    for path in ("/calls/c000", "/calls/c000/now", "/api/calls/c000", "/calls/none"):
        assert (await client.get(path)).status_code == 404, path
    lines = list(csv.reader(io.StringIO((await client.get("/calls.csv")).text.lstrip("\ufeff"))))
    assert [line[0] for line in lines] == ["call", "c001"]
    assert (await (await console.signed_in("root")).get("/calls")).status_code == 403


async def test_every_look_at_a_call_is_in_the_audit(console) -> None:
    await some_calls(console)
    client = await console.signed_in("rui")
    await client.get("/calls/c001")
    await client.get("/api/calls/c001")
    assert [(one.actor, one.action) for one in await console.database.audit.about("call:c001")] == [
        ("staff:rui", "looked")
    ]


STORY = [
    ("flow_entered", {"flow": "main", "version": "v"}),
    ("step_entered", {"flow": "main", "step": "menu"}),
    ("said", {"flow": "main", "step": "menu", "prompts": ["main_menu"]}),
    ("missed", {"flow": "main", "step": "menu", "what": "no_input", "count": 1}),
    ("key_used", {"flow": "main", "step": "menu", "key": "2"}),
    ("step_left", {"flow": "main", "step": "menu", "outcome": "2", "target": "premium", "edge": "choices.2"}),
    ("step_entered", {"flow": "identify_caller", "step": "pin"}),
    ("key_used", {"flow": "identify_caller", "step": "pin", "key": "•"}),
    (
        "service_answered",
        {"flow": "f", "step": "due", "service": "policy.premium", "outcome": "error", "ms": 12, "code": ""},
    ),
    ("level_raised", {"level": 2}),
    ("transfer_asked", {"flow": "person", "step": "person", "queue": "service", "reason": "claim"}),
    ("talk_joined", {"seat": "s0", "to": "main"}),
    ("something_new", {"word": "told"}),
    ("call_ended", {"reason": "caller"}),
]  # fmt: skip


async def test_a_timeline_is_told_in_plain_words_in_both_languages_with_typed_keys_masked(console) -> None:
    await some_calls(console, 1)
    entries = [TimelineEntry(number, number * 2.0, kind, data) for number, (kind, data) in enumerate(STORY)]
    await console.database.calls.append("c000", entries)
    client = await console.signed_in("rui")
    page = (await client.get("/calls/c000")).text
    for told in (
        "Flow “Main menu” begins", "No answer (number 1)", "Pressed 2 → ", "Key •", "policy.premium, error (12 ms)",
        "Identity: Verified", "Asked for a person (Customer service)", "Talks with seat s0", "something new: word told",
        "the caller hung up", "保单",
    ):  # fmt: skip
        assert told in page, told
    page = (await client.get("/calls/c000", headers={"accept-language": "zh-CN"})).text
    for told in ("进入流程“主菜单”", "没有按键（第 1 次）", "按 2 → ", "身份：已验证", "与坐席 s0 通话"):
        assert told in page, told


async def test_the_way_through_a_flow_is_lit_in_its_picture(console) -> None:
    await some_calls(console, 1)
    steps = ("start", "who_calls", "welcome", "menu")
    entries = [
        TimelineEntry(number, float(number), "step_entered", {"flow": "main", "step": step})
        for number, step in enumerate(steps)
    ]
    await console.database.calls.append("c000", entries)
    page = (await (await console.signed_in("rui")).get("/calls/c000")).text
    assert page.count(" lit") >= len(steps)


async def test_an_entry_says_where_in_which_recording_it_is_heard(console) -> None:
    now = console.parts.clock()
    database = console.database
    await ended_call(database, "c1", now - timedelta(seconds=10), caller="+8613800000001")
    await database.recordings.begin("r1", purpose="voicemail", call="c1", worker="w", file="r1.wav")
    await database.recordings.finish("r1", seconds=8.0, size=64_044, why="key")
    await database.calls.append(
        "c1", [TimelineEntry(0, 2.0, "held", {}), TimelineEntry(1, 13.0, "resumed", {})]
    )
    found = (await (await console.signed_in("rui")).get("/api/calls/c1")).json()
    early, late = found["timeline"]
    assert early["recording"] == ""
    assert (late["recording"], found["messages"]) == ("r1", ["r1"])
    assert abs(late["seek"] - 3.0) < 0.5
