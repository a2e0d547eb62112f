"""The supervisor keeps real processes up, and leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from ivr.worker.parent import PARENT
from ivr.worker.silence import SilenceWatch
from ivr.worker.status import read_statuses
from ivr.worker.supervisor import ProcessPlan, Supervisor, clear_run_dir, own_command

CHILD = Path(__file__).parent / "child_process.py"
ROOT = Path(__file__).parents[2]


def child(deed: str, run_dir: Path, number: int | None = None) -> list[str]:
    return [sys.executable, str(CHILD), deed, str(run_dir), *([] if number is None else [str(number)])]


def worker(deed: str, run_dir: Path, number: int = 0) -> ProcessPlan:
    return ProcessPlan(f"worker-{number}", child(deed, run_dir, number), number)


def log_of(run_dir: Path) -> list[str]:
    path = run_dir / "log"
    return path.read_text().splitlines() if path.exists() else []


def pids(run_dir: Path) -> list[int]:
    return [int(line.split()[-1]) for line in log_of(run_dir) if line.split()[0] not in ("ended", "hangup")]


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def supervising(run_dir: Path, *plans: ProcessPlan, **options) -> AsyncIterator[Supervisor]:
    """A supervisor at work; it is stopped at the end, and none of its children may be left."""
    run_dir.mkdir(exist_ok=True)
    before = children()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {"drain_seconds": 0.0, "stop_grace": 3.0, **options}
    supervisor = Supervisor(plans, environment=environment, run_dir=run_dir, **options)
    task = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        supervisor.stop()
        assert await asyncio.wait_for(task, 30) == 0
        assert children() <= before


def children() -> set[psutil.Process]:
    """The processes that this one started (not what they started: a database server has children of its own)."""
    return set(psutil.Process().children())


async def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("serve", run_dir)):
        await until(lambda: read_statuses(run_dir))
        first = read_statuses(run_dir)[0].pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: [one for one in read_statuses(run_dir) if one.pid != first])


async def test_one_that_dies_again_and_again_is_started_with_longer_and_longer_pauses(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("die", run_dir)):
        await until(lambda: len(pids(run_dir)) >= 2)
        await asyncio.sleep(1.5)
        starts = len(pids(run_dir))

    assert 2 <= starts <= 5, "pauses of 0.1, 0.2, 0.4, 0.8 s leave room for so many"


async def test_one_that_took_calls_is_started_again_at_once_however_often_it_dies(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("serve", run_dir)):
        for number in range(1, 6):
            await until(lambda number=number: len(pids(run_dir)) == number and read_statuses(run_dir))
            began = time.monotonic()
            os.kill(pids(run_dir)[-1], signal.SIGKILL)
            await until(lambda number=number: len(pids(run_dir)) == number + 1)
            assert time.monotonic() - began < 2.0


async def test_a_command_that_cannot_be_started_is_tried_again_and_stops_nobody_else(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    missing = ProcessPlan("worker-1", [str(tmp_path / "no-such-program")], 1)
    async with supervising(run_dir, worker("serve", run_dir), missing):
        await until(lambda: read_statuses(run_dir))
        await asyncio.sleep(0.2)
        assert read_statuses(run_dir)[0].fresh


async def test_a_worker_that_falls_silent_is_killed_and_replaced(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("hang", run_dir), silence=0.3, look_seconds=0.05):
        await until(lambda: len(pids(run_dir)) >= 2)
        first = pids(run_dir)[0]
        assert not psutil.pid_exists(first)


async def test_a_worker_that_speaks_is_left_alone(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("serve", run_dir), silence=0.5, look_seconds=0.05):
        await until(lambda: read_statuses(run_dir))
        await asyncio.sleep(1.0)
        assert len(pids(run_dir)) == 1


async def test_stopping_lets_workers_end_first_and_the_http_process_after_them(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    plans = (
        worker("serve", run_dir, 0),
        worker("serve", run_dir, 1),
        ProcessPlan("http", child("http", run_dir)),
    )
    async with supervising(run_dir, *plans):
        await until(lambda: len(pids(run_dir)) == 3 and len(read_statuses(run_dir)) == 2)

    ends = [line for line in log_of(run_dir) if line.startswith("ended")]
    assert sorted(ends[:2]) == ["ended serve 0", "ended serve 1"]
    assert ends[2:] == ["ended http 0"]
    assert read_statuses(run_dir) == []


async def test_a_process_that_will_not_stop_is_killed_within_the_bound(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("stubborn", run_dir), drain_seconds=0.2, stop_grace=0.2):
        await until(lambda: read_statuses(run_dir))
        began = time.monotonic()

    assert time.monotonic() - began < 3
    assert not psutil.pid_exists(pids(run_dir)[0])


async def test_sigterm_stops_everything(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("serve", run_dir)):
        await until(lambda: read_statuses(run_dir))
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: "ended serve 0" in log_of(run_dir))

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_sighup_reaches_the_workers_that_are_ready(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    async with supervising(run_dir, worker("serve", run_dir)):
        await until(lambda: read_statuses(run_dir))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "hangup" in log_of(run_dir))


async def test_a_supervisor_that_is_cancelled_leaves_no_process_behind(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    before = children()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = Supervisor(
        [worker("serve", run_dir)], environment=environment, run_dir=run_dir, drain_seconds=1,
    )  # fmt: skip
    task = asyncio.create_task(supervisor.run())
    await until(lambda: len(pids(run_dir)) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert children() <= before


async def test_a_child_ends_when_its_supervisor_is_gone(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'from ivr.worker.supervisor import end_with_parent;"
        "end_with_parent(); print(1, flush=True); import time; time.sleep(60)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    grandchild = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


async def test_a_child_whose_supervisor_was_gone_before_it_began_ends_at_once() -> None:
    environment = {**os.environ, PARENT: "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from ivr.worker.supervisor import end_with_parent; end_with_parent()",
        env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()

    assert process.returncode == 1
    assert b"gone" in said


def test_a_process_is_silent_when_its_word_does_not_change_for_too_long() -> None:
    watch = SilenceWatch(silence=5.0, start=120.0)

    assert watch.silent([7], {7: 1000.0}, 0.0) == []
    assert watch.silent([7], {7: 1001.0}, 4.0) == []
    assert watch.silent([7], {7: 1001.0}, 8.0) == []
    assert watch.silent([7], {7: 1001.0}, 9.1) == [7]


def test_a_jump_of_the_wall_clock_makes_nobody_silent() -> None:
    watch = SilenceWatch(silence=5.0, start=120.0)
    watch.silent([7], {7: 1000.0}, 0.0)

    assert watch.silent([7], {7: 99_000.0}, 4.0) == []
    assert watch.silent([7], {7: 12.0}, 8.0) == []


def test_a_process_that_never_speaks_is_silent_after_its_start() -> None:
    watch = SilenceWatch(silence=5.0, start=120.0)
    watch.silent([7], {}, 0.0)

    assert watch.silent([7], {}, 119.0) == []
    assert watch.silent([7], {}, 121.0) == [7]


def test_what_an_earlier_run_said_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    for name in ("worker-0.json", "counter_12.db", "worker-0.12.tmp", "notes.txt"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_text("x")
    clear_run_dir(tmp_path / "run")

    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_the_programs_own_command_runs_it_in_the_same_python() -> None:
    assert own_command("worker", "--index", "0") == [sys.executable, "-m", "ivr", "worker", "--index", "0"]
