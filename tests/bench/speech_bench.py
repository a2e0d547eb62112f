"""Callers who speak, on the wire: how soon they are answered, what it costs, and what it does to others' sound.

Recordings of real people (../shared/speech/human) are said into calls on `hotline serve`; times are the kernel's
stamps of the packets that come back. From the last loud sample of a word to the first loud packet of the prompt that
answers it, the caller hears the pause that ends an answer (0.36 s) and whatever the hotline adds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import soundfile
import soxr
from bench_row import Row
from hotline_process import HotlineProcess, environment_of, run_command, serving, until
from listener import INSTALLED, MISSING, MODELS
from sip_analysis import percentile
from sip_caller import OutsideCall, Pcm, SipCaller

from ivr.media.g711 import FRAME, Law, encode
from ivr.speech.hearing.listening import Listening
from ivr.speech.hearing.loaded import LoadedModel
from ivr.speech.hearing.reports import Heard
from ivr.speech.hearing.types import Expectation

PEOPLE = Path(__file__).parents[3] / "shared" / "speech" / "human" / "zh_word"
#: What is left as messages: people's sentences, four to eight seconds long.
SENTENCES = PEOPLE.parent / "zh_sent"
MESSAGES = (
    "aishell_BAC009S0764W0121.wav",
    "funasr_asr_example.wav",
    "ppasr_test.wav",
    "wenet_long.wav",
    "wenet_mid.wav",
)
#: 变更 leads from the main menu to the changes of a policy, 返回 back.
THERE, BACK = "cmn_040.wav", "cmn_097.wav"
#: Callers at once, and words that each of them says.
CROWDS = ((1, 6), (8, 4))
#: Calls that only listen, and seconds for which their sound is looked at.
LISTENERS, WINDOW = 20, 10.0
#: Seconds after which an answer that has not come is none (the hotline asks again by itself after five), and quiet
#: packets in a row after which a prompt is over.
NO_ANSWER, PAUSE_PACKETS = 3.0, 70
#: Utterances of which cost and memory are taken.
UTTERANCES = 60


@dataclass
class Answers:
    """Seconds to the answers of one crowd; `none` had no answer."""

    seconds: list[float] = field(default_factory=list)
    none: int = 0


def rows() -> Iterator[Row]:
    """Every figure; why there is none where models or recordings are missing."""
    if not INSTALLED or not PEOPLE.is_dir():
        yield Row(
            "speech", 0.0, "", why=MISSING if not INSTALLED else "the recordings are not beside the checkout"
        )
        return
    yield from cost_rows()
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name)
        run_command("db", "demo", "--customers", "30", environment=environment_of(data_dir))
        with serving(data_dir, speech_models=MODELS, speech_processes=2, max_calls=200) as hotline:
            yield from asyncio.run(_called(hotline))


async def _called(hotline: HotlineProcess) -> list[Row]:
    found: list[Row] = []
    async with SipCaller(hotline.address) as caller:
        await _crowd(caller, 2, 1)  # what is read at a first time
        for people, words in CROWDS:
            found += _answer_rows(people, await _crowd(caller, people, words))
        found += await _lateness_rows(caller)
        found += await _message_rows(caller, hotline)
    found += _memory_rows(hotline)
    return found


def _answer_rows(people: int, answers: Answers) -> list[Row]:
    title = f"{people} callers speak at once: end of speech → next prompt"
    return [
        Row(f"{title}, p50", percentile(answers.seconds, 0.5) * 1000, "ms", digits=0),
        Row(f"{title}, p95", percentile(answers.seconds, 0.95) * 1000, "ms", 700, digits=0),
        Row("… without an answer", answers.none, f"of {answers.none + len(answers.seconds)}", digits=0),
    ]


async def _crowd(caller: SipCaller, people: int, words: int) -> Answers:
    answers = Answers()
    await asyncio.gather(*(_speaker(caller, number, words, answers) for number in range(people)))
    return answers


async def _speaker(caller: SipCaller, number: int, words: int, answers: Answers) -> None:
    async with caller.calling("4000001234", caller=f"1360000{number:04d}") as call:
        await call.until_sound(seconds=20)
        await asyncio.sleep(number * 0.23)
        for turn in range(words):
            await _word(call, _recording(THERE if turn % 2 == 0 else BACK), answers)


async def _word(call: OutsideCall, word: Pcm, answers: Answers) -> None:
    """Say a word when the prompt is over, and wait for what answers it."""
    await _until_over(call)
    began = time.time()
    call.say(word)
    ended = began + _last_loud(word) / 8000 + 0.01  # the frame under way is half over on average
    try:
        answers.seconds.append(await call.until_sound(after=ended, seconds=NO_ANSWER) - ended)
    except TimeoutError:
        answers.none += 1


async def _until_over(call: OutsideCall) -> None:
    """Until nothing was heard for as long as no prompt pauses."""
    while any(packet.loud for packet in call.heard[-PAUSE_PACKETS:]):
        await call.rtp.news(0.1)


async def _lateness_rows(caller: SipCaller) -> list[Row]:
    """Sound to calls that only listen, while nobody speaks and while eight do."""
    calls = [await caller.dial("4000001234", caller=f"1370000{number:04d}") for number in range(LISTENERS)]
    await asyncio.sleep(2)
    quiet = await _window(calls)
    speaking = asyncio.create_task(_crowd(caller, 8, 5))
    await asyncio.sleep(5)
    spoken = await _window(calls)
    await speaking
    for call in calls:
        await call.hang_up()
    return [
        Row(f"{LISTENERS} others' sound, nobody speaks: late, p99", quiet * 1000, "ms", digits=1),
        Row("… eight callers are recognised meanwhile: late, p99", spoken * 1000, "ms", 10, digits=1),
        Row("… of what it is without them", spoken / quiet if quiet else float("nan"), "times"),
    ]


async def _window(calls: Sequence[OutsideCall]) -> float:
    """Lateness behind each stream's own grid of 20 ms, p99 of all packets of a while, in seconds."""
    began = time.time()
    await asyncio.sleep(WINDOW)
    late: list[float] = []
    for call in calls:
        packets = [packet for packet in call.heard if packet.at > began]
        if packets:
            places = np.array(
                [packet.at - (packet.timestamp - packets[0].timestamp) / 8000 for packet in packets]
            )
            late += list(places - places.min())
    return percentile(late, 0.99)


