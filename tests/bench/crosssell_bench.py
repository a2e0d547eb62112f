"""Cross-selling: a decision from the database with 100,000 customers, a score in memory, a model's size and training."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_row import Row
from postgres_server import binary, running_server
from sqlalchemy import select

import cross_sell
from cross_sell.adviser import Adviser
from cross_sell.call_facts import CallFacts, ServiceSide
from cross_sell.features import FEATURES
from cross_sell.rules import SellingRules
from policy_db import Keys, PolicyDatabase, build_demo
from policy_db.tables import Base, PolicyRow

SIDE = ServiceSide(free={"life": 2, "health": 2, "property": 2})


async def build(url: str, keys: Keys, customers: int) -> None:
    """A portfolio of so many customers."""
    async with await PolicyDatabase.open(url, keys=keys, migrate=True) as database:
        await build_demo(database, today=datetime.now().astimezone().date(), customers=customers)


async def copy_rows(source: str, target: str, keys: Keys) -> None:
    """The rows of one database in an empty PostgreSQL: by COPY, in a fraction of the time of building them again."""
    async with (
        await PolicyDatabase.open(source, keys=keys) as old,
        await PolicyDatabase.open(target, keys=keys, migrate=True) as new,
        old.store.reading() as reader,
        new.store.writing() as writer,
    ):
        raw = (await writer.get_raw_connection()).driver_connection
        assert raw is not None
        names = ", ".join(f'"{one.name}"' for one in Base.metadata.sorted_tables)
        async with raw.cursor() as cursor:
            await cursor.execute("SET LOCAL session_replication_role = replica")  # an audit is only added to
            await cursor.execute(f"TRUNCATE {names} CASCADE")
            for table in Base.metadata.sorted_tables:
                writes = [
                    one.type.dialect_impl(writer.dialect).bind_processor(writer.dialect) for one in table.c
                ]
                columns = ", ".join(f'"{one.name}"' for one in table.c)
                async with cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
                    for row in await reader.execute(select(table)):
                        pairs = zip(writes, row, strict=True)
                        await copy.write_row(
                            [value if write is None else write(value) for write, value in pairs]
                        )
            await cursor.execute("ANALYZE")


async def advise_milliseconds(
    url: str, keys: Keys, calls: int = 1_000, seed: int = 3
) -> tuple[list[float], list[float]]:
    """Milliseconds of decisions alone, and of those that are written down too, in order of size."""
    now = datetime.now().astimezone()
    async with await PolicyDatabase.open(url, keys=keys) as database:
        async with database.store.reading() as connection:
            numbers = list((await connection.execute(select(PolicyRow.number))).scalars())
        ids = itertools.count()
        adviser = Adviser(
            database, None, SellingRules(), clock=lambda: now, ids=lambda: f"s{next(ids)}", salt=b"bench"
        )
        chosen = random.Random(seed).sample(numbers, k=2 * calls + 50)
        every = [_call(f"c{index}", number, now) for index, number in enumerate(chosen)]
        for call in every[:50]:
            await adviser.decide(call)
        decided, written = [], []
        for call in every[50 : calls + 50]:
            began = time.perf_counter()
            await adviser.decide(call)
            decided.append((time.perf_counter() - began) * 1000)
        for call in every[calls + 50 :]:
            began = time.perf_counter()
            suggestion = await adviser.advise(call)
            written.append((time.perf_counter() - began) * 1000)
            assert suggestion.gate != "failed", suggestion.gates
    return sorted(decided), sorted(written)


def _call(call: str, policy: str, now: datetime) -> CallFacts:
    return CallFacts(
        call, policy, "+8613900000000", 2, "zh-CN", now,
        flows=("main", "policy_enquiry", "products"), matter_settled=True, recording=True, seats=SIDE,
    )  # fmt: skip


def rows_of(number: int, seed: int = 5) -> list[dict[str, Any]]:
    """Rows of callers by the features of the adviser, of whom more say yes where more speaks for it."""
    dice = random.Random(seed)
    return [_row(dice) for _ in range(number)]


def _row(dice: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, facts in FEATURES.items():
        if facts["kind"] == "flag":
            row[name] = dice.random() < 0.3
        elif facts["kind"] == "category":
            row[name] = f"value {dice.randrange(20)}"
        else:
            row[name] = round(dice.expovariate(0.1), 1) if dice.random() > 0.05 else None
    odds = -3 + 1.2 * row["asked_products"] + 0.8 * row["has_motor"] - 0.02 * (row["age"] or 0)
    row["label"] = dice.random() < 1 / (1 + 2.718281828**-odds)
    return row


def learner_rows() -> Iterator[Row]:
    """Training on 200,000 rows, the file, and a score of one row in memory."""
    rows = rows_of(200_000)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    began = time.perf_counter()
    model = cross_sell.fit(columns, "label", FEATURES, seed=0)
    yield Row("cross-sell: training on 200,000 rows", time.perf_counter() - began, "s", 60)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save(path)
        size = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file())
    yield Row("cross-sell: model file", size / 2**20, "MB", 1)
    spent = []
    for row in rows[:20_000]:
        started = time.perf_counter_ns()
        model.score(row)
        spent.append((time.perf_counter_ns() - started) / 1000)
    yield Row("cross-sell: a score in memory, p50", sorted(spent)[len(spent) // 2], "µs", 20)


def _percentile(spent: list[float], share: float) -> float:
    return spent[int(len(spent) * share)]


def advise_rows(customers: int = 100_000) -> Iterator[Row]:
    """Gates and scores of all products for one caller, on both databases."""
    keys = Keys.generate()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        asyncio.run(build(url, keys, customers))
        with running_server() if binary("initdb") else nullcontext() as server:
            if server is None:
                why = "PostgreSQL is not installed"
                yield Row("cross-sell: decision, PostgreSQL, p99", 0, "ms", 20, why=why)
            else:
                other = server.create()
                asyncio.run(copy_rows(url, other, keys))
                yield from _rows("PostgreSQL", other, keys)
        yield from _rows("SQLite", url, keys)


def _rows(kind: str, url: str, keys: Keys) -> Iterator[Row]:
    decided, written = asyncio.run(advise_milliseconds(url, keys))
    yield Row(f"cross-sell: decision, {kind}, p50", _percentile(decided, 0.5), "ms")
    yield Row(f"cross-sell: decision, {kind}, p99", _percentile(decided, 0.99), "ms", 20)
    yield Row(f"cross-sell: decided and written down, {kind}, p50", _percentile(written, 0.5), "ms")
    yield Row(f"cross-sell: decided and written down, {kind}, p99", _percentile(written, 0.99), "ms")


def rows() -> Iterator[Row]:
    """Everything."""
    yield from learner_rows()
    yield from advise_rows()
