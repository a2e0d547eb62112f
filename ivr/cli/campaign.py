"""`hotline campaign`: make campaigns, see whom they would call, start and stop them, and see how they fare."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args

import typer
from rich.table import Table

from ivr.app import open_bus
from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.clock import SystemClock
from ivr.errors import OutreachError
from ivr.outreach.rules import Rules
from ivr.outreach.selection import FLOWS, Preview, create, preview, read_csv
from ivr.outreach.waiting import next_call
from ivr.outreach.windows import CompanyHours
from ivr.settings import load_settings
from policy_db import PolicyDatabase
from policy_db.outreach_facts import Campaign, CampaignKind, CampaignState

app = typer.Typer(help="Campaigns: calls that the hotline makes.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The campaign's id.")]
_T = TypeVar("_T")


@app.command("list")
def list_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Every campaign, the newest first."""
    found = _on(data_dir, database_url, lambda database, _: database.campaigns.page(limit=200))
    table = Table("Campaign", "Name", "Kind", "State", "Problem")
    for one in found:
        table.add_row(one.id, one.name, one.kind, one.state, one.problem)
    screen.print(table if found else "There are no campaigns; make one with `hotline campaign new`.")


@app.command("new")
def new_command(
    kind: Annotated[str, typer.Argument(help="premium_due, overdue, grace_ending, renewal, claim_papers, …")],
    name: Annotated[str, typer.Option(help="What it is called.")] = "",
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="A file of people, with a column `number`.")
    ] = None,
    days: Annotated[int | None, typer.Option(help="How many days ahead count.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only these, such as province=江苏省 or product=WL01.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="A JSON file of rules: windows, pace, retries, caps, machine.")
    ] = None,
    flow: Annotated[str, typer.Option(help="The flow that speaks; empty: the kind's own.")] = "",
    line: Annotated[str, typer.Option(help="The line that calls; empty: SIP.")] = "",
    caller: Annotated[str, typer.Option(help="Our number that is shown.")] = "",
    priority: Annotated[int, typer.Option(help="Higher goes first.")] = 0,
    dry: Annotated[bool, typer.Option("--dry", help="Only show whom it would call.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a campaign as a draft, and say whom it would call and whom not. Nobody is called yet."""
    known = _kind(kind)
    selection: dict[str, Any] = dict(_parted(one) for one in where or ())
    if days is not None:
        selection["days"] = days
    if csv_file is not None:
        selection |= {"source": "csv", "file": csv_file.name}

    async def make(database: PolicyDatabase, now: datetime) -> tuple[Preview, str]:
        read = Rules.read(_json(rules))
        lines, wrong = read_csv(csv_file.read_bytes()) if csv_file is not None else (None, [])
        found = await preview(
            database, known, selection, read, now=now, zone=str(now.tzinfo), lines=lines, wrong=wrong
        )
        campaign = Campaign(
            id=f"c-{secrets.token_hex(4)}",
            name=name or f"{kind} {now:%Y-%m-%d}",
            kind=known,
            flow=flow or FLOWS[known],
            created_at=now,
            created_by="command line",
            line=line,
            caller=caller,
            priority=priority,
            rules=read.plain(),
            selection=selection,
        )
        if not dry:
            await create(database, campaign, found, now)
        return found, campaign.id

    found, made = _on(data_dir, database_url, make)
    _show(found)
    if not dry:
        screen.print(
            f"Campaign [bold]{made}[/bold] is a draft; `hotline campaign start {made}` begins to call."
        )


@app.command("start")
def start_command(campaign: Id, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Begin to call, or go on."""
    _change(campaign, "running", data_dir, database_url)


@app.command("pause")
def pause_command(campaign: Id, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Begin no more calls for now; those under way go on."""
    _change(campaign, "paused", data_dir, database_url)


@app.command("stop")
def stop_command(campaign: Id, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Begin no more calls, for good."""
    _change(campaign, "stopped", data_dir, database_url)


@app.command("show")
def show_command(campaign: Id, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """How a campaign fares."""

    company = CompanyHours.of(load_settings(data_dir=data_dir, database_url=database_url))

    async def read(
        database: PolicyDatabase, now: datetime
    ) -> tuple[Campaign | None, Mapping[tuple[str, str], int], datetime | None]:
        found = await database.campaigns.find(campaign)
        waits = None if found is None else await next_call(database, found, company, now)
        return found, await database.campaigns.counts(campaign), waits

    found, counts, waits = _on(data_dir, database_url, read)
    if found is None:
        raise OutreachError(
            f"there is no campaign {campaign}; `hotline campaign list` shows them", code="H703"
        )
    screen.print(f"{found.name}: {found.kind}, {found.state} {found.problem}")
    if waits is not None:
        screen.print(f"Whoever waits may not be called before {waits:%Y-%m-%d %H:%M} ({waits.tzinfo}).")
    table = Table("State", "Outcome or reason", "People")
    for (state, what), people in sorted(counts.items()):
        table.add_row(state, what, str(people))
    screen.print(table)


def _change(campaign: str, state: CampaignState, data_dir: DataDir, database_url: DatabaseUrl) -> None:
    changed = _on(
        data_dir, database_url, lambda database, now: database.campaigns.change(campaign, state, now)
    )
    if changed is None:
        raise OutreachError(
            f"there is no campaign {campaign} that can be {state} now; `hotline campaign list` shows them",
            code="H703",
        )
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    bus = open_bus(settings)
    bus.publish("campaign", campaign)
    bus.close()
    screen.print(f"{changed.name}: {changed.state}")


def _show(found: Preview) -> None:
    table = Table("Whom", "People")
    table.add_row("would be called", str(found.called))
    for reason, people in sorted(found.reasons.items()):
        table.add_row(f"left out: {reason}", str(people))
    screen.print(table)
    for one in found.wrong[:20]:
        screen.print(f"line {one.line}: {one.why} {one.what}")
    if len(found.wrong) > 20:
        screen.print(f"and {len(found.wrong) - 20} more lines")


def _kind(kind: str) -> CampaignKind:
    if kind not in get_args(CampaignKind):
        raise OutreachError(
            f"there is no kind {kind!r}; write one of {', '.join(get_args(CampaignKind))}", code="H702"
        )
    return cast("CampaignKind", kind)


def _parted(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _json(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutreachError(f"{path} cannot be read as JSON: {error}", code="H701") from None
    return data if isinstance(data, dict) else {}


def _on(
    data_dir: DataDir, database_url: DatabaseUrl, work: Callable[[PolicyDatabase, datetime], Awaitable[_T]]
) -> _T:
    """Do something with the database, at the company's time."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    return on_database(settings, lambda database: work(database, SystemClock(settings.zone).now()))
