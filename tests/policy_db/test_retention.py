"""What is due goes, files too; what is held stays; a person's data is erased whole, and the statistics stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from policy_kit import KEYS, TODAY, HandClock
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.facts import TimelineEntry
from policy_db.retention import CLASSES
from policy_db.retention_erase import Erasure, Plan
from policy_db.retention_purge import Purge, SaleRules
from policy_db.tables import (
    AuditRow,
    Base,
    BeneficiaryRow,
    CallEventRow,
    CallRow,
    ClaimRow,
    ComplaintRow,
    MessageRow,
    PolicyRow,
    RecordingRow,
    TranscriptRow,
    WaitingCallRow,
)

LONG_AGO = date(1999, 5, 5)


@dataclass
class Folder:
    """Recordings on the disk."""

    path: Path

    def write(self, name: str) -> str:
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"sound")
        return name

    def remove(self, name: str) -> bool:
        (self.path / name).unlink(missing_ok=True)
        return True

    def names(self) -> set[str]:
        return {str(one.relative_to(self.path)) for one in self.path.rglob("*") if one.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


async def purge(db: PolicyDatabase, folder: Folder, *, dry: bool = False, **rules: Any) -> dict[str, Any]:
    run = Purge(
        db.store, db.clock, rules.get("remove", folder.remove), SaleRules(), db.clock().date(), dry=dry
    )
    return await run.run()


async def record(
    db: PolicyDatabase, folder: Folder, name: str, *, purpose: str = "voicemail", call: str = "", **more: Any
) -> None:
    """A recording with its file, kept."""
    await db.recordings.begin(
        name,
        purpose=purpose,
        call=call or f"call-{name}",
        worker="w",
        file=folder.write(f"2026/{name}.wav"),
        **more,
    )
    await db.recordings.finish(name, seconds=1.0, size=5, why="silence")
    await db.recordings.keep(name)


async def ring(db: PolicyDatabase, call: str, caller: str, *, policy: str | None = None) -> None:
    """A call that has ended, with a timeline."""
    await db.calls.begin(call, worker="w", caller=caller, called="95500", flow="main", version="1")
    entries = [
        TimelineEntry(0, 0.0, "step_entered", {"flow": "main", "step": "welcome"}),
        TimelineEntry(1, 1.0, "heard", {"caller": caller, "text": "my name is Somebody"}),
    ]
    await db.calls.append(call, entries)
    await db.calls.finish(call, "hung_up", **({"policy": policy} if policy else {}))


async def count(db: PolicyDatabase, table: type[Base], *conditions: Any) -> int:
    async with db.store.reading() as connection:
        query = select(func.count()).select_from(table).where(*conditions)
        return int((await connection.execute(query)).scalar_one())


# The purge


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
    policy, customer, phone = await _somebody(demo)
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


# Erasure


def eraser(db: PolicyDatabase, folder: Folder) -> Erasure:
    return Erasure(
        db.store, KEYS, db.clock, remove_file=folder.remove, sales=SaleRules(), today=db.clock().date()
    )


async def _somebody(db: PolicyDatabase) -> tuple[str, str, str]:
    """A policy, its customer's number and telephone, who share the telephone with nobody."""
    query = text(
        "SELECT p.number, c.number, c.phone FROM policies p JOIN customers c ON c.id = p.customer_id"
        " WHERE c.phone IN (SELECT phone FROM customers GROUP BY phone HAVING count(*) = 1) ORDER BY p.id LIMIT 1"
    )
    async with db.store.reading() as connection:
        policy, customer, phone = (await connection.execute(query)).one()
        return policy, customer, phone


