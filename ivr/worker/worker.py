"""One worker: a line, its calls, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from ivr.call.outbound import Outbound
from ivr.call.parts import CallParts
from ivr.call.session import CallSession
from ivr.flow import FlowStore
from ivr.lines.base import Leg, Line
from ivr.worker.status import State, WorkerStatus, remove_status, write_status

log = structlog.get_logger(__name__)

#: Calls that outlive the drain are hung up; their records get this many seconds to be completed.
CLOSING_SECONDS = 5.0
#: How often recordings that could not be written to the database are tried again.
RECOVERY_SECONDS = 30.0
#: How often a worker says how it is.
HEARTBEAT_SECONDS = 1.0

#: Share of a line's capacity that calls of ours may fill; the rest is kept for whoever calls.
_OURS = 0.8

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class OutboundCall:
    """A call that was made, as whoever made it sees it: run among the worker's own calls."""

    def __init__(
        self,
        session: CallSession,
        calls: dict[asyncio.Task[None], CallSession],
        done: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._session = session
        self._calls = calls
        self._done = done

    @property
    def touched(self) -> bool:
        """Whether the other side has pressed a key or was understood."""
        return self._session.touched

    @property
    def outcome(self) -> str:
        """How the call has ended."""
        return self._session.outcome

    def go_on_with(self, flow: str) -> bool:
        """Leave what the call is at, and begin another flow."""
        return self._session.go_on_with(flow)

    def end(self, reason: str) -> None:
        """Hang up."""
        self._session.end(reason)

    async def run(self) -> None:
        """Until the call's record is complete."""
        task = asyncio.create_task(self._session.run())
        self._calls[task] = self._session
        task.add_done_callback(self._done)
        await asyncio.wait({task})


class Worker:
    """Takes calls from a line until told to stop, then lets running ones finish within a bound.

    `recover` brings in what an earlier process left; it is told whether this is the first time. `tell` is told
    how the worker is, every second and when that changes.
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
        recovery_seconds: float = RECOVERY_SECONDS,
        closing_seconds: float = CLOSING_SECONDS,
        tell: Callable[[WorkerStatus], None] = lambda status: None,
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
        self._recovery_seconds = recovery_seconds
        self._closing_seconds = closing_seconds
        self._told = tell
        self._calls: dict[asyncio.Task[None], CallSession] = {}
        self._helpers: list[asyncio.Task[None]] = []
        self._state: State = "starting"
        self._stop = asyncio.Event()
        self._look = asyncio.Event()
        self._problems: tuple[str, ...] = ()
        self._mute = False

    @property
    def calls(self) -> int:
        """Calls now."""
        return len(self._calls)

    def running(self) -> list[dict[str, str]]:
        """The calls now, by id, with the step of each."""
        return [{"call": one.call_id, "step": one.step} for one in self._calls.values()]

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; SIGHUP looks for changed flows at once.

        Raises LineError when the line cannot start.
        """
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._look.set)
        try:
            self._help(self._heartbeat())
            await self._line.start(self._take)
            self._state = "ready"
            self._tell()
            log.info("worker ready", worker=self._index, address=self._address, capacity=self._line.capacity)
            self._help(self._watch_flows())
            self._help(self._bring_in())
            await self._stop.wait()
            await self._drain()
        finally:
            await self._shut()
            for number in (*_STOPPING, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Begin to drain."""
        self._stop.set()

    # Calls

    def _take(self, leg: Leg) -> None:
        try:
            session = CallSession(leg, self._new_call_id(), self._parts)
        except Exception:
            log.exception("call refused")
            leg.refuse(500)
            return
        task = asyncio.create_task(session.run())
        self._calls[task] = session
        task.add_done_callback(self._done)

    @property
    def has_room(self) -> bool:
        """Whether another call of ours may be begun: callers who come of themselves have the last places."""
        return self._state == "ready" and self._line.active < self._line.capacity * _OURS

    @property
    def stopping(self) -> bool:
        """Whether it has been told to stop."""
        return self._stop.is_set()

    def begin(self, leg: Leg, call_id: str, outbound: Outbound) -> OutboundCall:
        """A call that we made was answered: it is one of this worker's from now on."""
        return OutboundCall(CallSession(leg, call_id, self._parts, outbound), self._calls, self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        session = self._calls.pop(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("call ended by an error", call_id=session.call_id, exc_info=task.exception())

    # The end

    async def _drain(self) -> None:
        self._state = "draining"
        self._tell()
        self._line.drain()
        log.info("draining", worker=self._index, calls=self.calls, seconds=self._drain_seconds)
        await self._wait_for_calls(self._drain_seconds)
        for session in list(self._calls.values()):
            session.end("drained")
        await self._wait_for_calls(self._closing_seconds)

    async def _wait_for_calls(self, seconds: float) -> None:
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=seconds)

    async def _shut(self) -> None:
        """Give everything back, whatever fails on the way. Records the database will not take are spilled."""
        for step in (self._end_line, self._parts.journal.close, self._end_calls, self._end_helpers):
            try:
                await step()
            except Exception:
                log.exception("worker not shut in order", worker=self._index)
        remove_status(self._run_dir, self._index)

    async def _end_line(self) -> None:
        await self._line.stop()
        await self._wait_for_calls(1.0)

    async def _end_calls(self) -> None:
        """A call that is still not closed now never will be."""
        await self._wait_for_calls(1.0)
        for task in tuple(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _end_helpers(self) -> None:
        for task in self._helpers:
            task.cancel()
        await asyncio.gather(*self._helpers, return_exceptions=True)

    # What goes on beside the calls

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        self._helpers.append(asyncio.create_task(work))

    async def _heartbeat(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _bring_in(self) -> None:
        """What an earlier process of this worker left, at once; what a database was away for, every while."""
        first = True
        while True:
            try:
                await self._recover(first)
                first = False
            except Exception as error:
                log.error("recovery failed, tried again", error=type(error).__name__)
            await asyncio.sleep(self._recovery_seconds)

    async def _watch_flows(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), self._reload_seconds)
            self._look.clear()
            # Reading and checking takes a second of CPU on a large site; calls go on meanwhile.
            await asyncio.to_thread(self._reload)

    def _reload(self) -> None:
        before = self._flows.current.version
        try:
            self._flows.reload()
            problems = tuple(str(problem) for problem in self._flows.problems if problem.severity == "error")
            self._parts.engine()  # made ready here, so that no call waits for it
        except Exception as error:
            problems = (f"the flows cannot be read: {error}",)
        if problems and problems != self._problems:
            log.error("changed flows refused, the last good ones stay", problems=problems[:20])
        elif self._flows.current.version != before:
            log.info("flows reloaded", version=self._flows.current.version)
        self._problems = problems

    def _tell(self) -> None:
        status = WorkerStatus(
            worker=self._index,
            pid=os.getpid(),
            state=self._state,
            calls=self.calls,
            capacity=self._line.capacity,
            address=self._address,
            flows=self._flows.current.version,
            problems=self._problems[:20],
        )
        self._told(status)
        try:
            write_status(self._run_dir, status)
            self._mute = False
        except OSError as error:
            # No reason to stop: the calls need no status file, and the old one was marked as new.
            if not self._mute:
                log.error("status not written", worker=self._index, error=error.strerror)
            self._mute = True
