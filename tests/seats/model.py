"""A random machine that interleaves everything that can happen to queues and seats, and checks it at every step.

    python -m tests.seats.model --steps 1000000 --seed 1

Many workers and consoles run requests of the real desk on the store in memory. A request stops wherever another
process could come between (before and inside every read, before every write); a step lets one of them go on to its
next stop, begins another, moves the clock, or kills or freezes a process with what it was in the middle of. After
every step that changed something the invariants are checked; now and then the dust settles, the living workers look
for offers, and it is checked that nobody waits in vain and nothing was left behind.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.seats import Caller, Desk, MemorySeatStore, Rules
from policy_db.seat_facts import OPEN_STATES, Lost, Move, Queue, QueueCall, Seat, Snapshot
from tests.seats.invariants import check_line, check_nobody_waits, check_world, is_before, late, require

START = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
RULES = Rules(call_back_gap_seconds=20.0)
LANGUAGES = ("zh-CN", "en")
MOST_CALLS, MOST_AT_ONCE, WORKERS = 14, 12, 4


def queues() -> list[Queue]:
    """Three queues that differ in every rule; two of them overflow to one another."""
    return [
        Queue("service", ageing_seconds=30, wrap_up_seconds=5, overflow_to="help", overflow_seconds=40),
        Queue(
            "claims",
            skills={"claims": 2},
            strategy="round_robin",
            best_first=True,
            priority=1,
            wrap_up_seconds=0,
        ),
        Queue("help", strategy="last_seat_first", most_waiting=6, overflow_to="service", overflow_seconds=60),
    ]


def seats() -> list[Seat]:
    """Six seats: telephones and browsers, of either language or both."""
    return [
        Seat("s1", "甲", "sip:s1@127.0.0.1", LANGUAGES, {"claims": 3}),
        Seat("s2", "乙", "browser", ("zh-CN",), {"claims": 1}),
        Seat("s3", "丙", "browser", LANGUAGES),
        Seat("s4", "丁", "sip:s4@127.0.0.1", ("en",), {"claims": 2}),
        Seat("s5", "戊", "+861012345678", ("zh-CN",), {"claims": 2}),
        Seat("s6", "己", "browser", LANGUAGES),
    ]


class _Turn:
    """What a request stops at."""

    def __await__(self) -> Generator[None]:
        yield


async def _turn() -> None:
    await _Turn()


@dataclass(eq=False)
class Request:
    """A request in the middle of being done, by a worker or a console."""

    owner: str
    name: str
    run: Coroutine[Any, Any, Any]
    snapshot: Snapshot | None = None


@dataclass
class Process:
    """A worker or a console: alive, or frozen until a moment; `beats_at` is its next heartbeat."""

    beats_at: datetime
    frozen_until: datetime = START


class WatchedStore(MemorySeatStore):
    """The store in memory, with an eye on everything that is written."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(queues=queues(), seats=seats(), turn=_turn)
        self.machine = machine
        self.moves = 0
        self.joined: set[str] = set()
        self.final: set[str] = set()
        self.places_ended: set[str] = set()
        #: When (in moves) a seat changed last and a place began, and until when a call is held.
        self.seat_changed: dict[str, int] = {}
        self.place_began: dict[str, int] = {}
        self.held_until: dict[str, datetime] = {}

    async def snapshot(self) -> Snapshot:
        request = self.machine.running
        read = await super().snapshot()
        request.snapshot = read
        return read

    async def apply(self, move: Move) -> Lost | None:
        request = self.machine.running
        lost = await super().apply(move)
        self.machine.tally["moves lost" if lost else "moves made"] += 1
        if lost is None:
            self.moves += 1
            self._watch(move, request)
        return lost

    async def beat_worker(self, worker: str, until: datetime) -> frozenset[str]:
        calls = await super().beat_worker(worker, until)
        self.held_until |= dict.fromkeys(calls, until)
        return calls

    def _watch(self, move: Move, request: Request) -> None:
        for before, after in (*move.seats, *move.calls):
            require(after.version == before.version + 1, "a change that is not counted", after)
        for before, after in move.calls:
            if after.state not in OPEN_STATES:
                self._ended(after)
            if before.state == "waiting" and after.state == "offered":
                self._claimed(before, move, request)
        self.seat_changed |= {seat.id: self.moves for seat, _ in move.seats}
        for call in move.joins:
            self.place_began[call.id] = self.moves
            self.joined.add(call.call_id)
            require(call.call_id not in self.final, "a call came back from its end", call)

    def _ended(self, call: QueueCall) -> None:
        require(call.id not in self.places_ended, "a place ended twice", call)
        self.places_ended.add(call.id)
        self.place_began.pop(call.id, None)
        if call.outcome == "broken_off" and self.machine.running.name != "broken off":
            until = self.held_until.pop(call.call_id, START)
            require(until < self.machine.now, "taken from a living worker", call)
        self.machine.tally[f"calls {call.outcome if call.state == 'ended' else call.state}"] += 1
        if call.state != "overflowed" and call.outcome != "transferred":
            require(call.call_id not in self.final, "a call ended twice", call)
            self.final.add(call.call_id)

    def _claimed(self, call: QueueCall, move: Move, request: Request) -> None:
        """The line was honoured, by what the worker has read, and it goes by what still is so."""
        require(request.snapshot is not None and request.owner == call.worker, "somebody else's call", call)
        snapshot = request.snapshot
        if snapshot is None or call.preferred_seat is not None:
            return
        check_line(snapshot, call, move.at, RULES)
        queue = self.queues[call.queue]
        for other in snapshot.calls:
            if other.worker == call.worker and self.calls.get(other.call_id) == other:
                ahead = self.machine.is_equal_before(other, call, queue, move.at)
                require(not ahead, call, "overtook", other, "whose turn it still is")
        read = {one.id for one in snapshot.calls}
        for other in self.calls.values():
            if other.id not in read and self.machine.is_equal_before(other, call, queue, move.at):
                before = self.place_began[other.id] < self.seat_changed.get(move.seats[0][0].id, 0)
                require(not before, call, "overtook", other, "who was there before the seat was free")


