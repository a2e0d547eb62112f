"""Keeps the worker processes and the HTTP process up."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from ivr.worker.status import STALE_AFTER, read_statuses, remove_status

log = structlog.get_logger(__name__)

#: A process that lived shorter than this is restarted after a pause that doubles, up to the longest.
HEALTHY_AFTER = 10.0
LONGEST_PAUSE = 10.0
#: How often it is seen to that a spare worker waits.
SPARE_PAUSE = 1.0
#: How long beyond the drain a worker may take to close its line and its records.
STOP_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process to keep up: its name, its command, and for a worker its number."""

    name: str
    command: Sequence[str]
    worker: int | None = None


class Supervisor:
    """Starts the processes, starts each again when it dies or hangs, and stops them in order.

    A fresh worker needs seconds to import and read everything. So `spare` is a command that does all that, then
    waits for a worker's number on its standard input: it takes the place of the next worker that dies at once.
    """

    def __init__(
        self,
        plans: Sequence[ProcessPlan],
        *,
        environment: Mapping[str, str],
        spare: Sequence[str] | None = None,
        run_dir: Path,
        drain_seconds: float,
    ) -> None:
        self._plans = plans
        self._environment = environment
        self._spare_command = spare
        self._spare: asyncio.subprocess.Process | None = None
        self._run_dir = run_dir
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._workers_gone = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT; returns the exit status for the shell."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._forward_hangup)
        workers = [asyncio.create_task(self._keep(plan)) for plan in self._plans if plan.worker is not None]
        others = [asyncio.create_task(self._keep(plan)) for plan in self._plans if plan.worker is None]
        helpers = [asyncio.create_task(self._watch_for_hangs()), asyncio.create_task(self._keep_spare())]
        try:
            await asyncio.gather(*workers)
            self._workers_gone.set()
            await asyncio.gather(*others)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        return 0

    async def _keep(self, plan: ProcessPlan) -> None:
        pause = 0.0
        while not self._stopping.is_set():
            began = time.monotonic()
            process = await self._start(plan)
            await self._until_exit_or_stop(plan, process)
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began
            pause = 0.0 if lived > HEALTHY_AFTER else min(LONGEST_PAUSE, max(0.1, pause * 2))
            log.error("process died", process=plan.name, status=process.returncode, lived=round(lived, 1))
            if plan.worker is not None:
                remove_status(self._run_dir, plan.worker)
                mark_process_dead(process.pid, str(self._run_dir))  # type: ignore[no-untyped-call]
            await self._pause(pause)

    async def _start(self, plan: ProcessPlan) -> asyncio.subprocess.Process:
        process = self._take_spare(plan) or await self._spawn(plan.command, asyncio.subprocess.DEVNULL)
        self._running[plan.name] = process
        return process

    async def _spawn(self, command: Sequence[str], stdin: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command, stdin=stdin, env=dict(self._environment), start_new_session=True
        )

    def _take_spare(self, plan: ProcessPlan) -> asyncio.subprocess.Process | None:
        """The waiting process, told which worker it is; None if there is none or it is not for workers."""
        spare = self._spare
        if plan.worker is None or spare is None or spare.returncode is not None or spare.stdin is None:
            return None
        self._spare = None
        spare.stdin.write(f"{plan.worker}\n".encode())
        spare.stdin.close()
        return spare

    async def _keep_spare(self) -> None:
        """Have a process waiting, begun when the workers have had their start."""
        if self._spare_command is None:
            return
        try:
            while True:
                await asyncio.sleep(SPARE_PAUSE)
                if self._spare is None or self._spare.returncode is not None:
                    self._spare = await self._spawn(self._spare_command, asyncio.subprocess.PIPE)
        finally:
            if self._spare is not None and self._spare.returncode is None:
                self._spare.kill()
                await self._spare.wait()

    async def _until_exit_or_stop(self, plan: ProcessPlan, process: asyncio.subprocess.Process) -> None:
        exited = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({exited, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not exited.done():
            await self._end(plan, process, exited)
        del self._running[plan.name]

    async def _end(
        self, plan: ProcessPlan, process: asyncio.subprocess.Process, exited: asyncio.Task[int]
    ) -> None:
        """SIGTERM, a bounded wait, then SIGKILL. The HTTP process stays until the workers are done."""
        bound = self._drain_seconds + STOP_GRACE
        if plan.worker is None:
            await self._workers_gone.wait()
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(exited), bound)
        except TimeoutError:
            log.error("process did not stop in time, killed", process=plan.name)
            process.kill()
            await exited

    async def _pause(self, seconds: float) -> None:
        if seconds:
            try:
                await asyncio.wait_for(self._stopping.wait(), seconds)
            except TimeoutError:
                return

    async def _watch_for_hangs(self) -> None:
        """Kill a worker that has gone silent; it is started again like one that died."""
        while True:
            await asyncio.sleep(1.0)
            for status in read_statuses(self._run_dir):
                process = self._running.get(f"worker-{status.worker}")
                if process is not None and process.pid == status.pid and not status.fresh:
                    log.error("worker hangs, killed", worker=status.worker, silent=STALE_AFTER)
                    process.kill()

    def _forward_hangup(self) -> None:
        for plan in self._plans:
            process = self._running.get(plan.name)
            if plan.worker is not None and process is not None:
                process.send_signal(signal.SIGHUP)


def own_command(*words: str) -> list[str]:
    """The command line that runs this program's `words` in a new process."""
    return [sys.executable, "-m", "ivr", *words]


def end_with_parent() -> None:
    """Ask the kernel to send this process SIGTERM when the supervisor that started it is gone (Linux)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def clear_run_dir(run_dir: Path) -> None:
    """Forget what processes of an earlier run said of themselves."""
    run_dir.mkdir(parents=True, exist_ok=True)
    for path in run_dir.iterdir():
        if path.suffix in {".json", ".tmp", ".db"}:
            path.unlink(missing_ok=True)