async def _live_a_life(db: PolicyDatabase, folder: Folder) -> tuple[str, list[str]]:
    """Everything the hotline can come to know of a customer; their number, and words that name them."""
    policy, number, phone = await _somebody(db)
    customer = await db.customers.find(number)
    assert customer is not None
    home = phone.removeprefix("+86")
    name = "欧阳绝无仅有"
    async with db.store.writing() as connection:
        await connection.execute(
            text("UPDATE customers SET name = :n WHERE number = :c"), {"n": name, "c": number}
        )
        await connection.execute(update(PolicyRow).where(PolicyRow.number == policy).values(insured=name))
        await connection.execute(update(BeneficiaryRow).values(name="另一个人"))
    await ring(db, "life-1", phone, policy=policy)
    await ring(db, "life-2", home)
    await record(db, folder, "voice", call="life-2", caller=home, mailbox="service", reason="complaint")
    await record(db, folder, "talk", call="life-1", purpose="talk", caller=phone)
    await db.talks.begin(
        "talk", call="life-1", worker="w", queue="service", consent="asked", recording="talk"
    )
    await db.preferences.remember_language(phone, "en")
    await db.identity.check_id_tail(policy, "000000", caller=home, call_id="life-1")
    await db.customers.set_consent(number, "marketing", given=True, source="call:life-1")
    async with db.store.reading() as connection:
        queue = (await connection.execute(text("SELECT name FROM queues LIMIT 1"))).scalar_one()
        columns = {column.name: column for column in WaitingCallRow.__table__.columns}
    now = db.clock()
    place = {
        "id": "p1",
        "call_id": "life-1",
        "queue": queue,
        "entered_at": now,
        "queued_at": now,
        "caller": phone,
        "customer": number,
        "policy": policy,
        "language": "zh-CN",
        "state": "callback",
        "call_back_to": home,
    }
    fill = {
        "skills": {},
        "priority": 0,
        "tried": [],
        "visited": [],
        "worker": "",
        "attempts": 0,
        "outcome": "",
        "version": 0,
    }
    assert set(fill) <= set(columns)
    async with db.store.writing() as connection:
        await connection.execute(insert(WaitingCallRow), [place | fill])
        await connection.execute(
            insert(TranscriptRow).values(
                recording_id="voice",
                text=f"我是{name}，电话{home}",
                language="zh-CN",
                confidence=0.9,
                engine="e",
                at=now,
            )
        )
        if not await _exists(connection, "voice"):
            await connection.execute(
                insert(MessageRow).values(
                    recording_id="voice",
                    mailbox="service",
                    received_at=now,
                    state="new",
                    category="complaint",
                    urgency="normal",
                    assignee="",
                    salesperson="",
                    due_set=False,
                    changed_at=now,
                    changed_by="",
                    version=0,
                )
            )
    report = await db.claims.begin(caller=phone, today=TODAY, policy=policy, call_id="life-1")
    await db.claims.save_answer(report.id, "where", f"在{name}家门口")
    id_number = await db.customers.id_number(number)
    return number, [name, phone, home, id_number, policy]


async def _exists(connection: Any, recording: str) -> bool:
    query = select(MessageRow.recording_id).where(MessageRow.recording_id == recording)
    return (await connection.execute(query)).first() is not None


async def _end_contracts(db: PolicyDatabase, number: str) -> None:
    """Long ago, so that nothing has to stay."""
    async with db.store.writing() as connection:
        mine = select(text("id")).select_from(text("customers")).where(text("number = :n")).params(n=number)
        customer = (await connection.execute(mine)).scalar_one()
        await connection.execute(
            update(PolicyRow)
            .where(PolicyRow.customer_id == customer)
            .values(started_on=LONG_AGO, ends_on=LONG_AGO, surrendered_on=None)
        )
        policies = select(PolicyRow.id).where(PolicyRow.customer_id == customer)
        await connection.execute(
            update(ComplaintRow).where(ComplaintRow.customer_id == customer).values(status="closed")
        )
        await connection.execute(
            delete(ClaimRow).where(ClaimRow.policy_id.in_(policies), ClaimRow.status != "draft")
        )


async def dump(db: PolicyDatabase, *, but: Sequence[str] = ()) -> str:
    """Every row of every table, as text."""
    async with db.store.reading() as connection:
        rows = [
            f"{table.name} {dict(row._mapping)}"
            for table in Base.metadata.sorted_tables
            if table.name not in but
            for row in await connection.execute(select(*table.columns))
        ]
    return "\n".join(rows)


