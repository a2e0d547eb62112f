"""Workers die, drain and meet trouble; what callers had said stays."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest
from hotline_process import HotlineProcess, until
from sip_caller import Refused, SipCaller, sine
from wire_kit import loud_seconds, recording_begins, type_in

pytestmark = pytest.mark.sip


async def test_a_worker_killed_in_mid_call_is_back_by_itself_and_its_callers_words_stay(
    start_hotline,
) -> None:
    hotline: HotlineProcess = start_hotline(cold=True)
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "71")
        await recording_begins(hotline)
        await asyncio.sleep(0.5)
        call.say(sine(700, 3.0))
        await asyncio.sleep(3.2)
        os.kill(hotline.workers()[0]["pid"], signal.SIGKILL)
        async with asyncio.timeout(20):  # how soon it is, `python -m tests.bench wire` measures
            while not await answers(caller):
                pass
        second = await caller.dial("4000001234")
        await second.hang_up()
    until(
        lambda: hotline.rows("select 1 from calls where state = 'broken_off'"), 5, "the closing of the record"
    )
    kept = until(
        lambda: hotline.rows("select file, seconds from recordings where seconds > 0"),
        10,
        "the recovery of the message",
    )
    assert loud_seconds(hotline.data_dir / "recordings" / kept[0][0]) > 2.5


async def answers(caller: SipCaller) -> bool:
    """Whether the line answers OPTIONS by now."""
    try:
        return (await caller.ask("OPTIONS", seconds=0.2)).status == 200
    except TimeoutError:
        return False


async def test_sigterm_refuses_new_calls_and_lets_the_running_one_finish(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(drain_seconds=20)
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        hotline.process.send_signal(signal.SIGTERM)
        until(lambda: [one for one in hotline.workers() if one["state"] == "draining"], 5, "the drain")
        with pytest.raises(Refused) as refused:
            await caller.dial("4000001234")
        assert refused.value.status == 503
        before = len(call.heard)
        await asyncio.sleep(0.5)
        assert len(call.heard) > before, "the running call fell silent"
        await call.hang_up()
        ended = await asyncio.to_thread(hotline.process.wait, 10)
    assert ended == 0
    assert hotline.rows("select count(*) from calls where state = 'finished'") == [(1,)]


async def test_a_call_that_outlives_the_drain_is_hung_up_and_its_record_closed(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(drain_seconds=1)
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        assert await asyncio.to_thread(hotline.stop) == 0
    assert hotline.rows("select state, end_reason from calls") == [("finished", "drained")]


async def test_a_locked_database_in_mid_recording_loses_no_word(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline()
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "71")
        await recording_begins(hotline)
        await asyncio.sleep(0.5)
        with sqlite3.connect(hotline.data_dir / "hotline.db", isolation_level=None) as writer:
            writer.execute("BEGIN IMMEDIATE")
            call.say(sine(700, 2.0))
            await asyncio.sleep(2.2)
            before = len(call.heard)
            await call.press("#")
            await call.until_sound(after=time.time() + 0.5, seconds=8)
            assert len(call.heard) > before
            await call.hang_up()
            await asyncio.sleep(3)
            writer.execute("ROLLBACK")
        writer.close()
    file, _ = until(
        lambda: hotline.rows("select file, state from recordings where state in ('kept', 'broken_off')"),
        45,
        "the message in the database",
    )[0]
    assert loud_seconds(hotline.data_dir / "recordings" / file) > 1.5


async def test_no_key_of_a_sensitive_step_is_found_in_any_byte_the_hotline_wrote(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(log_level="debug")
    marked_tail, marked_pin = "739281", "905174"
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "2" + "86001234" + marked_tail)
        await asyncio.sleep(1.0)
        await type_in(call, "86001234" + "011234" + marked_pin)
        await asyncio.sleep(1.5)
        await call.hang_up()
    until(lambda: hotline.rows("select 1 from calls where state = 'finished'"), 5, "the record of the call")
    assert hotline.rows("select count(*) from call_events where kind = 'service_answered'")[0][0] >= 3
    hotline.stop()
    assert not files_with(hotline.data_dir, marked_tail, marked_pin)


def files_with(folder: Path, *digits: str) -> list[str]:
    """Files of a folder that hold one of the digit strings, plain or apart as a list of keys would be."""
    wanted = [
        form.encode() for text in digits for form in (text, '", "'.join(text), ",".join(text), " ".join(text))
    ]
    return [
        f"{path}: {form!r}"
        for path in folder.rglob("*")
        if path.is_file()
        for form in wanted
        if form in path.read_bytes()
    ]


async def test_a_broken_flow_never_replaces_the_good_one_and_says_what_is_wrong(
    start_hotline, tmp_path: Path
) -> None:
    import shutil

    from ivr.resources import bundled

    own = tmp_path / "own"
    shutil.copytree(bundled("flows"), own)
    hotline: HotlineProcess = start_hotline(flows_dir=own, reload_seconds=0.2)
    version = hotline.workers()[0]["flows"]
    text = (own / "main.yaml").read_text(encoding="utf-8")
    (own / "main.yaml").write_text(text.replace("entry: start", "entry: strat"), encoding="utf-8")
    until(lambda: "main.yaml:" in hotline.get("/ready")[1], 10, "the report of the broken flow")
    assert hotline.workers()[0]["flows"] == version
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await call.hang_up()
    (own / "main.yaml").write_text(text + "\n# mended\n", encoding="utf-8")
    until(lambda: hotline.workers()[0]["flows"] != version, 10, "the reload of the mended flow")
    until(lambda: "main.yaml:" not in hotline.get("/ready")[1], 10, "the end of the report")


async def test_two_workers_answer_on_ports_of_their_own(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(workers=2)
    addresses = [worker["address"] for worker in hotline.workers()]
    assert addresses == [f"127.0.0.1:{hotline.sip_port}", f"127.0.0.1:{hotline.sip_port + 1}"]
    for port in (hotline.sip_port, hotline.sip_port + 1):
        async with SipCaller(("127.0.0.1", port)) as caller:
            call = await caller.dial("4000001234")
            await call.until_sound()
            await call.hang_up()


async def test_a_hotline_whose_nursery_was_killed_goes_on_with_processes_of_their_own(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline()
    nursery = psutil.Process(hotline.process.pid).children()[0]
    before = hotline.workers()[0]["pid"]
    nursery.kill()
    until(
        lambda: [one for one in hotline.workers() if one["pid"] != before and one["state"] == "ready"],
        60,
        "a new worker",
    )
    assert psutil.Process(hotline.workers()[0]["pid"]).ppid() == hotline.process.pid
