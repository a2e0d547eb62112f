"""`hotline crosssell simulate` and `hotline crosssell report`: the proof against a known truth, and as it stands."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.settings import load_settings
from policy_db.moments import Period

if TYPE_CHECKING:
    from cross_sell.adviser import ModelRegistry
    from cross_sell.proof.estimates import Estimate
    from cross_sell.simulation.running import Learning, Result
    from cross_sell.simulation.year import Nightly, Plan, VirtualClock
    from policy_db import PolicyDatabase

_ZONE: Final = ZoneInfo("Asia/Shanghai")
#: Smaller worlds are enough to count how often intervals hold.
_SMALL: Final = 0.25
_KINDS: Final = {
    "always": "uplift, valid at every look",
    "once": "uplift, for one look",
    "dr": "other rules, doubly robust",
    "snips": "other rules, self-normalised",
    "product": "one product, its own sales",
    "product_dr": "one product, any sale",
}


def simulate(
    days: Annotated[int, typer.Option(min=70, max=1500, help="Days that are simulated.")] = 365,
    calls_a_day: Annotated[float, typer.Option(min=1, max=1000, help="Calls a day, on average.")] = 40.0,
    customers: Annotated[int, typer.Option(min=50, max=100_000, help="Customers of the company.")] = 8_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same year.")] = 1,
    uplift: Annotated[
        float, typer.Option(min=0, max=0.3, help="The true uplift: lasting sales a person offered.")
    ] = 0.03,
    window: Annotated[int, typer.Option(min=30, max=200, help="Days within which a sale counts.")] = 60,
    worlds: Annotated[
        int, typer.Option(min=0, max=1000, help="Smaller worlds besides, to count how often intervals hold.")
    ] = 0,
    learn: Annotated[
        bool,
        typer.Option("--learn/--no-learn", help="Learn on the way, each night; takes four times as long."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="A folder for every table as CSV.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep the simulated database as this new file.")] = None,
) -> None:
    """Run a made-up year whose true uplift is known through the real rules and tables; does the proof find it?"""
    from cross_sell.simulation.year import Plan

    plan = Plan(
        start=date(2027, 1, 1), days=days, calls_a_day=calls_a_day, customers=customers, seed=seed, uplift=uplift,
        zone=_ZONE,
    )  # fmt: skip
    if keep is not None and keep.exists():
        raise typer.BadParameter(f"{keep} is there already.", param_hint="--keep")
    asyncio.run(_simulate(plan, window, worlds, learn, out, keep))


def report(
    days: Annotated[
        int, typer.Option(min=1, max=3660, help="People who became eligible so many days back.")
    ] = 365,
    window: Annotated[int, typer.Option(min=7, max=400, help="Days within which a sale counts.")] = 60,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The proof as it stands: those offered and held out, and the uplift with the interval valid at every look."""
    from cross_sell.proof.trial import read_trial
    from cross_sell.proof.uplift import prove
    from ivr.app import open_database

    settings = load_settings(data_dir=data_dir, database_url=database_url)
    zone = ZoneInfo(settings.zone)

    async def read() -> None:
        async with open_database(settings) as database:
            now = database.clock()
            period = Period(now - timedelta(days=days), now)
            trial = await read_trial(database, period, now, zone, window=window)
        proof = prove(trial, zone)
        table = Table("outcome", "uplift a person", "valid at every look", "for one look")
        for one in proof.uplifts:
            write = _share if one.outcome == "sales" else _amount
            value = one.estimate.value if one.always.value is None else one.always.value
            table.add_row(one.outcome, write(value), _ends(one.always, write), _ends(one.estimate, write))
        screen.print(
            f"{len(trial)} people whose {window} days are over: {proof.offered.people} offered"
            f" ({proof.offered.buyers} bought), {proof.held_out.people} held out ({proof.held_out.buyers} bought)."
        )
        screen.print(table)
        screen.print(
            f"Evidence against “an offer changes nothing”: p = {proof.evidence.p:.4g}, at every look."
        )

    asyncio.run(read())


