"""A worker killed outright in the middle of its work: within a lease its seats are free and its calls have ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.seats import Desk
from policy_db.seats import Seats
from policy_db.store import Store
from tests.seats.seat_bench import QUEUES, SEATS

VICTIM = """
import asyncio, itertools, sys
sys.path[:0] = sys.argv[2:]
from ivr.seats import Desk
from policy_db.seats import Seats
from policy_db.store import Store

async def call(desk, number):
    await desk.join(number, queue="service", worker="victim")
    for offer in await desk.next_offers("victim"):
        await desk.answered(offer.call_id, offer.seat.id)
    if number == "c3":
        print("at work", flush=True)

async def main(url):
    desk = Desk(Seats(Store.open(url)))
    for number in itertools.count(1):
        await call(desk, f"c{number}")

asyncio.run(main(sys.argv[1]))
"""


async def test_what_a_killed_worker_held_comes_free(url: str) -> None:
    store = Store.open(url)
    seats = Seats(store)
    try:
        await seats.add(queues=QUEUES, seats=SEATS)
        desk = Desk(seats)
        for seat in ("ann", "bob"):
            await desk.sign_in(seat, console=False)
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", VICTIM, url, str(Path(__file__).parents[2]), stdout=asyncio.subprocess.PIPE
        )
        assert victim.stdout is not None
        async with asyncio.timeout(30):
            assert await victim.stdout.readline() == b"at work\n"
        victim.kill()
        assert await victim.wait() == -signal.SIGKILL
        assert {seat.state for seat in (await seats.snapshot()).seats} == {"talking"}
        later = Desk(seats, clock=lambda: datetime.now(UTC) + timedelta(seconds=16))
        async with asyncio.timeout(20):  # the server may take a moment to notice whose rows it holds
            while (await seats.snapshot()).calls:
                await later.sweep()
        assert {seat.state for seat in (await seats.snapshot()).seats} == {"wrap_up"}
        assert {call.outcome for call in await seats.calls_of("c1")} == {"broken_off"}
    finally:
        await store.close()
