"""`hotline db`: the policy database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, progress_bar, screen
from ivr.settings import Settings, load_settings
from policy_db import PolicyDatabase, demo_table, migrate, schema_revision

app = typer.Typer(help="The policy database.", no_args_is_help=True)


@app.command("migrate")
def migrate_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the tables up to date; a new database gets them all."""
    from ivr.app import prepare_data_dir

    settings = load_settings(data_dir=data_dir, database_url=database_url)
    prepare_data_dir(settings)
    asyncio.run(migrate(settings.resolved_database_url))
    revision = asyncio.run(schema_revision(settings.resolved_database_url))
    screen.print(f"The tables are at revision {revision}.")


@app.command("demo")
def demo_command(
    customers: Annotated[int, typer.Option(help="How many customers the portfolio has.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed makes the same portfolio.")] = 7,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Fill an empty database with a made-up portfolio and show which policies to try."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    asyncio.run(build_portfolio(settings, customers, seed))
    print_demo_table()


async def build_portfolio(settings: Settings, customers: int, seed: int, *, messages: bool = False) -> None:
    """Build the demonstration, or bring the dates of the one that is there up to today.

    With `messages` there are messages and claim reports to look at, unless callers have left some. Raises Conflict
    when the database holds anything else.
    """
    from ivr.app import open_database
    from policy_db import build_demo, refresh_demo

    today = datetime.now(ZoneInfo(settings.zone)).date()
    async with open_database(settings, migrate=True) as database:
        if await refresh_demo(database, today=today):
            screen.print("The demonstration is there already; its dates count from today.")
        else:
            with progress_bar("Making up customers") as progress:
                await build_demo(database, customers=customers, seed=seed, today=today, progress=progress)
        if messages:
            await _leave_messages(settings, database)
            await _have_people_there(database)


async def _have_people_there(database: PolicyDatabase) -> None:
    """A demonstration has people at seats whatever the time of day is; an administrator may take that back."""
    from policy_db.administration import Calendar

    if "people" not in await database.administration.calendars():
        always = Calendar("people", override="open", note="demonstration: people are there at any time")
        await database.administration.set_calendar(always, by="system")


async def _leave_messages(settings: Settings, database: PolicyDatabase) -> None:
    from ivr.app import load_content
    from ivr.cli.demo_sound import speaking
    from ivr.console.voicemail.due import clock_of
    from policy_db.demo.messages import leave_demo_messages

    content = load_content(settings)
    due = await clock_of(database, content.flows.current.hotline, database.clock())
    sound, now = speaking(settings, content), datetime.now(UTC)
    await leave_demo_messages(database, now=now, zone=settings.zone, speak=sound, due=due)


def print_demo_table() -> None:
    """The policies to try, with what proves who is calling. All of it is made up."""
    table = Table(title="Policies to try · 可以试拨的保单")
    for column in ("Number 号码", "What it shows 内容", "ID digits 证件后六位", "PIN 密码"):
        table.add_column(column, overflow="fold")
    for row in demo_table():
        table.add_row(row.number, f"{row.shows['zh-CN']}\n{row.shows['en']}", row.id_tail, row.pin)
    screen.print(table)
