"""The policy database with a large portfolio: how long it takes to build, and to find a policy."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from datetime import date
from pathlib import Path

from sqlalchemy import select

from ivr.app import open_database
from ivr.settings import load_settings
from policy_db import build_demo
from policy_db.tables import PolicyRow


async def figures(customers: int = 100_000, lookups: int = 2_000, seed: int = 3) -> dict[str, float]:
    """Seconds to build, and milliseconds to find a policy at random (p50, p99)."""
    today = date.today()  # noqa: DTZ011 - any day will do
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder))
        async with open_database(settings, migrate=True) as database:
            began = time.perf_counter()
            await build_demo(database, today=today, customers=customers)
            built = time.perf_counter() - began
            async with database.store.reading() as connection:
                numbers = list((await connection.execute(select(PolicyRow.number))).scalars())
            chosen = random.Random(seed).choices(numbers, k=lookups)
            spent = []
            for number in chosen:
                began = time.perf_counter()
                assert await database.policies.find(number, today) is not None
                spent.append((time.perf_counter() - began) * 1000)
            spent.sort()
            return {
                "policies": float(len(numbers)),
                "build, s": built,
                "find p50, ms": spent[len(spent) // 2],
                "find p99, ms": spent[int(len(spent) * 0.99)],
            }


if __name__ == "__main__":
    print(asyncio.run(figures()))
