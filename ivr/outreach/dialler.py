"""The dialler: writes attempts and has workers place them. One of all that run is active; the others stand by.

It carries no sound and holds nothing that it could not read again: killed at any step, the next one goes on from the
rows. `planned` and `submitting` attempts of a dialler that is gone were never dialled, since a worker dials only what
it wins from `submitting`; those that a worker had are settled by asking that worker, or the carrier.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from ivr.outreach.outcomes import LINE_FAULTS
from ivr.outreach.pace import Floor, TokenBucket, room_for
from ivr.outreach.planning import LOOK_BACK, Readings, after_attempt, look_again
from ivr.outreach.reasons import Reasons
from ivr.outreach.rules import Rules
from ivr.outreach.windows import CompanyHours, Openings
from ivr.outreach.workers import Reply
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.outreach import Load, NewAttempt
from policy_db.outreach_facts import NEVER_RANG, Attempt, Campaign, Person
from policy_db.seat_facts import Snapshot
from policy_db.workers import SILENCE, WorkerFact

log = structlog.get_logger(__name__)

LEASE: Final = "outreach"
#: Seconds for which the right to dial is taken, and after which it is prolonged.
LEASE_SECONDS: Final = 15.0
#: Seconds between two looks: at the least and at the most, and between two that look after what is left over.
SHORTEST, LONGEST, RECOVER_EVERY = 0.02, 1.0, 5.0
#: Attempts that nobody has moved on for so long are asked about (seconds).
_FORGOTTEN: Final = 20.0
#: How long a worker must have been silent before what it had is given up.
_GONE: Final = 5 * SILENCE
#: People looked at for one campaign in one pass, at most.
_LOOKED_AT: Final = 200
#: People read beside those wanted, in case some are to be left alone for now.
_BESIDE: Final = 5
#: Faults of a line in a row after which it rests, and for how long at first and at most (seconds).
_FAULTS, _REST, _LONGEST_REST = 5, 15.0, 300.0
_ZONES_EVERY: Final = 20.0


class WorkerDoor(Protocol):
    """How workers are found and asked; see `ivr.outreach.workers`."""

    async def serving(self) -> Sequence[WorkerFact]:
        """Workers with room, the freest first."""

    async def named(self, name: str) -> WorkerFact | None:
        """A worker's last word."""

    async def ask(self, url: str, what: str, attempt: str) -> Reply:
        """`dial` or `settle` an attempt."""


@dataclass(slots=True)
class _Running:
    """What is remembered of a running campaign between passes; all of it can be read again."""

    version: int
    rules: Rules
    openings: Openings
    bucket: TokenBucket
    places: tuple[str, ...] = ()
    looked: float = -1e9


@dataclass(slots=True)
class _Line:
    """How a line has fared."""

    faults: int = 0
    problem: str = ""
    rests_until: float = 0.0


@dataclass(slots=True)
class Figures:
    """What a dialler has done since its start."""

    planned: int = 0
    submitted: int = 0
    refused: int = 0
    settled: int = 0
    passes: int = 0
    lines: dict[str, _Line] = field(default_factory=dict)


