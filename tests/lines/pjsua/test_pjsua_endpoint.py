"""Starting, stopping and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from pathlib import Path

import pjsua2 as pj
import pytest
from desk import Desk, open_desk, outside
from sip_caller import sine

from ivr.errors import LineError
from ivr.lines.base import Ended, PlayEnded, RecordEnded, RecordRequest
from ivr.lines.pjsua import PjsuaLine, PjsuaSettings, library, octets
from ivr.media.clip import Clip

pytestmark = pytest.mark.sip


def open_files() -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except OSError:
            continue
    return {name for name in found if name.startswith(("socket:", "/"))}


def native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def library_objects() -> list[object]:
    gc.collect()
    kinds = (pj.Call, pj.Account, pj.Endpoint, pj.AudioMediaPort)
    return [one for one in gc.get_objects() if isinstance(one, kinds)]


async def test_a_process_starts_and_stops_the_line_again_and_again_and_nothing_is_left() -> None:
    async with open_desk("pjsua"):
        pass
    files, threads = open_files(), native_threads()
    for _ in range(8):
        async with open_desk("pjsua") as desk, outside(desk) as caller:
            await caller.dial()
            await desk.answered()
    assert library_objects() == []
    assert open_files() <= files
    assert native_threads() <= threads
    assert "pjsua2" not in {thread.name for thread in threading.enumerate()}


async def test_a_second_line_in_the_process_is_refused_and_the_first_goes_on(desk: Desk) -> None:
    second = PjsuaLine(PjsuaSettings(host="127.0.0.1", port=0))
    with pytest.raises(LineError, match="H203"):
        await second.start(lambda leg: None)
    await second.stop()
    async with outside(desk) as caller:
        assert (await caller.ask()).status == 200


async def test_a_port_in_use_is_named_and_the_next_start_succeeds(unused_udp_port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", unused_udp_port))
        line = PjsuaLine(PjsuaSettings(host="127.0.0.1", port=unused_udp_port))
        with pytest.raises(LineError, match=f"H202 .*{unused_udp_port}"):
            await line.start(lambda leg: None)
        await line.stop()
    async with open_desk("pjsua", port=unused_udp_port) as desk:
        assert desk.line.port == unused_udp_port


@pytest.mark.parametrize(
    "wrong",
    [
        {"codecs": ("opus",)},
        {"codecs": ()},
        {"port": 70_000},
        {"rtp_port": -1},
        {"session_least": 30},
        {"peers": ("trunk.example",)},
        {"registrar": "sip:pbx.example"},
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_a_remedy(wrong: dict[str, object]) -> None:
    with pytest.raises(LineError, match="H201"):
        PjsuaSettings(**wrong)  # type: ignore[arg-type]


def test_a_secret_is_not_printed() -> None:
    assert "hush" not in repr(PjsuaSettings(registrar="sip:pbx", secret="hush"))


async def test_the_capacity_is_what_the_library_says(desk: Desk) -> None:
    assert desk.line.capacity == library.most_calls() > 0
    assert PjsuaLine().capacity == 0


async def test_after_fifty_calls_nothing_is_left(desk: Desk) -> None:
    """Four at a time, each heard, each recorded, ended by either side or before its answer."""
    async with outside(desk) as caller:

        async def one(number: int) -> None:
            if number % 10 == 9:
                call = caller.begin()
                await call.cancel()
                await call.hang_up()
                return
            call = await caller.dial()
            await call.until_sound()
            await call.press("1", seconds=0.06)
            await call.hang_up()

        await one(0)
        await asyncio.sleep(0.1)
        files, threads = open_files(), native_threads()
        for start in range(1, 50, 4):
            await asyncio.gather(*(one(number) for number in range(start, min(start + 4, 50))))
            async with asyncio.timeout(2):
                while desk.line.active:
                    await asyncio.sleep(0.01)
        for call in desk.calls:
            await call.event(Ended)
        assert open_files() <= files
        assert native_threads() <= threads
        assert not any(isinstance(one, pj.Call) for one in library_objects())
    assert desk.line.active == 0


async def test_what_the_caller_says_is_recorded_and_a_hang_up_ends_the_recording_first(
    desk: Desk, tmp_path: Path
) -> None:
    desk.on_call = desk.answer
    async with outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        reception.leg.record(RecordRequest("words", tmp_path / "words.wav", 10.0, 5.0, beep=False))
        call.say(sine(700, 1.0))
        await asyncio.sleep(1.2)
        await call.hang_up()
        ended = await reception.event(RecordEnded)
        await reception.event(Ended)
    assert [type(event) for event in reception.events[-2:]] == [RecordEnded, Ended]
    assert ended.why == "hang_up"
    assert 0.9 <= Clip.from_wav(ended.path).seconds <= 1.3


async def test_a_masked_caller_is_recorded_as_silence(desk: Desk, tmp_path: Path) -> None:
    desk.on_call = desk.answer
    async with outside(desk) as caller:
        call = await caller.dial()
        reception = await desk.answered()
        reception.leg.mask(True)
        reception.leg.record(RecordRequest("pin", tmp_path / "pin.wav", 0.5, 5.0, beep=False))
        call.say(sine(700, 1.0))
        ended = await reception.event(RecordEnded)
    assert ended.why == "longest"
    assert abs(Clip.from_wav(ended.path).samples()).max(initial=0) < 16


async def test_stopped_playing_is_not_told_as_ended(desk: Desk) -> None:
    async with outside(desk) as caller:
        call = await caller.dial()
        await call.until_sound()
        reception = await desk.call()
        reception.leg.stop_playing()
        await asyncio.sleep(0.3)
        assert reception.all(PlayEnded) == []


async def test_dialling_before_the_start_or_an_address_that_cannot_be_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(LineError, match="H213"):
        await PjsuaLine().dial("sip:1@127.0.0.1")
    with pytest.raises(LineError, match="H212"):
        await desk.line.dial("4001")
    with pytest.raises(LineError, match="H210"):
        await desk.line.dial("sip:::::")
    assert desk.line.active == 0


async def test_nobody_answering_is_told_in_time(desk: Desk, unused_udp_port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", unused_udp_port))
        with pytest.raises(LineError, match="H211"):
            await desk.line.dial(f"sip:1@127.0.0.1:{unused_udp_port}", timeout=0.3)


def test_octets_go_into_the_librarys_vectors_and_come_out_again() -> None:
    frame = bytes(range(256)) + bytes(64)
    assert octets.read(octets.fill(pj.ByteVector(bytes(320)), frame), 320) == frame
    assert octets.layout_is_known()
