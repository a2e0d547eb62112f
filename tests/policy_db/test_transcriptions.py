"""Recordings are written down once, by one process at a time, and none is lost; urgent ones are raised."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from policy_kit import HandClock

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, NotFoundError
from policy_db.message_facts import (
    MessageChange,
    MessageFilter,
    Segment,
    Sight,
    SpokenWord,
    Transcript,
    UrgencyReason,
)
from policy_db.transcriptions import MOST_TRIES, Transcription

HERE = "here-"
ME = "here-100"
REVIEWER = Sight("rui", shared=True)


def due(mailbox: str, urgency: str, received: datetime) -> datetime:
    return received + timedelta(hours={"normal": 8, "high": 4, "urgent": 2}[urgency])


async def leave(
    db: PolicyDatabase,
    recording: str = "m1",
    *,
    language: str = "zh-CN",
    worker: str = "here-0",
    purpose: str = "voicemail",
    sent: bool = True,
    running: bool = False,
    **facts: object,
) -> None:
    call = f"call-{recording}"
    await db.calls.begin(call, worker=worker, caller="1", called="2", language=language)
    await db.recordings.begin(
        recording, purpose=purpose, call=call, worker=worker, file=f"2026/{recording}.wav", mailbox="service", **facts
    )  # fmt: skip
    await db.recordings.finish(recording, seconds=4.0, size=32_058, why="hang_up")
    if sent:
        await db.recordings.keep(recording)
    if not running:
        await db.calls.finish(call, "caller_hung_up")
    await db.messages.take_in(due)


async def taken(db: PolicyDatabase, holder: str = ME, machine: str = HERE) -> Transcription | None:
    await db.transcriptions.find_new(machine)
    return await db.transcriptions.take(holder, machine, ("zh-CN", "en"), seconds=60)


def said(db: PolicyDatabase, *reasons: UrgencyReason, urgency: str = "normal") -> Transcript:
    words = SpokenWord("有人", 0.9, 0.2, 0.5), SpokenWord("受伤", 0.5, 0.5, 1.0)
    return Transcript(
        "有人受伤", "zh-CN", 0.7, "Vosk", db.clock(), (Segment(words),), urgency, reasons  # type: ignore[arg-type]
    )  # fmt: skip


HURT = UrgencyReason("受伤", "urgent", 0.5, 0.5)


async def test_what_a_caller_left_is_found_without_anybodys_word_and_taken_once(db: PolicyDatabase) -> None:
    await leave(db)
    job = await taken(db)
    assert job == Transcription("m1", "voicemail", "call-m1", "2026/m1.wav", "zh-CN", 4.0, 1)
    assert await taken(db, "here-101") is None
    assert await db.transcriptions.find_new(HERE) == 0


async def test_what_may_still_be_said_again_and_what_is_on_another_machine_is_left_alone(
    db: PolicyDatabase,
) -> None:
    await leave(db, "running", sent=False, running=True)
    await leave(db, "elsewhere", worker="there-0")
    await leave(db, "cantonese", language="zh-HK")
    assert await taken(db) is None
    await db.calls.finish("call-running", "caller_hung_up")
    job = await taken(db)
    assert job is not None
    assert job.recording == "running"


async def test_the_latest_comes_first(db: PolicyDatabase, clock: HandClock) -> None:
    await leave(db, "old")
    clock.forward(minutes=1)
    await leave(db, "new", purpose="claim")
    assert [job and job.recording for job in (await taken(db), await taken(db))] == ["new", "old"]


async def test_a_process_that_was_killed_loses_its_work_to_the_next_at_once(db: PolicyDatabase) -> None:
    await leave(db)
    assert await taken(db, "here-100") is not None
    assert await db.transcriptions.free(HERE, "here-101") == 1
    again = await taken(db, "here-101")
    assert again is not None
    assert again.tries == 2
    assert await db.transcriptions.write(again, "here-100", said(db), due) is None
    assert await db.messages.transcript("m1") is None


async def test_a_process_that_hangs_loses_it_when_its_time_is_over(
    db: PolicyDatabase, clock: HandClock
) -> None:
    await leave(db)
    await taken(db, "here-100")
    clock.forward(seconds=50)
    assert await db.transcriptions.prolong("m1", "here-100", seconds=60)
    clock.forward(seconds=50)
    assert await taken(db, "here-101") is None
    clock.forward(seconds=11)
    assert await taken(db, "here-101") is not None
    assert not await db.transcriptions.prolong("m1", "here-100", seconds=60)


async def test_what_kills_its_process_every_time_is_given_up(db: PolicyDatabase) -> None:
    await leave(db)
    for pid in range(MOST_TRIES):
        assert await taken(db, f"here-{pid}") is not None
        await db.transcriptions.free(HERE, "here-next")
    assert await taken(db) is None
    assert await db.transcriptions.state_of("m1") == "failed"
    assert await db.transcriptions.counts() == {"failed": 1}


async def test_what_failed_is_tried_again_later_and_not_for_ever(
    db: PolicyDatabase, clock: HandClock
) -> None:
    await leave(db)
    for _ in range(MOST_TRIES):
        assert await taken(db) is not None
        await db.transcriptions.failed("m1", ME, "no answer", again_in=30)
        assert await taken(db) is None
        clock.forward(seconds=30)
    assert await taken(db) is None
    assert await db.transcriptions.state_of("m1") == "failed"


async def test_work_that_is_put_back_has_not_been_tried(db: PolicyDatabase) -> None:
    await leave(db)
    await taken(db)
    await db.transcriptions.put_back("m1", ME)
    again = await taken(db)
    assert again is not None
    assert again.tries == 1


async def test_a_transcript_keeps_its_times_and_raises_its_message(db: PolicyDatabase) -> None:
    await leave(db)
    job = await taken(db)
    assert job is not None
    written = await db.transcriptions.write(job, ME, said(db, HURT, urgency="urgent"), due)
    assert written is not None
    assert written.raised == "urgent"
    kept = await db.messages.transcript("m1")
    assert kept == said(db, HURT, urgency="urgent")
    message = await db.messages.find("m1")
    assert message is not None
    assert (message.urgency, message.state, message.version) == ("urgent", "new", 1)
    assert message.due_at == message.received_at + timedelta(hours=2)
    last = (await db.messages.history("m1"))[-1]
    assert (last.who, last.action) == ("system", "urgency")
    assert last.details == {"was": "normal", "is": "urgent", "said": ["受伤"]}
    assert await db.transcriptions.counts() == {"done": 1}


@pytest.mark.parametrize(
    "change", [MessageChange(urgency="high"), MessageChange(state="done")], ids=["chosen", "done"]
)
async def test_what_a_person_decided_stays(db: PolicyDatabase, change: MessageChange) -> None:
    await leave(db)
    await db.messages.change("m1", "rui", change, version=0, due=due)
    job = await taken(db)
    assert job is not None
    written = await db.transcriptions.write(job, ME, said(db, HURT, urgency="urgent"), due)
    assert written is not None
    assert written.raised is None
    message = await db.messages.find("m1")
    assert message is not None
    assert message.urgency == (change.urgency or "normal")


async def test_a_due_time_that_a_person_chose_is_kept_though_it_becomes_urgent(db: PolicyDatabase) -> None:
    await leave(db)
    chosen = db.clock() + timedelta(days=2)
    await db.messages.change("m1", "rui", MessageChange(due_at=chosen), version=0, due=due)
    job = await taken(db)
    assert job is not None
    await db.transcriptions.write(job, ME, said(db, HURT, urgency="urgent"), due)
    message = await db.messages.find("m1")
    assert message is not None
    assert (message.urgency, message.due_at) == ("urgent", chosen)


async def test_a_claims_recording_tells_its_claim(db: PolicyDatabase) -> None:
    claim = await db.claims.begin(caller="1", today=db.clock().date(), call_id="call-c1")
    await leave(db, "c1", purpose="claim", claim=claim.id)
    job = await taken(db)
    assert job is not None
    written = await db.transcriptions.write(job, ME, said(db, HURT, urgency="urgent"), due)
    assert written is not None
    assert (written.claim, written.raised) == (claim.number, None)


async def test_a_recording_that_went_meanwhile_gets_no_transcript(db: PolicyDatabase) -> None:
    await leave(db)
    job = await taken(db)
    assert job is not None
    await db.recordings.discard("m1")
    assert await db.transcriptions.write(job, ME, said(db), due) is None
    assert await db.messages.transcript("m1") is None


async def test_a_person_corrects_it_and_what_was_recognised_stays_beside(db: PolicyDatabase) -> None:
    await leave(db)
    with pytest.raises(NotFoundError):
        await db.messages.correct("m1", "有人受伤了", "rui")
    job = await taken(db)
    assert job is not None
    await db.transcriptions.write(job, ME, said(db), due)
    with pytest.raises(BadValueError):
        await db.messages.correct("m1", "  ", "rui")
    await db.messages.correct("m1", "有人受伤了", "rui")
    kept = await db.messages.transcript("m1")
    assert kept is not None
    assert (kept.text, kept.corrected_by, kept.segments[0].words[1].text) == ("有人受伤了", "rui", "受伤")
    assert (await db.messages.history("m1"))[-1].action == "corrected"


async def test_a_message_is_found_by_what_was_said(db: PolicyDatabase) -> None:
    await leave(db)
    job = await taken(db)
    assert job is not None
    await db.transcriptions.write(job, ME, said(db), due)
    for word, found in (("受伤", ["m1"]), ("着火", [])):
        rows = await db.messages.inbox(REVIEWER, MessageFilter(q=word), now=db.clock(), limit=5)
        assert [row.id for row in rows] == found
