"""One worker: it takes calls, tells how it is, drains, and gives everything back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from call_kit import MAIN, House, eventually, write_flows

from ivr.call.engines import Engines
from ivr.call.journal import CallJournal
from ivr.call.recovery import Recovery
from ivr.clock import SystemClock
from ivr.errors import LineError
from ivr.flow import FlowStore
from ivr.lines.script import HangUp, ScriptedCaller, ScriptLine, WaitFor
from ivr.worker.status import WorkerStatus, read_statuses
from ivr.worker.worker import Worker


class Crew:
    """A worker with its line, and what it is asked to recover."""

    def __init__(
        self, house: House, flows: FlowStore, folder: Path, line: Any = None, **options: Any
    ) -> None:
        self.run_dir = folder / "run"
        self.line = line or ScriptLine(SystemClock(), capacity=4)
        self.recovered: list[bool] = []
        self.failures: list[Exception] = []
        self._ids = iter(range(1, 1000))
        self.worker = Worker(
            0, self.line, house.parts, flows,
            recover=options.pop("recover", self._recover),
            new_call_id=options.pop("new_call_id", lambda: f"call-{next(self._ids)}"),
            run_dir=self.run_dir, address="script", reload_seconds=options.pop("reload_seconds", 60.0),
            drain_seconds=options.pop("drain_seconds", 0.0), **options,
        )  # fmt: skip

    async def _recover(self, first: bool) -> None:
        self.recovered.append(first)
        if self.failures:
            raise self.failures.pop(0)

    @property
    def status(self) -> WorkerStatus | None:
        return next(iter(read_statuses(self.run_dir)), None)

    async def is_ready(self) -> None:
        await eventually(lambda: self.status and self.status.state == "ready")


@asynccontextmanager
async def working(*arguments: Any, **options: Any) -> AsyncIterator[Crew]:
    """A worker at work, stopped at the end."""
    crew = Crew(*arguments, **options)
    task = asyncio.create_task(crew.worker.run())
    try:
        await crew.is_ready()
        yield crew
    finally:
        crew.worker.stop()
        await asyncio.wait_for(task, 20)
    assert read_statuses(crew.run_dir) == []
    assert crew.line.active == 0


def ring(crew: Crew, *actions: Any) -> ScriptedCaller:
    caller = ScriptedCaller(actions)
    crew.line.call(caller)
    return caller


async def heard(caller: ScriptedCaller, prompt: str) -> None:
    await eventually(lambda: prompt in caller.heard)


async def test_it_says_that_it_is_ready_and_how_many_calls_it_has(
    house: House, flows, tmp_path: Path
) -> None:
    async with working(house, flows, tmp_path) as crew:
        assert (crew.status.pid, crew.status.capacity, crew.status.address) == (os.getpid(), 4, "script")
        assert crew.status.flows == flows.current.version
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")
        assert crew.worker.calls == 1
        await eventually(lambda: crew.status.calls == 1)
        caller.phone.hang_up()
        await eventually(lambda: crew.worker.calls == 0)


async def test_a_call_is_taken_and_its_record_completed(house: House, flows, tmp_path: Path) -> None:
    async with working(house, flows, tmp_path) as crew:
        caller = ring(crew, WaitFor("hello", until="begins"), HangUp())
        await eventually(lambda: caller.end)

    assert (await house.database.calls.find("call-1")).end_reason == "caller_hung_up"


async def test_draining_refuses_new_calls_and_lets_running_ones_finish(
    house: House, flows, tmp_path: Path
) -> None:
    async with working(house, flows, tmp_path, drain_seconds=20.0) as crew:
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")
        os.kill(os.getpid(), signal.SIGTERM)
        await eventually(lambda: crew.status.state == "draining")
        late = ring(crew, WaitFor("hello"))
        assert late.end.status == 503
        assert caller.end is None
        caller.phone.hang_up()

    assert (await house.database.calls.find("call-1")).end_reason == "caller_hung_up"
    assert await house.database.calls.find("call-2") is None


async def test_a_call_that_outlives_the_drain_is_hung_up_and_recorded_as_drained(
    house: House, flows, tmp_path: Path
) -> None:
    async with working(house, flows, tmp_path, drain_seconds=0.05) as crew:
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")

    assert caller.end.by == "us"
    record = await house.database.calls.find("call-1")
    assert (record.state, record.end_reason) == ("finished", "drained")


async def test_a_locked_database_at_the_end_loses_no_record(
    house: House, flows, locker, tmp_path: Path
) -> None:
    house.change(journal=CallJournal(house.database, "worker-0", tmp_path / "unwritten", patience=3600.0))
    async with working(house, flows, tmp_path, closing_seconds=0.1) as crew:
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")
        locker.lock()
    locker.free()
    assert list((tmp_path / "unwritten").iterdir())

    await Recovery(house.database, house.parts.journal, house.parts.vault, "worker-0")(first=True)

    record = await house.database.calls.find("call-1")
    assert (record.state, record.end_reason) == ("finished", "drained")
    assert await house.timeline()


async def test_recovery_is_asked_for_at_the_start_and_every_while(
    house: House, flows, tmp_path: Path
) -> None:
    crew = Crew(house, flows, tmp_path, recovery_seconds=0.01)
    crew.failures = [ConnectionError("the database is away"), ConnectionError("still")]
    task = asyncio.create_task(crew.worker.run())
    await eventually(lambda: len(crew.recovered) >= 5)
    crew.worker.stop()
    await task

    assert crew.recovered[:5] == [True, True, True, False, False], (
        "the first time lasts until it has succeeded"
    )


async def test_a_line_that_cannot_start_ends_the_worker_with_nothing_left(
    house: House, flows, tmp_path: Path
) -> None:
    class DeadLine(ScriptLine):
        """A line whose address is in use."""

        async def start(self, on_call: Callable[..., None]) -> None:
            raise LineError("port in use")

    crew = Crew(house, flows, tmp_path, DeadLine(SystemClock()))
    with pytest.raises(LineError):
        await crew.worker.run()

    assert read_statuses(crew.run_dir) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_a_line_that_cannot_stop_still_gets_the_worker_to_its_end(
    house: House, flows, tmp_path: Path
) -> None:
    class StuckLine(ScriptLine):
        """A line that fails as it stops."""

        async def stop(self) -> None:
            raise RuntimeError("cannot")

    crew = Crew(house, flows, tmp_path, StuckLine(SystemClock()))
    task = asyncio.create_task(crew.worker.run())
    await crew.is_ready()
    crew.worker.stop()
    with structlog.testing.capture_logs() as logged:
        await task

    assert "worker not shut in order" in [entry["event"] for entry in logged]
    assert read_statuses(crew.run_dir) == []


async def test_a_call_that_cannot_be_begun_is_refused_and_the_next_one_taken(
    house: House, flows, tmp_path: Path
) -> None:
    good = house.parts.engine
    failures = [ZeroDivisionError()]

    def engine():
        if failures:
            raise failures.pop()
        return good()

    house.change(engine=engine)
    async with working(house, flows, tmp_path) as crew:
        first = ring(crew, WaitFor("hello"))
        await eventually(lambda: first.end)
        second = ring(crew, WaitFor("never"))
        await heard(second, "hello")

    assert first.end.status == 500


async def test_a_disk_that_takes_no_status_ends_no_call(house: House, flows, tmp_path: Path) -> None:
    async with working(house, flows, tmp_path) as crew:
        draft = crew.run_dir / f"worker-0.{os.getpid()}.tmp"
        draft.mkdir()
        with structlog.testing.capture_logs() as logged:
            for _ in range(3):
                crew.worker._tell()
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")
        draft.rmdir()

    assert [entry["event"] for entry in logged] == ["status not written"], "once is enough"


async def test_changed_flows_are_taken_up_and_bad_ones_told_of(house: House, tmp_path: Path) -> None:
    flows = write_flows(tmp_path / "own flows")
    house.change(engine=Engines(flows).current)
    main = tmp_path / "own flows" / "main.yaml"
    async with working(house, flows, tmp_path, reload_seconds=0.02) as crew:
        first = flows.current.version
        main.write_text(MAIN.replace("entry: greet", "entry: nowhere"), encoding="utf-8")
        await eventually(lambda: crew.worker._problems)
        crew.worker._tell()
        assert "main.yaml:" in crew.status.problems[0]
        assert crew.status.flows == first
        main.write_text(MAIN + "\n# mended\n", encoding="utf-8")
        await eventually(lambda: not crew.worker._problems)
        crew.worker._tell()
        assert crew.status.flows != first
        assert house.parts.engine().library.version == crew.status.flows


async def test_sighup_looks_for_changed_flows_at_once(house: House, tmp_path: Path) -> None:
    flows = write_flows(tmp_path / "own flows")
    house.change(engine=Engines(flows).current)
    async with working(house, flows, tmp_path, reload_seconds=3600.0):
        first = flows.current.version
        (tmp_path / "own flows" / "main.yaml").write_text(MAIN + "\n# another\n", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: flows.current.version != first)


async def test_a_store_that_fails_does_not_stop_the_watch(house: House, flows, tmp_path: Path) -> None:
    class Store:
        """A fake store that fails once, and then is good."""

        def __init__(self) -> None:
            self.current = flows.current
            self.problems: list[Any] = []
            self.asked = 0

        def reload(self) -> list[Any]:
            self.asked += 1
            if self.asked == 1:
                raise MemoryError("too big")
            return []

    store = Store()
    async with working(house, store, tmp_path, reload_seconds=0.01):
        await eventually(lambda: store.asked >= 3)


async def test_a_real_recovery_closes_the_dead_ones_calls_while_new_ones_run(
    house: House, flows, tmp_path: Path
) -> None:
    await house.database.calls.begin("dead", worker="worker-0", caller="1", called="2")
    house.database.clock.forward(60)
    recovery = Recovery(house.database, house.parts.journal, house.parts.vault, "worker-0")
    async with working(house, flows, tmp_path, recover=recovery) as crew:
        caller = ring(crew, WaitFor("never"))
        await heard(caller, "hello")

        async def closed() -> bool:
            return (await house.database.calls.find("dead")).state == "broken_off"

        async def runs() -> bool:
            call = await house.database.calls.find("call-1")
            return call is not None and call.state == "running"

        await eventually(closed)
        await eventually(runs)
