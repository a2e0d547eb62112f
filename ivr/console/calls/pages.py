"""The list of calls, and the page of one call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from ivr.console.access import Visitor, require
from ivr.console.audit import did, looked_at
from ivr.console.board.names import Names
from ivr.console.board.state import names_for, shared
from ivr.console.calls.replay import Replay, call_for, replay_of, seen_by
from ivr.console.calls.search import CSV_HEADER, MOST_ROWS, PAGE, asked, csv_row, place_after
from ivr.console.calls.story import Line, Teller, flows_of, path_of
from ivr.console.flows.diagram import Marks, diagram
from ivr.console.listing import csv_reply
from ivr.console.pages import Templates, render
from ivr.console.parts import ConsoleParts, Parts
from policy_db.call_records import CallFilter

router = APIRouter()
Looker = Annotated[Visitor, Depends(require("seat", "reviewer", "manager"))]
#: Seconds for which the words of the filters serve.
_WORDS: Final = 60.0
_BATCH: Final = 1000
#: Entries of a timeline that a page shows; a call of half an hour has some hundreds.
_MOST_LINES: Final = 3000


@router.get("/calls")
async def calls_page(request: Request, parts: Parts, visitor: Looker) -> Response:
    """The newest calls that fit the search."""
    seat = seen_by(visitor)
    search = asked(request, ZoneInfo(parts.settings.zone), seat)
    found = await parts.database.call_records.find(search.wanted, PAGE + 1)
    await looked_at(parts, visitor, "calls", "list")
    words = await shared(parts).get("call words", _WORDS, parts.database.call_records.words)
    seats = await parts.database.seats.all_seats() if seat is None else ()
    snapshot = await parts.database.seats.snapshot()
    kept = {name: value for name, value in search.query.items() if name != "before"}
    after = urlencode({**kept, "before": place_after(found[PAGE - 1])}) if len(found) > PAGE else ""
    return render(
        request, visitor, "calls/list.html", calls=found[:PAGE], query=kept, later=search.query.get("before"),
        after=after, first=urlencode(kept), words=words, seats=seats, queues=snapshot.queues,
        names=await names_for(request, parts, visitor), all_calls=seat is None,
    )  # fmt: skip


@router.get("/calls.csv")
async def calls_csv(request: Request, parts: Parts, visitor: Looker) -> Response:
    """The calls that fit, as CSV."""
    search = asked(request, ZoneInfo(parts.settings.zone), seen_by(visitor))
    await did(parts, visitor, "exported_calls", "calls:list", filters=len(search.query))
    return csv_reply("calls", CSV_HEADER, _rows(parts, replace(search.wanted, before=None)))


@router.get("/calls/{call_id}")
async def call_page(request: Request, parts: Parts, visitor: Looker, call_id: str) -> Response:
    """One call, replayed."""
    replay = await replay_of(parts, visitor, await call_for(parts, visitor, call_id))
    return render(request, visitor, "calls/call.html", **await _values(request, parts, visitor, replay))


@router.get("/calls/{call_id}/now")
async def call_part(request: Request, parts: Parts, visitor: Looker, call_id: str) -> Response:
    """What moves on a running call's page: its facts and timeline."""
    replay = await replay_of(parts, visitor, await call_for(parts, visitor, call_id))
    return render(request, visitor, "calls/now.html", **await _values(request, parts, visitor, replay))


async def _rows(parts: ConsoleParts, wanted: CallFilter) -> AsyncIterator[Sequence[object]]:
    """Every call that fits, read in batches."""
    sent = 0
    while sent < MOST_ROWS:
        batch = await parts.database.call_records.find(wanted, _BATCH)
        for call in batch:
            yield csv_row(call)
        sent += len(batch)
        if len(batch) < _BATCH:
            return
        wanted = replace(wanted, before=(batch[-1].started_at, batch[-1].id))


async def _values(request: Request, parts: ConsoleParts, visitor: Visitor, replay: Replay) -> dict[str, Any]:
    names = await names_for(request, parts, visitor)
    lines = story(request, parts, names, replay)
    flows = _drawn(parts, replay.timeline)
    shown = str(request.query_params.get("flow", "")) or (replay.call.step.partition(".")[0])
    shown = shown if shown in flows else (flows[0] if flows else "")
    loaded = parts.flows.current.flows.get(shown)
    picture = None
    if loaded is not None:
        picture = diagram(loaded, Marks(path=path_of(replay.timeline, shown)), language=names.language)
    return {
        "replay": replay, "call": replay.call, "lines": lines[:_MOST_LINES], "left_out": max(0, len(lines) - _MOST_LINES),
        "names": names, "flows": flows, "shown": shown, "picture": picture, "now": parts.clock(),
        "changed": replay.call.version != parts.flows.current.version,
        "all_calls": visitor.has("reviewer", "manager"), "heard": {one.id: one for one in replay.heard},
    }  # fmt: skip


def story(request: Request, parts: ConsoleParts, names: Names, replay: Replay) -> list[Line]:
    """The timeline in the language of `names`."""
    templates: Templates = request.app.state.templates
    teller = Teller(
        names,
        parts.catalogue,
        partial(templates.texts.get, names.language),
        templates.texts.keys.__contains__,
        parts.flows.current.hotline.languages[0],
    )
    return list(teller.told(replay.timeline, replay.heard))


def _drawn(parts: ConsoleParts, timeline: Sequence[Any]) -> tuple[str, ...]:
    """The call's flows that can be drawn still."""
    return tuple(flow for flow in flows_of(timeline) if flow in parts.flows.current.flows)
