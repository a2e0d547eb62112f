"""Real concurrency on a real database: many workers on several connections, some of which go away for good."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, text

from ivr.seats import Caller, Desk
from policy_db.seat_facts import OPEN_STATES, Lost, Move, QueueCall, Snapshot
from policy_db.seat_rows import call_of, seat_of
from policy_db.seats import Seats
from policy_db.store import Store
from policy_db.tables import SeatRow, WaitingCallRow
from tests.seats import model
from tests.seats.invariants import check_history, check_line, check_world, require

WORKERS, CONNECTIONS, STEPS = 8, 3, 1000


@dataclass
class World:
    """What the workers share: the time, chance, names, and how many steps are left."""

    random: random.Random
    now: datetime = model.START
    left: int = STEPS
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    tally: Counter[str] = field(default_factory=Counter)


class WatchedSeats(Seats):
    """The rows as one worker sees them, with an eye on the line."""

    def __init__(self, store: Store, world: World) -> None:
        super().__init__(store)
        self.world = world
        self.read: Snapshot | None = None

    async def snapshot(self) -> Snapshot:
        self.read = await super().snapshot()
        return self.read

    async def apply(self, move: Move) -> Lost | None:
        lost = await super().apply(move)
        self.world.tally["lost" if lost else "made"] += 1
        for before, after in move.calls if lost is None else ():
            if (before.state, after.state, before.preferred_seat) == ("waiting", "offered", None):
                assert self.read is not None
                check_line(self.read, before, move.at, model.RULES)
        return lost


async def work(world: World, store: Store) -> None:
    """A worker that does one thing after another, and now and then dies and leaves everything as it is."""
    seats = WatchedSeats(store, world)
    desk = Desk(seats, clock=lambda: world.now, rules=model.RULES)
    name = f"w{next(world.numbers)}"
    while world.left > 0:
        world.left -= 1
        world.now += timedelta(seconds=world.random.choice((0.01, 0.05, 0.2)))
        if world.random.random() < 0.03:
            name = f"w{next(world.numbers)}"
            world.tally["died"] += 1
        if world.random.random() < 0.1:
            await desk.heartbeat(name)
        await do_something(world, desk, name, await seats.snapshot())


async def do_something(world: World, desk: Desk, worker: str, seen: Snapshot) -> None:
    """One thing that a worker, or a seat that talks through it, may do, on what it saw a moment ago."""
    chance, seat = world.random.random(), world.random.choice(model.seats()).id
    if chance < 0.2 and len(seen.calls) < 12:
        queue = world.random.choice(("service", "service", "claims", "help"))
        number = f"+86{world.random.randrange(9)}"
        await desk.join(f"c{next(world.numbers)}", queue=queue, worker=worker, caller=Caller(number))
    elif chance < 0.4:
        await desk.next_offers(worker)
    elif chance < 0.5:
        await desk.sweep()
    elif chance < 0.6:
        wishes = (desk.sign_in, desk.sign_in, desk.resume, desk.resume, desk.sign_out, desk.do_not_disturb)
        await world.random.choice(wishes)(seat)
    elif seen.calls:
        await with_a_call(world, desk, world.random.choice(seen.calls), seat)


async def with_a_call(world: World, desk: Desk, call: QueueCall, other: str) -> None:
    """Something at a call, whoever's it is: requests for another's call must be as harmless."""
    name, seat = call.call_id, call.seat_id or other
    choices = {
        "waiting": [desk.abandon, desk.expected_wait, lambda call: desk.keep_place(call, call)],
        "offered": [
            *(4 * [lambda call: desk.answered(call, seat)]),
            lambda call: desk.missed(call, seat),
            desk.abandon,
        ],
        "connected": [
            desk.ended,
            desk.abandon,
            *(2 * [lambda call: desk.consult(call, other)]),
            lambda call: desk.answered(call, other),
            lambda call: desk.complete(call, other),
            lambda call: desk.conference(call, other),
            lambda call: desk.drop(call, seat),
            lambda call: desk.hand_over(call, seat=other),
            lambda call: desk.hand_over(call, queue="service"),
            desk.reached,
        ],
        "callback": [desk.leave],
    }
    await world.random.choice(choices[call.state])(name)


async def watch(store: Store, world: World) -> None:
    """Look at everything in one moment, again and again."""
    while world.left > 0:
        await check_now(store)
        world.tally["looks"] += 1
        await asyncio.sleep(0.1)


async def check_now(store: Store) -> None:
    async with store.reading() as connection:
        if store.dialect == "postgresql":
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        seats = [seat_of(row) for row in await connection.execute(select(*SeatRow.__table__.columns))]
        query = select(*WaitingCallRow.__table__.columns).where(WaitingCallRow.state.in_(sorted(OPEN_STATES)))
        calls = [call_of(row) for row in await connection.execute(query)]
    check_world(seats, calls)


async def check_ends(store: Store, seats: Seats) -> None:
    """Every call has come to one end, and every seat's history is without a gap."""
    places = defaultdict(list)
    async with store.reading() as connection:
        for row in await connection.execute(select(*WaitingCallRow.__table__.columns)):
            places[row.call_id].append(call_of(row))
    for call, its in places.items():
        final = [one for one in its if one.state != "overflowed" and one.outcome != "transferred"]
        require(len(final) == 1 and final[0].ended_at is not None, "not one end", call, its)
    for seat in await seats.all_seats():
        require(seat.call_id is None, "left at a call", seat)
        check_history((await seats.history(seat.id, 100_000))[::-1])


async def test_workers_that_race_for_seats_and_calls_break_nothing(url: str) -> None:
    world = World(random.Random(5))
    stores = [Store.open(url) for _ in range(CONNECTIONS)]
    seats = Seats(stores[0])
    try:
        await seats.add(queues=model.queues(), seats=model.seats())
        async with asyncio.TaskGroup() as group:
            group.create_task(watch(stores[-1], world))
            for number in range(WORKERS):
                group.create_task(work(world, stores[number % CONNECTIONS]))
        desk = Desk(seats, clock=lambda: world.now, rules=model.RULES)
        world.now += timedelta(minutes=1)
        await desk.sweep()
        for call in (await seats.snapshot()).calls:
            assert await desk.leave(call.call_id)  # places that were kept outlive their workers
        await check_now(stores[0])
        await check_ends(stores[0], seats)
    finally:
        for store in stores:
            await store.close()
    assert min(world.tally[name] for name in ("made", "lost", "died", "looks")) > 9, world.tally