async def test_an_erasure_leaves_no_trace_of_the_person_and_the_calls_counted(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, words = await _live_a_life(demo, folder)
    await _end_contracts(demo, number)
    before = await dump(demo)
    assert all(word in before for word in (words[0], words[1], words[4]))
    calls = await count(demo, CallRow)
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert plan.whole
    assert plan.stays == []
    assert plan.counts()["recordings"] == 2
    after = await dump(demo)
    assert [word for word in words if word in after] == []
    assert number not in await dump(demo, but=("erasures",))
    assert folder.names() == set()
    assert await count(demo, CallRow) == calls
    assert await demo.customers.find(number) is None


async def test_after_the_nights_compaction_not_even_the_file_holds_a_word(
    demo: PolicyDatabase, folder: Folder
) -> None:
    if demo.store.dialect != "sqlite":
        pytest.skip("PostgreSQL cleans up by itself")
    number, words = await _live_a_life(demo, folder)
    await _end_contracts(demo, number)
    await eraser(demo, folder).erase(number, who="staff:root")
    assert await demo.store.compact()
    async with demo.store.reading() as connection:
        file = Path((await connection.execute(text("PRAGMA database_list"))).one()[2])
    raw = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    assert [word for word in words if word.encode() in raw] == []


async def test_an_erasure_done_again_finds_nothing_and_harms_nothing(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await _live_a_life(demo, folder)
    await _end_contracts(demo, number)
    await eraser(demo, folder).erase(number, who="staff:root")
    once = await dump(demo)
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert not plan.known
    assert await dump(demo) == once


async def test_an_open_contract_stays_and_what_the_telephone_brought_goes(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await _live_a_life(demo, folder)
    async with demo.store.writing() as connection:
        await connection.execute(
            update(PolicyRow).values(started_on=TODAY, ends_on=None, surrendered_on=None)
        )
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert ("policy", "open_policy") in {(one.what, one.why) for one in plan.stays}
    assert not plan.whole
    assert folder.names() == set()
    assert await demo.customers.find(number) is not None
    assert await count(demo, CallEventRow, CallEventRow.kind == "heard") == 0


async def test_a_contract_that_ended_stays_for_the_years_of_the_law(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await _live_a_life(demo, folder)
    await _end_contracts(demo, number)
    async with demo.store.writing() as connection:
        await connection.execute(
            update(PolicyRow)
            .where(PolicyRow.ends_on == LONG_AGO)
            .values(started_on=date(2018, 1, 1), ends_on=date(2020, 1, 1))
        )
    stays = {(one.what, one.why, one.until) for one in (await eraser(demo, folder).plan(number)).stays}
    assert ("policy", "statutory", date(2030, 1, 1)) in stays


async def test_a_held_customer_is_not_erased_at_all(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await _live_a_life(demo, folder)
    await demo.retention.hold("customer", number, why="a court asks", who="staff:root")
    before = await dump(demo)
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert [(one.what, one.why) for one in plan.stays] == [("customer", "hold")]
    assert await dump(demo) == before
    assert folder.names() == {"2026/voice.wav", "2026/talk.wav"}


async def test_a_held_call_stays_whole_and_so_does_its_recording(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await _live_a_life(demo, folder)
    await demo.retention.hold("call", "life-2", why="a court asks", who="staff:root")
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert {("call", "life-2", "hold"), ("recording", "voice", "hold")} <= _told(plan)
    assert folder.names() == {"2026/voice.wav"}
    assert [one.kind for one in await demo.calls.timeline("life-2")] == ["step_entered", "heard"]


async def test_a_sale_stays_with_its_call_and_its_contract(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await _live_a_life(demo, folder)
    await demo.talks.begin(
        "sale", call="life-1", worker="w", queue="sales", consent="asked", recording="talk"
    )
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert ("recording", "talk", "statutory") in _told(plan)
    assert folder.names() == {"2026/talk.wav"}


async def test_what_others_have_is_not_touched(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await _live_a_life(demo, folder)
    await _end_contracts(demo, number)
    await ring(demo, "other", "+8613111111111")
    tables = ("policies", "claims", "complaints", "salespeople", "customers")
    async with demo.store.reading() as connection:
        kept = text(
            "SELECT count(*) FROM policies WHERE customer_id <> (SELECT id FROM customers WHERE number = :n)"
        )
        policies = (await connection.execute(kept, {"n": number})).scalar_one()
        customers = (await connection.execute(text("SELECT count(*) FROM customers"))).scalar_one()
    await eraser(demo, folder).erase(number, who="staff:root")
    async with demo.store.reading() as connection:
        counts = {
            name: (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()
            for name in tables
        }
    assert (counts["policies"], counts["customers"]) == (policies, customers - 1)
    assert len(await demo.calls.timeline("other")) == 2
    assert await count(demo, RecordingRow) == 0


def _told(plan: Plan) -> set[tuple[str, str, str]]:
    return {(one.what, one.number, one.why) for one in plan.stays}
