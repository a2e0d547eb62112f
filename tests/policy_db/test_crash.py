"""A process killed in the middle: what was answered before stays, what was half written does not."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from policy_kit import HandClock, Places, open_database
from sqlalchemy import select

from policy_db.tables import Counter

VICTIM = """
import asyncio, os, signal, sys
sys.path[:0] = sys.argv[2:]
from policy_kit import TODAY, HandClock, open_database
from sqlalchemy import insert
from policy_db.tables import Counter

async def main(url):
    db = await open_database(url, HandClock())
    await db.calls.begin("call-1", worker="worker-1", caller="+861", called="95500")
    report = await db.claims.begin(caller="+861", today=TODAY, call_id="call-1")
    await db.claims.save_answer(report.id, "when", "2026-03-09")
    await db.recordings.begin("r-1", purpose="claim", call="call-1", worker="worker-1", file="r-1.wav")
    await db.recordings.progress("r-1", seconds=3.0, size=24044)
    async with db.store.writing() as connection:
        await connection.execute(insert(Counter).values(name="half", value=1))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_worker_killed_while_writing_loses_only_what_it_was_writing(places: Places) -> None:
    url, here = places.empty(), Path(__file__)
    folders = [str(here.parent), str(here.parents[2])]
    victim = await asyncio.create_subprocess_exec(sys.executable, "-c", VICTIM, url, *folders)
    assert await victim.wait() == -signal.SIGKILL
    async with await open_database(url, HandClock()) as db:
        closed = await db.calls.close_broken_off("worker-1")
        report = await db.claims.resumable("+861")
        recording = await db.recordings.find("r-1")
        async with db.store.reading() as connection:
            half = (await connection.execute(select(Counter).where(Counter.name == "half"))).first()
    assert report is not None
    assert recording is not None
    assert (closed.calls, closed.recordings, closed.claims) == (("call-1",), ("r-1",), (report.id,))
    assert report.stage == "kind"
    assert (recording.state, recording.seconds) == ("broken_off", 3.0)
    assert half is None
