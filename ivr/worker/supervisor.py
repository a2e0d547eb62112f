"""Keeps the worker processes and the HTTP process up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from ivr.worker.nursery import Child, Nursery
from ivr.worker.parent import PARENT
from ivr.worker.parent import end_with_parent as end_with_parent
from ivr.worker.silence import SilenceWatch
from ivr.worker.status import STALE_AFTER, read_statuses, remove_status

log = structlog.get_logger(__name__)

#: A process that took no call and lived shorter than this waits for its restart, twice as long each time.
HEALTHY_AFTER = 10.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
#: How often the workers' words are looked at.
LOOK_SECONDS = 1.0
#: How long a worker may take to say its first word: it reads flows, prompts and clips.
START_SECONDS = 120.0
#: How long beyond the drain a worker may take to close its line and its records.
STOP_GRACE = 10.0

_STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process to keep up: its name, its command, and for a worker its number."""

    name: str
    command: Sequence[str]
    worker: int | None = None


class Supervisor:
    """Starts the processes, starts each again when it dies or hangs, and stops them in order.

    Commands of this program are begun by the `nursery`, where there is one, and up at once; others by themselves.
    """

    def __init__(
        self,
        plans: Sequence[ProcessPlan],
        *,
        environment: Mapping[str, str],
        nursery: Nursery | None = None,
        run_dir: Path,
        drain_seconds: float,
        stop_grace: float = STOP_GRACE,
        silence: float = STALE_AFTER,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._plans = plans
        self._environment = {**environment, PARENT: str(os.getpid())}
        self._nursery = nursery
        self._run_dir = run_dir
        self._stop_seconds = drain_seconds + stop_grace
        self._silence = silence
        self._look_seconds = look_seconds
        self._stopping = asyncio.Event()
        self._running: dict[str, Child] = {}
        self._workers_gone = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT; returns the exit status for the shell. No process is left behind."""
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._forward_hangup)
        workers = [asyncio.create_task(self._keep(plan)) for plan in self._plans if plan.worker is not None]
        others = [asyncio.create_task(self._keep(plan)) for plan in self._plans if plan.worker is None]
        helpers = [asyncio.create_task(self._watch_for_hangs())]
        try:
            await asyncio.gather(*workers)
            self._workers_gone.set()
            await asyncio.gather(*others)
        finally:
            tasks = [*workers, *others, *helpers]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for number in (*_STOPPING, signal.SIGHUP):
                loop.remove_signal_handler(number)
            if self._nursery is not None:
                await self._nursery.close()
        return 0

    def stop(self) -> None:
        """Begin to stop everything, as SIGTERM does."""
        self._stopping.set()

    # One process

    async def _keep(self, plan: ProcessPlan) -> None:
        """Start it, and start it again whenever it ends, until told to stop."""
        pause = 0.0
        while not self._stopping.is_set():
            began = time.monotonic()
            status, served = await self._live(plan)
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began
            healthy = served or lived > HEALTHY_AFTER
            pause = 0.0 if healthy else min(LONGEST_PAUSE, max(SHORTEST_PAUSE, pause * 2))
            log.error("process died", process=plan.name, status=status, lived=round(lived, 1), pause=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, plan: ProcessPlan) -> tuple[int | None, bool]:
        """One life of the process: its exit status (None if it could not be started), and whether it took calls."""
        try:
            process = await self._spawn(plan.command)
        except OSError as error:
            log.error("process cannot be started", process=plan.name, error=error.strerror)
            return None, False
        self._running[plan.name] = process
        served = False
        try:
            await self._until_exit_or_stop(plan, process)
        finally:
            del self._running[plan.name]
            await _kill(process)
            served = any(
                one.pid == process.pid and one.state != "starting" for one in read_statuses(self._run_dir)
            )
            if plan.worker is not None:
                remove_status(self._run_dir, plan.worker)
                mark_process_dead(process.pid, str(self._run_dir))  # type: ignore[no-untyped-call]
        return process.returncode, served

    async def _spawn(self, command: Sequence[str]) -> Child:
        own = own_command()
        if self._nursery is not None and not self._nursery.gone and list(command[: len(own)]) == own:
            return await self._nursery.spawn(command[len(own) :], self._environment)
        return await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, env=self._environment, start_new_session=True
        )

    async def _until_exit_or_stop(self, plan: ProcessPlan, process: Child) -> None:
        exited = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({exited, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._end(plan, process, exited)
        finally:
            stopping.cancel()
            exited.cancel()

    async def _end(self, plan: ProcessPlan, process: Child, exited: asyncio.Task[int]) -> None:
        """SIGTERM, a bounded wait, then SIGKILL. The HTTP process stays until the workers are done."""
        if plan.worker is None:
            await self._workers_gone.wait()
        _send(process, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=self._stop_seconds)
        if not exited.done():
            log.error("process did not stop in time, killed", process=plan.name)
            await _kill(process)

    # What the workers say

    async def _watch_for_hangs(self) -> None:
        """Kill a worker that has gone silent; it is started again like one that died."""
        watch = SilenceWatch(silence=self._silence, start=START_SECONDS)
        while True:
            await asyncio.sleep(self._look_seconds)
            said_at = {status.pid: status.at for status in read_statuses(self._run_dir)}
            workers = {
                self._running[name].pid: name for name in self._worker_names() if name in self._running
            }
            for pid in watch.silent(workers, said_at, time.monotonic()):
                log.error("worker hangs, killed", process=workers[pid])
                _send(self._running[workers[pid]], signal.SIGKILL)

    def _worker_names(self) -> list[str]:
        return [plan.name for plan in self._plans if plan.worker is not None]

    def _forward_hangup(self) -> None:
        """SIGHUP for every worker that knows what it means; it would end one that is still starting."""
        ready = {status.pid for status in read_statuses(self._run_dir) if status.state == "ready"}
        for process in self._running.values():
            if process.pid in ready:
                _send(process, signal.SIGHUP)


def _send(process: Child, number: signal.Signals) -> None:
    """A signal, unless the process is gone."""
    with suppress(ProcessLookupError):
        process.send_signal(number)


async def _kill(process: Child) -> None:
    """SIGKILL, unless the process is gone; returns when it is."""
    if process.returncode is None:
        _send(process, signal.SIGKILL)
        await process.wait()


def own_command(*words: str) -> list[str]:
    """The command line that runs this program's `words` in a new process."""
    return [sys.executable, "-m", "ivr", *words]


def clear_run_dir(run_dir: Path) -> None:
    """Forget what processes of an earlier run said of themselves."""
    run_dir.mkdir(parents=True, exist_ok=True)
    for path in run_dir.iterdir():
        if path.suffix in {".json", ".tmp", ".db"}:
            path.unlink(missing_ok=True)
