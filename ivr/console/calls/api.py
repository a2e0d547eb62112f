"""Calls as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from ivr.console.audit import looked_at
from ivr.console.board.state import names_for
from ivr.console.calls.pages import Looker, story
from ivr.console.calls.replay import call_for, replay_of, seen_by
from ivr.console.calls.search import PAGE, asked, place_after
from ivr.console.listing import Since, Until
from ivr.console.parts import Parts
from policy_db.call_records import CallSummary

router = APIRouter()
_Text = Annotated[str, Query(max_length=100)]


class CallOut(BaseModel):
    """A call in a list; `end_reason` is empty while it runs."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    caller: str
    language: str
    level: int
    channel: str
    state: str
    end_reason: str
    step: str
    asked: bool
    policy: str | None
    queue: str
    seat: str


class CallsOut(BaseModel):
    """One page; `next` goes into `before` for the page after it."""

    calls: list[CallOut]
    next: str


class EntryOut(BaseModel):
    """An entry of the timeline, in words and as it was written; `recording` is where it is heard, from `seek` on."""

    seq: int
    at: float
    kind: str
    text: str
    data: dict[str, Any]
    recording: str
    seek: float


class RecordingOut(BaseModel):
    """A recording of a call; `start` in seconds from the call's beginning."""

    id: str
    purpose: str
    start: float
    seconds: float


class WholeCallOut(BaseModel):
    """One call with all that it left."""

    call: CallOut
    version: str
    mos: float | None
    timeline: list[EntryOut]
    recordings: list[RecordingOut]
    talks: list[str]
    claims: list[str]
    messages: list[str]


@router.get("/calls")
async def calls(
    request: Request,
    parts: Parts,
    visitor: Looker,
    q: _Text = "",
    since: Since = "",
    until: Until = "",
    outcome: _Text = "",
    queue: _Text = "",
    seat: _Text = "",
    flow: _Text = "",
    language: _Text = "",
    channel: _Text = "",
    before: Annotated[str, Query(max_length=120)] = "",
) -> CallsOut:
    """The newest calls that fit, as the list of the console has them. Days are of the company's zone."""
    search = asked(request, ZoneInfo(parts.settings.zone), seen_by(visitor))
    found = await parts.database.call_records.find(search.wanted, PAGE + 1)
    await looked_at(parts, visitor, "calls", "list")
    after = place_after(found[PAGE - 1]) if len(found) > PAGE else ""
    return CallsOut(calls=[_out(one) for one in found[:PAGE]], next=after)


@router.get("/calls/{call_id}")
async def one_call(request: Request, parts: Parts, visitor: Looker, call_id: str) -> WholeCallOut:
    """One call with its timeline."""
    replay = await replay_of(parts, visitor, await call_for(parts, visitor, call_id))
    call, data = replay.call, {entry.seq: entry.data for entry in replay.timeline}
    last = replay.came.places[-1] if replay.came.places else None
    summary = CallOut(
        id=call.id, started_at=call.started_at, ended_at=call.ended_at, caller=call.caller, language=call.language,
        level=call.level, channel=call.channel, state=call.state, end_reason=call.end_reason, step=call.step,
        asked=call.asked, policy=call.policy, queue="" if last is None else last.queue,
        seat="" if last is None else last.seat_id or "",
    )  # fmt: skip
    names = await names_for(request, parts, visitor)
    starts = {one.id: one.start for one in replay.heard}
    return WholeCallOut(
        call=summary,
        version=call.version,
        mos=call.mos,
        timeline=[
            EntryOut(
                seq=line.seq, at=line.at, kind=line.kind, text=line.text, data=data[line.seq],
                recording=line.recording, seek=line.seek,
            )
            for line in story(request, parts, names, replay)
        ],
        recordings=[
            RecordingOut(id=one.id, purpose=one.purpose, start=starts[one.id], seconds=one.seconds)
            for one in replay.came.recordings
        ],
        talks=[talk.id for talk in replay.talks],
        claims=[number for number, _ in replay.came.claims],
        messages=[one.id for one in replay.messages],
    )  # fmt: skip


def _out(one: CallSummary) -> CallOut:
    return CallOut(**{name: getattr(one, name) for name in CallOut.model_fields})
