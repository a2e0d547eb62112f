"""The company's hours: the calendars of the flows, and what is changed of them without touching the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.call.company_hours import overlaid
from ivr.console.access import Administrator, Overseer, Visitor
from ivr.console.admin.queues import DAYS, week_from
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.flow.hours import open_state, parse_spans
from ivr.flow.model import Hours
from policy_db.administration import Calendar
from policy_db.errors import ConflictError

router = APIRouter(prefix="/admin/hours")
_AHEAD: Final = 21
#: What callers hear when people are not there, in the flows that come with the hotline.
CLOSED_PROMPTS: Final = ("closed_notice", "person_closed")


@router.get("")
async def hours_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """All calendars as they hold now."""
    return await _page(request, parts, visitor)


@router.post("/{name}/override")
async def override(request: Request, parts: Parts, visitor: Administrator, name: str) -> Response:
    """Close (or open) at once, until a moment or until it is taken back; or take it back."""
    form = {key: str(value).strip() for key, value in (await request.form()).items()}
    calendar, _ = await _found(parts, name)
    wish = form.get("override", "")
    if wish not in ("open", "closed", ""):
        raise HTTPException(422)
    until = _moment(form.get("until", ""), parts) if wish else None
    if wish and form.get("until") and (until is None or until <= parts.clock()):
        return await _page(request, parts, visitor, wrong={"until": "until"}, at=name)
    changed = replace(
        calendar, override=wish or None, override_until=until, note=form.get("note", "")[:200] if wish else "",
        version=_version(form),
    )  # fmt: skip
    return await _save(request, parts, visitor, changed, "override_set" if wish else "override_ended")


@router.post("/{name}/week")
async def change_week(request: Request, parts: Parts, visitor: Administrator, name: str) -> Response:
    """The company's week in place of the file's, or the file's again."""
    form = {key: str(value).strip() for key, value in (await request.form()).items()}
    calendar, _ = await _found(parts, name)
    wrong: dict[str, str] = {}
    week, swapped = week_from(form, wrong), form.get("swapped") or None
    if swapped is not None and not _are_hours(swapped):
        wrong["swapped"] = "hours"
    if wrong:
        return await _page(request, parts, visitor, wrong=wrong, at=name, form=form)
    own = form.get("own_week") == "yes"
    changed = replace(
        calendar, week=week if own else None, swapped=swapped if own else None, version=_version(form)
    )
    return await _save(request, parts, visitor, changed, "changed_hours")


@router.post("/{name}/days")
async def change_day(request: Request, parts: Parts, visitor: Administrator, name: str) -> Response:
    """A day that is not what its week says: closed, a holiday, or other hours; or that day as usual again."""
    form = {key: str(value).strip() for key, value in (await request.form()).items()}
    calendar, _ = await _found(parts, name)
    try:
        first = date.fromisoformat(form.get("day", ""))
        last = date.fromisoformat(form.get("last") or form["day"])
    except (ValueError, KeyError):
        return await _page(request, parts, visitor, wrong={"day": "day"}, at=name, form=form)
    hours = form.get("hours", "").replace("，", ",").replace("：", ":")
    kind = form.get("kind", "")
    hours = {"closed": "closed", "holiday": "holiday", "hours": hours}.get(kind, "")
    if not 0 <= (last - first).days < 60:
        return await _page(request, parts, visitor, wrong={"last": "days"}, at=name, form=form)
    days = dict(calendar.days)
    if kind == "usual":
        for one in _span(first, last):
            days.pop(one, None)
    elif hours == "holiday" or _are_hours(hours):
        days |= {one: (hours, form.get("note", "")[:200]) for one in _span(first, last)}
    else:
        return await _page(request, parts, visitor, wrong={"hours": "hours"}, at=name, form=form)
    changed = replace(calendar, days=days, version=_version(form))
    return await _save(request, parts, visitor, changed, "changed_hours")


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=one) for one in range((last - first).days + 1)]


def _are_hours(hours: str) -> bool:
    try:
        parse_spans(hours)
    except ValueError:
        return False
    return bool(hours)


def _version(form: Mapping[str, str]) -> int:
    version = form.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 9 else -1


def _moment(local: str, parts: ConsoleParts) -> datetime | None:
    """A date and time of day as a browser gives it, in the company's zone."""
    try:
        found = datetime.fromisoformat(local)
    except ValueError:
        return None
    return found.replace(tzinfo=ZoneInfo(parts.settings.zone)).astimezone(UTC)


async def _save(
    request: Request, parts: ConsoleParts, visitor: Visitor, calendar: Calendar, action: str
) -> Response:
    try:
        await parts.database.administration.set_calendar(calendar, by=visitor.who, action=action)
    except ConflictError:
        return await _page(request, parts, visitor, conflict=True)
    parts.bus.publish("hours", calendar.name)
    return RedirectResponse("/admin/hours?done=saved", 303)


async def _found(parts: ConsoleParts, name: str) -> tuple[Calendar, Hours]:
    of_file = parts.flows.current.hotline.calendars.get(name)
    if of_file is None:
        raise HTTPException(404)
    return (await parts.database.administration.calendars()).get(name, Calendar(name)), of_file


async def _page(
    request: Request, parts: ConsoleParts, visitor: Visitor, *, wrong: Mapping[str, str] | None = None, at: str = "",
    form: Mapping[str, str] | None = None, conflict: bool = False,
) -> Response:  # fmt: skip
    kept, now = await parts.database.administration.calendars(), parts.clock()
    hotline = parts.flows.current.hotline
    calendars = []
    for name, of_file in hotline.calendars.items():
        calendar = kept.get(name, Calendar(name))
        hours = overlaid(of_file, calendar, now)
        queues = [title for title, queue in hotline.queues.items() if queue.hours == name]
        calendars.append(
            {
                "name": name, "kept": calendar, "hours": hours, "of_file": of_file, "state": open_state(hours, now),
                "week": calendar.week if calendar.week is not None else of_file.week, "queues": queues,
                "holds": hours.override is not None, "ahead": _ahead(hours, now),
            }
        )  # fmt: skip
    message = text(request, visitor, "admin.changed_meanwhile") if conflict else ""
    return render(
        request, visitor, "admin/hours.html", status=409 if conflict else 422 if wrong else 200, calendars=calendars,
        days=DAYS, wrong=wrong or {}, at=at, form=form or {}, message=message, zone=parts.settings.zone,
        note=text(request, visitor, "admin.done.saved") if "done" in request.query_params else "",
        administrator=visitor.has("administrator"), closed_prompts=CLOSED_PROMPTS,
        languages=parts.catalogue.languages,
    )  # fmt: skip


def _ahead(hours: Hours, now: datetime) -> list[dict[str, Any]]:
    """The coming days: what each is."""
    plain = hours.model_copy(update={"override": None})
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    found = []
    for day in _span(today, today + timedelta(days=_AHEAD - 1)):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(hours.zone))
        own = plain.exceptions.get(day.isoformat())
        usual = plain.week.get(DAYS[day.weekday()], "closed")
        is_holiday = open_state(plain, noon) == "holiday"
        swapped = own is None and not is_holiday and usual == "closed" and open_state(plain, noon) == "open"
        spans = plain.swapped or plain.week.get("mon", "closed") if swapped else own or usual
        found.append(
            {
                "day": day,
                "hours": "holiday" if is_holiday else spans,
                "own": own is not None,
                "swapped": swapped,
            }
        )
    return found
