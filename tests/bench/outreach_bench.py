"""Campaigns with a large list: the preview, what an attempt costs as the list grows, and how well a pace is held."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench_row import Row

from ivr.outreach.dialler import Dialler
from ivr.outreach.pace import TokenBucket
from ivr.outreach.rules import Rules
from ivr.outreach.selection import preview, read_csv
from ivr.outreach.workers import Reply
from policy_db import Keys, PinHasher, PolicyDatabase
from policy_db.campaign_selection import Candidate
from policy_db.outreach_facts import Campaign, NewPerson
from policy_db.workers import WorkerFact

#: A Tuesday morning in Shanghai.
NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PLACE = "CN:Asia/Shanghai"


class EndlessWorker:
    """A worker that takes every call and is done with it at once."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database

    async def serving(self) -> Sequence[WorkerFact]:
        """Always itself."""
        return [WorkerFact("w", "http://w", 1, "ready", 0, 100_000, NOW)]

    async def named(self, name: str) -> WorkerFact | None:
        """Itself."""
        return (await self.serving())[0]

    async def ask(self, url: str, what: str, attempt: str) -> Reply:
        """Taken, answered and told in a moment."""
        outreach = self._database.outreach
        if await outreach.take(attempt, holder="w/1", call_id=attempt, at=NOW) is None:
            return Reply(409, {})
        await outreach.moved(attempt, "ended", at=NOW, outcome="told")
        return Reply(202, {})


class VirtualTime:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def figures(sizes: Sequence[int] = (1_000, 100_000)) -> dict[str, float]:
    """Seconds of a preview, milliseconds of an attempt by size of the list; what a pace is off by, in per cent."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with await PolicyDatabase.open(
            f"sqlite:///{Path(folder) / 'bench.db'}",
            keys=Keys(bytes(32)),
            pins=PinHasher.cheap(),
            migrate=True,
        ) as database:
            for turn, size in enumerate(sizes):
                found |= await _size(database, turn, size)
            found["preview of a file, s"] = await _file(database, max(sizes))
    found["pace of an hour off, %"] = _pace()
    return found


async def _file(database: PolicyDatabase, size: int) -> float:
    """Seconds to read a file of numbers in New York and London, and to preview it."""
    lines = "".join(
        f"+1212{200 + index // 10_000}{index % 10_000:04d}\n"
        if index % 2
        else f"+4420{79_000_000 + index:08d}\n"
        for index in range(size)
    )
    began = time.perf_counter()
    people, wrong = read_csv(f"number\n{lines}".encode())
    await preview(database, "list", {}, Rules(), now=NOW, lines=people, wrong=wrong)
    return time.perf_counter() - began


async def _size(
    database: PolicyDatabase, turn: int, size: int, attempts: int = 300, rate: float = 50.0
) -> dict[str, float]:
    numbers = [f"+8613{turn + 5}{index:08d}" for index in range(size)]
    began = time.perf_counter()
    seen = await preview(
        database, "list", {}, Rules(), now=NOW, lines=[Candidate(one, "") for one in numbers]
    )
    spent = time.perf_counter() - began
    assert seen.called == size
    name = f"c-{size}"
    rules = Rules.read({"pace": {"at_once": 5000, "per_second": rate}, "retries": {"attempts": 1}}).plain()
    await database.campaigns.add(Campaign(name, name, "list", "f", NOW, "bench", rules=rules))
    await database.campaigns.put(name, [NewPerson(one, PLACE) for one in numbers], due=NOW)
    await database.campaigns.change(name, "running", NOW)
    steady, ids = VirtualTime(), itertools.count()
    dialler = Dialler(
        database, EndlessWorker(database), holder="d", clock=lambda: NOW, steady=steady,
        ids=lambda: f"{name}-{next(ids)}",
    )  # fmt: skip
    began = time.perf_counter()
    while dialler.figures.settled < attempts:
        steady.now += max(await dialler.once(), 0.1)
        await asyncio.gather(*dialler._asking)
    each = (time.perf_counter() - began) / dialler.figures.settled * 1000
    off = abs(dialler.figures.planned / (rate * steady.now) - 1) * 100
    await database.campaigns.change(name, "stopped", NOW)
    return {f"preview {size}, s": spent, f"attempt at {size}, ms": each, f"pace at {size} off, %": off}


def _pace(rate: float = 7.3, seconds: float = 3600.0) -> float:
    """How far an hour's calls are from the pace that is asked for, looked at every 20 to 500 ms."""
    bucket, now, begun = TokenBucket(rate, 0.0), 0.0, 0
    pauses = itertools.cycle((0.02, 0.5, 0.11, 0.27))
    while now < seconds:
        now += next(pauses)
        calls = bucket.available(now)
        bucket.take(calls)
        begun += calls
    return abs(begun / (rate * seconds) - 1) * 100


def rows() -> Iterator[Row]:
    """The figures, as the table has them."""
    found = asyncio.run(figures())
    small, large = found["attempt at 1000, ms"], found["attempt at 100000, ms"]
    yield Row("preview of 100,000 people", found["preview 100000, s"], "s", 5)
    yield Row("a file of 100,000 numbers abroad, read and previewed", found["preview of a file, s"], "s", 10)
    yield Row("an attempt, of a list of 1,000", small, "ms")
    yield Row("an attempt, of a list of 100,000", large, "ms")
    yield Row("the same, times that of 1,000", large / small, "", 1.5)
    yield Row("pace of the dialler off what is asked for", found["pace at 100000 off, %"], "%", 5)
    yield Row("pace of an hour, looked at unevenly", found["pace of an hour off, %"], "%", 5)


if __name__ == "__main__":
    for one, value in asyncio.run(figures()).items():
        print(f"{one}: {value:.3f}")
