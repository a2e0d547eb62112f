"""Queues: every rule of them, with what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Administrator, Overseer, Visitor
from ivr.console.admin.records import note_of
from ivr.console.audit import did
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.flow.hours import parse_spans
from policy_db.administration import look_of
from policy_db.errors import ConflictError
from policy_db.imports.problems import WrongCellError
from policy_db.imports.values import code, codes, levels, written
from policy_db.seat_facts import Queue

router = APIRouter(prefix="/admin/queues")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STRATEGIES: Final = ("longest_idle", "round_robin", "last_seat_first")
#: Numbers with the least and the most that make sense; `seconds` may have decimal places.
NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "priority": (-100, 100), "ageing_seconds": (0, 3600), "ring_seconds": (5, 120), "wrap_up_seconds": (0, 1800),
    "service_level_seconds": (1, 600), "patience_seconds": (0, 600), "most_waiting": (0, 10_000),
    "overflow_seconds": (0, 7200),
}  # fmt: skip
_YES_NO: Final = ("best_first", "leave_by_key", "call_back")


class QueueProblemError(Exception):
    """What is wrong in the form, by field: keys of texts."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(", ".join(wrong))
        self.wrong = dict(wrong)


@router.get("")
async def queues_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """The list."""
    found, words = await parts.database.seats.queues(), request.query_params.get("q", "").strip().casefold()
    rows = [one for one in found if words in " ".join((one.name, *one.titles.values())).casefold()]
    start = (page_number(request) - 1) * PAGE
    return render(
        request, visitor, "admin/queues.html", listing=listing(request, rows[start : start + PAGE + 1], total=len(rows)),
        note=note_of(request, visitor), administrator=visitor.has("administrator"),
    )  # fmt: skip


@router.get(".csv")
async def queues_csv(parts: Parts, visitor: Overseer) -> Response:
    """The list as a file."""
    await did(parts, visitor, "exported", "list:queues")
    names = [one.name for one in fields(Queue)]
    rows = await parts.database.seats.queues()
    return csv_reply("queues", names, ([written(getattr(one, name)) for name in names] for one in rows))


