"""Administration as JSON: lists, records, changes, queues, hours and imports, with the checks of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, HTTPException, Path, Query, UploadFile
from pydantic import AwareDatetime, BaseModel, Field

from ivr.call.company_hours import overlaid
from ivr.console.access import Administrator, Overseer
from ivr.console.admin import imports
from ivr.console.admin.queues import QueueProblemError, added, changed, form_of, found_queue, seen_of
from ivr.console.admin.records import may_read, new_pin, tell
from ivr.console.admin.uploads import limited
from ivr.console.audit import did, looked_at
from ivr.console.parts import Parts
from ivr.flow.hours import hours_problems, open_state
from policy_db.administration import Calendar, Entry
from policy_db.errors import ConflictError, NotFoundError
from policy_db.imports import KINDS, ImportRecord, problem_text
from policy_db.imports.kinds import subject_of
from policy_db.seat_facts import Queue

router = APIRouter(prefix="/admin")
Records = Literal["customers", "policies", "products", "salespeople", "seats"]
ImportKind = Literal[
    "products", "rates", "salespeople", "customers", "policies", "coverages", "beneficiaries", "instalments",
    "payments", "commissions", "seats",
]  # fmt: skip
Key = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Code = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such record."},
    409: {"description": "It exists already, or somebody else has changed it."},
    422: {"description": "What is wrong, by field."},
}


class RecordOut(BaseModel):
    """A record by column; `seen` stands for how it looks, and goes with a change of it."""

    key: str
    seen: str
    values: dict[str, Any]


class RecordPage(BaseModel):
    """A page of a list."""

    rows: list[RecordOut]
    total: int


class RecordIn(BaseModel):
    """Columns and their new values, as texts that an import would take. Without `seen` a new record is made."""

    values: dict[str, Annotated[str, Field(max_length=2000)]] = Field(max_length=100)
    seen: Annotated[str | None, Field(max_length=32)] = None


class SavedOut(BaseModel):
    """What came of it."""

    key: str
    outcome: str
    fields: list[str]


class PinOut(BaseModel):
    """A new PIN, told this once."""

    pin: str


class QueueRules(BaseModel):
    """The rules of a queue; times in seconds."""

    skills: dict[str, int] = Field(default_factory=dict)
    licences: tuple[str, ...] = ()
    strategy: Literal["longest_idle", "round_robin", "last_seat_first"] = "longest_idle"
    best_first: bool = False
    priority: int = 0
    ageing_seconds: float = 60.0
    ring_seconds: float = 20.0
    wrap_up_seconds: float = 30.0
    service_level_seconds: float = 20.0
    patience_seconds: float = 5.0
    most_waiting: int = 0
    overflow_to: Annotated[str, Field(max_length=64)] | None = None
    overflow_seconds: float = 0.0
    leave_by_key: bool = True
    call_back: bool = True


class QueueOut(QueueRules):
    """A queue; `seen` stands for how it looks, and goes with a change of it.

    `week` holds opening hours by day, None those of the company.
    """

    name: str
    titles: dict[str, str]
    week: dict[str, str] | None
    seen: str


class QueueIn(QueueRules):
    """A queue's rules. Without `seen` a new queue is made."""

    titles: dict[Literal["zh-CN", "en"], Annotated[str, Field(max_length=100)]] = Field(default_factory=dict)
    skills: dict[_Code, Annotated[int, Field(ge=0, le=10)]] = Field(default_factory=dict, max_length=50)
    licences: tuple[_Code, ...] = Field(default=(), max_length=50)
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    most_waiting: Annotated[int, Field(ge=0, le=10_000)] = 0
    week: dict[_Day, Annotated[str, Field(max_length=100)]] | None = None
    seen: Annotated[str | None, Field(max_length=32)] = None


class CalendarOut(BaseModel):
    """A calendar as it holds now, and what the company has changed of it."""

    name: str
    state: Literal["open", "closed", "holiday"]
    override: str | None
    override_until: datetime | None
    week: dict[str, str]
    days: dict[str, str]
    version: int


class CalendarIn(BaseModel):
    """What the company changes of a calendar; None leaves the file's."""

    week: dict[_Day, str] | None = None
    days: dict[date, Annotated[str, Field(max_length=100)]] = Field(default_factory=dict, max_length=400)
    override: Literal["open", "closed"] | None = None
    override_until: AwareDatetime | None = None
    note: Annotated[str, Field(max_length=200)] = ""
    version: Annotated[int, Field(ge=0, le=2**31 - 2)]


class ImportOut(BaseModel):
    """An import: what its lines come to."""

    id: str
    kind: str
    state: str
    file_name: str
    encoding: str
    lines: int
    added: int
    changed: int
    same: int
    wrong: int
    warned: int
    problem: str
    begun_at: datetime
    begun_by: str
    applied_at: datetime | None


