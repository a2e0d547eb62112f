"""The seat's page without a browser: states, the picture of the caller, notes, tabs, who may what."""

from __future__ import annotations

import pytest
from seat_kit import POLICY, call_rings, call_talks, call_waits, holder_phone, seat_user

from tests.console.console_kit import Console

TAB = "tab-number-one"


@pytest.fixture
async def anna(console: Console):
    """A client of Anna, whose seat is hers."""
    await seat_user(console.parts)
    return await console.signed_in("anna")


async def be(client, state: str, **more: str):
    return await client.post("/api/seat/state", json={"state": state, **more})


async def test_the_page_is_for_seats_and_managers(console: Console) -> None:
    for name, status in (("anna", 200), ("mei", 200), ("rui", 403), ("root", 403)):
        assert (await (await console.signed_in(name)).get("/seat")).status_code == status
        assert (await (await console.signed_in(name)).get("/api/seat")).status_code in (409, status)


async def test_who_has_no_seat_is_told_what_to_do(console: Console) -> None:
    client = await console.signed_in("mei")
    assert "Ask an administrator" in (await client.get("/seat")).text
    reply = await client.post("/api/seat/state", json={"state": "ready"})
    assert (reply.status_code, reply.json()["code"]) == (409, "H650")


async def test_a_seat_signs_in_pauses_with_a_reason_and_goes_home(anna) -> None:
    assert (await anna.get("/api/seat")).json()["state"] == "offline"
    assert (await be(anna, "ready")).json()["state"] == "ready"
    reply = await be(anna, "paused")
    assert (reply.status_code, reply.json()["code"]) == (409, "H651")
    assert (await be(anna, "paused", reason="lunch")).json()["reason"] == "lunch"
    page = (await anna.get("/seat")).text
    assert "Paused" in page
    assert "Lunch" in page
    assert (await be(anna, "away", forward_to="138 0013 8000")).json()["forward_to"] == "13800138000"
    assert (await be(anna, "away", forward_to="nonsense")).status_code == 409
    assert (await be(anna, "away", forward_to="ben")).json()["forward_to"] == "ben"
    assert (await be(anna, "offline")).json()["state"] == "offline"


