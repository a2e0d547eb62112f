"""Engines, figures, log masking and clocks: what every call leans on."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from datetime import datetime
from pathlib import Path

import pytest
import structlog
from call_kit import MAIN, NOW, write_flows
from prometheus_client import CollectorRegistry, generate_latest

from ivr.call.engines import Engines
from ivr.call.metrics import CallMetrics
from ivr.call.transfers import NoSeats
from ivr.clock import SystemClock, VirtualClock
from ivr.flow.instructions import Transfer
from ivr.flow.trace import Fault, KeyUsed, ServiceAnswered
from ivr.logs import MaskingFormatter, mask_digits

# Engines


def test_calls_of_one_version_share_an_engine(tmp_path: Path) -> None:
    engines = Engines(write_flows(tmp_path / "flows"))

    assert engines.current() is engines.current()


def test_new_calls_get_the_newest_good_flows_and_old_ones_keep_theirs(tmp_path: Path) -> None:
    flows = write_flows(tmp_path / "flows")
    engines = Engines(flows)
    before = engines.current()
    (tmp_path / "flows" / "main.yaml").write_text(MAIN + "\n# another version\n", encoding="utf-8")
    flows.reload()
    after = engines.current()

    assert after is not before
    assert after.library.version == flows.current.version
    assert before.library.version != flows.current.version


def test_while_an_engine_is_made_in_one_thread_others_take_the_one_before(tmp_path: Path) -> None:
    flows = write_flows(tmp_path / "flows")
    engines = Engines(flows)
    before = engines.current()
    (tmp_path / "flows" / "main.yaml").write_text(MAIN + "\n# another version\n", encoding="utf-8")
    flows.reload()
    with engines._lock:
        assert engines.current() is before
    assert engines.current() is not before


def test_flows_that_no_engine_can_be_made_of_leave_the_good_ones(tmp_path: Path) -> None:
    class Flows:
        """A fake store whose newest library cannot be made into an engine."""

        def __init__(self, good) -> None:
            self.current = good

    store = Flows(write_flows(tmp_path / "flows").current)
    engines = Engines(store)
    before = engines.current()
    store.current = type("Broken", (), {"version": "broken"})()
    with structlog.testing.capture_logs() as logged:
        assert engines.current() is before
        assert engines.current() is before

    assert len(logged) == 1


# Figures


def test_labels_are_names_never_numbers() -> None:
    registry = CollectorRegistry()
    metrics = CallMetrics(registry)
    metrics.call_began()
    metrics.key_answered(0.05)
    metrics.traced(
        [
            KeyUsed(1.0, "main", "pin", "7"),
            ServiceAnswered(1.0, "main", "check", "identity.verify", "verified", 40),
            Fault(1.0, "main", "menu", "LOOP", "policy 86001234 went round"),
        ]
    )
    metrics.call_ended("caller_hung_up", 12.5)
    text = generate_latest(registry).decode()

    assert 'hotline_services_total{outcome="verified",service="identity.verify"} 1.0' in text
    assert 'hotline_service_seconds_sum{service="identity.verify"} 0.04' in text
    assert 'hotline_flow_faults_total{code="LOOP"} 1.0' in text
    assert 'hotline_calls_total{outcome="caller_hung_up"} 1.0' in text
    assert "hotline_calls_active 0.0" in text
    assert "86001234" not in text
    assert 'key="' not in text


async def test_without_seats_every_queue_is_closed() -> None:
    assert await NoSeats().transfer("call-1", None, Transfer("x1", "service", 20.0)) == "closed"  # type: ignore[arg-type]


# Logs


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("pin 246810 refused", "pin ••• refused"),
        ("保单86001234不存在", "保单•••不存在"),
        ("KeyError: '011234'", "KeyError: '•••'"),
        ("PIN-246810", "PIN-•••"),
        ("[2468, 1012]", "[•••, •••]"),
        ("room 12, line 503", "room 12, line 503"),
        ("call 20260310-093000-0-0a1b2c3d ended", "call 20260310-093000-0-0a1b2c3d ended"),
        ("file 20260310-093000-0-0a1b2c3d-r14.wav", "file 20260310-093000-0-0a1b2c3d-r14.wav"),
        ("version 3f81d2c4a9", "version 3f81d2c4a9"),
    ],
)
def test_long_runs_of_digits_never_reach_the_log_but_names_of_calls_do(given: str, shown: str) -> None:
    assert mask_digits(None, "info", {"event": given})["event"] == shown


def test_digits_inside_lists_and_records_are_masked_too() -> None:
    entry = mask_digits(
        None,
        "info",
        {"event": "x", "problems": ["at 246810"], "more": {"a": ("86001234", 7)}, "port": "5060"},
    )

    assert entry == {"event": "x", "problems": ["at •••"], "more": {"a": ["•••", 7]}, "port": "5060"}


def test_a_traceback_is_masked() -> None:
    entry = mask_digits(None, "error", {"event": "x", "exception": "ValueError: invalid literal: '246810'"})

    assert "246810" not in entry["exception"]


def test_what_libraries_log_is_masked_with_its_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        int("246810x")
    except ValueError:
        logger.exception("could not take %s", "86001234")
    logger.removeHandler(handler)

    assert "could not take •••" in stream.getvalue()
    assert "86001234" not in stream.getvalue()


# Clocks


async def test_virtual_time_jumps_from_timer_to_timer_in_their_order() -> None:
    clock = VirtualClock(NOW)
    seen: list[tuple[str, float]] = []
    for name, when in (("b", 3600.0), ("a", 60.0), ("c", 3600.0)):
        clock.call_at(when, lambda name=name: seen.append((name, clock.time())))
    clock.call_at(100.0, lambda: seen.append(("never", 0.0))).cancel()
    await clock.run(lambda: len(seen) == 3)

    assert seen == [("a", 60.0), ("b", 3600.0), ("c", 3600.0)]
    assert (clock.now() - NOW).total_seconds() == 3600


async def test_virtual_time_stands_still_while_somebody_waits_for_the_real_world() -> None:
    clock = VirtualClock(NOW)
    times: list[float] = []

    async def look_up() -> None:
        with clock.hold():
            await asyncio.to_thread(threading.Event().wait, 0.05)
            times.append(clock.time())

    clock.call_at(10.0, lambda: times.append(clock.time()))
    task = asyncio.create_task(look_up())
    await clock.run(lambda: len(times) == 2)
    await task

    assert times == [0.0, 10.0]


async def test_a_virtual_clock_says_when_nothing_more_can_happen() -> None:
    with pytest.raises(TimeoutError, match="nothing more can happen"):
        await VirtualClock(NOW).run(lambda: False)


def test_a_virtual_clock_wants_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(datetime(2026, 3, 10))  # noqa: DTZ001 - that is the point


async def test_the_systems_clock_runs_timers_in_the_loop() -> None:
    clock = SystemClock("Asia/Shanghai")
    over = asyncio.Event()
    began = clock.time()
    clock.call_at(began + 0.01, over.set)
    with clock.hold():
        await over.wait()

    assert clock.time() - began >= 0.009
    assert clock.now().utcoffset().total_seconds() == 8 * 3600