@router.get("/new")
async def new_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The form for a new queue."""
    return await _page(request, parts, visitor, Queue(""), new=True)


@router.post("")
async def add_queue(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """Add a queue."""
    form = dict(await request.form())
    try:
        queue = await added(parts, visitor, form)
    except QueueProblemError as error:
        return await _page(request, parts, visitor, Queue(""), new=True, form=form, wrong=error.wrong)
    return RedirectResponse(f"/admin/queues/{queue.name}?done=added", 303)


@router.get("/{name}")
async def queue_page(request: Request, parts: Parts, visitor: Overseer, name: str) -> Response:
    """One queue."""
    return await _page(request, parts, visitor, await found_queue(parts, name))


@router.post("/{name}")
async def change_queue(request: Request, parts: Parts, visitor: Administrator, name: str) -> Response:
    """Change a queue, if it still is as the form showed it."""
    form, before = dict(await request.form()), await found_queue(parts, name)
    try:
        await changed(parts, visitor, before, form, seen=str(form.get("seen")))
    except QueueProblemError as error:
        return await _page(request, parts, visitor, before, form=form, wrong=error.wrong)
    except ConflictError:
        return await _page(request, parts, visitor, await found_queue(parts, name), conflict=True)
    return RedirectResponse(f"/admin/queues/{name}?done=saved", 303)


@router.post("/{name}/remove")
async def remove_queue(request: Request, parts: Parts, visitor: Administrator, name: str) -> Response:
    """Delete a queue that has never had a caller and that no other overflows to."""
    queue = await found_queue(parts, name)
    try:
        await parts.database.seats.remove_queue(name)
    except ConflictError:
        return await _page(request, parts, visitor, queue, wrong={"": "stays"}, status=409)
    await _done(parts, visitor, "removed_queue", name, [])
    return RedirectResponse("/admin/queues?done=removed", 303)


async def added(parts: ConsoleParts, visitor: Visitor, form: Mapping[str, Any]) -> Queue:
    """Add the queue that a form describes. Raises QueueProblemError, also for a name that there is."""
    known = await parts.database.seats.queues()
    queue = queue_from(form, "", known)
    if any(one.name == queue.name for one in known) or not await parts.database.seats.put_queue(queue, None):
        raise QueueProblemError({"name": "exists"})
    await _done(parts, visitor, "added_queue", queue.name, [])
    return queue


async def changed(
    parts: ConsoleParts, visitor: Visitor, before: Queue, form: Mapping[str, Any], *, seen: str
) -> Queue:
    """Make a queue what a form describes, if it still looks as it was `seen`.

    Raises QueueProblemError for what is wrong in the form, ConflictError for a queue that was changed meanwhile.
    """
    queue = queue_from(form, before.name, await parts.database.seats.queues())
    if seen != seen_of(before) or not await parts.database.seats.put_queue(queue, before):
        raise ConflictError(f"The queue {before.name} has been changed by somebody else.")
    await _done(parts, visitor, "changed_queue", before.name, _differences(before, queue))
    return queue


def seen_of(queue: Queue) -> str:
    """How a queue looks, for whoever changes it."""
    return look_of({one.name: getattr(queue, one.name) for one in fields(queue)})


def queue_from(form: Mapping[str, Any], name: str, known: tuple[Queue, ...]) -> Queue:
    """The queue that a form describes. Raises QueueProblemError with every field that is wrong."""
    wrong: dict[str, str] = {}
    given = {one: str(form.get(one, "")).strip() for one in form}
    values: dict[str, Any] = {
        "name": name or _read(given, "name", code(64), wrong),
        "titles": {
            one: given.get(f"title_{one}", "")[:100] for one in ("zh-CN", "en") if given.get(f"title_{one}")
        },
        "skills": _read(given, "skills", levels, wrong) or {},
        "licences": tuple(_read(given, "licences", codes, wrong) or ()),
        "strategy": given.get("strategy", ""),
        "overflow_to": given.get("overflow_to") or None,
        "week": week_from(given, wrong) if given.get("own_week") == "yes" else None,
        **{one: given.get(one) == "yes" for one in _YES_NO},
        **{one: _number(given, one, wrong) for one in NUMBERS},
    }
    if not values["name"]:
        wrong.setdefault("name", "needed")
    if values["strategy"] not in STRATEGIES:
        wrong["strategy"] = "choice"
    _check_overflow(values, known, wrong)
    if wrong:
        raise QueueProblemError(wrong)
    return Queue(**values)


def _read(given: Mapping[str, str], name: str, read: Any, wrong: dict[str, str]) -> Any:
    try:
        return read(given[name], lambda *a, **k: None) if given.get(name) else None
    except WrongCellError as error:
        wrong[name] = error.code
        return None


def _number(given: Mapping[str, str], name: str, wrong: dict[str, str]) -> float:
    least, most = NUMBERS[name]
    try:
        value = float(given.get(name, ""))
    except ValueError:
        value = float("nan")
    whole = not name.endswith("_seconds")
    if not least <= value <= most or (whole and value != int(value)):
        wrong[name] = "number"
        return 0
    return int(value) if whole else value


def week_from(given: Mapping[str, str], wrong: dict[str, str]) -> dict[str, str]:
    """Opening hours by day; a day left blank is closed."""
    week = {}
    for day in DAYS:
        hours = given.get(f"week_{day}", "").replace("，", ",").replace("：", ":") or "closed"
        try:
            parse_spans(hours)
        except ValueError:
            wrong[f"week_{day}"] = "hours"
        if hours != "closed":
            week[day] = hours
    return week


def _check_overflow(values: Mapping[str, Any], known: tuple[Queue, ...], wrong: dict[str, str]) -> None:
    """A queue overflows to one that exists, and not by way of others back to itself."""
    to = {one.name: one.overflow_to for one in known} | {values["name"]: values["overflow_to"]}
    target = values["overflow_to"]
    if target is not None and target not in {one.name for one in known}:
        wrong["overflow_to"] = "unknown"
        return
    visited, at = set(), target
    while at is not None and at not in visited:
        if at == values["name"]:
            wrong["overflow_to"] = "cycle"
            return
        visited.add(at)
        at = to.get(at)


def _differences(before: Queue, after: Queue) -> list[str]:
    return [one.name for one in fields(Queue) if getattr(before, one.name) != getattr(after, one.name)]


async def _done(parts: ConsoleParts, visitor: Visitor, action: str, name: str, changed: list[str]) -> None:
    await did(parts, visitor, action, f"queue:{name}", fields=changed)
    parts.bus.publish("queue", name)


async def found_queue(parts: ConsoleParts, name: str) -> Queue:
    """The queue of that name. Answers 404 where there is none."""
    queue = next((one for one in await parts.database.seats.queues() if one.name == name), None)
    if queue is None:
        raise HTTPException(404)
    return queue


async def _page(
    request: Request, parts: ConsoleParts, visitor: Visitor, queue: Queue, *, new: bool = False, status: int = 200,
    form: Mapping[str, Any] | None = None, wrong: Mapping[str, str] | None = None, conflict: bool = False,
) -> Response:  # fmt: skip
    wrong = wrong or {}
    others = [one.name for one in await parts.database.seats.queues() if one.name != queue.name]
    seats = await parts.database.seats.all_seats()
    message = text(request, visitor, "admin.changed_meanwhile") if conflict else ""
    if "" in wrong:
        message = text(request, visitor, "admin.queue_stays")
    return render(
        request, visitor, "admin/queue.html", status=409 if conflict else 422 if wrong and status == 200 else status,
        queue=queue, new=new, values=form_of(queue, form), wrong=wrong, others=others, strategies=STRATEGIES,
        numbers=NUMBERS, days=DAYS, seen=seen_of(queue), message=message, note=note_of(request, visitor),
        audit=await parts.database.audit.about(f"queue:{queue.name}", limit=15) if queue.name else (),
        skills=sorted({name for one in seats for name in one.skills}), administrator=visitor.has("administrator"),
        yes_no=_YES_NO, fits=[one for one in seats if _can_serve(one.skills, queue)],
    )  # fmt: skip


def _can_serve(skills: Mapping[str, int], queue: Queue) -> bool:
    return all(skills.get(name, 0) >= level for name, level in queue.skills.items())


def form_of(queue: Queue, form: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The fields of the form as texts: as entered, else as they are."""
    if form is not None:
        return {str(name): str(value) for name, value in form.items()}
    values = {one.name: written(getattr(queue, one.name)) for one in fields(queue)}
    values |= {f"title_{language}": title for language, title in queue.titles.items()}
    values |= {name: f"{getattr(queue, name):g}" for name in NUMBERS}
    values["own_week"] = "no" if queue.week is None else "yes"
    return values | {f"week_{day}": hours for day, hours in (queue.week or {}).items()}


__all__ = [
    "DAYS",
    "QueueProblemError",
    "added",
    "changed",
    "form_of",
    "found_queue",
    "queue_from",
    "router",
    "seen_of",
    "week_from",
]
