"""A person's data is erased whole, what has to stay does, and so do the statistics."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from policy_kit import TODAY
from retention_kit import (
    LONG_AGO,
    Folder,
    count,
    dump,
    end_contracts,
    eraser,
    live_a_life,
    ring,
)
from sqlalchemy import text, update

from policy_db import PolicyDatabase
from policy_db.retention_erase import Plan
from policy_db.tables import (
    CallEventRow,
    CallRow,
    PolicyRow,
    RecordingRow,
)


async def test_an_erasure_leaves_no_trace_of_the_person_and_the_calls_counted(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, words = await live_a_life(demo, folder)
    await end_contracts(demo, number)
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
    number, words = await live_a_life(demo, folder)
    await end_contracts(demo, number)
    await eraser(demo, folder).erase(number, who="staff:root")
    assert await demo.store.compact()
    async with demo.store.reading() as connection:
        file = Path((await connection.execute(text("PRAGMA database_list"))).one()[2])
    raw = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    assert [word for word in words if word.encode() in raw] == []


async def test_an_erasure_done_again_finds_nothing_and_harms_nothing(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await live_a_life(demo, folder)
    await end_contracts(demo, number)
    await eraser(demo, folder).erase(number, who="staff:root")
    once = await dump(demo)
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert not plan.known
    assert await dump(demo) == once


async def test_an_open_contract_stays_and_what_the_telephone_brought_goes(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await live_a_life(demo, folder)
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
    number, _ = await live_a_life(demo, folder)
    await end_contracts(demo, number)
    async with demo.store.writing() as connection:
        await connection.execute(
            update(PolicyRow)
            .where(PolicyRow.ends_on == LONG_AGO)
            .values(started_on=date(2018, 1, 1), ends_on=date(2020, 1, 1))
        )
    stays = {(one.what, one.why, one.until) for one in (await eraser(demo, folder).plan(number)).stays}
    assert ("policy", "statutory", date(2030, 1, 1)) in stays


async def test_a_held_customer_is_not_erased_at_all(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await live_a_life(demo, folder)
    await demo.retention.hold("customer", number, why="a court asks", who="staff:root")
    before = await dump(demo)
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert [(one.what, one.why) for one in plan.stays] == [("customer", "hold")]
    assert await dump(demo) == before
    assert folder.names() == {"2026/voice.wav", "2026/talk.wav"}


async def test_a_held_call_stays_whole_and_so_does_its_recording(
    demo: PolicyDatabase, folder: Folder
) -> None:
    number, _ = await live_a_life(demo, folder)
    await demo.retention.hold("call", "life-2", why="a court asks", who="staff:root")
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert {("call", "life-2", "hold"), ("recording", "voice", "hold")} <= _told(plan)
    assert folder.names() == {"2026/voice.wav"}
    assert [one.kind for one in await demo.calls.timeline("life-2")] == ["step_entered", "heard"]


async def test_a_sale_stays_with_its_call_and_its_contract(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await live_a_life(demo, folder)
    await demo.talks.begin(
        "sale", call="life-1", worker="w", queue="sales", consent="asked", recording="talk"
    )
    plan = await eraser(demo, folder).erase(number, who="staff:root")
    assert ("recording", "talk", "statutory") in _told(plan)
    assert folder.names() == {"2026/talk.wav"}


async def test_what_others_have_is_not_touched(demo: PolicyDatabase, folder: Folder) -> None:
    number, _ = await live_a_life(demo, folder)
    await end_contracts(demo, number)
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
