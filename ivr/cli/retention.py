"""`hotline retention`: deleting what is due, by hand."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.errors import ServiceError
from ivr.settings import load_settings
from policy_db import PolicyDatabase
from policy_db.retention import Period, PurgeReport

app = typer.Typer(help="How long things are kept.", no_args_is_help=True)


@app.command("list")
def list_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Every class of things, and for how many days it is kept."""

    async def read(database: PolicyDatabase) -> tuple[dict[str, Period], int]:
        return await database.retention.periods(), await database.retention.count_holds()

    settings = load_settings(data_dir=data_dir, database_url=database_url)
    periods, holds = on_database(settings, read)
    table = Table()
    for column in ("Class", "Days", "At least", "Changed by"):
        table.add_column(column)
    for one in periods.values():
        table.add_row(one.name, str(one.days), str(one.least), one.changed_by)
    screen.print(table)
    screen.print(f"Legal holds: {holds}. Periods and holds are changed on the console, at /admin/retention.")


@app.command("run")
def run_command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what is due.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete now what is due and not held; the console does so once a day by itself."""
    from ivr.console.purging import Keeper

    settings = load_settings(data_dir=data_dir, database_url=database_url)
    report = on_database(settings, lambda database: Keeper(settings, database).run(who="system", dry=dry_run))
    if report is None:
        raise ServiceError("another process is deleting what is due; try again when it is done", code="H430")
    _tell(report)
    if report.problem:
        raise typer.Exit(1)


def _tell(report: PurgeReport) -> None:
    table = Table(title="What is due" if report.dry else "What was deleted")
    for column in ("Class", "Due" if report.dry else "Deleted", "Held", "Files", "Failed"):
        table.add_column(column, justify="left" if column == "Class" else "right")
    for name, count in report.counts.items():
        table.add_row(name, *(str(count[key]) for key in ("deleted", "held", "files", "failed")))
    screen.print(table)
    if report.problem:
        screen.print(f"Broken off: {report.problem}; what was done stays done, run it again.")