class Machine:
    """The random machine. `step()` does one thing; `settle()` lets the dust settle and checks what is left."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.tally: Counter[str] = Counter()
        self.store = WatchedStore(self)
        self.ids = itertools.count(1)
        self.numbers = itertools.count(1)
        self.desk = Desk(
            self.store,
            clock=lambda: self.now,
            rules=RULES,
            ids=lambda: f"p{next(self.ids)}",
            listener=lambda change: self.tally.update(["told"]),
        )
        self.requests: list[Request] = []
        self.running = Request("", "", self.desk.sweep())
        self.running.run.close()
        self.workers: dict[str, Process] = {}
        self.consoles: dict[str, Process] = {}
        self.checked = 0
        for _ in range(WORKERS):
            self._new_worker()
        for seat in self.store.seats:
            self._sign_in(seat)

    def step(self) -> None:
        """One thing happens."""
        chance = self.random.random()
        awake = [one for one in self.requests if self._is_awake(one.owner)]
        if awake and (chance < 0.65 or len(awake) >= MOST_AT_ONCE):
            self._go_on(self.random.choice(awake))
        elif chance < 0.72:
            self.now += timedelta(seconds=self.random.choice((0.02, 0.1, 0.3, 1.5)))
            self._beat()
        else:
            self._begin_something()
        if self.store.moves != self.checked:
            self.checked = self.store.moves
            check_world(self.store.seats.values(), self.store.calls.values())

    def settle(self) -> None:
        """All requests come to their end, all the living beat and look for offers; then nothing may be left."""
        for process in (*self.workers.values(), *self.consoles.values()):
            process.frozen_until = self.now
        while self.requests:
            self._go_on(self.random.choice(self.requests))
        self._beat(everybody=True)
        found_out = self.random.random() < 0.5
        for seconds in (6, 6, 6) if found_out else ():  # the dead are found out
            self.now += timedelta(seconds=seconds)
            self._beat(everybody=True)
        self._finish("sweep", self._any_worker(), self.desk.sweep())
        self._finish("sweep", self._any_worker(), self.desk.sweep())
        self._check_nothing_left()
        for worker in self.random.sample(sorted(self.workers), len(self.workers)):
            self._finish("offers", worker, self.desk.next_offers(worker))
        snapshot = Snapshot(
            self.store.queues,
            tuple(seat for seat in self.store.seats.values() if seat.state != "offline"),
            tuple(self.store.calls.values()),
        )
        if found_out:  # until then the calls of the dead hold their places in the line
            check_nobody_waits(snapshot, self.now, RULES)
        check_world(self.store.seats.values(), self.store.calls.values())
        self.tally["settled"] += 1

    def finish(self) -> None:
        """Every process dies, another sweeps: every call that ever came in has ended, once."""
        for request in self.requests:
            request.run.close()
        self.requests.clear()
        self.workers.clear()
        self.consoles.clear()
        self._new_worker()
        for _ in range(3):
            self.now += timedelta(seconds=60)
            self._beat(everybody=True)
            self._finish("sweep", self._any_worker(), self.desk.sweep())
        for call in list(self.store.calls.values()):
            require(call.state == "callback", "left behind", call)
            self._finish("leave", self._any_worker(), self.desk.leave(call.call_id))
        for seat in self.store.seats.values():
            require(seat.state == "offline" or seat.lease_until is None, "a seat left behind", seat)
            require(seat.call_id is None, "a seat with a call left", seat)
        require(self.store.final == self.store.joined, "calls without an end")

    def is_equal_before(self, other: QueueCall, call: QueueCall, queue: Queue, now: datetime) -> bool:
        """Whether `other` wants the same seats, stands before `call`, and its worker is heard of."""
        return is_before(other, call, queue) and not late(other, now, RULES)

    def _check_nothing_left(self) -> None:
        for call in self.store.calls.values():
            lives = call.lease_until is None or call.lease_until >= self.now
            require(lives and (call.worker in self.workers or not self._found_out(call)), "an orphan", call)
        for seat in self.store.seats.values():
            require(
                seat.lease_until is None or seat.lease_until >= self.now, "a seat of a dead console", seat
            )

    def _found_out(self, call: QueueCall) -> bool:
        return call.state != "callback" and call.lease_until is not None and call.lease_until < self.now

    # What may begin

    def _begin_something(self) -> None:
        choices: list[tuple[int, Callable[[], None]]] = [
            (20, self._join),
            (14, self._look_for_offers),
            (30, self._something_at_a_seat),
            (5, self._something_in_line),
            (6, self._wish),
            (8, self._sweep),
            (2, self._death),
        ]
        weights, what = zip(*choices, strict=True)
        self.random.choices(what, weights)[0]()

    def _join(self) -> None:
        if len(self.store.calls) >= MOST_CALLS:
            return
        worker, number = self._any_worker(), next(self.numbers)
        caller = Caller(
            number=f"+86{self.random.randrange(12)}",
            language=self.random.choice(("", "", "", *LANGUAGES)),
            skills=self.random.choice(({}, {}, {}, {}, {}, {"claims": 1})),
            priority=self.random.choice((0, 0, 0, 0, 1)),
            preferred_seat=self.random.choice((None, None, None, None, None, "s3")),
        )
        queue = self.random.choice(("service", "service", "claims", "help"))
        self._ask("join", worker, self.desk.join(f"c{number}", queue=queue, worker=worker, caller=caller))

    def _look_for_offers(self) -> None:
        worker = self._any_worker()
        self._ask("offers", worker, self.desk.next_offers(worker, call_backs=self.random.random() < 0.7))

    def _sweep(self) -> None:
        self._ask("sweep", self._any_worker(), self.desk.sweep())

    def _something_at_a_seat(self) -> None:
        """An answer, a miss, a hang-up, advice… at a seat that has a call, as its worker sees it."""
        engaged = [seat for seat in self.store.seats.values() if seat.call_id and seat.worker in self.workers]
        if not engaged:
            return
        seat = self.random.choice(engaged)
        call, desk, other = seat.call_id or "", self.desk, self.random.choice(list(self.store.seats))
        if seat.state == "ringing":
            requests = {
                "answered": (6, lambda: desk.answered(call, seat.id)),
                "missed": (2, lambda: desk.missed(call, seat.id)),
                "refused": (1, lambda: desk.refused(call, seat.id)),
                "abandon": (1, lambda: desk.abandon(call)),
                "complete": (1, lambda: desk.complete(call, seat.id)),
            }
        else:
            requests = {
                "ended": (6, lambda: desk.ended(call)),
                "abandon": (2, lambda: desk.abandon(call)),
                "consult": (4, lambda: desk.consult(call, other)),
                "complete": (2, lambda: desk.complete(call, other)),
                "conference": (2, lambda: desk.conference(call, other)),
                "drop": (2, lambda: desk.drop(call, seat.id)),
                "to seat": (1, lambda: desk.hand_over(call, seat=other)),
                "to queue": (1, lambda: desk.hand_over(call, queue="service")),
                "reached": (2, lambda: desk.reached(call)),
                "not reached": (1, lambda: desk.not_reached(call)),
                "missed": (1, lambda: desk.missed(call, seat.id)),
                "answered": (1, lambda: desk.answered(call, seat.id)),
                "supervise": (3, lambda: desk.supervise(call, other)),
                "park": (2, lambda: desk.park(call)),
                "unpark": (2, lambda: desk.unpark(call, policy="86001234")),
                "seat lost": (1, lambda: desk.seat_lost(call, seat.id)),
                "broken off": (1, lambda: desk.broken_off(call)),
            }
        names = list(requests)
        name = self.random.choices(names, [requests[one][0] for one in names])[0]
        self._ask(name, seat.worker, requests[name][1]())

    def _something_in_line(self) -> None:
        waiting = [call for call in self.store.calls.values() if call.worker in self.workers]
        if not waiting:
            return
        call = self.random.choice(waiting)
        if call.state == "connected":
            return
        number = f"+86{self.random.randrange(12)}"
        name, request = self.random.choice(
            (
                ("abandon", lambda: self.desk.abandon(call.call_id)),
                ("leave", lambda: self.desk.leave(call.call_id, "voicemail")),
                ("keep place", lambda: self.desk.keep_place(call.call_id, number)),
                ("expected wait", lambda: self.desk.expected_wait(call.call_id)),
            )
        )
        self._ask(name, call.worker, request())

    def _wish(self) -> None:
        seat = self.random.choice(list(self.store.seats))
        if seat not in self.consoles:
            self._sign_in(seat)
            return
        name, request = self.random.choice(
            (
                ("pause", lambda: self.desk.pause(seat, "lunch")),
                *(5 * [("resume", lambda: self.desk.resume(seat))]),
                ("do not disturb", lambda: self.desk.do_not_disturb(seat)),
                ("away", lambda: self.desk.away(seat, "+861350000")),
                ("sign out", lambda: self.desk.sign_out(seat)),
                ("sign in", lambda: self.desk.sign_in(seat)),
            )
        )
        self._ask(name, seat, request())

    def _death(self) -> None:
        """A process dies in the middle of what it does, or stands still for a while and then goes on."""
        kind = self.random.choice(("worker", "console", "frozen"))
        self.tally[f"{kind} lost" if kind != "frozen" else "frozen"] += 1
        if kind == "frozen":
            who = self.random.choice([*self.workers, *self.consoles])
            process = self.workers.get(who) or self.consoles[who]
            process.frozen_until = self.now + timedelta(seconds=self.random.choice((3, 12, 40)))
            return
        dead = self._any_worker() if kind == "worker" else self.random.choice([*self.consoles, ""])
        self.workers.pop(dead, None)
        self.consoles.pop(dead, None)
        for request in [one for one in self.requests if one.owner == dead]:
            request.run.close()
            self.requests.remove(request)
        if kind == "worker":
            self._new_worker()

    # How it goes on

    def _ask(self, name: str, owner: str, run: Coroutine[Any, Any, Any]) -> None:
        self.tally[name] += 1
        self.requests.append(Request(owner, name, run))

    def _go_on(self, request: Request) -> None:
        """One request goes on to its next stop."""
        self.running = request
        try:
            request.run.send(None)
        except StopIteration:
            self.requests.remove(request)

    def _is_awake(self, owner: str) -> bool:
        process = self.workers.get(owner) or self.consoles.get(owner)
        return process is None or process.frozen_until <= self.now

    def _finish(self, name: str, owner: str, run: Coroutine[Any, Any, Any]) -> None:
        self._ask(name, owner, run)
        request = self.requests[-1]
        while request in self.requests:
            self._go_on(request)

    def _beat(self, *, everybody: bool = False) -> None:
        """Heartbeats that are due; all of them at once if `everybody`."""
        for who, process in [*self.workers.items(), *self.consoles.items()]:
            if everybody or (process.beats_at <= self.now and process.frozen_until <= self.now):
                process.beats_at = self.now + timedelta(seconds=4)
                beat = self.desk.heartbeat(who) if who in self.workers else self.desk.seat_heartbeat(who)
                (self._finish if everybody else self._ask)("beat", who, beat)

    def _any_worker(self) -> str:
        return self.random.choice(list(self.workers))

    def _new_worker(self) -> None:
        self.workers[f"w{next(self.numbers)}"] = Process(self.now)

    def _sign_in(self, seat: str) -> None:
        self.consoles[seat] = Process(self.now)
        self._ask("sign in", seat, self.desk.sign_in(seat))


@dataclass
class Figures:
    """What a run has shown."""

    steps: int
    seconds: float
    tally: Counter[str] = field(default_factory=Counter)


def run(steps: int, seed: int, settle_every: int = 1500) -> Figures:
    """So many steps; raises BrokenError at the first that breaks an invariant."""
    machine, began = Machine(seed), time.perf_counter()
    for number in range(1, steps + 1):
        machine.step()
        if number % settle_every == 0:
            machine.settle()
    machine.settle()
    machine.finish()
    return Figures(steps, time.perf_counter() - began, machine.tally)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = run(options.steps, options.seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{figures.steps:,} steps in {figures.seconds:.1f} s, no invariant broken, {memory} MB")  # noqa: T201  a program of its own
    for name, count in sorted(figures.tally.items()):
        print(f"  {name:20} {count:>9,}")  # noqa: T201


if __name__ == "__main__":
    main()
