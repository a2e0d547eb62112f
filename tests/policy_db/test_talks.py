"""Talks, wrap-ups and dispositions as rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from policy_kit import HandClock

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, NotFoundError
from policy_db.talk_facts import Disposition, SilentSpan

ANSWERED = Disposition("answered", {"zh-CN": "已解答", "en": "Answered"})


async def _begin(
    db: PolicyDatabase, talk: str = "call-1-talk1", *, recording: str | None = "call-1-talk1"
) -> None:
    await db.talks.begin(
        talk, call=talk[:6], worker="w1", queue="service", consent="announced", recording=recording
    )


async def test_a_talk_tells_who_took_part_and_where_it_is_silent(
    db: PolicyDatabase, clock: HandClock
) -> None:
    await _begin(db)
    await _begin(db)
    await db.talks.seated("call-1-talk1", ["anna"])
    clock.forward(seconds=30)
    await db.talks.seated("call-1-talk1", ["anna", "ben"])
    await db.talks.seated("call-1-talk1", ["ben"])
    span = SilentSpan(3.0, 8.5, "pause", "seat:anna")
    await db.talks.finish("call-1-talk1", seconds=60.5, spans=[span])
    (talk,) = await db.talks.of_call("call-1")
    anna, ben = talk.seats
    assert (talk.seconds, talk.spans, talk.consent) == (60.5, (span,), "announced")
    assert (anna.seat, anna.left_at, ben.seat) == ("anna", clock.now, "ben")
    assert ben.left_at == talk.ended_at == clock.now
    assert await db.talks.of_recording("call-1-talk1") == talk == await db.talks.find("call-1-talk1")


async def test_a_refused_talk_keeps_no_recording(db: PolicyDatabase) -> None:
    await _begin(db)
    await db.talks.finish("call-1-talk1", seconds=0.0, consent="refused", recorded=False)
    talk = await db.talks.find("call-1-talk1")
    assert talk is not None
    assert (talk.recording, talk.consent) == (None, "refused")


async def test_a_talk_that_never_began_cannot_end(db: PolicyDatabase) -> None:
    with pytest.raises(NotFoundError):
        await db.talks.finish("call-1-talk1", seconds=1.0)


async def test_a_dead_workers_talks_are_ended(db: PolicyDatabase, clock: HandClock) -> None:
    await _begin(db)
    await db.talks.seated("call-1-talk1", ["anna"])
    clock.forward(seconds=10)
    await _begin(db, "call-2-talk1")
    assert await db.talks.close_broken_off("w1", before=clock.now) == ("call-1-talk1",)
    assert await db.talks.close_broken_off("w2", before=clock.now + timedelta(days=1)) == ()
    talk = await db.talks.find("call-1-talk1")
    assert talk is not None
    assert talk.ended_at == talk.seats[0].left_at == clock.now


async def test_a_seats_talks_come_newest_first_and_page_by_page(db: PolicyDatabase, clock: HandClock) -> None:
    for number in range(5):
        clock.forward(minutes=1)
        await _begin(db, f"call-{number}-talk1")
        await db.talks.seated(f"call-{number}-talk1", ["anna"])
    first = await db.talks.of_seat("anna", 3)
    second = await db.talks.of_seat("anna", 3, before=first[-1].seats[0].joined_at)
    assert [talk.call for talk in (*first, *second)] == ["call-4", "call-3", "call-2", "call-1", "call-0"]
    assert await db.talks.of_seat("ben") == ()


async def test_a_wrap_up_is_one_for_call_and_seat_and_the_audit_says_that_it_changed(
    db: PolicyDatabase, clock: HandClock
) -> None:
    await db.talks.save_disposition(ANSWERED)
    began = clock.now
    for note in ("first", "first", " second "):
        clock.forward(seconds=5)
        await db.talks.save_wrap_up(
            "call-1", "anna", user="anna", disposition="answered", note=note, began_at=began
        )
    (saved,) = await db.talks.wrap_ups("call-1")
    (change,) = await db.audit.about("call:call-1")
    assert (saved.note, saved.began_at, saved.saved_at) == ("second", began, clock.now)
    assert (change.actor, change.details["note_changed"]) == ("staff:anna", True)
    assert await db.talks.wrap_ups_of_seat("anna") == (saved,)


async def test_a_wrap_up_takes_no_disposition_that_is_not_offered(
    db: PolicyDatabase, clock: HandClock
) -> None:
    save = {"user": "anna", "note": "", "began_at": clock.now}
    await db.talks.save_disposition(ANSWERED)
    with pytest.raises(BadValueError, match="no disposition 'sold'"):
        await db.talks.save_wrap_up("call-1", "anna", disposition="sold", **save)
    await db.talks.save_wrap_up("call-1", "anna", disposition="answered", **save)
    await db.talks.save_disposition(Disposition("answered", ANSWERED.titles, active=False))
    await db.talks.save_wrap_up("call-1", "anna", disposition="answered", **{**save, "note": "more"})
    with pytest.raises(BadValueError):
        await db.talks.save_wrap_up("call-2", "anna", disposition="answered", **save)
    assert await db.talks.dispositions() == ()
    assert len(await db.talks.dispositions(all_of_them=True)) == 1


@pytest.mark.parametrize(
    "bad", [Disposition("", {"en": "x"}), Disposition("a b", {"en": "x"}), Disposition("a", {})]
)
async def test_a_disposition_needs_a_code_and_a_title(db: PolicyDatabase, bad: Disposition) -> None:
    with pytest.raises(BadValueError):
        await db.talks.save_disposition(bad)


async def test_the_demonstration_offers_dispositions_in_both_languages(demo: PolicyDatabase) -> None:
    offered = await demo.talks.dispositions()
    assert len(offered) >= 10
    assert all(one.titles.keys() == {"zh-CN", "en"} for one in offered)
