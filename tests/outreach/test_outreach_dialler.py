"""Killed at every step, asked twice, answered late: nobody is dialled twice, every attempt ends in one true outcome."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from ivr.outreach.carrier import CarrierAnswer, DialOrder, NobodyKnowsError, NotReachedError, Told
from ivr.outreach.dialler import Dialler, free_seats
from ivr.outreach.placing import Opening, Placer
from ivr.outreach.rules import Rules
from ivr.outreach.selection import create, preview, read_csv
from ivr.outreach.windows import CompanyHours
from ivr.outreach.workers import Reply
from policy_db import Keys, PinHasher, PolicyDatabase
from policy_db.facts import NewCustomer
from policy_db.outreach import NewAttempt
from policy_db.outreach_facts import Attempt, Campaign, NewPerson
from policy_db.seat_facts import Queue, QueueCall, Seat, Snapshot
from policy_db.seat_rows import values_of
from policy_db.selling_facts import DoNotCall
from policy_db.tables import SeatRow, WaitingCallRow
from policy_db.workers import WorkerFact

#: A Tuesday morning in Shanghai.
START = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
PLACE = "CN:Asia/Shanghai"
KEYS = Keys(bytes(range(32)))


class KilledError(BaseException):
    """The process is gone in this very moment."""


@dataclass
class Time:
    """A clock moved by hand."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return (self.now - START).total_seconds()

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass
class World:
    """The telephones: what each number does when it rings, and how often each really rang."""

    does: dict[str, str] = field(default_factory=dict)
    dialled: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    #: Where there is one, telephones ring until it is set.
    picked_up: asyncio.Event | None = None

    @property
    def name(self) -> str:
        return "sip"

    async def place(self, order: DialOrder, told: Told) -> Any:
        self.dialled.append((order.attempt, order.to))
        what = self.does.get(order.to, "told")
        self.known[order.attempt] = what
        told.submitted(f"carrier-{order.attempt}")
        await asyncio.sleep(0)
        if what == "timeout":
            raise NobodyKnowsError("no answer from the carrier")
        told.ringing()
        if self.picked_up is not None:
            await self.picked_up.wait()
        if what in ("busy", "no_answer", "unreachable", "unpaid", "invalid_number"):
            raise NotReachedError(what)
        if what == "fax":
            told.answered_by("fax")
        return Answer(what)

    async def ask(self, order: DialOrder) -> CarrierAnswer | None:
        what = self.known.get(order.attempt)
        return None if what is None else CarrierAnswer("no_answer" if what == "timeout" else "lost")


@dataclass
class Answer:
    """Somebody answered, and does this."""

    what: str


class TalkDouble:
    """A talk in which the person says one thing and hangs up."""

    def __init__(self, database: PolicyDatabase, opening: Opening, answer: Answer) -> None:
        self._database, self._opening, self._answer = database, opening, answer
        self.touched = answer.what != "fax"
        self.outcome = "caller_hung_up"

    def go_on_with(self, flow: str) -> bool:
        return False

    def end(self, reason: str) -> None:
        self.outcome = reason

    async def run(self) -> None:
        if self._answer.what not in ("hung_up", "fax"):
            await self._database.outreach.said(self._opening.call_id, self._answer.what)


class House:
    """A worker that may be killed at any await of the database, with its door; and the next one in its place."""

    def __init__(self, database: PolicyDatabase, world: World, time: Time) -> None:
        self.database, self.world, self.time = database, world, time
        self.lives = 0
        self.calls = 0
        self.full = False
        self.deaf = False
        self.reborn()

    def reborn(self) -> None:
        self.lives += 1
        self.placer = Placer(
            self.database,
            {"sip": self.world},
            holder=f"worker-0/{self.lives}",
            begin=lambda leg, opening: TalkDouble(self.database, opening, leg),
            room=lambda: not self.full,
            new_call_id=self._new_call,
            clock=self.time,
        )

    def _new_call(self) -> str:
        self.calls += 1
        return f"call-{self.calls}"

    def kill(self) -> None:
        """Gone without a word; whatever it had in hand stops where it is."""
        for task in (*self.placer._running.values(), *self.placer._asides):
            task.cancel("killed")
        self.placer._database = Dead()  # type: ignore[assignment]
        self.reborn()

    # The door

    async def serving(self) -> Sequence[WorkerFact]:
        return [await self.named("worker-0")]

    async def named(self, name: str) -> WorkerFact:
        return WorkerFact("worker-0", "http://worker", 1, "ready", 0, 100, self.time())

    async def ask(self, url: str, what: str, attempt: str) -> Reply:
        if self.deaf:
            return Reply(0, {})
        try:
            if what == "settle":
                return Reply(200, {"state": await self.placer.settle(attempt)})
            await self.placer.dial(attempt)
        except Exception:
            return Reply(409, {})
        return Reply(202, {})

    async def idle(self) -> None:
        """Until everything in hand is done."""
        while self.placer._running or self.placer._asides:
            await asyncio.wait([*self.placer._running.values(), *self.placer._asides])
            await asyncio.sleep(0)


