"""Imports from CSV: upload, dry run, line by line what would change and what is wrong, then apply."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from ivr.console.access import Administrator, Visitor
from ivr.console.admin.uploads import limited
from ivr.console.audit import did
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import ConflictError, PolicyDatabaseError
from policy_db.imports import KINDS, ImportLimits, ImportRecord, problem_text

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/admin/imports")
#: A file waits so long for its import; lines of what was in it are kept so long.
KEPT_FILES: Final = timedelta(hours=24)
KEPT_LINES: Final = timedelta(days=30)
_WAIT: Final = 1.5
_LINES: Final = 100
OUTCOMES: Final = ("wrong", "changed", "added", "warned")


class ImportWork:
    """What runs in the background of the console: dry runs and imports, one at a time."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def start(self, record: str, work: Coroutine[Any, Any, Any]) -> None:
        """Begin, and wait a moment: most are done at once."""
        task = asyncio.create_task(self._run(record, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task}, timeout=_WAIT)

    async def _run(self, record: str, work: Coroutine[Any, Any, Any]) -> None:
        async with self._turn:
            try:
                await work
            except ConflictError:
                pass  # the record says so
            except (PolicyDatabaseError, OSError) as error:
                log.error("import not done", record=record, error=type(error).__name__)
            finally:
                self._parts.bus.publish("import", record)

    async def close(self) -> None:
        """End what runs; an import that is not complete has changed nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def background(parts: ConsoleParts) -> AbstractAsyncContextManager[None]:
    """Imports' work for as long as the console runs; what an earlier console left is put right."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[None]:
        parts.database.imports.limits = ImportLimits(size=parts.settings.import_megabytes * 1_000_000)
        parts.database.imports.zone = parts.database.administration.zone = ZoneInfo(parts.settings.zone)
        work = parts.shared["admin.imports"] = ImportWork(parts)
        await parts.database.imports.put_right()
        await tidy(parts)
        try:
            yield
        finally:
            await work.close()

    return entered()