async def test_what_is_asked_during_a_call_is_shown_as_for_afterwards(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_talks(console.parts)
    seat = (await be(anna, "paused", reason="lunch")).json()
    assert (seat["state"], seat["afterwards"], seat["afterwards_reason"]) == ("talking", "paused", "lunch")
    assert "After this call: Paused" in (await anna.get("/seat/now")).text
    await console.parts.desk.ended("c1")
    body = {"disposition": "answered", "note": "all well", "finish": True}
    assert (await anna.put("/api/seat/wrap-ups/c1", json=body)).status_code == 200
    seat = (await anna.get("/api/seat")).json()
    assert (seat["state"], seat["reason"]) == ("paused", "lunch")


async def test_a_ringing_seat_shows_who_calls_what_they_did_and_why(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_rings(console.parts)
    phone = await holder_phone(console.database)
    page = (await anna.get("/seat/now")).text
    policy = await console.database.policies.find(POLICY, console.parts.clock().date())
    assert policy is not None
    for shown in (
        policy.holder, POLICY, "Has proved who they are", "About a claim", "Pressed 2: Premium enquiry",
        "Gave the right PIN", "asked for a person in “Premium enquiry”", "Asked for a person (Customer service)",
        f"+86{phone[3:6]}•••••{phone[-4:]}"[:6],
    ):  # fmt: skip
        assert shown in page, shown
    assert phone not in page
    assert phone.removeprefix("+86") not in page
    caller = (await anna.get("/api/seat/caller")).json()
    assert (caller["known"], caller["level"], caller["policy"]) == ("proved", 2, POLICY)
    assert caller["name"] == policy.holder


async def test_each_look_at_a_caller_is_audited_once(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_rings(console.parts)
    for _ in range(3):
        await anna.get("/seat/now")
    looks = [one for one in await console.database.audit.about("call:c1") if one.action == "looked"]
    assert [one.actor for one in looks] == ["staff:anna"]


async def test_notes_are_kept_changed_and_only_for_ones_own_calls(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_talks(console.parts)
    body = {"disposition": "answered", "note": "first word"}
    assert (await anna.put("/api/seat/wrap-ups/c1", json=body)).status_code == 200
    assert (await anna.put("/api/seat/wrap-ups/c1", json={**body, "note": "second word"})).status_code == 200
    (saved,) = await console.database.talks.wrap_ups("c1")
    assert (saved.seat, saved.user, saved.note) == ("anna", "anna", "second word")
    assert "second word" in (await anna.get("/seat/notes/c1")).text
    assert (await anna.put("/api/seat/wrap-ups/other", json=body)).json()["code"] == "H654"
    assert (await anna.get("/seat/notes/other")).status_code == 409
    assert (await anna.put("/api/seat/wrap-ups/c1", json={"disposition": "nonsense"})).status_code == 422


async def test_a_missed_wrap_up_can_be_made_up_for_from_ones_last_calls(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_talks(console.parts)
    await console.parts.desk.ended("c1")
    await be(anna, "ready")
    assert "Notes missing" in (await anna.get("/seat/beside")).text
    await anna.put("/api/seat/wrap-ups/c1", json={"disposition": "answered", "note": "late", "finish": True})
    beside = (await anna.get("/seat/beside")).text
    assert "Notes missing" not in beside
    assert "late" in beside


async def test_a_wrap_up_can_be_made_longer(console: Console, anna) -> None:
    await be(anna, "ready")
    await call_talks(console.parts)
    assert (await anna.post("/api/seat/longer", json={"seconds": 60})).json()["code"] == "H655"
    await console.parts.desk.ended("c1")
    before = (await anna.get("/api/seat")).json()["wrap_up_until"]
    after = (await anna.post("/api/seat/longer", json={"seconds": 60})).json()["wrap_up_until"]
    assert after > before
    assert (await anna.post("/api/seat/longer", json={"seconds": 100000})).status_code == 422


async def test_of_two_tabs_one_works_until_it_leaves_or_the_other_takes_over(anna) -> None:
    async def beat(tab: str, *, take: bool = False) -> bool:
        reply = await anna.post("/api/seat/beat", json={"tab": tab, "take": take})
        return bool(reply.json()["works"])

    await be(anna, "ready")
    assert await beat(TAB)
    assert not await beat("tab-number-two")
    assert await beat("tab-number-two", take=True)
    assert not await beat(TAB)
    form = {"tab": "tab-number-two", "csrf": anna.headers["x-csrf-token"]}
    assert (await anna.post("/api/seat/leave", data=form)).status_code == 204
    assert await beat(TAB)


async def test_only_the_tab_that_works_keeps_the_lease(console: Console, anna) -> None:
    await be(anna, "ready")

    async def lease():
        scene = await console.database.seats.scene(seat="anna")
        assert scene.seat is not None
        return scene.seat.lease_until

    first = await lease()
    await anna.post("/api/seat/beat", json={"tab": TAB})
    second = await lease()
    await anna.post("/api/seat/beat", json={"tab": "another-tab"})
    assert first < second == await lease()


async def test_a_seat_calls_a_customer_by_their_record_and_nobody_sees_the_number(
    console: Console, anna
) -> None:
    phone = await holder_phone(console.database)
    found = (await anna.get("/api/seat/customers", params={"q": POLICY})).json()
    assert phone not in str(found)
    body = {"customer": found[0]["customer"], "about": f"policy:{POLICY}"}
    assert (await anna.post("/api/seat/call", json=body)).json()["code"] == "H655"
    await be(anna, "ready")
    call = (await anna.post("/api/seat/call", json=body)).json()["call"]
    (offer,) = await console.parts.desk.next_offers("w1")
    assert (offer.call_id, offer.seat.id, offer.call.call_back_to) == (call, "anna", phone)
    page = (await anna.get("/seat/now")).text
    assert "Your own call" in page
    assert POLICY in page
    assert (await anna.post("/api/seat/call", json={"number": "x"})).json()["code"] == "H653"


async def test_a_page_elsewhere_calls_by_a_plain_form(console: Console, anna) -> None:
    await be(anna, "ready")
    form = {"number": "13800138000", "about": "message:m1", "csrf": anna.headers["x-csrf-token"]}
    reply = await anna.post("/seat/call", data=form)
    assert (reply.status_code, reply.headers["location"]) == (303, "/seat")


async def test_a_command_without_a_call_or_a_worker_says_so(console: Console, anna) -> None:
    await be(anna, "ready")
    assert (await anna.post("/api/seat/commands/hold", json={})).json()["code"] == "H652"
    await call_talks(console.parts)
    assert (await anna.post("/api/seat/commands/hold", json={})).json()["code"] == "H640"
    assert (await anna.post("/api/seat/commands/listen", json={})).status_code == 422


async def test_who_is_waiting_and_who_is_there_is_beside(console: Console, anna) -> None:
    await be(anna, "ready")
    await be(anna, "paused", reason="lunch")
    await console.parts.desk.sign_in("ben", console=False)
    await console.parts.desk.pause("ben", "lunch")
    await call_waits(console.parts)
    beside = (await anna.get("/seat/beside")).text
    assert "Customer service" in beside
    assert "Ben" in beside
    targets = (await anna.get("/api/seat/targets")).json()
    assert ("seat", "ben", "paused") in [(one["kind"], one["id"], one["state"]) for one in targets]
    assert ("queue", "service") in [(one["kind"], one["id"]) for one in targets]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_state_can_be_shown_in_each_language(console: Console, anna, language: str) -> None:
    anna.headers["accept-language"] = language
    for state, more in (
        ("ready", {}), ("paused", {"reason": "lunch"}), ("do_not_disturb", {}), ("away", {"forward_to": ""}),
        ("offline", {}), ("ready", {}),
    ):  # fmt: skip
        await be(anna, state, **more)
        assert (await anna.get("/seat")).status_code == 200
    await call_rings(console.parts)
    assert (await anna.get("/seat")).status_code == 200
    await console.parts.desk.answered("c1", "anna")
    assert (await anna.get("/seat")).status_code == 200
    await console.parts.desk.ended("c1")
    assert (await anna.get("/seat")).status_code == 200
    assert (await anna.get("/seat/targets")).status_code == 200
