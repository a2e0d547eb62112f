"""Calls, their timelines and recordings, and what is left when a worker dies."""

from __future__ import annotations

import pytest
from policy_kit import TODAY, HandClock
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from policy_db import PolicyDatabase
from policy_db.errors import NotFoundError
from policy_db.facts import TimelineEntry
from policy_db.tables import AuditRow, CallEventRow

CALLER = "+8613800001111"


async def _begin(db: PolicyDatabase, call: str, worker: str = "worker-1") -> None:
    await db.calls.begin(call, worker=worker, caller=CALLER, called="95500", flow="main", version="abc")


async def _record(db: PolicyDatabase, recording: str, call: str, worker: str = "worker-1") -> None:
    await db.recordings.begin(
        recording,
        purpose="voicemail",
        call=call,
        worker=worker,
        file=f"{recording}.wav",
        caller=CALLER,
        mailbox="service",
        reason="person",
    )


async def test_a_call_is_written_from_ring_to_end(demo: PolicyDatabase, clock: HandClock) -> None:
    await _begin(demo, "call-1")
    assert [call.id for call in await demo.calls.running()] == ["call-1"]
    await demo.calls.update("call-1", language="zh-CN", level=2, policy="86001234")
    clock.forward(seconds=90)
    await demo.calls.finish("call-1", "hung_up")
    call = await demo.calls.find("call-1")
    assert call is not None
    assert (call.language, call.level, call.policy) == ("zh-CN", 2, "86001234")
    assert (call.state, call.end_reason, call.ended_at) == ("finished", "hung_up", clock.now)
    assert await demo.calls.running() == ()


async def test_a_call_says_how_its_caller_was_heard_where_the_line_could_tell(db: PolicyDatabase) -> None:
    for name in ("call-1", "call-2"):
        await _begin(db, name)
    await db.calls.update("call-1", mos=4.1)
    await db.calls.finish("call-1", "hung_up", mos=3.9, loss=0.02, jitter_ms=7.5)
    await db.calls.finish("call-2", "hung_up")
    one, other = [await db.calls.find(name) for name in ("call-1", "call-2")]
    assert one is not None
    assert other is not None
    assert (one.mos, one.loss, one.jitter_ms) == (3.9, 0.02, 7.5)
    assert (other.mos, other.loss, other.jitter_ms) == (None, None, None)


async def test_a_timeline_keeps_its_order_and_writes_every_entry_once(db: PolicyDatabase) -> None:
    await _begin(db, "call-1")
    entries = [TimelineEntry(seq, seq / 2, "step_entered", {"step": f"步骤{seq}"}) for seq in range(5)]
    await db.calls.append("call-1", entries[:3])
    await db.calls.append("call-1", entries[1:])
    await db.calls.append("call-1", [])
    assert await db.calls.timeline("call-1") == tuple(entries)


async def test_what_was_done_once_is_not_done_again(db: PolicyDatabase, clock: HandClock) -> None:
    await _begin(db, "call-1")
    clock.forward(seconds=5)
    await _begin(db, "call-1", worker="worker-2")
    await db.calls.finish("call-1", "hung_up")
    ended_at = clock.now
    clock.forward(seconds=5)
    await db.calls.finish("call-1", "error")
    call = await db.calls.find("call-1")
    assert call is not None
    assert (call.worker, call.end_reason, call.ended_at) == ("worker-1", "hung_up", ended_at)


async def test_a_call_that_never_began_is_named_as_such(db: PolicyDatabase) -> None:
    assert await db.calls.find("nothing") is None
    for write in (
        db.calls.finish("nothing", "hung_up"),
        db.calls.update("nothing", level=1),
        db.calls.append("nothing", [TimelineEntry(0, 0.0, "x", {})]),
        db.recordings.finish("nothing", seconds=1, size=1, why="key"),
    ):
        with pytest.raises(NotFoundError, match="nothing"):
            await write


async def test_a_message_is_kept_unless_the_caller_discards_it(db: PolicyDatabase) -> None:
    for name in ("first", "second", "third"):
        await _record(db, name, "call-1")
        await db.recordings.progress(name, seconds=1.5, size=12_044)
        await db.recordings.finish(name, seconds=4.2, size=33_644, why="key")
    await db.recordings.discard("first")
    await db.recordings.keep("second")
    first, second, third = [await db.recordings.find(name) for name in ("first", "second", "third")]
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.state, second.state, third.state) == ("discarded", "kept", "kept")
    assert (second.confirmed, third.confirmed) == (True, False)
    assert (second.seconds, second.size, second.why) == (4.2, 33_644, "key")
    assert [one.id for one in await db.recordings.mailbox("service")] == ["second", "third"]
    assert len(await db.recordings.of_call("call-1")) == 3