class Dialler:
    """Plans and submits. `clock` is the wall's, `steady` only goes forward (seconds), `ids` makes keys of attempts.

    `company` says when customers are called at all.
    """

    def __init__(
        self,
        database: PolicyDatabase,
        workers: WorkerDoor,
        *,
        holder: str,
        clock: Callable[[], datetime],
        steady: Callable[[], float],
        ids: Callable[[], str],
        notify: Callable[[str, str], None] = lambda topic, which: None,
        company: CompanyHours = CompanyHours(),  # noqa: B008
    ) -> None:
        self._database = database
        self._workers = workers
        self._holder = holder
        self._clock = clock
        self._steady = steady
        self._ids = ids
        self._notify = notify
        self._company = company
        self._reasons = Reasons(database)
        self._readings = Readings()
        self._running: dict[str, _Running] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._recover_at = self._lease_at = -1e9
        self._active = False
        self.figures = Figures()

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; what was begun to be submitted is brought to its end."""
        while not stop.is_set():
            pause = LONGEST
            try:
                pause = await self.once()
            except PolicyDatabaseError as error:
                log.error("the dialler waits for the database", error=type(error).__name__)
            except Exception:
                log.exception("a pass of the dialler failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
        await self.finish()

    async def finish(self) -> None:
        """Wait for what is being submitted, and let another dialler have its turn."""
        if self._asking:
            await asyncio.wait(self._asking)
        if self._active:
            with suppress(PolicyDatabaseError):
                await self._database.retention.give_lease(LEASE, self._holder, done=True)

    async def once(self) -> float:
        """One pass; seconds until the next one is worth while."""
        if not await self._leads():
            return LONGEST
        self.figures.passes += 1
        readings = self._readings.at(self._clock(), self._steady())
        await self._settle(readings[0])
        if self._steady() - self._recover_at >= RECOVER_EVERY:
            self._recover_at = self._steady()
            await self._recover(readings[0])
        return await self._plan_all(readings)

    async def _leads(self) -> bool:
        """Whether this dialler is the one; asked of the database every few seconds."""
        if self._active and self._steady() - self._lease_at < LEASE_SECONDS / 3:
            return True
        before, self._active = (
            self._active,
            await self._database.retention.take_lease(LEASE, self._holder, seconds=LEASE_SECONDS),
        )
        self._lease_at = self._steady()
        if self._active and not before:
            self._recover_at = -1e9
            log.info("dialler active", holder=self._holder)
        return self._active

    # What has ended

    async def _settle(self, now: datetime) -> None:
        """Tell the lists what became of attempts, and when the next ones are."""
        for attempt in await self._database.outreach.unsettled():
            campaign = await self._database.campaigns.find(attempt.campaign)
            person = await self._database.campaigns.person(attempt.person)
            if campaign is None or person is None:
                continue
            self._fared(attempt)
            await self._follow(campaign, person, attempt, now)
            self.figures.settled += 1
            self._notify("campaign", campaign.id)

    async def _follow(self, campaign: Campaign, person: Person, attempt: Attempt, now: datetime) -> None:
        rules = self._rules(campaign)
        made = person.attempts + (0 if attempt.outcome in NEVER_RANG else 1)
        after = after_attempt(
            rules,
            attempt.outcome,
            made=made,
            ended_at=attempt.ended_at or now,
            later_at=attempt.later_at,
        )
        at = after.at
        if attempt.outcome == "promised" and made <= rules.retries.attempts + 1:
            at = await self._reasons.promised_until(campaign, person, now)
        state = "waiting" if at is not None else "done"
        await self._database.outreach.settle(attempt, state=state, outcome=after.outcome, next_at=at, at=now)

    def _fared(self, attempt: Attempt) -> None:
        """Count faults of the line in a row; enough of them, and it rests."""
        line = self.figures.lines.setdefault(attempt.line, _Line())
        if attempt.outcome in LINE_FAULTS:
            line.faults += 1
            line.problem = attempt.outcome
            if line.faults >= _FAULTS:
                rest = min(_LONGEST_REST, _REST * 2 ** min(10, line.faults - _FAULTS))
                line.rests_until = self._steady() + rest
        elif attempt.outcome != "not_placed":
            line.faults, line.problem, line.rests_until = 0, "", 0.0

    # What is left over

    async def _recover(self, now: datetime) -> None:
        """Bring to an end what nobody carries on."""
        for attempt in await self._database.outreach.under_way():
            if attempt.state in ("planned", "submitting"):
                await self._give_back(attempt, now)
            else:
                await self._ask_about(attempt, now)
        await self._database.promises.settle(now.date(), now)

    async def _give_back(self, attempt: Attempt, now: datetime) -> None:
        """Never dialled: only what is won from `submitting` is, and now it cannot be any more."""
        forgotten = now - attempt.planned_at > timedelta(seconds=_FORGOTTEN) or now < attempt.planned_at
        if attempt.holder != self._holder or forgotten:
            await self._database.outreach.moved(
                attempt.id, "ended", at=now, outcome="not_placed", only_from=("planned", "submitting")
            )

    async def _ask_about(self, attempt: Attempt, now: datetime) -> None:
        """Ask the process that has it; where that is gone, any other, which asks the carrier."""
        name = attempt.holder.partition("/")[0]
        holder = await self._workers.named(name)
        if holder is not None and now - holder.seen_at < SILENCE and holder.state != "stopped":
            await self._workers.ask(holder.url, "settle", attempt.id)
        elif holder is None or holder.state == "stopped" or now - holder.seen_at > _GONE:
            serving = await self._workers.serving()
            if serving:
                await self._workers.ask(serving[0].url, "settle", attempt.id)

    # What is to come

    async def _plan_all(self, readings: Sequence[datetime]) -> float:
        campaigns = await self._database.campaigns.running()
        self._running = {one.id: self._known(one) for one in campaigns}
        if not campaigns:
            return LONGEST
        workers = await self._workers.serving()
        if not workers:
            return LONGEST
        load = await self._database.outreach.load(readings[0] - timedelta(seconds=20))
        seats = await self._seats(campaigns)
        room = sum(one.capacity - one.calls for one in workers)
        pauses = [LONGEST]
        for campaign in campaigns:
            began = await self._plan(campaign, readings, load.get(campaign.id, Load()), seats, workers, room)
            room -= began
            if began:
                pauses.append(self._running[campaign.id].bucket.next_at() - self._steady())
        return max(SHORTEST, min(pauses))

    def _known(self, campaign: Campaign) -> _Running:
        known = self._running.get(campaign.id)
        if known is None or known.version != campaign.version:
            rules = Rules.read(campaign.rules)
            bucket = TokenBucket(rules.pace.per_second, self._steady()) if known is None else known.bucket
            known = _Running(campaign.version, rules, Openings(rules.windows, self._company), bucket)
        return known

    def _rules(self, campaign: Campaign) -> Rules:
        known = self._running.get(campaign.id)
        return Rules.read(campaign.rules) if known is None else known.rules

    async def _seats(self, campaigns: Sequence[Campaign]) -> Snapshot | None:
        paced = any(self._running[one.id].rules.pace.mode != "fixed" for one in campaigns)
        return await self._database.seats.snapshot() if paced else None

    async def _plan(
        self,
        campaign: Campaign,
        readings: Sequence[datetime],
        load: Load,
        seats: Snapshot | None,
        workers: Sequence[WorkerFact],
        room: int,
    ) -> int:
        """Begin calls of one campaign; how many."""
        known = self._running[campaign.id]
        wanted = min(
            room, known.bucket.available(self._steady()), await self._room(campaign, load, seats, readings)
        )
        wanted = min(wanted, await self._line_room(campaign, load))
        if wanted <= 0:
            return 0
        open_ = await self._open_places(campaign, readings)
        people = await self._choose(campaign, open_, readings, wanted)
        if not people:
            await self._maybe_done(campaign, load, readings[0])
            return 0
        line = campaign.line or "sip"
        planned = await self._database.outreach.plan(
            [NewAttempt(self._ids(), one, line) for one in people], holder=self._holder, at=readings[0]
        )
        known.bucket.take(len(planned))
        self.figures.planned += len(planned)
        going = await self._database.outreach.submitting([one.id for one in planned], holder=self._holder)
        for index, attempt in enumerate(going):
            self._submit(attempt, campaign.id, workers[index % len(workers)])
        return len(planned)

    async def _room(
        self, campaign: Campaign, load: Load, seats: Snapshot | None, readings: Sequence[datetime]
    ) -> int:
        pace = self._running[campaign.id].rules.pace
        floor = Floor(load.pending, load.under_way)
        if pace.mode != "fixed" and seats is not None:
            tried, answered, abandoned = await self._database.outreach.abandoned(
                campaign.id, readings[0] - timedelta(hours=4), readings[0], pace.connect_within
            )
            floor = Floor(
                load.pending, load.under_way, free_seats(seats, pace.seats), tried, answered, abandoned
            )
        return room_for(pace, floor)

    async def _line_room(self, campaign: Campaign, load: Load) -> int:
        """Calls that the line is good for: none while it rests after faults, then one to try it."""
        line = self.figures.lines.get(campaign.line or "sip")
        if line is None or line.faults < _FAULTS:
            await self._database.campaigns.trouble(campaign.id, "") if campaign.problem else None
            return 1_000_000
        if campaign.problem != line.problem:
            await self._database.campaigns.trouble(campaign.id, line.problem)
            self._notify("campaign", campaign.id)
        return 1 if self._steady() >= line.rests_until and not load.under_way else 0

    async def _open_places(self, campaign: Campaign, readings: Sequence[datetime]) -> tuple[str, ...]:
        """The places of people who wait where every clock allows a call now."""
        known = self._running[campaign.id]
        if self._steady() - known.looked >= _ZONES_EVERY:
            known.looked = self._steady()
            known.places = await self._database.campaigns.zones(campaign.id)
        return tuple(
            place
            for place in known.places
            if all(known.openings.may_call(place, reading) for reading in readings)
        )

    async def _choose(
        self, campaign: Campaign, places: Sequence[str], readings: Sequence[datetime], wanted: int
    ) -> list[Person]:
        """People to be called now. Who is not, is put off to a moment, or is done."""
        chosen: list[Person] = []
        seen: set[int] = set()
        while len(chosen) < wanted and len(seen) < _LOOKED_AT and places:
            batch = await self._database.campaigns.due(campaign.id, places, min(readings), wanted + _BESIDE)
            fresh = [one for one in batch if one.id not in seen]
            if not fresh:
                break
            seen.update(one.id for one in fresh)
            later = await self._weigh(campaign, fresh, readings, chosen, wanted)
            if later:
                await self._database.campaigns.put_off(later)
        return chosen

    async def _weigh(
        self,
        campaign: Campaign,
        batch: Sequence[Person],
        readings: Sequence[datetime],
        chosen: list[Person],
        wanted: int,
    ) -> dict[int, datetime]:
        """Choose of a batch; when to look again at whom."""
        known, now = self._running[campaign.id], readings[0]
        since = min(readings) - LOOK_BACK
        history = await self._database.outreach.history([one.number for one in batch], since)
        later: dict[int, datetime] = {}
        numbers = {one.number for one in chosen}
        for person in batch:
            if len(chosen) >= wanted:
                break
            if person.number in numbers:
                later[person.id] = now + timedelta(minutes=1)
                continue
            again = look_again(known.rules, known.openings, person.zone, history[person.number], readings)
            again = again or await self._reasons.promised_until(campaign, person, now)
            if again is not None:
                later[person.id] = again
            elif await self._may(campaign, person, known.rules, now):
                chosen.append(person)
                numbers.add(person.number)
        return later

    async def _may(self, campaign: Campaign, person: Person, rules: Rules, now: datetime) -> bool:
        reason = await self._reasons.excluded(person, rules, now)
        if reason:
            await self._database.campaigns.exclude(person.id, reason)
            return False
        over = await self._reasons.over(campaign, person, now.date())
        if over:
            await self._database.campaigns.finish(person.id, over)
        return not over

    async def _maybe_done(self, campaign: Campaign, load: Load, now: datetime) -> None:
        if not load.under_way and not await self._database.campaigns.waits(campaign.id):
            await self._database.campaigns.change(campaign.id, "done", now)
            self._notify("campaign", campaign.id)

    # Submitting

    def _submit(self, attempt: str, campaign: str, worker: WorkerFact) -> None:
        task = asyncio.create_task(self._ask_worker(attempt, campaign, worker))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_worker(self, attempt: str, campaign: str, worker: WorkerFact) -> None:
        """Have a worker dial. Whatever it does not take, it never can any more once this has ended it."""
        reply = await self._workers.ask(worker.url, "dial", attempt)
        if reply.status == 202:
            self.figures.submitted += 1
            return
        self.figures.refused += 1
        with suppress(PolicyDatabaseError):  # then the next look at what is left over does it
            await self._database.outreach.moved(
                attempt, "ended", at=self._clock(), outcome="not_placed", only_from=("submitting",)
            )


def free_seats(snapshot: Snapshot, queue: str) -> int:
    """Seats that are ready and fit a queue, less the calls that wait there already."""
    wanted = snapshot.queues.get(queue)
    if wanted is None:
        return 0
    ready = sum(
        seat.state == "ready"
        and all(seat.skills.get(skill, 0) >= level for skill, level in wanted.skills.items())
        and all(licence in seat.licences for licence in wanted.licences)
        for seat in snapshot.seats
    )
    waiting = sum(call.queue == queue and call.state == "waiting" for call in snapshot.calls)
    return max(0, ready - waiting)
