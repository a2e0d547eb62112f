"""The picture of a caller: who, how that is known, what they have, what they did."""

from __future__ import annotations

from policy_kit import TODAY, HandClock

from policy_db import PolicyDatabase
from policy_db.callers import forms
from policy_db.facts import TimelineEntry
from policy_db.seat_facts import Move, QueueCall, Seat

POLICY = "86001234"


async def _holder(db: PolicyDatabase) -> tuple[str, str]:
    """Number and telephone of the holder of POLICY."""
    policy = await db.policies.find(POLICY, TODAY)
    assert policy is not None
    customer = await db.customers.find(policy.customer)
    assert customer is not None
    return customer.number, customer.phone


async def test_who_has_proved_a_policy_is_known_with_all_that_is_theirs(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    number, phone = await _holder(demo)
    await demo.calls.begin("c1", worker="w", caller=phone, called="4000001234")
    await demo.calls.append(
        "c1",
        [
            TimelineEntry(0, 0.0, "said", {"flow": "main", "step": "menu", "prompts": []}),
            TimelineEntry(1, 3.0, "key_used", {"flow": "main", "step": "menu", "key": "2"}),
        ],
    )
    await demo.calls.update("c1", level=2, policy=POLICY, language="zh-CN")
    picture = await demo.callers.picture("c1", TODAY)
    assert picture is not None
    assert (picture.known, picture.level, picture.policy) == ("proved", 2, POLICY)
    assert picture.customer is not None
    assert picture.customer.number == number
    held = await demo.policies.of_customer(number, TODAY)
    assert [one.policy for one in picture.policies] == list(held)
    for one in picture.policies:
        assert one.premium == await demo.policies.premium_position(one.policy.number, TODAY)
    assert [entry.kind for entry in picture.timeline] == ["key_used"]


async def test_a_number_alone_is_a_hint_and_may_be_several_people(demo: PolicyDatabase) -> None:
    _, phone = await _holder(demo)
    await demo.calls.begin("c1", worker="w", caller=phone.removeprefix("+86"), called="4000001234")
    picture = await demo.callers.picture("c1", TODAY)
    assert picture is not None
    assert (picture.known, picture.level, picture.policy) == ("number", 0, "")
    assert picture.customer is not None
    assert picture.customer.phone == phone


async def test_an_unknown_or_withheld_number_has_a_picture_without_a_customer(demo: PolicyDatabase) -> None:
    for call, caller in (("c1", ""), ("c2", "+442079460000")):
        await demo.calls.begin(call, worker="w", caller=caller, called="4000001234")
        picture = await demo.callers.picture(call, TODAY)
        assert picture is not None
        assert (picture.known, picture.customer, picture.policies, picture.earlier) == (
            "nobody",
            None,
            (),
            (),
        )
    assert await demo.callers.picture("nothing", TODAY) is None


async def test_earlier_calls_tell_who_served_and_what_was_noted(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    _, phone = await _holder(demo)
    await demo.seats.add(seats=[Seat("s1", "林小雨", "browser")])
    await demo.calls.begin("old", worker="w", caller=phone, called="4000001234")
    place = QueueCall(
        "p1", "old", "service", clock.now, clock.now, state="ended", seat_id="s1", outcome="served"
    )
    assert await demo.seats.apply(Move(clock.now, "system", joins=(place,))) is None
    await demo.talks.save_wrap_up(
        "old", "s1", user="lin", disposition="answered", note="asked for an invoice", began_at=clock.now
    )
    clock.forward(seconds=60)
    await demo.calls.finish("old", "hung_up")
    await demo.recordings.begin(
        "m1", purpose="voicemail", call="old", worker="w", file="m1.wav", mailbox="service"
    )
    await demo.recordings.finish("m1", seconds=12.0, size=100, why="key")
    await demo.calls.begin("new", worker="w", caller=phone, called="4000001234")
    picture = await demo.callers.picture("new", TODAY)
    assert picture is not None
    (earlier,) = picture.earlier
    assert (earlier.call.id, earlier.seats, earlier.outcome) == ("old", ("林小雨",), "served")
    assert [note.note for note in earlier.notes] == ["asked for an invoice"]
    assert [(message.id, message.seconds) for message in picture.messages] == [("m1", 12.0)]


async def test_open_claims_of_the_policies_and_of_the_number_are_there_once(demo: PolicyDatabase) -> None:
    _, phone = await _holder(demo)
    report = await demo.claims.begin(caller=phone, today=TODAY, policy=POLICY, call_id="c1")
    await demo.calls.begin("c1", worker="w", caller=phone, called="4000001234")
    await demo.calls.update("c1", level=2, policy=POLICY)
    picture = await demo.callers.picture("c1", TODAY)
    assert picture is not None
    mine = [claim for claim in picture.claims if claim.mine]
    assert [(claim.number, claim.status, claim.policy) for claim in mine] == [
        (report.number, "draft", POLICY)
    ]
    assert len({claim.number for claim in picture.claims}) == len(picture.claims)


async def test_a_place_kept_for_a_call_back_has_a_picture_before_there_is_a_call(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    number, phone = await _holder(demo)
    place = QueueCall(
        "p1", "back", "service", clock.now, clock.now, customer=number, state="callback",
        call_back_to=phone,
    )  # fmt: skip
    assert await demo.seats.apply(Move(clock.now, "system", joins=(place,))) is None
    picture = await demo.callers.picture("back", TODAY)
    assert picture is not None
    assert (picture.call, picture.known, picture.number) == (None, "named", phone)


async def test_customers_are_found_by_number_policy_or_name(demo: PolicyDatabase) -> None:
    number, phone = await _holder(demo)
    (customer,) = await demo.callers.search(POLICY)
    assert customer.number == number
    for text in (phone, phone.removeprefix("+86"), number, customer.name):
        assert number in [one.number for one in await demo.callers.search(text)]
    assert await demo.callers.search("  ") == ()


def test_a_number_is_the_same_however_it_is_written() -> None:
    assert "+8613800138000" in forms("138 0013 8000")
    assert "13800138000" in forms("+8613800138000")
    assert "+861087654321" in forms("01087654321")
    assert forms("anonymous") == ()