class ImportLineOut(BaseModel):
    """A line that adds, changes, is wrong or worth a look."""

    line: int
    outcome: str
    key: str
    changes: dict[str, list[str]]
    problems: list[dict[str, str]]


@router.get("/queues")
async def queues(parts: Parts, visitor: Overseer) -> list[QueueOut]:
    """Every queue with its rules."""
    return [_queue(one) for one in await parts.database.seats.queues()]


@router.get("/queues/{name}", responses=_RESPONSES)
async def one_queue(parts: Parts, visitor: Overseer, name: Key) -> QueueOut:
    """A queue with its rules."""
    return _queue(await found_queue(parts, name))


@router.put("/queues/{name}", responses=_RESPONSES)
async def save_queue(parts: Parts, visitor: Administrator, name: Key, wish: QueueIn) -> QueueOut:
    """Add a queue, or change it as long as it looks as it was `seen`; all its rules at once."""
    try:
        form = form_of(Queue(name, **wish.model_dump(exclude={"seen"})))
        if wish.seen is None:
            return _queue(await added(parts, visitor, form))
        before = await found_queue(parts, name)
        return _queue(await changed(parts, visitor, before, form, seen=wish.seen))
    except QueueProblemError as error:
        if error.wrong.get("name") == "exists":
            raise HTTPException(409, f"There is a queue {name} already; say how it was seen.") from None
        raise HTTPException(422, "; ".join(f"{field}: {why}" for field, why in error.wrong.items())) from None
    except ConflictError as error:
        raise HTTPException(409, str(error)) from None


@router.get("/hours")
async def hours(parts: Parts, visitor: Overseer) -> list[CalendarOut]:
    """Every calendar of the flows as it holds now."""
    kept = await parts.database.administration.calendars()
    return [
        _calendar(kept.get(name, Calendar(name)), of_file, parts.clock())
        for name, of_file in parts.flows.current.hotline.calendars.items()
    ]


@router.put("/hours/{name}", responses=_RESPONSES)
async def set_hours(parts: Parts, visitor: Administrator, name: Key, wish: CalendarIn) -> CalendarOut:
    """Change a calendar; workers take it within seconds."""
    of_file = parts.flows.current.hotline.calendars.get(name)
    if of_file is None:
        raise HTTPException(404)
    notes = {one: note for one, (_, note) in (await _kept(parts, name)).days.items()}
    wanted = Calendar(
        name, None if wish.week is None else {str(day): text for day, text in wish.week.items()}, None,
        wish.override, wish.override_until if wish.override else None, wish.note,
        {day: (text, notes.get(day, "")) for day, text in wish.days.items()}, wish.version,
    )  # fmt: skip
    if problems := hours_problems(overlaid(of_file, wanted, parts.clock())):
        raise HTTPException(422, problems[0][1])
    try:
        made = await parts.database.administration.set_calendar(wanted, by=visitor.who)
    except ConflictError as error:
        raise HTTPException(409, str(error)) from None
    parts.bus.publish("hours", name)
    return _calendar(made, of_file, parts.clock())


@router.get("/imports")
async def list_imports(
    parts: Parts, visitor: Administrator, offset: Annotated[int, Query(ge=0, le=100_000)] = 0
) -> list[ImportOut]:
    """What was imported, the newest first."""
    return [_import(one) for one in await parts.database.imports.latest(offset=offset, limit=100)]


@router.post(
    "/imports",
    status_code=201,
    responses={411: {"description": "Say the length."}, 413: {"description": "The file is too large."}},
    dependencies=[Depends(limited(imports.largest))],
)
async def check_import(
    parts: Parts, visitor: Administrator, kind: Annotated[ImportKind, Query()], file: UploadFile
) -> ImportOut:
    """Take a CSV file and look through it; nothing is written."""
    return _import(await imports.take(parts, visitor, kind, file))


@router.get("/imports/{record}", responses=_RESPONSES)
async def one_import(parts: Parts, visitor: Administrator, record: Key) -> ImportOut:
    """An import."""
    return _import(await imports.found(parts, record))


