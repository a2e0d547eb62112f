"""Every table of the proof report: the same for the page, its print, CSV and the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from cross_sell.gates import texts as gate_texts
from cross_sell.proof.estimates import NOTHING, Estimate
from cross_sell.proof.fairness import FIGURES, fairness
from cross_sell.proof.incentives import incentives
from cross_sell.proof.uplift import ArmFigures, arm_figures, scaled
from ivr.console.crosssell.reading import Asked, once, reckoned
from ivr.console.parts import ConsoleParts
from policy_db.referrals import CountBy
from policy_db.selling_facts import WAY

#: `share` and `money` may be an Estimate, which is told with its interval; `mark` is a key of texts.
Kind = Literal[
    "text", "key", "gate", "product", "number", "share", "points", "money", "ratio", "decimal", "mark"
]
Cell = str | int | float | Estimate | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is its key in texts (`crosssell.NAME`) and of JSON."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column says what a row is about."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


def _columns(*named: tuple[str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in named)


async def uplift_table(parts: ConsoleParts, asked: Asked) -> Table:
    """What offering changes, by outcome."""
    proof = (await reckoned(parts, asked)).proof
    rows = []
    for one in proof.uplifts:
        always, fixed = one.always, one.estimate
        total = scaled(always, proof.offered.people) if always.value is not None else NOTHING
        rows.append((one.outcome, always, fixed, total))
    columns = _columns(("outcome", "key"), ("always", "points"), ("fixed", "points"), ("total", "decimal"))
    return Table("uplift", columns, tuple(rows))


async def arms_table(parts: ConsoleParts, asked: Asked) -> Table:
    """Each arm: how many were meant to be in it, how many are, and what they bought."""
    found = await reckoned(parts, asked)
    proof, trial, settings = found.proof, found.trial, parts.settings
    people = len(trial) or None
    best = trial.offered & ~trial.by_lot
    lines = (
        ("offer", 1 - settings.crosssell_holdout - settings.crosssell_random, arm_figures(trial, best)),
        ("random", settings.crosssell_random, proof.by_lot),
        ("holdout", settings.crosssell_holdout, proof.held_out),
    )
    columns = _columns(
        ("arm", "key"), ("intended", "share"), ("drawn", "share"), ("people", "number"), ("buyers", "number"),
        ("rate", "share"), ("premium_each", "money"), ("margin_each", "money"),
    )  # fmt: skip
    return Table("arms", columns, tuple(_arm(*line, people) for line in lines))


def _arm(name: str, intended: float, one: ArmFigures, people: int | None) -> tuple[Cell, ...]:
    drawn = None if people is None else one.people / people
    return name, intended, drawn, one.people, one.buyers, one.rate, one.premium, one.margin


async def rules_table(parts: ConsoleParts, asked: Asked) -> Table:
    """What other rules would have brought, by the logged chances."""
    found = await reckoned(parts, asked)
    rows = tuple(
        (sales.name, sales.dr, sales.snips, sales.ips, margin.dr, sales.agreed, sales.snips.effective)
        for sales, margin in found.rules
    )
    columns = _columns(
        ("rule", "key"), ("dr", "points"), ("snips", "points"), ("ips", "points"), ("dr_margin", "money"),
        ("agreed", "number"), ("effective", "number"),
    )  # fmt: skip
    return Table("rules", columns, rows)


async def products_table(parts: ConsoleParts, asked: Asked) -> Table:
    """Each product offered, against leaving alone whoever could be offered it."""
    found = await reckoned(parts, asked)
    rows = tuple((one.product, one.eligible, one.offered, one.own, one.any, one.dr) for one in found.products)
    columns = _columns(
        ("product", "product"), ("could_be_offered", "number"), ("were_offered", "number"), ("own", "points"),
        ("any", "points"), ("dr", "points"),
    )  # fmt: skip
    return Table("products", columns, rows)


async def funnel_table(parts: ConsoleParts, asked: Asked) -> Table:
    """All referrals that were flagged on the days, from step to step."""

    async def read() -> Table:
        period = asked.days.period
        counts = await parts.database.referrals.counts(period.since, period.until, "product")
        reached = {state: sum(one.reached.get(state, 0) for one in counts) for state in (*WAY, *_ENDS)}
        first, before, rows = reached["flagged"], None, []
        for state in (*WAY, *_ENDS):
            last = before if state in WAY else first
            rows.append((state, reached[state], _part(reached[state], first), _part(reached[state], last)))
            before = reached[state] if state in WAY else before
        columns = _columns(
            ("state", "key"), ("referrals", "number"), ("of_first", "share"), ("of_before", "share")
        )
        return Table("funnel", columns, tuple(rows))

    return await once(parts, f"funnel {asked.days.query}", read)


_ENDS: Final = ("refused", "declined", "lost")


def _part(some: int, whole: int | None) -> float | None:
    return some / whole if whole else None


async def gates_table(parts: ConsoleParts, asked: Asked) -> Table:
    """Why there was nothing to offer."""

    async def read() -> Table:
        found = await parts.database.proofs.looked(asked.days.period)
        every = sum(one.decisions for one in found)
        shut = sorted((one for one in found if one.arm == "none"), key=lambda one: -one.decisions)
        rows = tuple((one.gate, one.decisions, _part(one.decisions, every), one.customers) for one in shut)
        columns = _columns(
            ("gate", "gate"), ("decisions", "number"), ("of_all", "share"), ("customers", "number")
        )
        return Table("gates", columns, rows)

    return await once(parts, f"gates {asked.days.query}", read)


def _incentives(by: CountBy) -> Callable[[ConsoleParts, Asked], Awaitable[Table]]:
    async def make(parts: ConsoleParts, asked: Asked) -> Table:
        async def read() -> Table:
            lines = await incentives(parts.database.referrals, asked.days.period, by)
            rows = tuple(
                (
                    one.key, one.flagged, one.asked, one.accepted, one.connected, one.quoted, one.sold,
                    one.call_to_sale, float(one.premium),
                    None if one.premium_per_sale is None else float(one.premium_per_sale),
                )
                for one in lines
            )  # fmt: skip
            columns = _columns(
                (by, "product" if by == "product" else "text"), ("flagged", "number"), ("asked", "number"),
                ("accepted", "number"), ("connected", "number"), ("quoted", "number"), ("sold", "number"),
                ("call_to_sale", "share"), ("premium", "money"), ("premium_per_sale", "money"),
            )  # fmt: skip
            return Table(by, columns, rows)

        return await once(parts, f"{by} {asked.days.query}", read)

    return make


async def fairness_table(parts: ConsoleParts, asked: Asked) -> Table:
    """Who is eligible, offered, accepts and buys, by age band and sex; small groups are hidden."""

    async def read() -> Table:
        people = await parts.database.proofs.treated(asked.days.period)
        groups = fairness(people, asked.days.last)
        rows = []
        for one in groups:
            by_figure = {cell.figure: cell for cell in one.cells}
            for figure in FIGURES if not one.hidden else ("hidden",):
                cell = by_figure.get(figure)
                mark = "hidden" if cell is None else _mark(cell.best, cell.below, cell.clear)
                share, beside = (None, None) if cell is None else (cell.share, cell.ratio)
                name = f"sex.{one.name}" if one.division == "sex" else one.name
                rows.append((name, figure, one.people, share, beside, mark))
        columns = _columns(
            ("group", "text"), ("figure", "key"), ("people", "number"), ("share", "share"), ("ratio", "ratio"),
            ("mark", "mark"),
        )  # fmt: skip
        return Table("fairness", columns, tuple(rows))

    return await once(parts, f"fairness {asked.days.query}", read)


def _mark(best: bool, below: bool, clear: bool) -> str:
    return "best" if best else "clear" if clear else "below" if below else "fine"


#: Every table by its name.
TABLES: Final[dict[str, Callable[[ConsoleParts, Asked], Awaitable[Table]]]] = {
    "uplift": uplift_table,
    "arms": arms_table,
    "products": products_table,
    "rules": rules_table,
    "funnel": funnel_table,
    "gates": gates_table,
    "seat": _incentives("seat"),
    "referred_by": _incentives("referred_by"),
    "product": _incentives("product"),
    "script": _incentives("script"),
    "fairness": fairness_table,
}
#: The pages of the report and the tables of each.
VIEWS: Final[dict[str, tuple[str, ...]]] = {
    "proof": ("uplift", "arms"),
    "products": ("products", "rules"),
    "funnel": ("funnel", "gates"),
    "incentives": ("seat", "referred_by", "product", "script"),
    "fairness": ("fairness",),
}


def plain(table: Table) -> tuple[list[str], list[list[str | int | float | None]]]:
    """Header and rows for CSV and JSON: an estimate becomes its value and the ends of its interval."""
    intervals = [
        any(isinstance(row[index], Estimate) for row in table.rows) for index in range(len(table.columns))
    ]
    header: list[str] = []
    for column, spread in zip(table.columns, intervals, strict=True):
        header += [column.name, f"{column.name}_low", f"{column.name}_high"] if spread else [column.name]
    return header, [_plain_row(row, intervals) for row in table.rows]


def _plain_row(row: tuple[Any, ...], intervals: list[bool]) -> list[str | int | float | None]:
    cells: list[str | int | float | None] = []
    for value, spread in zip(row, intervals, strict=True):
        if isinstance(value, Estimate):
            cells += [_rounded(one) for one in (value.value, value.low, value.high)]
        elif spread:
            cells += [value, None, None]
        else:
            cells.append(_rounded(value) if isinstance(value, float) else value)
    return cells


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def gate_text(code: str, language: str) -> str:
    """What a gate means, in a language."""
    found = gate_texts().get(code, {})
    return found.get(language) or found.get("en") or code
