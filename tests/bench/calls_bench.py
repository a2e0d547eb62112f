"""Scripted calls: how many of them a second, through the pure engine and through the whole hotline."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.app import call_parts, load_content, open_database
from ivr.call.session import CallSession
from ivr.clock import VirtualClock
from ivr.flow import FlowLibrary
from ivr.lines.base import Leg
from ivr.lines.script import ScriptedCaller, ScriptLine
from ivr.settings import Settings, load_settings
from ivr.terminal import script_actions
from ivr.testing.flowtest import FlowTester
from ivr.testing.fuzz import fuzz
from policy_db import build_demo

ZONE = "Asia/Shanghai"
#: A caller who asks for a premium by age, sum and term, and one who leaves a message.
SCRIPTS = (("5", "1", "1"), ("7", "1", "speak:4", "#", "1"), ("6", "1"), ("4", "86001234"))


def scripted(library: FlowLibrary, calls: int = 1000) -> float:
    """Seconds for `calls` scripted calls: the tests of the flows, one after another."""
    tester = FlowTester(library)
    tests = [
        (flow, test, number) for flow in library.flows.values() for number, test in enumerate(flow.flow.tests)
    ]
    began = time.perf_counter()
    for index in range(calls):
        flow, test, number = tests[index % len(tests)]
        result = tester.run(flow, test, number)
        assert result.passed, str(result)
    return time.perf_counter() - began


async def whole(calls: int = 1000) -> float:
    """Seconds for `calls` calls over the script line with services, SQLite, timeline and recordings."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder))
        async with open_database(settings, migrate=True) as database:
            await build_demo(database, today=datetime.now(ZoneInfo(ZONE)).date(), customers=100)
            parts = call_parts(settings, load_content(settings), database, "bench")
            clock = VirtualClock(datetime(2026, 3, 4, 10, 0, tzinfo=ZoneInfo(ZONE)))
            line = ScriptLine(clock)
            tasks: list[asyncio.Task[None]] = []

            def take(leg: Leg) -> None:
                session = CallSession(leg, f"bench-{len(tasks)}", parts)
                tasks.append(asyncio.create_task(session.run()))

            await line.start(take)
            began = time.perf_counter()
            for index in range(calls):
                script = SCRIPTS[index % len(SCRIPTS)]
                line.call(ScriptedCaller(script_actions(script), number=f"139{index:08d}"))
            await clock.run(lambda: all(task.done() for task in tasks))
            took = time.perf_counter() - began
            for task in tasks:
                task.result()
            await line.stop()
            return took


def random_callers(library: FlowLibrary, calls: int = 10_000) -> tuple[float, int]:
    """Seconds for `calls` random callers on one core, and how many of them failed."""
    report = fuzz(library, calls)
    return report.seconds, len(report.failures)


def library_of(settings: Settings) -> FlowLibrary:
    """The flows that come with the hotline."""
    return load_content(settings).flows.current