@router.get("/imports/{record}/lines", responses=_RESPONSES)
async def import_lines(
    parts: Parts, visitor: Administrator, record: Key,
    show: Literal["wrong", "changed", "added", "warned"] = "wrong",
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> list[ImportLineOut]:  # fmt: skip
    """Lines that come to something, a hundred at a time."""
    await imports.found(parts, record)
    lines = await parts.database.imports.lines(record, outcome=show, after=after)
    return [
        ImportLineOut(
            line=one.line, outcome=one.outcome, key=one.key, changes=one.changes,
            problems=[
                {
                    "code": p["code"], "column": p["column"], "severity": p["severity"], "message": problem_text("en", p),
                }
                for p in one.problems
            ],
        )
        for one in lines
    ]  # fmt: skip


@router.post("/imports/{record}/apply", responses=_RESPONSES)
async def apply_import(
    parts: Parts, visitor: Administrator, record: Key, skip_wrong: bool = False
) -> ImportOut:
    """Write what the dry run showed."""
    known = await imports.found(parts, record)
    if known.state != "checked" or (known.wrong and not skip_wrong):
        raise HTTPException(409, "It is written already, still being checked, or has wrong lines.")
    if not imports.file_of(parts, record).is_file():
        raise HTTPException(409, "The uploaded file is gone; upload it again.")
    await imports.begin_apply(parts, visitor, record, skip_wrong)
    return _import(await imports.found(parts, record))


@router.get("/{kind}", responses=_RESPONSES)
async def list_records(
    parts: Parts, visitor: Overseer, kind: Records, q: Annotated[str, Query(max_length=100)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0, limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> RecordPage:  # fmt: skip
    """Records of a kind, by search."""
    may_read(visitor, kind)
    admin = parts.database.administration
    rows = await admin.search(kind, q, offset=offset, limit=limit)
    await looked_at(parts, visitor, "list", kind)
    return RecordPage(rows=[_record(kind, one) for one in rows], total=await admin.count(kind, q))


@router.get("/{kind}/{key}", responses=_RESPONSES)
async def one_record(parts: Parts, visitor: Overseer, kind: Records, key: Key) -> RecordOut:
    """One record."""
    may_read(visitor, kind)
    entry = await parts.database.administration.find(kind, key)
    if entry is None:
        raise HTTPException(404)
    await looked_at(parts, visitor, subject_of(kind), key)
    return _record(kind, entry)


@router.put("/{kind}/{key}", responses=_RESPONSES)
async def save_record(
    parts: Parts, visitor: Administrator, kind: Records, key: Key, wish: Annotated[RecordIn, Body()]
) -> SavedOut:
    """Add a record, or change it as long as it looks as it was `seen`."""
    known = {one.name for one in KINDS[kind].columns}
    if strange := sorted(set(wish.values) - known):
        raise HTTPException(422, f"unknown columns: {', '.join(strange)}"[:300])
    cells = {**wish.values, KINDS[kind].key[0]: key}
    try:
        saved = await parts.database.administration.save(kind, cells, by=visitor.who, seen=wish.seen)
    except NotFoundError:
        raise HTTPException(404) from None
    except ConflictError as error:
        raise HTTPException(409, str(error)) from None
    if not saved:
        wrong = [f"{one['column']}: {problem_text('en', one)}" for one in saved.problems]
        raise HTTPException(422, "; ".join(wrong))
    tell(parts, kind, key)
    return SavedOut(key=saved.key, outcome=saved.outcome, fields=list(saved.fields))


@router.post("/{kind}/{key}/pin", responses=_RESPONSES)
async def make_pin(
    parts: Parts, visitor: Administrator, kind: Literal["customers", "salespeople"], key: Key
) -> PinOut:
    """A new PIN in place of the old one."""
    pin = new_pin()
    try:
        await parts.database.administration.set_pin_hash(
            kind, key, await parts.database.pins.hash(pin), by=visitor.who
        )
    except NotFoundError:
        raise HTTPException(404) from None
    return PinOut(pin=pin)


@router.post("/seats/{key}/sign-out", responses=_RESPONSES, status_code=204)
async def sign_out(parts: Parts, visitor: Administrator, key: Key) -> None:
    """Send a seat home; during a call, when that is over."""
    result = await parts.desk.sign_out(key, who=visitor.who)
    if not result and result.why == "unknown":
        raise HTTPException(404)
    await did(parts, visitor, "signed_out_seat", f"seat:{key}")


async def _kept(parts: Parts, name: str) -> Calendar:
    return (await parts.database.administration.calendars()).get(name, Calendar(name))


def _queue(queue: Queue) -> QueueOut:
    return QueueOut.model_validate({**asdict(queue), "seen": seen_of(queue)})


def _calendar(kept: Calendar, of_file: Any, now: datetime) -> CalendarOut:
    merged = overlaid(of_file, kept, now)
    return CalendarOut(
        name=kept.name, state=open_state(merged, now), override=merged.override, override_until=kept.override_until,
        week=dict(merged.week), days=dict(merged.exceptions), version=kept.version,
    )  # fmt: skip


def _record(kind: str, entry: Entry) -> RecordOut:
    secret = {one.name for one in KINDS[kind].columns if one.secret}
    shown = {name for name in (one.name for one in KINDS[kind].columns) if name not in secret}
    if kind == "seats":
        shown |= {"state", "reason"}
    return RecordOut(
        key=entry.key, seen=entry.seen,
        values={name: _plain(value) for name, value in entry.values.items() if name in shown},
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | date | datetime):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else value


def _import(record: ImportRecord) -> ImportOut:
    values = {name: getattr(record, name) for name in ImportOut.model_fields if name != "problem"}
    return ImportOut(**values, problem=problem_text("en", record.problem) if record.problem else "")
