"""The board's pages: the board with its live parts, commands to running calls, and the alarms' limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from ivr.console.access import Manager, Visitor, require
from ivr.console.audit import did, looked_at
from ivr.console.board.alarms import SWITCHES, USUAL, limits_of
from ivr.console.board.names import Names, masked
from ivr.console.board.state import MOST_CALLS, Board, CallLine, board, shared
from ivr.console.control import command as ask_worker
from ivr.console.formats import Formats
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts

router = APIRouter()
Watcher = Annotated[Visitor, Depends(require("seat", "reviewer", "manager"))]
#: What a manager may do with a talk from here.
SUPERVISE: Final = ("listen", "whisper", "join", "leave")
#: What the worker answers where the supervisor is in the talk already, and has another role from now on.
_THERE: Final = frozenset({"listener", "whisperer", "party"})
#: The largest limit that makes sense.
_MOST: Final = 100_000.0
_MOST_ROWS: Final = 5000
_Row = tuple[object, Markup, Markup]
#: Between which parts of a call's row the time that it has taken is put in.
_TIME: Final = "\0"
_NUMBER: Final = re.compile(r"\+?[0-9*#]{2,20}")


@router.get("/board")
async def board_page(request: Request, parts: Parts, visitor: Watcher) -> Response:
    """The whole board."""
    await _note_look(parts, visitor)
    now = await _made(request, parts, visitor, "board/now.html")
    calls = await _made(request, parts, visitor, "board/calls.html")
    manages = visitor.has("manager")
    return render(request, visitor, "board/board.html", now=now, calls=calls, manages=manages)


@router.get("/board/now")
async def now_part(request: Request, parts: Parts, visitor: Watcher) -> Response:
    """Tiles, alarms, queues and seats, as they are now."""
    return HTMLResponse(await _made(request, parts, visitor, "board/now.html"))


@router.get("/board/calls")
async def calls_part(request: Request, parts: Parts, visitor: Watcher) -> Response:
    """The running calls."""
    await _note_look(parts, visitor)
    return HTMLResponse(await _made(request, parts, visitor, "board/calls.html"))


@router.post("/board/calls/{call_id}/{command}")
async def supervise(
    request: Request,
    parts: Parts,
    visitor: Manager,
    call_id: str,
    command: str,
    to: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Listen to a talk, whisper to its seat, join it, or leave it: at the manager's own seat, or a telephone."""
    if command not in SUPERVISE:
        raise HTTPException(404)
    to = re.sub(r"[\s()-]", "", to)
    if to and _NUMBER.fullmatch(to) is None:
        raise HTTPException(422, text(request, visitor, "board.bad_number"))
    if not to and not visitor.seat:
        raise HTTPException(422, text(request, visitor, "board.no_seat_of_yours"))
    arguments = {"to": to} if to else {}
    answer = await ask_worker(parts, call_id, command, seat=visitor.seat or "", by=visitor.name, **arguments)
    await did(parts, visitor, f"supervised_{command}", f"call:{call_id}")
    told = "now" if answer.get("state") in _THERE else "done"
    done = text(request, visitor, f"board.{told}.{command}")
    return render(request, visitor, "board/done.html", message=done)


@router.get("/board/alarms")
async def alarms_page(request: Request, parts: Parts, visitor: Manager) -> Response:
    """The limits, to be changed."""
    held = await parts.database.boards.limits()
    return render(
        request, visitor, "board/alarms.html", limits=limits_of(held), held=held, usual=USUAL, switches=SWITCHES,
        wrong="",
    )  # fmt: skip


@router.post("/board/alarms")
async def set_alarms(request: Request, parts: Parts, visitor: Manager) -> Response:
    """Change the limits."""
    form = await request.form()
    try:
        values = {name: _limit(name, form) for name in USUAL}
    except ValueError as error:
        held = await parts.database.boards.limits()
        wrong = text(request, visitor, "board.bad_limit", name=text(request, visitor, f"alarm.{error}"))
        return render(
            request, visitor, "board/alarms.html", status=422, limits=limits_of(held), held=held, usual=USUAL,
            switches=SWITCHES, wrong=wrong,
        )  # fmt: skip
    await parts.database.boards.set_limits(values, visitor.name)
    await did(parts, visitor, "set_alarms", "board", **dict(values))
    shared(parts).forget()
    parts.bus.publish("queue")
    return RedirectResponse("/board/alarms?saved=1", 303)


def _limit(name: str, form: Any) -> float | None:
    """One limit of the form; None is off. Raises ValueError with the alarm's name."""
    if f"{name}_on" not in form:
        return None
    if name in SWITCHES:
        return 1.0
    try:
        value = float(str(form.get(name, "")))
    except ValueError:
        raise ValueError(name) from None
    if not 0 < value <= _MOST:
        raise ValueError(name)
    return value


async def _made(request: Request, parts: ConsoleParts, visitor: Visitor, template: str) -> Markup:
    """A part of the board; watchers who see the same get the same text, made once for each reading."""
    found = await board(parts)
    supervises = visitor.seat if any(line.supervised_by(visitor.seat) for line in found.calls) else ""
    key = f"{template} {language_of(request, visitor)} {visitor.has('manager')} {supervises}"
    if key not in found.made:
        found.made[key] = _filled(request, visitor, template, _values(request, parts, visitor, found))
    text: Markup = found.made[key]
    return text


def _filled(request: Request, visitor: Visitor, template: str, values: Mapping[str, Any]) -> Markup:
    page = render(request, visitor, template, **values)
    return Markup(bytes(page.body).decode())  # noqa: S704 - a template's own output


def _values(request: Request, parts: ConsoleParts, visitor: Visitor, found: Board) -> dict[str, Any]:
    manages = visitor.has("manager")
    values: dict[str, Any] = {
        "board": found,
        "names": Names(
            parts.flows.current,
            language_of(request, visitor),
            {line.queue.name: line.queue.titles for line in found.queues},
        ),
        "number": (lambda caller: caller) if manages else masked,
        "manages": manages,
        "most": MOST_CALLS,
    }

    def row(line: CallLine) -> Markup:
        return _row(request, parts, visitor, line, values)

    return {**values, "row": row}


def _row(
    request: Request, parts: ConsoleParts, visitor: Visitor, line: CallLine, values: Mapping[str, Any]
) -> Markup:
    """A call's row of the table: made once while nothing of the call changes, but for the time that it has taken."""
    rows: dict[str, _Row] = parts.shared.setdefault("board.rows", {})
    supervises = line.supervised_by(visitor.seat)
    key = f"{line.call.id} {language_of(request, visitor)} {visitor.has('manager')} {supervises}"
    content = (parts.flows.current.version, line, values["names"].queues)
    known = rows.get(key)
    if known is None or known[0] != content:
        if len(rows) > _MOST_ROWS:
            rows.clear()
        given = {**values, "line": line, "elapsed": _TIME, "supervises": supervises}
        made = _filled(request, visitor, "board/call.html", given)
        before, _, after = made.partition(_TIME)
        known = rows[key] = (content, before, after)
    seconds = (values["board"].at - line.call.started_at).total_seconds()
    elapsed = Formats(language_of(request, visitor), ZoneInfo(parts.settings.zone)).span(seconds)
    return known[1] + elapsed + known[2]


async def _note_look(parts: ConsoleParts, visitor: Visitor) -> None:
    """Whole telephone numbers are personal data; masked ones are not."""
    if visitor.has("manager"):
        await looked_at(parts, visitor, "board", "calls")
