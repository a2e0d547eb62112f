"""`hotline import`: records from CSV files, first looked through, then all in one transaction."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, errors, screen
from ivr.errors import SettingError
from ivr.settings import Settings, load_settings
from policy_db.imports import KINDS, ImportLimits, ImportLine, ImportRecord, problem_text

_SHOWN: Final = 50


def import_command(
    kind: Annotated[str, typer.Argument(help=f"What the file holds: {', '.join(KINDS)}.")],
    file: Annotated[Path | None, typer.Argument(help="The CSV file (UTF-8 or GB18030).")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write it; without this nothing is written.")
    ] = False,
    skip_wrong: Annotated[
        bool,
        typer.Option("--skip-wrong", help="With --apply: leave wrong lines out, instead of writing nothing."),
    ] = False,
    template: Annotated[
        bool, typer.Option("--template", help="Print the columns and an example instead.")
    ] = False,
    language: Annotated[str, typer.Option(help="Language of the reasons: en or zh-CN.")] = "en",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring records in from a CSV file: says what would change and what is wrong, line by line."""
    if kind not in KINDS:
        raise SettingError(
            f"there is nothing called {kind} to import; there are {', '.join(KINDS)}", code="H109"
        )
    if template:
        for cells in KINDS[kind].template():
            screen.print(",".join(cells), markup=False, highlight=False, soft_wrap=True)
        return
    if file is None or not file.is_file():
        raise SettingError(f"there is no file {file or ''}; name the CSV file to import", code="H109")
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    record = asyncio.run(_import(settings, kind, file, apply, skip_wrong, language))
    if record.state == "refused" or (record.wrong and record.state != "applied"):
        raise typer.Exit(1)


async def _import(
    settings: Settings, kind: str, file: Path, apply: bool, skip_wrong: bool, language: str
) -> ImportRecord:
    from ivr.app import open_database

    who = f"staff:{getpass.getuser()}"
    async with open_database(settings) as database:
        imports = database.imports
        imports.limits = ImportLimits(size=settings.import_megabytes * 1_000_000)
        imports.zone = ZoneInfo(settings.zone)
        record = await imports.begin(kind, file.name, file, by=who)
        record = await imports.check(record.id, file)
        _tell(record, await imports.lines(record.id, limit=_SHOWN), language)
        if record.state == "checked" and apply and record.writes and (skip_wrong or not record.wrong):
            record = await imports.apply(record.id, file, by=who, skip_wrong=skip_wrong)
            screen.print(f"{record.writes} records written.")
        elif record.state == "checked":
            await imports.discard(record.id)
            if apply and record.wrong:
                errors.print(
                    "Nothing is written: put the wrong lines right, or leave them out with --skip-wrong."
                )
            elif not apply and record.writes:
                screen.print("Nothing is written yet; do it with --apply.")
    return record


def _tell(record: ImportRecord, lines: Sequence[ImportLine], language: str) -> None:
    if record.problem:
        errors.print(problem_text(language, record.problem), markup=False)
        return
    screen.print(
        f"{record.file_name} ({record.encoding}): {record.lines} lines, {record.added} added, {record.changed} changed,"
        f" {record.same} left alone, {record.wrong} wrong, {record.warned} with a warning",
        highlight=False, markup=False,
    )  # fmt: skip
    if not lines:
        return
    table = Table()
    for column in ("Line", "Record", "What"):
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(str(line.line), escape(line.key), escape("\n".join(_what(line, language))))
    screen.print(table)
    if len(lines) == _SHOWN:
        screen.print(f"These are the first {_SHOWN}.")


def _what(line: ImportLine, language: str) -> list[str]:
    told = [
        f"{one['severity']} in {one['column'] or 'the line'}: {problem_text(language, one)}"
        for one in line.problems
    ]
    if line.outcome == "added":
        told.append("added")
    elif line.outcome == "changed":
        told += [
            f"{name}: {before or '–'} → {after or '–'}" for name, (before, after) in line.changes.items()
        ]
    return told