async def _message_rows(caller: SipCaller, hotline: HotlineProcess) -> list[Row]:
    """Messages that are left one after another: from hanging up to the transcript, in lengths of the message."""
    waited = []
    for written, name in enumerate(MESSAGES):
        call = await caller.dial("4000001234", caller=f"1380000{written:04d}")
        await call.press("7")
        await call.press("1")
        await asyncio.to_thread(_taped, hotline)
        await asyncio.sleep(0.6)
        message = _recording(name, SENTENCES)
        call.say(message)
        await asyncio.sleep(len(message) / 8000 + 0.5)
        await call.hang_up()
        ended = time.monotonic()
        await asyncio.to_thread(_written, hotline, written + 1)
        waited.append((time.monotonic() - ended) / (len(message) / 8000))
    title = f"messages of {len(MESSAGES)} people: hang-up → transcript, of the message's length"
    return [
        Row(f"{title}, median", statistics.median(waited), "times"),
        Row("… longest", max(waited), "times", 1),
    ]


def _taped(hotline: HotlineProcess) -> None:
    taping = "select id from recordings where state = 'recording'"
    until(lambda: hotline.rows(taping), 40, "the beep")


def _written(hotline: HotlineProcess, number: int) -> None:
    count = "select count(*) from transcripts where text != ''"
    until(lambda: hotline.rows(count)[0][0] >= number, 120, "the transcript")


def cost_rows() -> Iterator[Row]:
    """One recogniser in this process: what a word costs, and what stays of it."""
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    model = LoadedModel.load("zh-CN", MODELS / "zh")
    yield Row("a Mandarin model", (process.memory_info().rss - before) / 2**20, "MB", digits=0)
    words = {"变更": "1", "返回": "2", "人工": "3", "住院": "4", "贷款": "5", "取消": "6"}
    expectation = Expectation("zh-CN", words)
    sounds = [_recording(THERE), _recording(BACK)]
    _hear(model, expectation, sounds[0])
    costs, heard, seconds, held = [], 0, 0.0, process.memory_info().rss
    for number in range(UTTERANCES):
        sound = sounds[number % 2]
        began = time.process_time()
        heard += _hear(model, expectation, sound)
        costs.append(time.process_time() - began)
        seconds += len(sound) / 8000
    yield Row("a word of a menu: CPU, median", statistics.median(costs) * 1000, "ms", digits=0)
    yield Row("… of a second of its sound", sum(costs) / seconds * 1000, "ms", digits=0)
    yield Row("… understood", heard, f"of {UTTERANCES}", digits=0)
    grown = (process.memory_info().rss - held) / 2**20
    yield Row("… memory grown by a minute of sound", grown / seconds * 60, "MB")


def _hear(model: LoadedModel, expectation: Expectation, sound: Pcm) -> bool:
    quiet = np.zeros(4800, np.int16)
    audio = encode(np.concatenate([quiet, sound, quiet]), Law.MU)
    listening = Listening(model, expectation, Law.MU)
    reports = [
        report
        for start in range(0, len(audio) - FRAME + 1, FRAME)
        for report in listening.feed(audio[start : start + FRAME])
    ]
    return any(isinstance(one, Heard) and one.understood.meaning for one in (*reports, *listening.finish()))


def _memory_rows(hotline: HotlineProcess) -> list[Row]:
    """The recognisers after this work: what is theirs alone."""
    children = psutil.Process(hotline.process.pid).children(recursive=True)
    ears = [
        one for one in children if one.nice() > 0 and one.parent() is not None and one.parent().nice() == 0
    ]
    own = [one.memory_full_info().uss / 2**20 for one in ears]
    if not own:
        return []
    return [Row("a recogniser process, its own memory, largest", max(own), "MB", digits=0)]


def _recording(name: str, folder: Path = PEOPLE) -> Pcm:
    samples, rate = soundfile.read(folder / name, dtype="float32")
    telephone = soxr.resample(samples, rate, 8000)
    return np.asarray(telephone / np.abs(telephone).max() * 9000).astype(np.int16)


def _last_loud(sound: Pcm) -> int:
    return int(np.flatnonzero(np.abs(sound.astype(int)) > 300)[-1])
