"""The figures of the SIP line beside their limits, those of the pjsua2 line, and of Asterisk where it is installed."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import sip_asterisk
import sip_load
from bench_row import Row
from hotline_process import HotlineProcess, environment_of, run_command, serving
from sip_analysis import Sound, percentile
from sip_bench import (
    KEYS,
    LOAD_CORE,
    SERVER_CORE,
    Capture,
    Run,
    able,
    load,
    server,
    short_calls,
    sink,
    steady,
    warm,
)

#: What grows with calls and must be back afterwards.
#: Few: with 100 calls this configuration of it was slow to answer, for a reason not found yet.
ASTERISK_CALLS = 4
BACK = ("files", "tasks", "threads", "active", "sessions", "transactions")


def rows(*, long: bool = False) -> Iterator[Row]:
    """Every figure; `long` adds 20,000 calls of soak and the knee of the capacity."""
    if why := able():
        yield Row("SIP line under load", 0.0, "", why=why)
        return
    yield from interactive_rows("sip line, 300 full-IVR calls", run_ivr("sip", 300), limits=True)
    yield from hotline_rows()
    yield from loop_rows()
    yield from set_up_rows()
    yield from storm_rows()
    yield from pair_rows()
    yield from soak_rows(20_000 if long else 2_000)
    yield from interactive_rows("pjsua2 line, 4 full-IVR calls", run_ivr("pjsua", 4, rate=4), limits=False)
    if sip_asterisk.INSTALLED:
        with sip_asterisk.Asterisk() as asterisk:
            run = load(asterisk, calls=ASTERISK_CALLS, rate=25, hold=20, keys=KEYS)
        yield from interactive_rows(f"Asterisk, {ASTERISK_CALLS} full-IVR calls", run, limits=False)
    else:
        yield Row("Asterisk", 0.0, "", why="not installed")
    if long:
        yield knee_row()


def run_ivr(line: str, calls: int, *, rate: float = 25.0) -> Run:
    """Prompt, key, prompt, recording, over and over, by so many callers at once."""
    with server(line, "ivr") as one:
        warm(one)
        return load(one, calls=calls, rate=rate, hold=20, keys=KEYS)


def interactive_rows(title: str, run: Run, *, limits: bool) -> Iterator[Row]:
    """What was measured of interactive calls."""

    def row(name: str, value: float, unit: str, limit: float | None = None, digits: int = 1) -> Row:
        return Row(f"{title}: {name}", value, unit, limit if limits else None, digits=digits)

    yield row("CPU of one core, a call", run.cpu_per_call, "%", 0.15, digits=3)
    yield row("not answered", run.calls - run.answered, f"of {run.calls}", 0, digits=0)
    yield row("late, p99", run.sound.late(0.99) * 1000, "ms", 10)
    yield row("late, largest", run.sound.late(1) * 1000, "ms")
    yield row("packets lost", run.sound.missing, f"of {run.sound.packets}", 0, digits=0)
    yield row("INVITE→200, p50", percentile(run.set_up, 0.5) * 1000, "ms")
    yield row("INVITE→200, p99", percentile(run.set_up, 0.99) * 1000, "ms", 10)
    yield row("200→first packet, p95", percentile(run.first_packet, 0.95) * 1000, "ms", 40)
    yield row("key→next prompt, p95", percentile(run.next_prompt, 0.95) * 1000, "ms", 40)
    yield row("barge-in, p95", percentile(run.barge_in, 0.95) * 1000, "ms", 40)
    yield row("memory, a call", run.memory / 1024, "KB", 40)
    yield row("core taken by other programs", run.waited * 100, "%")


#: What callers of the whole hotline press: menus, each interrupting the one before.
MENU_KEYS = [(2.0 + 4.0 * number, "5*6*"[number % 4]) for number in range(40)]


class Hotline:
    """`hotline serve` as a user starts it, its one worker on the line's core and the rest on the other."""

    def __init__(self, running: HotlineProcess) -> None:
        self.pid = int(running.workers()[0]["pid"])
        self.port = running.sip_port
        main = psutil.Process(running.process.pid)
        for process in (main, *main.children(recursive=True)):
            core = SERVER_CORE if process.pid == self.pid else LOAD_CORE
            for thread in process.threads():
                os.sched_setaffinity(thread.id, {core})
        steady(self.pid)

    def held(self) -> dict[str, Any]:
        """Its worker's memory."""
        return {"rss": psutil.Process(self.pid).memory_info().rss}


