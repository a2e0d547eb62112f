"""Everything of a simulated year as plain tables, for CSV files and for the terminal."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cross_sell.proof.estimates import Estimate
from cross_sell.proof.incentives import KEYS, incentives
from cross_sell.simulation.running import Result
from cross_sell.simulation.truth import Check, running_truth
from policy_db import PolicyDatabase
from policy_db.moments import Period

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its name; `rows` of plain values."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def checks(result: Result) -> Table:
    """Every estimate beside the truth."""
    columns = ("kind", "name", "truth", "estimate", "low", "high", "people", "covered")
    return Table("truth_and_estimates", columns, tuple(_check(one) for one in result.verdict.checks))


def arms(result: Result) -> Table:
    """Shares of the arms, as drawn and as intended."""
    rules = result.plan.rules
    wanted = {"offer": 1 - rules.holdout - rules.random, "random": rules.random, "holdout": rules.holdout}
    rows = tuple((arm, wanted[arm], share) for arm, share in result.verdict.arms.items())
    return Table("arms", ("arm", "intended", "drawn"), rows)


def course(result: Result) -> Table:
    """The uplift of sales after each day, with the ends valid at all times, those valid at one, and the truth so far."""
    proof, known = result.verdict.proof, [result.ledger.known[one.customer] for one in result.trial.people]
    sequence = proof.uplift("sales").sequence
    truths = running_truth(known, result.verdict.gain)
    last = {day: index for index, day in enumerate(proof.days)}
    rows = tuple(
        (
            day.isoformat(), index + 1, _number(sequence.estimate[index]), _number(sequence.low[index]),
            _number(sequence.high[index]), _number(sequence.fixed_low[index]),
            _number(sequence.fixed_high[index]), float(truths[index]),
            float(proof.evidence.log_wealth[index]),
        )
        for day, index in last.items()
    )  # fmt: skip
    columns = ("day", "people", "uplift", "low", "high", "fixed_low", "fixed_high", "truth", "log_evidence")
    return Table("uplift_by_day", columns, rows)


async def referrals(database: PolicyDatabase, period: Period) -> list[Table]:
    """Incentives by seat, who referred, product and script."""
    tables = []
    for by in KEYS:
        lines = await incentives(database.referrals, period, by)
        rows = tuple(
            (
                one.key, one.flagged, one.asked, one.accepted, one.connected, one.quoted, one.sold,
                one.call_to_sale.value, str(one.premium),
            )
            for one in lines
        )  # fmt: skip
        columns = (
            by,
            "flagged",
            "asked",
            "accepted",
            "connected",
            "quoted",
            "sold",
            "call_to_sale",
            "premium",
        )
        tables.append(Table(f"incentives_by_{by}", columns, rows))
    return tables


def worlds(results: Sequence[Result]) -> Table:
    """One line a world: whether the intervals held the truth, at the end and at every look."""
    columns = (
        "seed", "people", "truth", "uplift", "low", "high", "always_covers", "once_covers", "never_missed",
        "fixed_never_missed", "proven", "seconds",
    )  # fmt: skip
    return Table("worlds", columns, tuple(_world(one) for one in results))


def write(folder: Path, tables: Iterable[Table]) -> list[Path]:
    """Each table as NAME.csv in the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in tables:
        path = folder / f"{table.name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        paths.append(path)
    return paths


def _world(one: Result) -> tuple[Cell, ...]:
    always, once = one.verdict.check("always", "sales"), one.verdict.check("once", "sales")
    return (
        one.plan.seed, len(one.trial), always.truth, *_estimate(always.estimate), always.covered, once.covered,
        not one.verdict.ever_missed, not one.verdict.fixed_ever_missed, one.verdict.proof.evidence.proven(),
        round(one.seconds, 1),
    )  # fmt: skip


def _check(one: Check) -> tuple[Cell, ...]:
    return (one.kind, one.name, one.truth, *_estimate(one.estimate), one.estimate.people, one.covered)


def _estimate(one: Estimate) -> tuple[Cell, Cell, Cell]:
    return one.value, one.low, one.high


def _number(value: float) -> float | None:
    return None if value != value else float(value)
