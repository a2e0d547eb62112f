"""`hotline load`: many callers at once, to size a site before callers do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ivr.logs import configure_logs

#: Figures that are shares, and those that are times.
_SHARES = ("loss",)
_TIMES = ("answer", "first sound", "key to sound")


def load(
    address: Annotated[str, typer.Argument(help="Whom to call, such as sip:4001@127.0.0.1:5060.")],
    calls: Annotated[int, typer.Option(help="How many calls in all.")] = 20,
    at_once: Annotated[int, typer.Option(help="How many of them at once, at the most.")] = 10,
    rate: Annotated[float, typer.Option(help="How many new ones a second.")] = 2.0,
    keys: Annotated[
        str,
        typer.Option(help="What each does, as for `hotline phone`: keys, wait:2, until-silence, play:FILE."),
    ] = "until-silence hangup",
    expect: Annotated[
        Path | None, typer.Option(help="A WAV file (G.711) that every caller must hear, frame by frame.")
    ] = None,
    caller: Annotated[
        str, typer.Option(help="The first caller's number; the next caller shows the next.")
    ] = "13800000000",
    host: Annotated[str, typer.Option(help="The local address to call from.")] = "127.0.0.1",
    transport: Annotated[str, typer.Option(help="udp, tcp or tls.")] = "udp",
    loss: Annotated[float, typer.Option(help="Per cent of a call's packets that may be missing.")] = 1.0,
    processes: Annotated[
        int, typer.Option(help="Processes to call from; 0: one for each 250 calls at once.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Place many calls by script, listen to each, and tell what they were like; exit code 1 if any went wrong."""
    from ivr.testing.load import LoadPlan, LoadReport, generate

    configure_logs("error", "text")
    plan = LoadPlan(
        address=address,
        script=keys,
        total=calls,
        at_once=at_once,
        rate=rate,
        expect=expect,
        caller=caller,
        host=host,
        transport=transport,
        loss_allowed=loss / 100,
        processes=processes,
    )
    console = Console(stderr=True)

    def part_done(report: LoadReport) -> None:
        console.print(f"{len(report.calls)} calls done, {report.failed} of them failed")

    with console.status(f"{calls} calls to {address}, {at_once} at once, {rate:g} a second…"):
        report = generate(plan, part_done)
    if as_json:
        typer.echo(
            json.dumps({"figures": report.figures(), "failures": report.failures()}, ensure_ascii=False)
        )
    else:
        _show(report.figures(), report.failures())
    raise typer.Exit(1 if report.failed else 0)


def _show(figures: dict[str, float], failures: list[tuple[str, int]]) -> None:
    table = Table("Figure", "Value")
    for name, value in figures.items():
        table.add_row(name, _told(name, value))
    Console().print(table)
    for failure, count in failures:
        typer.echo(f"{count} × {failure}")


def _told(name: str, value: float) -> str:
    if name in _SHARES:
        return f"{value:.2%}"
    if name.startswith(_TIMES):
        return f"{value * 1000:.0f} ms"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