def run_hotline(calls: int, *, rate: float = 10.0) -> Run:
    """The flows, database and timeline of the product, with callers going from menu to menu."""
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name)
        run_command("db", "demo", "--customers", "50", environment=environment_of(data_dir))
        with serving(data_dir, max_calls=500) as running:
            one = Hotline(running)
            load(one, calls=10, rate=10, hold=6, keys=MENU_KEYS)
            return load(one, calls=calls, rate=rate, hold=16, keys=MENU_KEYS)


def hotline_rows(calls: int = 100) -> Iterator[Row]:
    """The whole product under load."""
    run = run_hotline(calls)
    title = f"hotline serve, {calls} calls in its menus"
    yield Row(f"{title}: CPU of the worker, a call", run.cpu_per_call, "%", digits=3)
    yield Row("… not answered", calls - run.answered, f"of {calls}", 0, digits=0)
    yield Row("… late, p99", run.sound.late(0.99) * 1000, "ms", digits=1)
    yield Row("… packets lost", run.sound.missing, f"of {run.sound.packets}", 0, digits=0)
    yield Row("… INVITE→200, p99", percentile(run.set_up, 0.99) * 1000, "ms", digits=1)
    yield Row("… 200→first packet, p95", percentile(run.first_packet, 0.95) * 1000, "ms", digits=1)
    yield Row("… memory, a call", run.memory / 1024, "KB", digits=1)


def loop_rows() -> Iterator[Row]:
    """500 callers who hear a prompt over and over."""
    with server("sip", "loop") as one:
        warm(one)
        run = load(one, calls=500, rate=50, hold=15)
    yield Row(
        "sip line, 500 looped prompts: CPU of one core", run.cpu_per_call * run.calls, "%", 60, digits=1
    )
    yield Row("… late, p99", run.sound.late(0.99) * 1000, "ms", digits=1)
    yield Row("… late, largest", run.sound.late(1) * 1000, "ms", digits=1)
    yield Row("… packets lost", run.sound.missing, f"of {run.sound.packets}", 0, digits=0)


def set_up_rows() -> Iterator[Row]:
    """How soon calls are answered that come at a rate and end after 200 ms."""
    for rate, limit in ((25, 10), (100, 30)):
        with server("sip", "short") as one:
            warm(one)
            run = short_calls(one, rate=rate, calls=rate * 10)
        title = f"sip line, {rate} short calls a second: INVITE→200"
        yield Row(f"{title}, p50", percentile(run.set_up, 0.5) * 1000, "ms", digits=1)
        yield Row(f"{title}, p99", percentile(run.set_up, 0.99) * 1000, "ms", limit, digits=1)
        yield Row("… not answered", run.calls - run.answered, f"of {run.calls}", 0, digits=0)


@dataclass(frozen=True, slots=True)
class Storm:
    """What calls that are up hear before and during a storm of new ones, and what became of those."""

    quiet: Sound
    stormy: Sound
    answered: int
    refused: int
    held: dict[str, Any]