async def tidy(parts: ConsoleParts) -> None:
    """Delete files that nobody came back for, and old lines."""
    oldest = (parts.clock() - KEPT_FILES).timestamp()
    for path in parts.settings.imports_dir.glob("*.csv"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
    await parts.database.imports.forget(parts.clock() - KEPT_LINES)


def file_of(parts: ConsoleParts, record: str) -> Path:
    """Where an upload waits."""
    return parts.settings.imports_dir / f"{record}.csv"


def largest(request: Request) -> int:
    """The most that a file may have, in bytes."""
    return int(request.app.state.parts.settings.import_megabytes) * 1_000_000


@router.get("")
async def imports_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The form, and what was imported."""
    return await _list(request, parts, visitor)


@router.get(".csv")
async def imports_csv(parts: Parts, visitor: Administrator) -> Response:
    """The list as a file."""
    names = (
        "id", "kind", "state", "file_name", "lines", "added", "changed", "same", "wrong", "begun_at", "begun_by",
        "applied_at", "applied_by",
    )  # fmt: skip
    rows = await parts.database.imports.latest(limit=10_000)
    return csv_reply("imports", names, ([getattr(one, name) for name in names] for one in rows))


@router.get("/templates/{kind}.csv")
async def template(visitor: Administrator, kind: str) -> Response:
    """Headings and one example line."""
    if kind not in KINDS:
        raise HTTPException(404)
    header, example = KINDS[kind].template()
    return csv_reply(f"{kind}-template", header, [example])


@router.post("", dependencies=[Depends(limited(largest))])
async def upload(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """Take a file and begin its dry run."""
    form = await request.form()
    kind, file = str(form.get("kind", "")), form.get("file")
    if kind not in KINDS or not isinstance(file, UploadFile) or not file.filename:
        message = text(request, visitor, "admin.import.no_file")
        return await _list(request, parts, visitor, message=message, status=422)
    await tidy(parts)
    record = await take(parts, visitor, kind, file)
    return RedirectResponse(f"/admin/imports/{record.id}", 303)


async def take(parts: ConsoleParts, visitor: Visitor, kind: str, file: UploadFile) -> ImportRecord:
    """Keep an upload and begin its dry run."""
    folder = parts.settings.imports_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{os.urandom(8).hex()}.new"
    try:
        await asyncio.to_thread(_keep, file, fresh)
        imports = parts.database.imports
        record = await imports.begin(kind, file.filename or "", fresh, by=visitor.who)
        path = file_of(parts, record.id)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    await did(parts, visitor, "import_checked", f"import:{record.id}", kind=kind)
    work: ImportWork = parts.shared["admin.imports"]
    await work.start(record.id, imports.check(record.id, path, progress=_progress(parts)))
    return await found(parts, record.id)


def _progress(parts: ConsoleParts) -> Any:
    def hear(record: ImportRecord) -> None:
        if record.lines % 5000 == 0:
            parts.bus.publish("import", record.id)

    return hear


def _keep(file: UploadFile, path: Path) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        while chunk := file.file.read(1 << 20):
            out.write(chunk)


@router.get("/{record}")
async def import_page(request: Request, parts: Parts, visitor: Administrator, record: str) -> Response:
    """What came of a file, line by line."""
    return await _page(request, parts, visitor, record)


@router.get("/{record}/errors.csv")
async def errors_csv(request: Request, parts: Parts, visitor: Administrator, record: str) -> Response:
    """Every line that is wrong or worth a look, with the column and the reason, as a file."""
    await found(parts, record)
    language = language_of(request, visitor)

    async def rows() -> AsyncIterator[Sequence[object]]:
        after = 0
        while lines := await parts.database.imports.lines(record, after=after, limit=1000):
            for line in lines:
                for one in line.problems:
                    yield line.line, one["column"], one["severity"], line.key, problem_text(language, one)
            after = lines[-1].line

    return csv_reply(f"import-{record}-errors", ("line", "column", "severity", "record", "reason"), rows())


@router.post("/{record}/apply")
async def apply(request: Request, parts: Parts, visitor: Administrator, record: str) -> Response:
    """Write what the dry run showed."""
    known, path = await found(parts, record), file_of(parts, record)
    skip = (await request.form()).get("skip_wrong") == "yes"
    if known.state != "checked" or (known.wrong and not skip):
        message = text(request, visitor, "admin.import.not_now")
        return await _page(request, parts, visitor, record, message=message, status=409)
    if not path.is_file():
        message = text(request, visitor, "admin.import.gone")
        return await _page(request, parts, visitor, record, message=message, status=409)
    await begin_apply(parts, visitor, record, skip)
    return RedirectResponse(f"/admin/imports/{record}", 303)


async def begin_apply(parts: ConsoleParts, visitor: Visitor, record: str, skip: bool) -> None:
    """Begin to write in the background."""
    path = file_of(parts, record)

    async def whole() -> None:
        await parts.database.imports.apply(record, path, by=visitor.who, skip_wrong=skip)
        path.unlink(missing_ok=True)
        for topic in ("seat", "hours"):
            parts.bus.publish(topic)

    work: ImportWork = parts.shared["admin.imports"]
    await work.start(record, whole())


@router.post("/{record}/discard")
async def discard(parts: Parts, visitor: Administrator, record: str) -> Response:
    """Give the file up."""
    await found(parts, record)
    await parts.database.imports.discard(record)
    file_of(parts, record).unlink(missing_ok=True)
    await did(parts, visitor, "import_discarded", f"import:{record}")
    return RedirectResponse("/admin/imports", 303)


async def found(parts: ConsoleParts, record: str) -> ImportRecord:
    """An import. Raises HTTPException 404."""
    known = await parts.database.imports.find(record)
    if known is None:
        raise HTTPException(404)
    return known


async def _list(
    request: Request, parts: ConsoleParts, visitor: Visitor, *, message: str = "", status: int = 200
) -> Response:
    kind = request.query_params.get("kind", "")
    start = (page_number(request) - 1) * PAGE
    rows = await parts.database.imports.latest(
        kind=kind if kind in KINDS else "", offset=start, limit=PAGE + 1
    )
    return render(
        request, visitor, "admin/imports.html", status=status, listing=listing(request, rows), kinds=KINDS, kind=kind,
        message=message, limit=parts.settings.import_megabytes,
    )  # fmt: skip


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    record: str,
    *,
    message: str = "",
    status: int = 200,
) -> Response:
    known = await found(parts, record)
    outcome = request.query_params.get("show", "")
    if outcome not in OUTCOMES:
        outcome = next((one for one in OUTCOMES if getattr(known, one)), "added")
    after = request.query_params.get("after", "")
    lines = await parts.database.imports.lines(
        record, outcome=outcome,
        after=int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0, limit=_LINES + 1,
    )  # fmt: skip
    language = language_of(request, visitor)
    return render(
        request, visitor, "admin/import.html", status=status, record=known, lines=lines[:_LINES], show=outcome,
        outcomes=OUTCOMES, more=lines[_LINES - 1].line if len(lines) > _LINES else None, message=message,
        problem=problem_text(language, known.problem) if known.problem else "",
        told=lambda one: problem_text(language, one), there=file_of(parts, record).is_file(),
    )  # fmt: skip
