"""The pool of recognisers: its bound, its crashes, its turnover; with listenings that need no model."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from ears_kit import ANSWER, BEGIN, BREAK, CRASH, QUIET, House, recogniser

from ivr.media.g711 import Law
from ivr.speech.hearing import pool as pool_module
from ivr.speech.hearing.process import Limits
from ivr.speech.hearing.protocol import (
    SUFFIX,
    Kind,
    ProtocolError,
    Reader,
    message,
    pack_expectation,
    pack_sound,
    unpack_expectation,
    unpack_sound,
)
from ivr.speech.hearing.reports import Began, Heard
from ivr.speech.hearing.types import Expectation

HERE = Path(__file__).parent


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    async with house.pool.kept():
        yield house


async def test_what_a_caller_says_comes_back_with_its_meaning(tmp_path: Path, house: House) -> None:
    async with recogniser(tmp_path, Limits()):
        ear = house.open()
        ear.put(QUIET, BEGIN, ANSWER)
        began, heard = await ear.until(2)
    assert isinstance(began, Began)
    assert isinstance(heard, Heard)
    assert (heard.understood.meaning, heard.understood.text) == ("1", "my policy")
    assert heard.ended == pytest.approx(0.06)


async def test_a_listening_begun_before_any_recogniser_is_up_loses_no_sound(
    tmp_path: Path, house: House
) -> None:
    ear = house.open()
    ear.put(QUIET, QUIET, ANSWER)
    async with recogniser(tmp_path, Limits()):
        (heard,) = await ear.until()
    assert isinstance(heard, Heard)
    assert heard.ended == pytest.approx(0.06)


async def test_without_any_recogniser_the_call_is_told_after_a_moment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "PATIENCE", 0.05)
    assert await house.open().until() == ["failed"]
    assert house.figure("lost_total", why="failed") == 1


async def test_a_full_pool_says_so_and_takes_the_next_when_one_has_ended(
    tmp_path: Path, house: House
) -> None:
    async with recogniser(tmp_path, Limits(at_once=1)) as process:
        first = house.open()
        first.put(BEGIN)
        await first.until()
        assert house.open().told == ["full"]
        assert house.figure("in_use") == 1
        assert first.handle is not None
        first.handle.close()
        await _until(lambda: process.in_use == 0)
        second = house.open()
        second.put(ANSWER)
        assert isinstance((await second.until())[0], Heard)
    assert house.figure("lost_total", why="full") == 1


async def test_a_recogniser_that_others_have_filled_passes_the_caller_on(tmp_path: Path) -> None:
    one, other = House(tmp_path), House(tmp_path)
    async with (
        one.pool.kept(),
        other.pool.kept(),
        recogniser(tmp_path, Limits(at_once=1), name="a"),
        recogniser(tmp_path, Limits(at_once=1), name="b"),
    ):
        first, second = one.open(), other.open()
        for ear in (first, second):
            ear.put(ANSWER)
            assert isinstance((await ear.until())[0], Heard)
        assert await one.open().until() == ["full"]


async def test_a_language_without_a_model_is_no_mystery(tmp_path: Path, house: House) -> None:
    assert house.open(Expectation("zh-CN")).told == ["no_model"]
    damaged = House(tmp_path, ("en", "zh-CN"))  # there is a model of it, but no recogniser could load it
    async with damaged.pool.kept(), recogniser(tmp_path, Limits()):
        assert await damaged.open(Expectation("zh-CN")).until() == ["no_model"]


async def test_a_fault_in_one_listening_ends_that_one_and_tells_nobody_what_was_said(
    tmp_path: Path, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recogniser(tmp_path, Limits()):
        broken, whole = house.open(), house.open()
        broken.put(BREAK)
        assert await broken.until() == ["failed"]
        whole.put(ANSWER)
        assert isinstance((await whole.until())[0], Heard)
    assert "policy" not in "".join(capsys.readouterr())


async def test_sound_that_nobody_takes_is_dropped_and_counted(tmp_path: Path, house: House) -> None:
    ear = house.open()
    ear.put(*[QUIET] * (pool_module.MOST_WAITING + 7))
    assert ear.handle is not None
    assert ear.handle.dropped == 7
    ear.handle.close()
    assert house.figure("frames_dropped_total") == 7


async def test_nothing_is_told_of_a_listening_that_was_closed(tmp_path: Path, house: House) -> None:
    async with recogniser(tmp_path, Limits()) as process:
        ear, other = house.open(), house.open()
        ear.put(BEGIN)
        await ear.until()
        assert ear.handle is not None
        ear.put(ANSWER)
        ear.handle.close()
        other.put(ANSWER)
        await other.until()
        assert len(ear.told) == 1
        await _until(lambda: process.in_use == 1)


async def test_a_recogniser_that_has_done_enough_takes_nobody_new_and_ends_what_it_has(
    tmp_path: Path, house: House
) -> None:
    limits = Limits(most_seconds=0.05)
    async with recogniser(tmp_path, limits, name="old", look_seconds=0.01, leave_seconds=10.0) as old:
        last = house.open()
        last.put(QUIET, QUIET, QUIET, QUIET)
        await _until(lambda: old.leaving)
        assert not list(tmp_path.glob(f"*{SUFFIX}"))
        async with recogniser(tmp_path, Limits(), name="new") as new:
            first = house.open()
            last.put(ANSWER)
            first.put(ANSWER)
            assert isinstance((await last.until())[0], Heard)
            assert isinstance((await first.until())[0], Heard)
            assert (old.in_use, new.in_use) == (1, 1)


# Real processes


@pytest.fixture
def parent(tmp_path: Path) -> object:
    """The recognisers' parent with two children, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "ears_parent.py"), str(tmp_path), "2"],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not list(tmp_path.glob(f"*{SUFFIX}"))