class Dead:
    """The database as a dead process sees it."""

    def __getattr__(self, name: str) -> Any:
        raise KilledError


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in it; making one takes seconds, a copy takes none."""
    made = tmp_path_factory.mktemp("empty") / "hotline.db"

    async def make() -> None:
        async with await PolicyDatabase.open(
            f"sqlite:///{made}", keys=KEYS, pins=PinHasher.cheap(), migrate=True
        ):
            pass

    asyncio.run(make())
    return made


@pytest.fixture
async def database(empty: Path, tmp_path: Path, time: Time) -> AsyncIterator[PolicyDatabase]:
    copied = Path(shutil.copy(empty, tmp_path / "hotline.db"))
    async with await PolicyDatabase.open(
        f"sqlite:///{copied}", keys=KEYS, pins=PinHasher.cheap(), clock=time
    ) as opened:
        yield opened


def dialler(
    database: PolicyDatabase, house: Any, time: Time, holder: str = "dialler/1", **company: str
) -> Dialler:
    ids = iter(range(10**6))
    return Dialler(
        database, house, holder=holder, clock=time, steady=time.steady, ids=lambda: f"a-{holder}-{next(ids)}",
        company=CompanyHours(**company),
    )  # fmt: skip


async def begin(
    database: PolicyDatabase,
    people: Sequence[str | NewPerson],
    name: str = "c-1",
    kind: str = "list",
    **rules: Any,
) -> Campaign:
    """A running campaign of these numbers."""
    wanted = {"pace": {"at_once": 50, "per_second": 100}, **rules}
    campaign = Campaign(name, name, kind, "premium_reminder", START, "test", rules=wanted)  # type: ignore[arg-type]
    await database.campaigns.add(campaign)
    listed = [one if isinstance(one, NewPerson) else NewPerson(one, PLACE) for one in people]
    await database.campaigns.put(name, listed, due=START)
    changed = await database.campaigns.change(name, "running", START)
    assert changed is not None
    return changed


async def passes(machine: Dialler, house: House, time: Time, count: int, seconds: float = 1.0) -> None:
    for _ in range(count):
        await machine.once()
        if machine._asking:
            await asyncio.wait(machine._asking)
        await house.idle()
        time.forward(seconds=seconds)


async def attempts(database: PolicyDatabase, campaign: str = "c-1") -> tuple[Attempt, ...]:
    return await database.outreach.of_campaign(campaign, limit=5000)


def numbers(count: int) -> list[str]:
    return [f"+86138{number:08d}" for number in range(count)]


async def test_everybody_is_called_and_each_end_is_the_one_that_came(
    database: PolicyDatabase, time: Time
) -> None:
    ways = (
        "told",
        "promised",
        "busy",
        "no_answer",
        "invalid_number",
        "hung_up",
        "wrong_number",
        "do_not_call",
        "fax",  # told by the carrier before there is a talk that it could be told to
    )
    people = numbers(len(ways))
    world = World(dict(zip(people, ways, strict=True)))
    house = House(database, world, time)
    await begin(database, people, retries={"attempts": 1})
    await passes(dialler(database, house, time), house, time, 4)
    found = {one.number: one.outcome for one in await attempts(database)}
    assert found == dict(zip(people, ways, strict=True))
    counts = await database.campaigns.counts("c-1")
    assert {what: people for (state, what), people in counts.items() if state == "done"} == dict.fromkeys(
        ways, 1
    )
    campaign = await database.campaigns.find("c-1")
    assert campaign is not None
    assert campaign.state == "done"


async def test_a_person_is_tried_again_after_the_gap_of_the_outcome_and_no_sooner(
    database: PolicyDatabase, time: Time
) -> None:
    world = World(dict.fromkeys(numbers(1), "busy"))
    house = House(database, world, time)
    await begin(database, numbers(1), caps={"per_day": 9, "per_week": 9})
    machine = dialler(database, house, time)
    await passes(machine, house, time, 20, seconds=60)
    assert len(world.dialled) == 1
    await passes(machine, house, time, 15, seconds=60)
    assert len(world.dialled) == 2
    assert [one.seq for one in await attempts(database)] == [2, 1]


async def test_a_campaign_that_would_call_all_day_waits_for_the_hours_of_the_company(
    database: PolicyDatabase, time: Time
) -> None:
    world = World(dict.fromkeys(numbers(3), "told"))
    house = House(database, world, time)
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    await begin(database, numbers(3), windows={"week": week, "rests": "", "holidays": None})
    machine = dialler(database, house, time, hours="09:00-18:00", rests="09:00-15:00")
    shanghai = ZoneInfo("Asia/Shanghai")
    while time().astimezone(shanghai).hour < 14:
        await passes(machine, house, time, 1, seconds=1200)
    await passes(machine, house, time, 1)
    assert world.dialled == []
    time.forward(hours=1)
    await passes(machine, house, time, 2)
    assert {number for _, number in world.dialled} == set(numbers(3))
    assert {one.planned_at.astimezone(shanghai).hour for one in await attempts(database)} == {15}


async def test_two_diallers_and_doubled_and_late_requests_dial_nobody_twice(
    database: PolicyDatabase, time: Time
) -> None:
    people = numbers(30)
    world = World()
    house = House(database, world, time)
    await begin(database, people)
    first, second = dialler(database, house, time, "d/1"), dialler(database, house, time, "d/2")
    for machine in (first, second):
        machine._active, machine._lease_at = True, 1e9  # both believe that they have the lease
    await asyncio.gather(first.once(), second.once())
    await asyncio.gather(*first._asking, *second._asking)
    taken = await attempts(database)
    again = [house.ask("", "dial", one.id) for one in taken for _ in range(2)]
    replies = await asyncio.gather(*again)
    await house.idle()
    assert {reply.status for reply in replies} <= {202, 409}
    assert max(Counter(number for _, number in world.dialled).values()) == 1


async def test_what_a_worker_did_not_take_in_time_it_cannot_take_any_more(
    database: PolicyDatabase, time: Time
) -> None:
    world = World()
    house = House(database, world, time)
    house.deaf = True
    await begin(database, numbers(1))
    await passes(dialler(database, house, time), house, time, 1)
    house.deaf = False
    (lost,) = await attempts(database)
    assert (lost.state, lost.outcome) == ("ended", "not_placed")
    assert (await house.ask("", "dial", lost.id)).status == 409
    assert world.dialled == []


@pytest.mark.parametrize("seed", range(3))
async def test_killed_anywhere_nobody_is_dialled_twice_for_one_attempt_and_every_attempt_ends_once(
    database: PolicyDatabase, time: Time, seed: int
) -> None:
    rng = random.Random(seed)
    people = numbers(16)
    ways = ("told", "promised", "busy", "no_answer", "timeout", "hung_up")
    world = World({one: rng.choice(ways) for one in people})
    house = House(database, world, time)
    await begin(database, people, caps={"per_day": 2, "per_week": 3}, pace={"at_once": 8, "per_second": 10})
    for lives in range(20):
        machine = dialler(database, house, time, f"d/{seed}-{lives}")
        running = asyncio.create_task(machine.once())
        for _ in range(rng.randrange(1, 60)):
            await asyncio.sleep(0)
            if running.done() and not machine._asking:
                break
        if rng.random() < 0.5:
            for task in (running, *machine._asking):
                task.cancel()  # the dialler is killed where it stands
        if rng.random() < 0.4:
            house.kill()
        await asyncio.gather(running, *machine._asking, return_exceptions=True)
        time.forward(seconds=rng.choice((16, 30, 200)))
    machine = dialler(database, house, time, "d/last")
    time.forward(seconds=60)
    await passes(machine, house, time, 12, seconds=30)
    found = await attempts(database)
    dialled = Counter(attempt for attempt, _ in world.dialled)
    assert max(dialled.values()) == 1
    assert {one.state for one in found} == {"ended"}
    assert all(one.outcome for one in found)
    rang = Counter(number for attempt, number in world.dialled)
    assert max(rang.values()) <= 3
    for one in found:
        if one.id not in dialled:
            assert one.outcome in ("not_placed", "lost"), one
        else:
            assert one.outcome != "not_placed", one


async def test_a_submission_of_which_nobody_knows_is_settled_by_asking_the_carrier(
    database: PolicyDatabase, time: Time
) -> None:
    world = World(dict.fromkeys(numbers(1), "timeout"))
    house = House(database, world, time)
    await begin(database, numbers(1))
    machine = dialler(database, house, time)
    await passes(machine, house, time, 1)
    assert [one.state for one in await attempts(database)] == ["submission_unknown"]
    await passes(machine, house, time, 8)
    assert [one.outcome for one in await attempts(database)] == ["no_answer"]


async def test_words_that_come_out_of_order_twice_or_late_move_an_attempt_only_forward(
    database: PolicyDatabase, time: Time
) -> None:
    rng = random.Random(5)
    for trial in range(8):
        await begin(database, [NewPerson(f"+8613900000{trial:03d}", PLACE)], name=f"c-{trial}")
        (person,) = await database.campaigns.people(f"c-{trial}")
        await database.outreach.plan([NewAttempt(f"a-{trial}", person, "sip")], holder="d", at=time())
        told = [
            ("ringing", ""),
            ("answered", ""),
            ("ended", "busy"),
            ("ended", "no_answer"),
            ("submitted", ""),
        ] * 2
        rng.shuffle(told)
        first_end = next(outcome for state, outcome in told if state == "ended")
        for state, outcome in told:
            await database.outreach.moved(f"a-{trial}", state, at=time(), outcome=outcome)  # type: ignore[arg-type]
        found = await database.outreach.find(f"a-{trial}")
        assert found is not None
        assert (found.state, found.outcome) == ("ended", first_end)


async def test_a_line_that_cannot_be_reached_rests_and_other_campaigns_go_on(
    database: PolicyDatabase, time: Time
) -> None:
    people = numbers(30)
    world = World(dict.fromkeys(people, "unreachable"))
    house = House(database, world, time)
    good = World()
    house.placer._carriers = {"sip": world, "other": good}  # type: ignore[dict-item]
    await begin(database, people, name="c-bad", pace={"at_once": 5, "per_second": 5})
    other = replace(
        Campaign(
            "c-good", "c-good", "list", "premium_reminder", START, "test", rules={"pace": {"per_second": 50}}
        ),
        line="other",
    )
    await database.campaigns.add(other)
    await database.campaigns.put("c-good", [NewPerson(f"+86137{n:08d}", PLACE) for n in range(8)], due=START)
    await database.campaigns.change("c-good", "running", START)
    machine = dialler(database, house, time)
    await passes(machine, house, time, 12)
    assert len(world.dialled) < 20
    assert len(good.dialled) == 8
    bad = await database.campaigns.find("c-bad")
    assert bad is not None
    assert (bad.state, bad.problem) == ("running", "unreachable")
    world.does.clear()
    await passes(machine, house, time, 20, seconds=60)
    bad = await database.campaigns.find("c-bad")
    assert bad is not None
    assert bad.problem == ""


async def test_who_must_not_be_called_is_left_out_at_the_last_moment_too(
    database: PolicyDatabase, time: Time
) -> None:
    people = numbers(3)
    world = World()
    house = House(database, world, time)
    await begin(database, people)
    await database.do_not_call.add(DoNotCall(people[0], "", "all", START - timedelta(days=1), None, "call"))
    await passes(dialler(database, house, time), house, time, 2)
    assert sorted(number for _, number in world.dialled) == people[1:]
    counts = await database.campaigns.counts("c-1")
    assert counts["excluded", "do_not_call"] == 1


async def test_caps_hold_across_campaigns(database: PolicyDatabase, time: Time) -> None:
    world = World()
    house = House(database, world, time)
    for name in ("c-1", "c-2", "c-3"):
        await begin(database, numbers(5), name=name, caps={"per_day": 1, "per_week": 2})
    await passes(dialler(database, house, time), house, time, 10)
    assert Counter(number for _, number in world.dialled) == dict.fromkeys(numbers(5), 1)


async def test_a_worker_that_is_full_costs_nobody_an_attempt(database: PolicyDatabase, time: Time) -> None:
    world = World()
    house = House(database, world, time)
    house.full = True
    await begin(database, numbers(2))
    machine = dialler(database, house, time)
    await passes(machine, house, time, 2)
    assert world.dialled == []
    house.full = False
    await passes(machine, house, time, 5, seconds=30)
    assert len(world.dialled) == 2
    assert {one.attempts for one in await database.campaigns.people("c-1")} == {1}


async def test_a_preview_counts_who_is_left_out_by_reason(database: PolicyDatabase, time: Time) -> None:
    added = await database.customers.add(
        NewCustomer("王", "m", date(1980, 1, 1), "+8613800000009", "11010519800101001X")
    )
    customer = added.number
    await database.customers.set_consent(customer, "calls", given=False, source="test")
    await database.do_not_call.add(
        DoNotCall("+8613800000001", "", "all", START - timedelta(days=1), None, "call")
    )
    await begin(database, ["+8613800000002"], name="c-other")
    lines, wrong = read_csv(
        f"number,customer\n13800000000,\n13800000000,\n13800000001,\n13800000002,\n13800000009,{customer}\n5,\n".encode()
    )
    found = await preview(database, "list", {}, Rules(), now=time(), lines=lines, wrong=wrong)
    assert found.called == 1
    assert found.reasons == {"duplicate": 1, "do_not_call": 1, "in_campaign": 1, "no_consent": 1}
    assert [(one.line, one.why) for one in found.wrong] == [(7, "bad_number")]
    await create(database, Campaign("c-new", "new", "list", "f", START, "test"), found, time())
    counts = await database.campaigns.counts("c-new")
    assert sum(counts.values()) == 5
    assert counts["waiting", ""] == 1


async def wait_in_line(
    database: PolicyDatabase, call: str, *, answered: float | None, state: str = "ended", outcome: str = ""
) -> None:
    """A place in line of a call, entered at the start; answered so many seconds later, or never."""
    at = None if answered is None else START + timedelta(seconds=answered)
    place = QueueCall(
        f"p-{call}",
        call,
        "service",
        START,
        START,
        state=state,
        answered_at=at,
        ended_at=START,
        outcome=outcome,  # type: ignore[arg-type]
    )
    async with database.store.writing() as connection:
        await connection.execute(insert(WaitingCallRow).values(values_of(place)))


async def test_who_wants_a_seat_and_gets_none_in_time_is_abandoned_and_counts_for_the_cap(
    database: PolicyDatabase, time: Time
) -> None:
    people = numbers(5)
    house = House(database, World(dict.fromkeys(people, "to_person")), time)
    await database.seats.add(queues=[Queue("service")])
    await wait_in_line(database, "call-1", answered=2.0)
    await wait_in_line(database, "call-2", answered=30.0)
    await wait_in_line(database, "call-3", answered=None, state="abandoned", outcome="hung_up")
    await wait_in_line(database, "call-4", answered=None, state="left", outcome="key")
    await begin(database, people, pace={"at_once": 50, "per_second": 100})
    await passes(dialler(database, house, time), house, time, 2)
    found = {one.call_id: one.outcome for one in await attempts(database)}
    assert found == {f"call-{n}": "abandoned" if n == 3 else "to_person" for n in range(1, 6)}
    made, taken, lost = await database.outreach.abandoned("c-1", START, time(), within=5.0)
    assert (made, taken, lost) == (5, 5, 3)


async def test_progressive_calls_are_as_many_as_seats_are_free(database: PolicyDatabase, time: Time) -> None:
    people = numbers(20)
    world = World(picked_up=asyncio.Event())
    assert world.picked_up is not None
    house = House(database, world, time)
    seats = [Seat(f"s-{n}", f"S{n}", f"sip:s{n}@x", skills={"zh": 3} if n < 3 else {}) for n in range(5)]
    await database.seats.add(queues=[Queue("service", skills={"zh": 1})], seats=seats)
    async with database.store.writing() as connection:
        free = update(SeatRow).where(SeatRow.id.in_(("s-0", "s-1", "s-3"))).values(state="ready")
        await connection.execute(free)  # s-3 is ready too, but has not the skill
    await begin(
        database, people, pace={"at_once": 50, "per_second": 100, "mode": "progressive", "seats": "service"}
    )
    machine = dialler(database, house, time)
    for _ in range(4):
        await machine.once()
        await asyncio.gather(*machine._asking)
        time.forward(seconds=1)
    assert len(world.dialled) == 2
    world.picked_up.set()
    await house.idle()


def test_no_queue_has_no_free_seats() -> None:
    assert free_seats(Snapshot({}, (), ()), "service") == 0
