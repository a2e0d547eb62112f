"""Floods of calls, which the library as it comes does not survive, and what the line promises on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sip_caller import SipCaller

from ivr.lines.pjsua.pace import HELD, LEAST_BURST, Pace

ROOT = Path(__file__).parents[3]
BENCH = ROOT / "tests" / "bench"
sys.path.insert(0, str(BENCH))

from pjsua_bench import TARGETS, measure  # noqa: E402 - the figures stand beside the tests, not among them


def test_a_burst_is_followed_by_a_rest_and_no_more() -> None:
    pace = Pace(capacity=4)
    for number in range(LEAST_BURST):
        assert pace.rest(100.0) == 0.0
        pace.call_came(100.0 + number * 0.01)
    assert pace.rest(100.1) == pytest.approx(HELD - 0.1)
    assert pace.rest(100.0 + HELD) == 0.0


def test_a_larger_build_takes_more_at_once() -> None:
    pace = Pace(capacity=512)
    for _ in range(511):
        pace.call_came(1.0)
    assert pace.rest(1.0) == 0.0


@contextlib.contextmanager
def served(script: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A hotline in a process of its own, so that its end would not be that of the tests; and its port."""
    command = [sys.executable, str(script), *arguments]
    places = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "lines"))),
    }
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=places
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
            process.stdin.close()
            process.wait(5)
        finally:
            process.kill()


@pytest.mark.sip
async def test_a_flood_of_calls_all_refused_ends_nothing() -> None:
    """Without a rest between them the library runs out of places for sockets, and ends the process."""
    with served(Path(__file__).parent / "run_drained.py") as (process, port):
        async with SipCaller(("127.0.0.1", port)) as crowd:
            calls = []
            for _ in range(200):
                calls += [crowd.begin(), crowd.begin()]
                await asyncio.sleep(0.005)
            statuses = {one.status for call in calls for one in call.responses}
        assert 503 in statuses
        assert statuses <= {100, 486, 503}
        async with SipCaller(("127.0.0.1", port)) as caller, asyncio.timeout(8):
            while not await alive(caller):
                assert process.poll() is None
        assert process.poll() is None


async def alive(caller: SipCaller) -> bool:
    """Whether an OPTIONS is answered soon; what came before it has to be worked off first."""
    try:
        return (await caller.ask(seconds=0.5)).status == 200
    except TimeoutError:
        return False


@pytest.mark.sip
async def test_first_audio_next_prompt_and_barge_in_are_as_fast_as_promised() -> None:
    with served(BENCH / "pjsua_bench.py", "serve") as (_, port):
        async with SipCaller(("127.0.0.1", port)) as caller:
            figures = await measure(caller, 4, at_once=4, keys=3)
    for name, target in TARGETS.items():
        assert figures.percentile(name) <= target, figures.lines()