async def test_a_recogniser_that_crashes_loses_its_own_callers_and_another_stands_in_its_place(
    tmp_path: Path, parent: subprocess.Popen[bytes], house: House
) -> None:
    await _until(lambda: len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2)
    await _until(lambda: sum(link.ready for link in house.pool._links.values()) == 2)
    unlucky, lucky = house.open(), house.open()
    lucky.put(BEGIN)
    unlucky.put(CRASH)
    await lucky.until()
    assert await unlucky.until() == ["failed"]
    lucky.put(ANSWER)
    assert isinstance((await lucky.until(2))[1], Heard)
    await _until(lambda: len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2)
    again = house.open()
    again.put(ANSWER)
    assert isinstance((await again.until())[0], Heard)


async def test_recognisers_stand_back_for_the_processes_that_carry_sound(
    tmp_path: Path, parent: subprocess.Popen[bytes]
) -> None:
    await _until(lambda: len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2)
    children = psutil.Process(parent.pid).children()
    lower = min(19, psutil.Process(parent.pid).nice() + 10)  # of a run that is itself set back
    assert [child.nice() for child in children] == [lower, lower]


# What they say to each other


def test_an_expectation_and_sound_arrive_as_they_were_sent() -> None:
    wanted = Expectation("zh-CN", words={"保单": "1"}, expect="digits", least=4, most=8, likely=("123",))
    sent = message(Kind.OPEN, 7, pack_expectation(wanted, Law.A)) + message(
        Kind.SOUND, 7, pack_sound([(QUIET, b""), (ANSWER, QUIET)])
    )
    reader = Reader()
    received = [one for octet in sent for one in reader.take(bytes([octet]))]
    assert unpack_expectation(received[0].json()) == (wanted, Law.A)
    assert list(unpack_sound(received[1].body)) == [(QUIET, b""), (ANSWER, QUIET)]


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 9, b"\xff" * 20])
def test_what_is_no_message_is_refused(garbage: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Reader().take(garbage))


async def test_a_stranger_at_the_socket_is_hung_up_on_and_the_others_go_on(
    tmp_path: Path, house: House
) -> None:
    async with recogniser(tmp_path, Limits()):
        await _until(lambda: bool(list(tmp_path.glob(f"*{SUFFIX}"))))
        reader, writer = await asyncio.open_unix_connection(next(tmp_path.glob(f"*{SUFFIX}")))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read()
        writer.close()
        ear = house.open()
        ear.put(ANSWER)
        assert isinstance((await ear.until())[0], Heard)


async def _until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)
