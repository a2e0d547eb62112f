"""Users of the console in the database: found, kept unique, never without an administrator; the audit searched."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from policy_kit import HandClock
from sqlalchemy import insert, text

from policy_db import PolicyDatabase
from policy_db.audit import AuditFilter
from policy_db.errors import BadValueError
from policy_db.passwords import check_password
from policy_db.tables import AuditRow
from policy_db.users import PasswordRules, User, UserProblemError

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
async def cheap(db: PolicyDatabase) -> None:
    db.users.rules = PasswordRules.cheap()


async def make(db: PolicyDatabase, name: str = "mei", *roles: str) -> User:
    return await db.users.add(name, password=PASSWORD, roles=roles or ("manager",))


async def test_a_user_is_found_by_name_in_any_case_and_by_parts_of_it(db: PolicyDatabase) -> None:
    await db.users.add("Mei", display="梅经理", email="mei@example.com", roles=("manager", "reviewer"))
    await db.users.add("rui", roles=("reviewer",))
    user = await db.users.find(" MEI ")
    assert user is not None
    assert (user.name, user.roles, user.has_password) == ("mei", ("manager", "reviewer"), False)
    for words in ("MEI", "梅", "example", ""):
        assert "mei" in [one.name for one in await db.users.search(words)]
    assert [one.name for one in await db.users.search(role="manager")] == ["mei"]
    assert [one.name for one in await db.users.search("%")] == []
    assert await db.users.count(role="reviewer") == 2


async def test_a_name_is_taken_once_even_by_two_at_once(db: PolicyDatabase) -> None:
    results = await asyncio.gather(*(make(db) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, User) for one in results) == 1
    assert {one.key for one in results if isinstance(one, UserProblemError)} == {"taken"}


@pytest.mark.parametrize("name", ["", "  ", "a b", "x" * 65, "a/b", "a\x00b", "a\nb"])
async def test_an_impossible_name_is_refused(db: PolicyDatabase, name: str) -> None:
    with pytest.raises(UserProblemError):
        await make(db, name)


async def test_roles_seats_and_salespeople_must_exist(db: PolicyDatabase) -> None:
    await make(db)
    for values in ({"roles": ("king",)}, {"seat": "nowhere"}, {"salesperson": "999"}):
        with pytest.raises(BadValueError):
            await db.users.change("mei", **values)


async def test_the_last_administrator_can_neither_be_disabled_nor_lose_the_role(db: PolicyDatabase) -> None:
    await make(db, "root", "administrator")
    for values in ({"disabled": True}, {"roles": ("manager",)}):
        with pytest.raises(UserProblemError, match="administrator"):
            await db.users.change("root", **values)
    root = await db.users.find("root")
    assert root is not None
    assert (root.disabled, root.roles) == (False, ("administrator",))
    await make(db, "second", "administrator")
    await db.users.change("root", disabled=True)


async def test_passwords_that_everybody_tries_are_refused_and_plain_sentences_are_not() -> None:
    for weak in (
        "Password1234",
        "p@ssw0rd2026!",
        "qwertyuiop",
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "98765432109",
    ):
        with pytest.raises(UserProblemError):
            check_password(weak, "mei")
    for good in ("correct horse battery", "梅花香自苦寒来宝剑锋", "x7-kq2-pp9-rt4"):
        check_password(good, "mei")


async def test_tries_made_at_once_count_each(db: PolicyDatabase) -> None:
    await make(db)
    await asyncio.gather(*(db.users.check("mei", f"wrong {number}") for number in range(12)))
    assert await db.users.check("mei", PASSWORD) is None


async def test_a_right_password_forgets_the_failures_before_it(db: PolicyDatabase, clock: HandClock) -> None:
    await make(db)
    for _ in range(3):
        for _ in range(4):
            await db.users.check("mei", "wrong")
        assert await db.users.check("mei", PASSWORD) is not None
        clock.forward(seconds=1)


async def test_a_hold_up_doubles_up_to_its_most(db: PolicyDatabase, clock: HandClock) -> None:
    await make(db)
    rules = db.users.rules
    for _ in range(5):
        await db.users.check("mei", "wrong")
    waits = []
    for _ in range(4):
        until = await db.users.sign_ins.held_until(rules, "mei")
        assert until is not None
        waits.append((until - clock()).total_seconds())
        clock.forward(seconds=waits[-1])
        await db.users.check("mei", "wrong")
    assert waits[:3] == [60, 120, 240]


async def test_a_forged_device_mark_is_a_strangers(db: PolicyDatabase) -> None:
    await make(db)
    mark = db.users.sign_ins.device_mark("mei")
    other = db.users.sign_ins.device_mark("rui")
    for _ in range(5):
        await db.users.check("mei", "wrong")
    assert await db.users.check("mei", PASSWORD, device=other) is None
    assert await db.users.check("mei", PASSWORD, device=mark[:-1]) is None
    assert await db.users.check("mei", PASSWORD, device=mark) is not None


async def test_sessions_and_tokens_are_kept_as_hashes_alone(db: PolicyDatabase) -> None:
    user = await make(db)
    session = await db.users.start_session(user)
    _, token = await db.users.tokens.add(user, "job", 10)
    async with db.store.reading() as connection:
        stored = [
            str(row._mapping)
            for table in ("users", "user_sessions", "api_tokens", "sign_ins")
            for row in await connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert not any(session in row or token in row or PASSWORD in row for row in stored)


async def test_the_audit_is_read_page_by_page_without_gap_or_repeat(
    db: PolicyDatabase, clock: HandClock
) -> None:
    for number in range(25):
        await db.audit.add("staff:mei", "looked", f"call:{number % 3}", {"number": number})
        if number % 4 == 0:
            clock.forward(seconds=1)
    seen, last = [], None
    while page := await db.audit.search(AuditFilter(actor="staff:mei"), older_than=last, limit=7):
        seen += [one.entry.details["number"] for one in page]
        last = page[-1].id
    assert seen == list(range(24, -1, -1))
    assert [one.entry.details["number"] async for one in db.audit.export(AuditFilter())] == seen


async def test_the_audit_is_filtered_by_who_what_about_whom_and_when(
    db: PolicyDatabase, clock: HandClock
) -> None:
    began = clock()
    await db.audit.add("staff:mei", "looked", "call:1")
    clock.forward(days=1)
    await db.audit.add("staff:rui", "exported", "callers")
    for wanted, count in (
        (AuditFilter(actor="staff:mei"), 1),
        (AuditFilter(action="exported"), 1),
        (AuditFilter(subject="call:"), 1),
        (AuditFilter(subject="call:1"), 1),
        (AuditFilter(subject="call"), 0),
        (AuditFilter(since=began + timedelta(hours=1)), 1),
        (AuditFilter(before=began + timedelta(hours=1)), 1),
        (AuditFilter(actor="staff:mei", action="exported"), 0),
    ):
        assert len(await db.audit.search(wanted)) == count


async def test_a_page_deep_in_a_large_audit_reads_few_rows(db: PolicyDatabase, clock: HandClock) -> None:
    rows = [
        {
            "at": clock() + timedelta(seconds=number),
            "actor": f"staff:user{number % 50}",
            "action": "looked",
            "subject": f"call:{number}",
            "details": {},
            "call_id": "",
        }
        for number in range(20_000)
    ]
    async with db.store.writing() as connection:
        await connection.execute(insert(AuditRow), rows)
    middle = (await db.audit.search(AuditFilter(subject="call:300")))[0].id
    page = await db.audit.search(AuditFilter(actor="staff:user7"), older_than=middle, limit=3)
    assert [one.entry.subject for one in page] == ["call:257", "call:207", "call:157"]
    if db.store.dialect == "sqlite":
        query = (
            "EXPLAIN QUERY PLAN SELECT id FROM audit WHERE actor = 'staff:user7' AND at <= '2027-01-01'"
            " ORDER BY at DESC, id DESC LIMIT 3"
        )
        async with db.store.reading() as connection:
            steps = " ".join(row[-1] for row in await connection.execute(text(query)))
        assert "ix_audit_actor_at" in steps
        assert "TEMP B-TREE" not in steps