def refit(
    learn: Annotated[
        bool | None,
        typer.Option("--learn/--no-learn", help="Learn models anew now, or not; by the month if not said."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The day's work on models: learn of the latest outcomes, once a month anew, and watch for drift."""
    from cross_sell.daily import Refit
    from cross_sell.registry import Registry
    from ivr.app import open_database

    settings = load_settings(data_dir=data_dir, database_url=database_url)
    folder = settings.data_dir / "models" / "cross_sell"

    async def run() -> None:
        async with open_database(settings) as database:
            job = Refit(database, Registry(folder), folder, zone=ZoneInfo(settings.zone))
            found = await job.run(learn=learn)
        if not found:
            screen.print("Everything of today is done already.")
            return
        rows = [
            {
                "product": one.product, "done": one.done, "outcomes": str(one.outcomes), "version": one.version or "–",
                "intercept": _plain(one.intercept), "PSI": _plain(one.psi), "said": _figure(one.predicted),
                "came true": _figure(one.observed), "gain": _plain(one.gain), "p": _plain(one.p),
            }
            for one in found
        ]  # fmt: skip
        said = [name for name in rows[0] if any(row[name] != "–" for row in rows)]
        table = Table()
        for name in said:
            table.add_column(name, no_wrap=name in ("product", "done", "version"))
        for row in rows:
            table.add_row(*(row[name] for name in said))
        screen.print(table)

    asyncio.run(run())


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


async def _simulate(
    plan: Plan, window: int, worlds: int, learn: bool, out: Path | None, keep: Path | None
) -> None:
    from cross_sell.simulation import tables
    from cross_sell.simulation.running import run_world

    with tempfile.TemporaryDirectory() as folder, _progress() as bar:
        learning = _learning(Path(folder) / "models", plan.zone) if learn else None
        task = bar.add_task("The year", total=plan.days)
        file = keep or Path(folder) / "year.db"
        result = await run_world(
            file, plan, window=window, learning=learning,
            progress=lambda done, _all: bar.update(task, completed=done),
        )  # fmt: skip
        more = await _worlds(Path(folder), plan, window, worlds, bar)
        made = [tables.checks(result), tables.arms(result), tables.course(result)]
        made += await _referral_tables(file, plan) if out is not None else []
        made += [tables.worlds(more)] if more else []
    _tell(result, more)
    if out is not None:
        for path in tables.write(out, made):
            screen.print(f"  {path}")


async def _worlds(folder: Path, plan: Plan, window: int, worlds: int, bar: Progress) -> list[Result]:
    """Smaller worlds, each a copy of one company, with arms and calls of its own."""
    from cross_sell.simulation.running import another, build_template, run_world

    if not worlds:
        return []
    small = replace(plan, customers=max(400, int(plan.customers * _SMALL)), days=max(150, plan.days // 2))
    template = folder / "template.db"
    await build_template(template, small)
    task, results = bar.add_task("Worlds", total=worlds), []
    for index in range(worlds):
        file = folder / f"world-{index}.db"
        results.append(await run_world(file, another(small, index), window=window, template=template))
        for path in folder.glob(f"world-{index}.db*"):
            path.unlink()
        bar.update(task, completed=index + 1)
    return results


async def _referral_tables(file: Path, plan: Plan) -> list[Any]:
    from cross_sell.simulation import tables
    from cross_sell.simulation.running import opened

    first = datetime.combine(plan.start, time(), plan.zone)
    async with await opened(file, plan) as database:
        return await tables.referrals(database, Period(first, first + timedelta(days=plan.days)))


def _learning(folder: Path, zone: tzinfo) -> Learning:
    """What learns at the end of each simulated day: scorecards alone, which are learnt in a moment."""
    from cross_sell.daily import Refit
    from cross_sell.registry import Registry

    def make(database: PolicyDatabase, clock: VirtualClock) -> tuple[ModelRegistry, Nightly]:
        registry = Registry(folder, clock=clock)
        refit = Refit(database, registry, folder, zone=zone, clock=clock, candidates=("scorecard",), jobs=1)

        async def nightly(_today: date) -> None:
            await refit.run()

        return registry, nightly

    return make


def _tell(result: Result, more: Sequence[Result]) -> None:
    proof, verdict = result.verdict.proof, result.verdict
    ledger = result.ledger
    screen.print(
        f"{ledger.calls:,} calls, {ledger.decided:,} eligible, {ledger.offers:,} offers to {len(ledger.known):,} people;"
        f" {len(result.trial):,} have had their {result.trial.window} days. {result.seconds:.0f} s of the processor."
    )
    for kind, title in _KINDS.items():
        table = Table("of", "truth", "estimate", "interval", "holds it", title=title, title_justify="left")
        for one in (one for one in verdict.checks if one.kind == kind):
            write = _amount if one.name in ("premium", "margin") else _share
            table.add_row(
                one.name, write(one.truth), write(one.estimate.value), _ends(one.estimate, write),
                "yes" if one.covered else "no",
            )  # fmt: skip
        screen.print(table)
    arms = ", ".join(f"{arm} {share:.1%}" for arm, share in verdict.arms.items())
    screen.print(f"Arms as drawn: {arms}.")
    screen.print(
        f"At every look of the year the always-valid interval {'left' if verdict.ever_missed else 'held'} the truth;"
        f" an ordinary one {'would have left' if verdict.fixed_ever_missed else 'held'} it."
        f" Evidence: p = {proof.evidence.p:.4g}; an offer multiplies sales by"
        f" {proof.evidence.ratio_low:.2f} to {proof.evidence.ratio_high:.2f}."
    )
    if more:
        _tell_worlds(more)


def _tell_worlds(more: Sequence[Result]) -> None:
    def part(name: str, count: int) -> str:
        return f"{name} {count} of {len(more)}"

    always = sum(not one.verdict.ever_missed for one in more)
    fixed = sum(not one.verdict.fixed_ever_missed for one in more)
    once = sum(one.verdict.check("once", "sales").covered for one in more)
    proven = sum(one.verdict.proof.evidence.proven() for one in more)
    screen.print(
        f"{len(more)} smaller worlds: {part('always-valid interval held the truth at every look in', always)},"
        f" {part('an ordinary one at every look in', fixed)}, {part('at its one look in', once)};"
        f" {part('an effect was proven in', proven)}."
    )


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2%}" if abs(value) < 1 else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"


def _amount(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _ends(one: Estimate, write: Callable[[float | None], str] = _figure) -> str:
    return "–" if one.low is None or one.high is None else f"{write(one.low)} … {write(one.high)}"


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    return Progress(*columns, TimeElapsedColumn(), console=screen, transient=True)
