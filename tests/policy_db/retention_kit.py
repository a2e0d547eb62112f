"""What tests of deleting and erasing share: recordings on the disk, calls that were, and a customer's whole life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from policy_kit import KEYS, TODAY
from sqlalchemy import delete, func, insert, select, text, update

from policy_db import PolicyDatabase
from policy_db.facts import TimelineEntry
from policy_db.retention_erase import Erasure
from policy_db.retention_purge import Purge, SaleRules
from policy_db.tables import (
    Base,
    BeneficiaryRow,
    ClaimRow,
    ComplaintRow,
    MessageRow,
    PolicyRow,
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


def eraser(db: PolicyDatabase, folder: Folder) -> Erasure:
    return Erasure(
        db.store, KEYS, db.clock, remove_file=folder.remove, sales=SaleRules(), today=db.clock().date()
    )


async def somebody(db: PolicyDatabase) -> tuple[str, str, str]:
    """A policy, its customer's number and telephone, who share the telephone with nobody."""
    query = text(
        "SELECT p.number, c.number, c.phone FROM policies p JOIN customers c ON c.id = p.customer_id"
        " WHERE c.phone IN (SELECT phone FROM customers GROUP BY phone HAVING count(*) = 1) ORDER BY p.id LIMIT 1"
    )
    async with db.store.reading() as connection:
        policy, customer, phone = (await connection.execute(query)).one()
        return policy, customer, phone


async def live_a_life(db: PolicyDatabase, folder: Folder) -> tuple[str, list[str]]:
    """Everything the hotline can come to know of a customer; their number, and words that name them."""
    policy, number, phone = await somebody(db)
    home = phone.removeprefix("+86")
    name = "欧阳绝无仅有"
    await _be_called(db, number, policy, name)
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
    await _wait_in_line(db, call="life-1", caller=phone, customer=number, policy=policy, call_back_to=home)
    await _leave_a_message(db, "voice", f"我是{name}，电话{home}")
    report = await db.claims.begin(caller=phone, today=TODAY, policy=policy, call_id="life-1")
    await db.claims.save_answer(report.id, "where", f"在{name}家门口")
    return number, [name, phone, home, await db.customers.id_number(number), policy]


async def _be_called(db: PolicyDatabase, customer: str, policy: str, name: str) -> None:
    """Give the customer a name that nobody else has, beneficiaries least of all."""
    async with db.store.writing() as connection:
        await connection.execute(
            text("UPDATE customers SET name = :n WHERE number = :c"), {"n": name, "c": customer}
        )
        await connection.execute(update(PolicyRow).where(PolicyRow.number == policy).values(insured=name))
        await connection.execute(update(BeneficiaryRow).values(name="另一个人"))


async def _wait_in_line(db: PolicyDatabase, *, call: str, **who: str) -> None:
    """Wait for a person, and then ask to be called back."""
    now = db.clock()
    place = {
        "id": "p1", "call_id": call, "entered_at": now, "queued_at": now, "language": "zh-CN", "state": "callback",
        "skills": {}, "priority": 0, "tried": [], "visited": [], "worker": "", "attempts": 0, "outcome": "", "version": 0,
    }  # fmt: skip
    async with db.store.writing() as connection:
        queue = (await connection.execute(text("SELECT name FROM queues LIMIT 1"))).scalar_one()
        await connection.execute(insert(WaitingCallRow), [place | {"queue": queue} | who])


async def _leave_a_message(db: PolicyDatabase, recording: str, words: str) -> None:
    """The recording is a message on somebody's desk, and what was said in it is written down."""
    now = db.clock()
    message = {
        "recording_id": recording, "mailbox": "service", "received_at": now, "state": "new", "category": "complaint",
        "urgency": "normal", "assignee": "", "salesperson": "", "due_set": False, "changed_at": now, "changed_by": "",
        "version": 0,
    }  # fmt: skip
    transcript = {
        "recording_id": recording, "text": words, "language": "zh-CN", "confidence": 0.9, "engine": "e", "at": now,
    }  # fmt: skip
    async with db.store.writing() as connection:
        await connection.execute(insert(TranscriptRow).values(transcript))
        there = select(MessageRow.recording_id).where(MessageRow.recording_id == recording)
        if (await connection.execute(there)).first() is None:
            await connection.execute(insert(MessageRow).values(message))


async def end_contracts(db: PolicyDatabase, number: str) -> None:
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
