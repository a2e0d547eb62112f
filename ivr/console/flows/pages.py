"""Pages of the flows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from ivr.console.access import Visitor, require
from ivr.console.flows.diagram import diagram
from ivr.console.flows.difference import differences
from ivr.console.flows.keeping import publisher_of
from ivr.console.flows.publishing import Examined, NotGoodError
from ivr.console.flows.views import PERIODS, flow_views, period
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import ConflictError
from policy_db.flow_versions import FlowVersion

router = APIRouter(prefix="/flows")
Keeper = Annotated[Visitor, Depends(require("manager", "administrator"))]
_TROUBLES = ("no_input", "no_match", "fault", "hung_up")


@router.get("")
async def overview(request: Request, parts: Parts, visitor: Keeper, days: int = 7) -> Response:
    """Every flow with its figures."""
    days = period(days)
    return render(
        request,
        visitor,
        "flows/rows.html" if "hx-request" in request.headers else "flows/overview.html",
        flows=await flow_views(parts, days),
        days=days,
        periods=PERIODS,
        problems=parts.flows.problems,
        newest=await publisher_of(parts).noticed(),
    )


@router.get("/history")
async def history(request: Request, parts: Parts, visitor: Keeper, before: int | None = None) -> Response:
    """Every version, the newest first."""
    versions = await parts.database.flow_versions.history(limit=51, before=before)
    return render(request, visitor, "flows/history.html", versions=versions[:50], more=len(versions) > 50)


@router.get("/history/{number}")
async def version(
    request: Request, parts: Parts, visitor: Keeper, number: int, against: int | None = None
) -> Response:
    """One version, and what is different from the one before it (or another)."""
    repository = parts.database.flow_versions
    shown = await _version(parts, number)
    earlier = await repository.history(limit=1, before=number) if against is None else ()
    other = await _version(parts, against) if against is not None else (earlier[0] if earlier else None)
    before = {} if other is None else await repository.texts(other)
    return render(
        request,
        visitor,
        "flows/version.html",
        version=shown,
        other=other,
        files=differences(before, await repository.texts(shown)) if other is not None else (),
        newest=await publisher_of(parts).noticed(),
        others=await repository.history(limit=50),
        wrong=None,
    )


@router.post("/history/{number}/roll-back")
async def roll_back(
    request: Request,
    parts: Parts,
    visitor: Keeper,
    number: int,
    after: Annotated[int, Form()],
    message: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Put an old version into use again."""
    old = await _version(parts, number)
    files = await parts.database.flow_versions.texts(old)
    try:
        made = await publisher_of(parts).publish(
            files, who=visitor.who, message=message, after=after, action="rolled_back", origin=old.id
        )
    except NotGoodError as error:
        return render(
            request, visitor, "flows/refused.html", status=422, examined=error.examined, version=old
        )
    await parts.database.audit.add(visitor.who, "flows_rolled_back", f"flows:{old.id}", {"now": made.id})
    return RedirectResponse(f"/flows/history/{made.id}", 303)


@router.get("/new")
async def new(request: Request, parts: Parts, visitor: Keeper) -> Response:
    """Write a flow that does not exist yet."""
    current = await publisher_of(parts).noticed()
    return _editor(
        request, visitor, "new_flow.yaml", text(request, visitor, "flows.new_text"), current, is_new=True
    )


@router.get("/{name}")
async def one(request: Request, parts: Parts, visitor: Keeper, name: str, days: int = 7) -> Response:
    """One flow: drawn, with counts on its ways, and its steps."""
    _require_flow(parts, name)
    days = period(days)
    (view,) = await flow_views(parts, days, name)
    words = {word: text(request, visitor, f"flows.trouble.{word}") for word in _TROUBLES}
    language = language_of(request, visitor)
    return render(
        request,
        visitor,
        "flows/figures.html" if "hx-request" in request.headers else "flows/flow.html",
        view=view,
        title=view.title(language),
        picture=diagram(view.loaded, view.marks(words), language=language),
        days=days,
        periods=PERIODS,
    )


