"""After the call: what was left is written down and told, whatever breaks off; the process that does it may die."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from call_kit import eventually, open_database

from ivr.bus import LocalBus, Nudge
from ivr.call.transcribing import Surroundings, Transcriber, confidence_of, written
from ivr.speech.hearing.urgency import UrgentPhrases
from ivr.speech.hearing.writer import SoundGoneError, Writer, WriterError
from policy_db import PolicyDatabase
from policy_db.message_facts import Due, Segment, SpokenWord

MODEL = Path("/models/zh")


def said(*words: str, confidence: float = 0.9) -> Segment:
    return Segment(tuple(SpokenWord(word, confidence, at / 2, at / 2 + 0.5) for at, word in enumerate(words)))


class FakeWriter:
    """Writes down what it is told to, or fails, or never ends."""

    def __init__(self, *answers: tuple[Segment, ...] | Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Path]] = []
        self.closed = 0

    async def write(self, file: Path, language: str, model: Path, seconds: float) -> tuple[Segment, ...]:
        self.asked.append((file.name, language, model))
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer or ()

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[PolicyDatabase]:
    async with await open_database(tmp_path / "hotline.db") as opened:
        yield opened


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[LocalBus]:
    made = LocalBus(tmp_path / "bus")
    yield made
    made.close()


@pytest.fixture
def made(database: PolicyDatabase, bus: LocalBus, tmp_path: Path) -> Callable[[FakeWriter], Transcriber]:
    def due(_mailbox: str, _urgency: str, received: datetime) -> datetime:
        return received + timedelta(hours=1)

    async def dues() -> Due:
        return due

    def make(writer: FakeWriter) -> Transcriber:
        around = Surroundings(tmp_path, lambda: {"zh-CN": MODEL}, UrgentPhrases.load(), dues)
        return Transcriber(database, bus, writer, around, machine="here-", holder="here-1")

    return make


async def leave(database: PolicyDatabase, recording: str = "m1") -> None:
    call = f"call-{recording}"
    await database.calls.begin(call, worker="here-0", caller="1", called="2", language="zh-CN")
    await database.recordings.begin(
        recording, purpose="voicemail", call=call, worker="here-0", file=f"{recording}.wav", mailbox="service"
    )
    await database.recordings.finish(recording, seconds=3.0, size=24_058, why="hang_up")
    await database.recordings.keep(recording)
    await database.calls.finish(call, "caller_hung_up")


async def test_a_message_is_written_down_raised_audited_and_told(
    database: PolicyDatabase, bus: LocalBus, made: Callable[[FakeWriter], Transcriber]
) -> None:
    heard: list[Nudge] = []
    await leave(database)
    writer = FakeWriter((said("我", "撞车", "了"), said("有", "人", "受伤")))
    async with bus.listening(heard.append):
        assert await made(writer).step()
        await eventually(lambda: heard)
    assert heard == [Nudge("message", "m1")]
    assert writer.asked == [("m1.wav", "zh-CN", MODEL)]
    kept = await database.messages.transcript("m1")
    assert kept is not None
    assert (kept.text, kept.confidence, kept.urgency) == ("我撞车了，有人受伤", 0.9, "urgent")
    message = await database.messages.find("m1")
    assert message is not None
    assert (message.urgency, message.state) == ("urgent", "new")
    entries = await database.audit.about("message:m1")
    assert [(one.actor, one.action) for one in entries] == [("system", "raised")]
    assert "受伤" not in str(entries)
    assert not await made(writer).step()


async def test_an_ordinary_message_stays_as_it_is(
    database: PolicyDatabase, made: Callable[[FakeWriter], Transcriber]
) -> None:
    await leave(database)
    await made(FakeWriter((said("没有", "人", "受伤"),))).step()
    message = await database.messages.find("m1")
    assert message is not None
    assert (message.urgency, message.version) == ("normal", 0)


async def test_silence_is_written_down_as_nothing(
    database: PolicyDatabase, made: Callable[[FakeWriter], Transcriber]
) -> None:
    await leave(database)
    await made(FakeWriter(())).step()
    kept = await database.messages.transcript("m1")
    assert kept is not None
    assert (kept.text, kept.confidence) == ("", 0.0)


@pytest.mark.parametrize(
    ("problem", "state"), [(SoundGoneError("gone"), "failed"), (WriterError("no answer"), "waiting")]
)
async def test_a_file_that_is_gone_is_given_up_and_anything_else_is_tried_again(
    database: PolicyDatabase, made: Callable[[FakeWriter], Transcriber], problem: Exception, state: str
) -> None:
    await leave(database)
    assert await made(FakeWriter(problem)).step()
    assert await database.transcriptions.state_of("m1") == state


async def test_what_is_under_way_when_it_is_told_to_stop_is_given_back(
    database: PolicyDatabase, made: Callable[[FakeWriter], Transcriber]
) -> None:
    await leave(database)
    writer, stop = FakeWriter(None), asyncio.Event()
    running = asyncio.create_task(made(writer).run(stop))
    await eventually(lambda: writer.asked)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert await database.transcriptions.state_of("m1") == "waiting"
    assert writer.closed == 1


async def test_it_hears_of_a_new_message_and_takes_over_what_a_dead_one_held(
    database: PolicyDatabase, made: Callable[[FakeWriter], Transcriber]
) -> None:
    await leave(database)
    await database.transcriptions.find_new("here-")
    assert await database.transcriptions.take("here-0", "here-", ("zh-CN",), seconds=3600) is not None
    stop = asyncio.Event()
    running = asyncio.create_task(made(FakeWriter((said("好"),))).run(stop))

    async def done() -> bool:
        return await database.transcriptions.state_of("m1") == "done"

    async with asyncio.timeout(10):
        while not await done():
            await asyncio.sleep(0.01)
    stop.set()
    await running


def test_english_is_written_with_blanks_and_words_count_by_their_length() -> None:
    long = SpokenWord("hello", 1.0, 0.0, 0.9)
    short = SpokenWord("there", 0.0, 0.9, 1.0)
    assert written((Segment((long, short)), said("bye")), "en") == "hello there, bye"
    assert confidence_of((Segment((long, short)),)) == 0.9


def program(tmp_path: Path, lines: str) -> tuple[str, str]:
    """A process that answers as these lines say; `asked` is a line of what it was asked."""
    path = tmp_path / "writing.py"
    path.write_text(f"import json, os, sys\nfor asked in sys.stdin:\n    {lines}\n")
    return sys.executable, str(path)


ANSWER = (
    "print(json.dumps({'segments': [[['好', 1.0, 0.1, 0.4]], [[str(os.getpid()), 1.0, 1, 2]]]}), flush=True)"
)


async def test_a_process_is_kept_for_the_next_and_replaced_when_it_has_heard_enough(tmp_path: Path) -> None:
    writer = Writer(program(tmp_path, ANSWER), most_sound=10)
    pids = []
    for _ in range(3):
        first, second = await writer.write(tmp_path, "zh-CN", MODEL, 4.0)
        assert first.words == (SpokenWord("好", 1.0, 0.1, 0.4),)
        pids.append(second.words[0].text)
    assert pids[0] == pids[1] != pids[2]
    await writer.close()
    assert writer.pid is None


async def test_a_process_that_dies_is_an_error_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    dies_once = (
        f"os.path.exists({str(flag)!r}) or (open({str(flag)!r}, 'w'), os.kill(os.getpid(), 9)); {ANSWER}"
    )
    writer = Writer(program(tmp_path, dies_once))
    with pytest.raises(WriterError, match="P521 the recogniser gave no answer"):
        await writer.write(tmp_path, "zh-CN", MODEL, 1.0)
    assert await writer.write(tmp_path, "zh-CN", MODEL, 1.0)
    await writer.close()


async def test_an_answer_that_the_file_is_gone_is_told_as_such(tmp_path: Path) -> None:
    writer = Writer(program(tmp_path, "print(json.dumps({'error': 'gone', 'code': 'sound'}), flush=True)"))
    with pytest.raises(SoundGoneError):
        await writer.write(tmp_path, "zh-CN", MODEL, 1.0)
    await writer.close()
