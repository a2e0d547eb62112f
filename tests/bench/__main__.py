"""`make bench`: every figure of the hotline beside its limit, in one run on one machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "e2e")]

import calls_bench
import console_bench
import crosssell_bench
import database_bench
import hotline_bench
import media_bench
import outreach_bench
import seats_bench
import sip_bench
import sip_figures
import speech_bench
import spoken_bench
import twilio_bench
from bench_row import Row
from pjsua_bench import TARGETS
from rich.console import Console
from rich.table import Table

from ivr.settings import load_settings
from ivr.testing.bench import engine_speed


def engine_rows() -> Iterator[Row]:
    """The pure engine."""
    library = calls_bench.library_of(load_settings())
    yield Row("engine", engine_speed(library).steps_per_second, "steps/s", 50_000, least=True)
    yield Row("1,000 scripted calls (flows' own tests)", calls_bench.scripted(library), "s", 10)
    yield Row("1,000 calls with services, SQLite, recordings", asyncio.run(calls_bench.whole()), "s", 10)
    seconds, failures = calls_bench.random_callers(library)
    yield Row("10,000 random callers, one core", seconds, "s", 60)
    yield Row("… of them stuck or failed", failures, "calls", 0)


def database_rows() -> Iterator[Row]:
    """The policy database with 100,000 customers."""
    found = asyncio.run(database_bench.figures())
    yield Row("100,000 customers made up", found["build, s"], "s")
    yield Row("policy found, p50", found["find p50, ms"], "ms")
    yield Row("policy found, p99", found["find p99, ms"], "ms", 10)


def wire_rows() -> Iterator[Row]:
    """The telephone, from packets as an outside caller sees them."""
    figures, back = hotline_bench.measure()
    for name, limit in TARGETS.items():
        yield Row(f"{name}, p95", figures.percentile(name) * 1000, "ms", limit * 1000)
        yield Row(f"{name}, worst of {len(figures.seconds[name])}", max(figures.seconds[name]) * 1000, "ms")
    yield Row("killed worker answers again after", back, "s", 2)


def media_rows() -> Iterator[Row]:
    """The media plane alone."""
    for name, value in media_bench.figures().items():
        label, _, unit = name.rpartition(", ")
        yield Row(label, value, unit)


def main() -> int:
    """Print the table; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        help=(
            "engine, database, wire, media, sip, console, seats, crosssell, outreach; none: all these;"
            " spoken: a million values"
        ),
    )
    parser.add_argument("--long", action="store_true", help="20,000 calls of soak, and the capacity's knee")
    parser.add_argument(
        "--steady", action="store_true", help="the SIP line at real-time priority, on a machine that is busy"
    )
    chosen = parser.parse_args()
    if chosen.steady:
        os.environ[sip_bench.STEADY] = "1"
    console, progress = Console(), Console(stderr=True)
    console.print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    table = Table("Figure", "Value", "Limit", "")
    broken = False
    parts: dict[str, Callable[[], Iterator[Row]]] = {
        "engine": engine_rows,
        "database": database_rows,
        "wire": wire_rows,
        "media": media_rows,
        "sip": lambda: sip_figures.rows(long=chosen.long),
        "console": console_bench.rows,
        "crosssell": crosssell_bench.rows,
        "seats": seats_bench.rows,
        "speech": speech_bench.rows,
        "outreach": outreach_bench.rows,
        "spoken": spoken_bench.rows,
        "twilio": twilio_bench.rows,
    }
    for name in chosen.parts or (name for name in parts if name != "spoken"):
        for row in parts[name]():
            table.add_row(row.name, row.figure, row.bound, row.verdict)
            progress.print(row.name, row.figure, row.verdict)
            broken = broken or row.verdict.startswith("NOT")
        table.add_section()
    console.print(table)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
