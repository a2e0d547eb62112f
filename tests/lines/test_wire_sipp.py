"""SIPp, an independent SIP stack, calling both SIP lines. Its scenarios stand in `tests/sipp`."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from desk import Desk, Reception
from sip_caller import bound_udp

from ivr.lines.base import Answered, Ended, HoldChanged, KeyDown, LegEvent

SCENARIOS = Path(__file__).parents[1] / "sipp"

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(
        shutil.which("sipp") is None, reason="SIPp is not installed (apt-get install sip-tester)"
    ),
]


async def sipp(scenario: str, desk: Desk, folder: Path, *options: str) -> None:
    """Run a scenario to its end; fails with what SIPp wrote unless every call went as written."""
    with bound_udp() as one, bound_udp() as other:
        port, media = one.getsockname()[1], other.getsockname()[1]
    command = [
        "sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), f"127.0.0.1:{desk.line.port}", "-i", "127.0.0.1",
        "-p", str(port), "-mp", str(media), "-m", "1", "-nostdin", "-timeout", "8s", "-timeout_error",
        "-trace_err", "-error_file", str(folder / f"{scenario}.err"), *options,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 10)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    errors = folder / f"{scenario}.err"
    assert process.returncode == 0, output.decode()[-2000:] + (errors.read_text() if errors.exists() else "")


async def test_a_call_is_answered_and_ended_by_the_caller(desk: Desk, tmp_path: Path) -> None:
    await sipp("answer", desk, tmp_path)
    reception = desk.calls[0]
    assert (await reception.event(Ended)).by == "caller"
    assert [type(event) for event in reception.events] == [Answered, Ended]


async def test_a_call_is_cancelled(desk: Desk, tmp_path: Path) -> None:
    desk.on_call = desk.ring
    await sipp("cancel", desk, tmp_path)
    ended = await desk.calls[0].event(Ended)
    assert (ended.by, ended.status) == ("caller", 487)


async def test_keys_come_by_info(desk: Desk, tmp_path: Path) -> None:
    await sipp("info", desk, tmp_path)
    await desk.calls[0].event(Ended)
    assert desk.calls[0].keys == "1*0#"
    assert {event.source for event in desk.calls[0].all(KeyDown)} == {"info"}


async def test_hold_and_back(desk: Desk, tmp_path: Path) -> None:
    await sipp("hold", desk, tmp_path)
    await desk.calls[0].event(Ended)
    assert desk.calls[0].all(HoldChanged) == [HoldChanged(True), HoldChanged(False)]


async def test_the_call_beyond_the_last_place_is_busy(desk: Desk, tmp_path: Path) -> None:
    full = asyncio.create_task(sipp("long", desk, tmp_path, "-m", str(desk.line.capacity), "-r", "40"))
    await desk.call(desk.line.capacity - 1)
    await sipp("busy", desk, tmp_path)
    assert desk.line.active == desk.line.capacity
    await full


async def test_a_line_being_drained_says_when_to_try_again(desk: Desk, tmp_path: Path) -> None:
    desk.line.drain()
    await sipp("draining", desk, tmp_path)
    assert desk.calls == []


async def test_session_timers_are_agreed(desk: Desk, tmp_path: Path) -> None:
    await sipp("timer", desk, tmp_path)


async def test_options_are_answered(desk: Desk, tmp_path: Path) -> None:
    await sipp("options", desk, tmp_path)


async def test_the_asserted_number_is_the_callers(desk: Desk, tmp_path: Path) -> None:
    await sipp("asserted", desk, tmp_path)
    assert (desk.calls[0].leg.info.caller, desk.calls[0].leg.info.display_name) == ("+8613800138000", "Wang")


async def test_a_withheld_number_stays_so(desk: Desk, tmp_path: Path) -> None:
    await sipp("anonymous", desk, tmp_path)
    assert desk.calls[0].leg.info.caller == ""


async def test_the_line_hangs_up(desk: Desk, tmp_path: Path) -> None:
    def short(reception: Reception) -> None:
        def took(event: LegEvent) -> None:
            reception.took(event)
            if isinstance(event, Answered):
                reception.leg.hang_up()

        reception.leg.attach(took)
        reception.leg.answer()

    desk.on_call = short
    await sipp("hung_up_on", desk, tmp_path)
    assert (await desk.calls[0].event(Ended)).by == "us"


async def test_fifty_calls_four_at_a_time_all_go_well(desk: Desk, tmp_path: Path) -> None:
    await sipp("answer", desk, tmp_path, "-m", "50", "-l", str(desk.line.capacity), "-r", "100")
    for reception in desk.calls:
        await reception.event(Ended)
    assert len(desk.calls) == 50
    assert desk.line.active == 0
