"""What is due goes, files too, and what is held stays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from policy_kit import TODAY, HandClock
from retention_kit import (
    Folder,
    count,
    purge,
    record,
    ring,
    somebody,
)
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.retention import CLASSES
from policy_db.tables import (
    AuditRow,
    CallEventRow,
    CallRow,
    ClaimRow,
    PolicyRow,
)


async def test_a_message_goes_after_its_period_with_its_file_and_a_younger_one_stays(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await record(db, folder, "old")
    clock.forward(days=200)
    await record(db, folder, "new")
    clock.forward(days=166)
    told = await purge(db, folder)
    assert told["voicemail"] == {"deleted": 1, "held": 0, "files": 1, "failed": 0}
    assert await db.recordings.find("old") is None
    assert await db.recordings.find("new") is not None
    assert folder.names() == {"2026/new.wav"}


async def test_a_dry_run_counts_the_same_and_deletes_nothing(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await record(db, folder, "old")
    await ring(db, "call-1", "+8613800138000")
    clock.forward(days=800)
    dry = await purge(db, folder, dry=True)
    assert folder.names() == {"2026/old.wav"}
    assert await count(db, CallEventRow) == 2
    wet = await purge(db, folder)
    assert {name: one["deleted"] for name, one in dry.items()} == {
        name: one["deleted"] for name, one in wet.items()
    }


async def test_a_file_that_cannot_be_removed_keeps_its_row_for_the_next_run(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await record(db, folder, "old")
    clock.forward(days=800)
    told = await purge(db, folder, remove=lambda name: False)
    assert told["voicemail"]["failed"] == 1
    assert await db.recordings.find("old") is not None
    assert (await purge(db, folder))["voicemail"]["deleted"] == 1


async def test_a_recording_in_progress_never_goes(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await db.recordings.begin("live", purpose="talk", call="c", worker="w", file=folder.write("live.wav"))
    clock.forward(days=5000)
    await purge(db, folder)
    assert folder.names() == {"live.wav"}


async def test_a_calls_number_and_timeline_go_and_the_call_is_still_counted(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    await ring(db, "call-1", "+8613800138000")
    clock.forward(days=731)
    assert (await purge(db, folder))["calls"]["deleted"] == 1
    call = await db.calls.find("call-1")
    assert call is not None
    assert (call.caller, call.policy, call.end_reason) == ("", None, "hung_up")
    left = await db.calls.timeline("call-1")
    assert [(one.kind, one.data) for one in left] == [("step_entered", {"flow": "main", "step": "welcome"})]
    assert (await purge(db, folder))["calls"]["deleted"] == 0


async def test_batches_reach_all_that_is_due_around_what_is_held(
    db: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    for number in range(450):
        await db.calls.begin(f"call-{number:03}", worker="w", caller="13800138000", called="95500")
    async with db.store.writing() as connection:
        await connection.execute(update(CallRow).values(state="finished", ended_at=clock()))
    for number in (0, 199, 200, 449):
        await db.retention.hold("call", f"call-{number:03}", why="a court asks", who="staff:root")
    clock.forward(days=800)
    told = await purge(db, folder)
    assert (told["calls"]["deleted"], told["calls"]["held"]) == (446, 4)
    assert await count(db, CallRow, CallRow.caller != "") == 4


async def test_a_hold_on_a_customer_policy_or_claim_keeps_all_that_belongs_to_them(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    policy, customer, phone = await somebody(demo)
    await ring(demo, "by-policy", "", policy=policy)
    await ring(demo, "by-phone", phone.removeprefix("+86"))
    await record(demo, folder, "message", call="by-phone", caller=phone)
    report = await demo.claims.begin(caller="13900139000", today=TODAY, policy=policy, call_id="by-claim")
    await ring(demo, "by-claim", "13900139000")
    for kind, number, kept in (
        ("customer", customer, {"by-policy", "by-phone", "by-claim"}),
        ("policy", policy, {"by-policy", "by-claim"}),
        ("claim", report.number, {"by-claim"}),
    ):
        hold = await demo.retention.hold(kind, number, why="a court asks", who="staff:root")  # type: ignore[arg-type]
        clock.forward(days=800)
        await purge(demo, folder)
        async with demo.store.reading() as connection:
            told = select(CallEventRow.call_id).where(CallEventRow.kind == "heard")
            assert set((await connection.execute(told)).scalars()) == kept
        assert (folder.names() == {"2026/message.wav"}) == (kind == "customer")
        released = await demo.retention.release(hold.id, who="staff:root")
        assert released is not None
        assert released.released_by == "staff:root"
    await purge(demo, folder)
    assert await count(demo, CallEventRow, CallEventRow.kind == "heard") == 0


async def test_recordings_of_sales_stay_five_or_ten_years_from_the_end_of_the_contract(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    async with demo.store.reading() as connection:
        long, short = (await connection.execute(select(PolicyRow.number).limit(2))).scalars()
    async with demo.store.writing() as connection:
        for number, ends in ((long, date(2028, 3, 9)), (short, date(2027, 3, 9))):
            change = update(PolicyRow).where(PolicyRow.number == number)
            await connection.execute(change.values(started_on=TODAY, ends_on=ends, surrendered_on=None))
    for name, policy in (("long", long), ("short", short), ("service", long)):
        await ring(demo, f"call-{name}", "", policy=policy)
        await record(demo, folder, name, purpose="talk")
        queue = "service" if name == "service" else "sales"
        await demo.talks.begin(
            name, call=f"call-{name}", worker="w", queue=queue, consent="announced", recording=name
        )
    for day, left in (
        (date(2026, 10, 1), {"long", "short"}),
        (date(2032, 3, 9), {"long", "short"}),
        (date(2032, 3, 12), {"long"}),
        (date(2038, 3, 10), {"long"}),
        (date(2038, 3, 14), set()),
    ):
        clock.now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        await purge(demo, folder)
        assert folder.names() == {f"2026/{name}.wav" for name in left}, day


async def test_closed_claims_go_with_answers_and_recordings_and_open_ones_stay(
    demo: PolicyDatabase, clock: HandClock, folder: Folder
) -> None:
    async with demo.store.writing() as connection:
        await connection.execute(delete(ClaimRow))
    for name in ("closed", "open"):
        report = await demo.claims.begin(caller=f"1380013800{len(name)}", today=TODAY, call_id=name)
        await demo.claims.save_answer(report.id, "when", "today")
        await record(demo, folder, name, purpose="claim", claim=report.id)
        status = "declined" if name == "closed" else "reviewing"
        async with demo.store.writing() as connection:
            await connection.execute(update(ClaimRow).where(ClaimRow.id == report.id).values(status=status))
    clock.forward(days=3660)
    told = await purge(demo, folder)
    assert told["claims"]["deleted"] == 1
    assert folder.names() == {"2026/open.wav"}
    assert await count(demo, ClaimRow) == 1


async def test_the_audit_loses_only_what_is_old_enough_and_is_never_changed(
    db: PolicyDatabase, folder: Folder
) -> None:
    old = {
        "at": datetime(2001, 1, 1, tzinfo=UTC),
        "actor": "a",
        "action": "b",
        "subject": "c",
        "details": {},
        "call_id": "",
    }
    new = old | {"at": datetime.now(UTC) - timedelta(days=300)}
    async with db.store.writing() as connection:
        await connection.execute(insert(AuditRow), [old, new])
    for statement in (delete(AuditRow), update(AuditRow).values(actor="x")):
        with pytest.raises(DBAPIError):
            async with db.store.writing() as connection:
                await connection.execute(statement)
    assert (await purge(db, folder))["audit"]["deleted"] == 1
    assert await count(db, AuditRow) == 1


# Periods, holds, leases


async def test_no_period_is_shorter_than_the_law_allows(db: PolicyDatabase) -> None:
    for one in CLASSES:
        with pytest.raises(BadValueError):
            await db.retention.set_period(one.name, one.least - 1, who="staff:root")
        await db.retention.set_period(one.name, one.least, who="staff:root")
    periods = await db.retention.periods()
    assert {one.days for one in periods.values()} == {one.least for one in CLASSES}
    assert {one.changed_by for one in periods.values()} == {"staff:root"}


async def test_a_hold_needs_a_thing_and_a_reason_and_is_on_once(db: PolicyDatabase) -> None:
    await ring(db, "call-1", "")
    with pytest.raises(NotFoundError):
        await db.retention.hold("call", "call-2", why="because", who="staff:root")
    with pytest.raises(BadValueError):
        await db.retention.hold("call", "call-1", why=" ", who="staff:root")
    hold = await db.retention.hold("call", "call-1", why="because", who="staff:root")
    with pytest.raises(ConflictError):
        await db.retention.hold("call", "call-1", why="because", who="staff:mei")
    assert (await db.retention.hold_on("call", "call-1")) == hold
    assert await db.retention.release(hold.id, who="staff:mei") is not None
    assert await db.retention.release(hold.id, who="staff:mei") is None
    assert (await db.retention.holds(), len(await db.retention.holds(released=True))) == ((), 1)


async def test_one_process_at_a_time_has_the_lease_and_a_dead_one_loses_it(
    db: PolicyDatabase, clock: HandClock
) -> None:
    assert await db.retention.take_lease("purge", "one", seconds=60)
    assert not await db.retention.take_lease("purge", "two", seconds=60)
    clock.forward(seconds=61)
    assert await db.retention.take_lease("purge", "two", seconds=60)
    assert not await db.retention.take_lease("purge", "one", seconds=60)
    await db.retention.give_lease("purge", "two", done=True)
    assert await db.retention.last_done("purge") == clock()
    assert await db.retention.take_lease("purge", "one", seconds=60)
