"""Records and timelines are written in order, whatever the database does, and nothing of them is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from call_kit import Calls, Database, eventually

from ivr.call.journal import BATCH, MOST_ENTRIES, CallJournal
from ivr.lines.base import LegInfo
from policy_db import PolicyDatabase
from policy_db.errors import DatabaseBusyError, DatabaseFullError, NotFoundError

INFO = LegInfo("leg-1", "script", "13800138000", "95500")


def journal_over(database, folder: Path, **options) -> CallJournal:
    return CallJournal(
        database, "worker-0", folder / "unwritten", **{"patience": 0.2, "gather": 0.0, **options}
    )


def begin(journal: CallJournal, call_id: str = "call-1") -> None:
    journal.begin(call_id, INFO, flow="main", version="v1")


def entries(*numbers: int) -> list[dict]:
    return [{"kind": "key_used", "at": float(number), "key": str(number)} for number in numbers]


def spilled(folder: Path) -> list[Path]:
    return sorted((folder / "unwritten").glob("*"))


async def test_a_call_is_begun_noted_and_finished(database: PolicyDatabase, tmp_path: Path) -> None:
    journal = journal_over(database, tmp_path)
    begin(journal)
    journal.add("call-1", entries(1, 2))
    journal.know("call-1", language="zh-CN", level=2)
    await journal.finish("call-1", "normal")

    record = await database.calls.find("call-1")
    assert (record.state, record.end_reason, record.language, record.level) == (
        "finished",
        "normal",
        "zh-CN",
        2,
    )
    assert [(one.seq, one.at, one.data) for one in await database.calls.timeline("call-1")] == [
        (0, 1.0, {"key": "1"}), (1, 2.0, {"key": "2"}),
    ]  # fmt: skip
    assert spilled(tmp_path) == []


async def test_while_a_call_runs_its_record_follows(database: PolicyDatabase, tmp_path: Path) -> None:
    journal = journal_over(database, tmp_path)
    begin(journal)
    journal.add("call-1", entries(1))
    journal.know("call-1", level=1)

    async def followed() -> bool:
        record = await database.calls.find("call-1")
        return record is not None and record.level == 1 and len(await database.calls.timeline("call-1")) == 1

    await eventually(followed)
    await journal.finish("call-1", "normal")


async def test_entries_that_come_together_are_written_together(tmp_path: Path) -> None:
    calls = Calls()
    journal = journal_over(Database(calls), tmp_path, gather=0.05)
    begin(journal)
    for number in range(20):
        journal.add("call-1", entries(number))
    await eventually(lambda: calls.taken)
    await journal.finish("call-1", "normal")

    assert calls.batches == [20]


async def test_a_batch_has_its_bound(tmp_path: Path) -> None:
    calls = Calls()
    journal = journal_over(Database(calls), tmp_path)
    begin(journal)
    journal.add("call-1", entries(*range(BATCH + 1)))
    await journal.finish("call-1", "normal")

    assert calls.batches == [BATCH, 1]


async def test_what_is_known_already_is_not_written_again(tmp_path: Path) -> None:
    calls = Calls()
    journal = journal_over(Database(calls), tmp_path)
    begin(journal)
    journal.know("call-1", level=0, language="en")
    await eventually(lambda: calls.updates)
    for _ in range(3):
        journal.know("call-1", level=0, language="en")
    journal.know("call-1", level=1, language="en")
    await journal.finish("call-1", "normal")

    assert calls.updates == [{"level": 0, "language": "en"}, {"level": 1}]


async def test_failing_writes_are_tried_again_in_order_and_none_is_dropped(tmp_path: Path) -> None:
    busy = DatabaseBusyError("held")
    calls = Calls(busy, busy)
    journal = journal_over(Database(calls), tmp_path, patience=5.0)
    begin(journal)
    journal.add("call-1", entries(0, 1))
    await eventually(lambda: calls.taken == [0, 1])
    calls.failures = [busy, DatabaseFullError("full"), RuntimeError("anything")]
    journal.add("call-1", entries(2))
    journal.add("call-1", entries(3))
    await journal.finish("call-1", "normal")

    assert calls.taken == [0, 1, 2, 3]
    assert calls.finished == [("call-1", "normal")]


async def test_while_the_database_is_locked_a_call_waits_for_nothing_and_all_is_written_after(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    journal = journal_over(database, tmp_path, patience=10.0)
    locker.lock()
    begin(journal)
    journal.add("call-1", entries(0))
    finishing = asyncio.create_task(journal.finish("call-1", "normal"))
    _, waiting = await asyncio.wait({finishing}, timeout=0.2)
    assert waiting, "the end of a call waits until its record is complete"
    locker.free()
    await finishing

    assert (await database.calls.find("call-1")).state == "finished"
    assert len(await database.calls.timeline("call-1")) == 1


async def test_what_the_database_never_takes_is_spilled_and_brought_in_later(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    journal = journal_over(database, tmp_path, patience=0.1)
    locker.lock()
    begin(journal)
    journal.add("call-1", entries(0, 1))
    journal.know("call-1", level=2)
    await journal.finish("call-1", "caller_hung_up")
    assert [path.name for path in spilled(tmp_path)] == ["call-1.json"]
    locker.free()

    assert await journal_over(database, tmp_path).recover() == ["call-1"]

    record = await database.calls.find("call-1")
    assert (record.state, record.end_reason, record.level) == ("finished", "caller_hung_up", 2)
    assert [entry.seq for entry in await database.calls.timeline("call-1")] == [0, 1]
    assert spilled(tmp_path) == []


async def test_what_was_written_before_the_trouble_is_not_written_twice(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    journal = journal_over(database, tmp_path, patience=0.1)
    begin(journal)
    journal.add("call-1", entries(0))

    async def written() -> bool:
        return len(await database.calls.timeline("call-1")) == 1

    await eventually(written)
    locker.lock()
    journal.add("call-1", entries(1))
    await journal.finish("call-1", "normal")
    locker.free()
    await journal.recover()

    assert [entry.seq for entry in await database.calls.timeline("call-1")] == [0, 1]


async def test_closing_writes_what_can_be_written(database: PolicyDatabase, tmp_path: Path) -> None:
    journal = journal_over(database, tmp_path, gather=30.0)
    begin(journal)
    journal.add("call-1", entries(0))
    await journal.close()

    assert len(await database.calls.timeline("call-1")) == 1
    assert spilled(tmp_path) == []
    await journal.finish("call-1", "drained")


async def test_closing_with_the_database_locked_spills_running_calls_and_their_later_end(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    journal = journal_over(database, tmp_path, patience=30.0)
    locker.lock()
    begin(journal)
    journal.add("call-1", entries(0))
    await journal.close(seconds=0.2)
    (page,) = spilled(tmp_path)
    assert json.loads(page.read_text())["outcome"] is None
    journal.add("call-1", entries(1))
    await journal.finish("call-1", "drained")
    locker.free()

    assert await journal_over(database, tmp_path).recover() == ["call-1"]
    assert (await database.calls.find("call-1")).end_reason == "drained"
    assert len(await database.calls.timeline("call-1")) == 2


async def test_a_disk_that_takes_no_spill_is_told_of_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "unwritten").write_text("a file where the folder should be")
    calls = Calls(*[DatabaseFullError("full")] * 100)
    journal = journal_over(Database(calls), tmp_path, patience=0.05)
    begin(journal)
    await journal.finish("call-1", "normal")

    assert calls.finished == []


async def test_recovery_leaves_other_workers_and_running_calls_alone(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    other = CallJournal(database, "worker-1", tmp_path / "unwritten", patience=0.0)
    other._database = Database(Calls(*[DatabaseBusyError("held")] * 100))
    begin(other, "call-9")
    await other.finish("call-9", "normal")

    assert await journal_over(database, tmp_path).recover() == []
    assert len(spilled(tmp_path)) == 1


async def test_a_spilled_record_that_nobody_can_read_does_not_keep_the_others_out(
    database: PolicyDatabase, tmp_path: Path
) -> None:
    folder = tmp_path / "unwritten"
    folder.mkdir()
    (folder / "a.json").write_text("{ not a page")
    page = {
        "id": "b",
        "call": {"worker": "worker-0", "caller": "1", "called": "2"},
        "entries": [],
        "news": {},
    }
    (folder / "b.json").write_text(json.dumps({**page, "outcome": "normal"}))

    assert await journal_over(database, tmp_path).recover() == ["b"]
    assert [path.name for path in spilled(tmp_path)] == ["a.refused"]


async def test_recovery_says_so_when_the_database_is_still_locked(
    database: PolicyDatabase, locker, tmp_path: Path
) -> None:
    folder = tmp_path / "unwritten"
    folder.mkdir()
    page = {
        "id": "b",
        "call": {"worker": "worker-0", "caller": "1", "called": "2"},
        "entries": [],
        "news": {},
    }
    (folder / "b.json").write_text(json.dumps({**page, "outcome": "normal"}))
    locker.lock()

    with pytest.raises(DatabaseBusyError):
        await journal_over(database, tmp_path).recover()
    assert [path.name for path in spilled(tmp_path)] == ["b.json"]


async def test_a_flood_of_entries_fills_neither_memory_nor_database(tmp_path: Path) -> None:
    calls = Calls()
    journal = journal_over(Database(calls), tmp_path)
    begin(journal)
    for _ in range(3):
        journal.add("call-1", entries(*range(MOST_ENTRIES)))
    await journal.finish("call-1", "normal")

    assert calls.taken == list(range(MOST_ENTRIES + 1)), "the last entry says that the timeline is full"


async def test_a_record_that_vanished_is_begun_again(tmp_path: Path) -> None:
    calls = Calls()
    journal = journal_over(Database(calls), tmp_path, patience=5.0)
    begin(journal)
    await eventually(lambda: calls.begun)
    calls.failures = [NotFoundError("There is no call call-1.")]
    journal.add("call-1", entries(0))
    await journal.finish("call-1", "normal")

    assert calls.begun == ["call-1", "call-1"]
    assert calls.taken == [0]


async def test_calls_are_written_side_by_side(database: PolicyDatabase, tmp_path: Path) -> None:
    journal = journal_over(database, tmp_path)
    for number in range(20):
        begin(journal, f"call-{number}")
        journal.add(f"call-{number}", entries(*range(number)))
    await asyncio.gather(*(journal.finish(f"call-{number}", "normal") for number in range(20)))

    for number in range(20):
        assert len(await database.calls.timeline(f"call-{number}")) == number