def storm(*, calls: int = 100, rate: float = 400, seconds: float = 10.0) -> Storm:
    """So many calls up, and so many INVITEs a second for a while."""
    media, hold = sip_load.unused_media_port(), 2 * seconds + 8
    with tempfile.TemporaryDirectory() as name, server("sip", "loop") as one:
        warm(one)
        folder = Path(name)
        sound = sip_load.write_sound(folder / "sound.pcap", hold + 2)
        scenario = sip_load.write_scenario(folder / "load.xml", hold, sound)
        with sink(media + 1), Capture(one.port, media, folder) as wire:
            caller = sip_load.sipp(
                scenario, one.port, media=media, calls=calls, rate=50, core=LOAD_CORE, seconds=hold + 20
            )
            time.sleep(calls / 50 + 1)
            began = time.time()
            time.sleep(seconds)
            middle = time.time()
            crowd = threading.Thread(
                target=lambda: kept.append(short_calls(one, rate=rate, calls=round(rate * seconds)))
            )
            kept: list[Run] = []
            crowd.start()
            time.sleep(seconds)
            ended = time.time()
            crowd.join()
            caller.wait(hold + 30)
        held = one.settled()
    ours = (wire.sound(began, middle), wire.sound(middle, ended))
    return Storm(*ours, kept[0].answered, kept[0].refused, held)


def storm_rows() -> Iterator[Row]:
    """400 INVITEs a second while 100 calls are up."""
    found = storm()
    quiet, stormy = (percentile(one.gaps, 0.99) * 1000 for one in (found.quiet, found.stormy))
    yield Row("sip line, 100 calls up, quiet: gap between packets, p99", quiet, "ms", digits=1)
    yield Row("… while 400 INVITEs a second come: gap, p99", stormy, "ms", 40, digits=1)
    yield Row("… late, p99", found.stormy.late(0.99) * 1000, "ms", digits=1)
    yield Row("… packets lost", found.stormy.missing, f"of {found.stormy.packets}", 0, digits=0)
    yield Row("… of the storm answered", found.answered, f"(refused: {found.refused})", digits=0)


def pair_rows() -> Iterator[Row]:
    """100 bridged pairs, everybody speaking."""
    with server("sip", "pairs") as one:
        warm(one)
        run = load(one, calls=200, rate=50, hold=15)
    yield Row(
        "sip line, 100 bridged pairs: CPU of one core, a pair", run.cpu_per_call * 2, "%", 0.3, digits=3
    )
    yield Row("… late, p99", run.sound.late(0.99) * 1000, "ms", digits=1)
    yield Row("… packets lost", run.sound.missing, f"of {run.sound.packets}", 0, digits=0)


def soak(calls: int, *, rate: float = 100) -> tuple[dict[str, Any], dict[str, Any], Run]:
    """What is held before and after so many short calls, and those calls."""
    with server("sip", "short") as one:
        short_calls(one, rate=rate, calls=min(calls, 4000))  # as many at once as there will be
        before = one.settled()
        run = short_calls(one, rate=rate, calls=calls)
        after = one.settled()
    return before, after, run


def soak_rows(calls: int) -> Iterator[Row]:
    """Nothing may be left of short calls."""
    before, after, run = soak(calls)
    yield Row(f"{calls:,} short calls: not answered", calls - run.answered, "calls", 0, digits=0)
    left = sum(abs(after[name] - before[name]) for name in BACK)
    yield Row("… files, tasks, threads, sessions, transactions left over", left, "", 0, digits=0)
    kinds = after["ours"].keys() | before["ours"].keys()
    grown = sum(max(0, after["ours"].get(kind, 0) - before["ours"].get(kind, 0)) for kind in kinds)
    yield Row("… objects of the line left over", grown, "", 20, digits=0)
    yield Row("… memory grown", (after["rss"] - before["rss"]) / 1e6, "MB", 5, digits=1)


def knee_row() -> Row:
    """How many full-IVR calls go on with late p99 ≤ 20 ms and nothing lost."""
    good = 0
    for calls in range(300, 1001, 100):
        run = run_ivr("sip", calls, rate=50)
        if not run.sound.late(0.99) <= 0.020 or run.sound.lost or run.answered < calls:
            break
        good = calls
    return Row("sip line: full-IVR calls on one core with late p99 ≤ 20 ms", good, "calls", digits=0)