@router.get("/{name}/text")
async def source(request: Request, parts: Parts, visitor: Keeper, name: str) -> Response:
    """The flow's text, to read or change."""
    _require_flow(parts, name)
    file = parts.flows.current.flows[name].file
    current = await publisher_of(parts).noticed()
    return _editor(request, visitor, file, publisher_of(parts).files().get(file, ""), current, flow=name)


@router.get("/files/{file:path}")
async def file_text(request: Request, parts: Parts, visitor: Keeper, file: str) -> Response:
    """A file that is no flow of its own (the hotline's)."""
    files = publisher_of(parts).files()
    if file not in files:
        raise HTTPException(404)
    return _editor(request, visitor, file, files[file], await publisher_of(parts).noticed())


@router.post("/check")
async def check(
    request: Request,
    parts: Parts,
    visitor: Keeper,
    file: Annotated[str, Form(max_length=200)],
    source: Annotated[str, Form()] = "",
) -> Response:
    """What there is to say about a changed file, with the tests in it; nothing is put into use."""
    files = _with(publisher_of(parts).files(), file, source)
    found = await publisher_of(parts).examine(files)
    return render(request, visitor, "flows/findings.html", examined=found, file=file)


@router.post("/publish")
async def publish(
    request: Request,
    parts: Parts,
    visitor: Keeper,
    file: Annotated[str, Form(max_length=200)],
    after: Annotated[int, Form()],
    source: Annotated[str, Form()] = "",
    message: Annotated[str, Form(max_length=500)] = "",
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """Show what would change; with `sure`, put it into use. What was written is never lost on the way."""
    publisher = publisher_of(parts)
    before = publisher.files()
    files = _with(before, file, source)
    current = await publisher.noticed()
    if not sure or not message.strip():
        return await _review(request, parts, visitor, file, source, message, current, asked=sure)
    try:
        made = await publisher.publish(files, who=visitor.who, message=message.strip(), after=after)
    except NotGoodError as error:
        return _editor(request, visitor, file, source, current, examined=error.examined, status=422)
    except ConflictError:
        wrong = text(request, visitor, "flows.conflict")
        return await _review(request, parts, visitor, file, source, message, current, wrong=wrong)
    await parts.database.audit.add(visitor.who, "flows_published", f"flows:{made.id}", {"file": file})
    return RedirectResponse(f"/flows/history/{made.id}", 303)


async def _review(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    file: str,
    source: str,
    message: str,
    current: FlowVersion,
    *,
    asked: bool = False,
    wrong: str = "",
) -> Response:
    publisher = publisher_of(parts)
    before = publisher.files()
    found = await publisher.examine(_with(before, file, source))
    return render(
        request,
        visitor,
        "flows/review.html",
        status=409 if wrong else 200,
        file=file,
        source=_plain(source),
        message=message,
        files=differences(before, _with(before, file, source)),
        examined=found,
        after=current.id,
        wrong=wrong or (text(request, visitor, "flows.message_missing") if asked else ""),
    )


def _editor(
    request: Request,
    visitor: Visitor,
    file: str,
    source: str,
    current: FlowVersion,
    *,
    flow: str = "",
    is_new: bool = False,
    examined: Examined | None = None,
    status: int = 200,
) -> Response:
    return render(
        request,
        visitor,
        "flows/editor.html",
        status=status,
        file=file,
        source=_plain(source),
        flow=flow,
        is_new=is_new,
        after=current.id,
        examined=examined,
    )


def _with(files: dict[str, str], file: str, source: str) -> dict[str, str]:
    """The files with one changed, or taken away where nothing is left of it."""
    changed = {**files, file: _plain(source)}
    if not source.strip():
        del changed[file]
    return changed


def _plain(source: str) -> str:
    """Lines as files have them: forms send CR LF."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    return text if not text or text.endswith("\n") else text + "\n"


def _require_flow(parts: ConsoleParts, name: str) -> None:
    if name not in parts.flows.current.flows:
        raise HTTPException(404)


async def _version(parts: ConsoleParts, number: int) -> FlowVersion:
    found = await parts.database.flow_versions.find(number)
    if found is None:
        raise HTTPException(404)
    return found
