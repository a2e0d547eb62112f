"""One worker: a line, its calls, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from ivr.call.session import CallParts, CallSession
from ivr.flow import FlowStore
from ivr.lines.base import Leg, Line
from ivr.worker.status import State, WorkerStatus, remove_status, write_status

log = structlog.get_logger(__name__)

#: Calls that outlive the drain are hung up; their records get this many seconds to be completed.
CLOSING_SECONDS = 5.0

#: How often recordings that could not be written to the database are tried again.
RECOVERY_SECONDS = 30.0


class Worker:
    """Takes calls from a line until told to stop, then lets running ones finish within a bound.

    `recover` brings in what an earlier process left; it is told whether this is the first time.
    """

    def __init__(
        self,
        index: int,
        line: Line,
        parts: CallParts,
        flows: FlowStore,
        *,
        recover: Callable[[bool], Awaitable[None]],
        new_call_id: Callable[[], str],
        run_dir: Path,
        address: str,
        reload_seconds: float,
        drain_seconds: float,
    ) -> None:
        self._index = index
        self._line = line
        self._parts = parts
        self._flows = flows
        self._recover = recover
        self._new_call_id = new_call_id
        self._run_dir = run_dir
        self._address = address
        self._reload_seconds = reload_seconds
        self._drain_seconds = drain_seconds
        self._calls: dict[asyncio.Task[None], CallSession] = {}
        self._state: State = "starting"
        self._stop = asyncio.Event()
        self._problems: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """Calls now."""
        return len(self._calls)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; SIGHUP looks for changed flows at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        helpers: list[asyncio.Task[None]] = []
        try:
            self._tell()
            await self._line.start(self._take)
            self._state = "ready"
            self._tell()
            log.info("worker ready", worker=self._index, address=self._address, capacity=self._line.capacity)
            helpers = [
                asyncio.create_task(self._heartbeat()),
                asyncio.create_task(self._watch_flows()),
                asyncio.create_task(self._bring_in()),
            ]
            await self._stop.wait()
            await self._drain()
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._line.stop()
            remove_status(self._run_dir, self._index)

    def stop(self) -> None:
        """Begin to drain."""
        self._stop.set()

    def _take(self, leg: Leg) -> None:
        session = CallSession(leg, self._new_call_id(), self._parts)
        task = asyncio.create_task(session.run())
        self._calls[task] = session
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        session = self._calls.pop(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("call ended by an error", call_id=session.call_id, exc_info=task.exception())

    async def _drain(self) -> None:
        self._state = "draining"
        self._tell()
        self._line.drain()
        log.info("draining", worker=self._index, calls=self.calls, seconds=self._drain_seconds)
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=self._drain_seconds)
        for session in list(self._calls.values()):
            session.end("drained")
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=CLOSING_SECONDS)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._tell()

    async def _bring_in(self) -> None:
        """What an earlier process of this worker left, at once; what a database was away for, every while."""
        first = True
        while True:
            try:
                await self._recover(first)
                first = False
            except Exception as error:
                log.error("recovery failed, tried again", error=type(error).__name__)
            await asyncio.sleep(RECOVERY_SECONDS)

    async def _watch_flows(self) -> None:
        while True:
            await asyncio.sleep(self._reload_seconds)
            # Reading and checking takes a second of CPU on a large site; calls go on meanwhile.
            await asyncio.to_thread(self._reload_quietly)

    def _reload(self) -> None:
        asyncio.get_running_loop().run_in_executor(None, self._reload_quietly)

    def _reload_quietly(self) -> None:
        try:
            before = self._flows.current.version
            self._flows.reload()
            problems = tuple(str(problem) for problem in self._flows.problems if problem.severity == "error")
        except OSError as error:
            problems, before = (f"{error}",), self._flows.current.version
        if problems and problems != self._problems:
            log.error("changed flows refused, the last good ones stay", problems=problems[:20])
        elif self._flows.current.version != before:
            log.info("flows reloaded", version=self._flows.current.version)
        self._problems = problems

    def _tell(self) -> None:
        write_status(
            self._run_dir,
            WorkerStatus(
                worker=self._index,
                pid=os.getpid(),
                state=self._state,
                calls=self.calls,
                capacity=self._line.capacity,
                address=self._address,
                flows=self._flows.current.version,
                at=time.time(),
                problems=self._problems[:20],
            ),
        )