async def test_late_news_of_a_recordings_progress_takes_nothing_back(db: PolicyDatabase) -> None:
    await _record(db, "one", "call-1")
    await db.recordings.progress("one", seconds=3.0, size=24_044)
    await db.recordings.progress("one", seconds=2.0, size=16_044)
    recording = await db.recordings.find("one")
    assert recording is not None
    assert (recording.seconds, recording.size, recording.state) == (3.0, 24_044, "recording")
    await db.recordings.finish("one", seconds=3.5, size=28_044, why="hang_up")
    await db.recordings.progress("one", seconds=9.0, size=99)
    recording = await db.recordings.find("one")
    assert recording is not None
    assert (recording.seconds, recording.size, recording.state) == (3.5, 28_044, "kept")


async def test_a_dead_worker_leaves_nothing_open_and_nothing_lost(db: PolicyDatabase) -> None:
    for call, worker in (("call-1", "worker-1"), ("call-2", "worker-1"), ("call-3", "worker-2")):
        await _begin(db, call, worker)
    await db.calls.finish("call-2", "hung_up")
    await _record(db, "cut", "call-1")
    await db.recordings.progress("cut", seconds=6.0, size=48_044)
    await _record(db, "whole", "call-1")
    await db.recordings.finish("whole", seconds=2.0, size=16_044, why="key")
    await _record(db, "other", "call-3", "worker-2")
    report = await db.claims.begin(caller=CALLER, today=TODAY, call_id="call-1")
    await db.claims.save_answer(report.id, "when", "2026-03-09")

    closed = await db.calls.close_broken_off("worker-1")

    assert (closed.calls, closed.recordings, closed.claims) == (("call-1",), ("cut",), (report.id,))
    assert {call.id for call in await db.calls.running()} == {"call-3"}
    cut, call = await db.recordings.find("cut"), await db.calls.find("call-1")
    assert cut is not None
    assert call is not None
    assert (cut.state, cut.seconds, cut.file) == ("broken_off", 6.0, "cut.wav")
    assert (call.state, call.end_reason) == ("broken_off", "broken_off")
    assert {one.id for one in await db.recordings.mailbox("service")} == {"cut", "whole"}
    record = await db.claims.find(report.number)
    assert record is not None
    assert (record.broken_off, record.answers) == (True, {"when": "2026-03-09"})
    again = await db.claims.begin(caller=CALLER, today=TODAY, call_id="call-4")
    assert (again.id, again.stage) == (report.id, "kind")


async def test_closing_after_a_dead_worker_twice_closes_nothing_more(db: PolicyDatabase) -> None:
    await _begin(db, "call-1")
    await _record(db, "cut", "call-1")
    assert await db.recordings.close_broken_off("worker-1") == ("cut",)
    assert (await db.calls.close_broken_off("worker-1")).calls == ("call-1",)
    closed = await db.calls.close_broken_off("worker-1")
    assert (closed.calls, closed.recordings, closed.claims) == ((), (), ())


async def test_a_recording_that_was_broken_off_can_still_be_closed_with_its_true_length(
    db: PolicyDatabase,
) -> None:
    await _record(db, "cut", "call-1")
    await db.recordings.close_broken_off("worker-1")
    await db.recordings.finish("cut", seconds=7.5, size=60_044, why="broken_off")
    recording = await db.recordings.find("cut")
    assert recording is not None
    assert (recording.state, recording.seconds, recording.why) == ("kept", 7.5, "broken_off")


async def test_the_database_itself_refuses_to_rewrite_history(db: PolicyDatabase) -> None:
    await db.audit.add("staff:li", "looked_up", "policy:86001234", {"why": "call back"})
    await _begin(db, "call-1")
    await db.calls.append("call-1", [TimelineEntry(0, 0.0, "key", {"key": "•"})])
    for statement in (
        update(AuditRow).values(actor="nobody"),
        delete(AuditRow),
        update(CallEventRow).values(kind="nothing"),
    ):
        with pytest.raises(DBAPIError, match="only added to"):
            async with db.store.writing() as connection:
                await connection.execute(statement)
    entries = await db.audit.about("policy:86001234")
    assert [(one.actor, one.action, one.details) for one in entries] == [
        ("staff:li", "looked_up", {"why": "call back"})
    ]
