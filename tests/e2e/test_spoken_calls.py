"""Callers speak: recordings of real people, played into calls on the whole hotline."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from free_ports import free_port
from hotline_process import HotlineProcess, serving, until
from listener import INSTALLED, MISSING, MODELS
from sip_caller import OutsideCall, Pcm, SipCaller
from sipp_process import INSTALLED as SIPP_INSTALLED
from sipp_process import MISSING as SIPP_MISSING

from tests.bench.sip_load import write_scenario, write_sound

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
PEOPLE = SPEECH / "human"
#: Callers whom the hotline listens to at once here.
AT_ONCE = 2
PAUSE = np.zeros(1400, np.int16)
#: One man's digits, and one woman's.
GEORGE = {
    digit: f"en_digit/fsdd_{digit}_george_{take}.wav"
    for digit, take in zip("3589", (27, 41, 12, 19), strict=True)
}
TAN = {
    digit: f"zh_word/cmn_{number}.wav"
    for digit, number in zip("23456", ("016", "004", "047", "017", "031"), strict=True)
}

pytestmark = [
    pytest.mark.sip,
    pytest.mark.timeout(600),  # the first of them starts the hotline
    pytest.mark.shared,
    pytest.mark.skipif(not INSTALLED, reason=MISSING),
    pytest.mark.skipif(
        not PEOPLE.is_dir(), reason="the recordings of real people are not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def hotline(portfolio: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HotlineProcess]:
    data_dir = tmp_path_factory.mktemp("spoken") / "data"
    shutil.copytree(portfolio, data_dir)
    settings = {"speech_models": MODELS, "speech_processes": 1, "speech_at_once": AT_ONCE}
    with serving(data_dir, **settings) as process:
        yield process


def recording(name: str, folder: Path = PEOPLE) -> Pcm:
    """A recording as a telephone would send it."""
    samples, rate = soundfile.read(folder / name, dtype="float32")
    telephone = soxr.resample(samples, rate, 8000)
    return (telephone / np.abs(telephone).max() * 9000).astype(np.int16)


def number(digits: str, voices: dict[str, str]) -> list[Pcm]:
    """Digits of one person, one after another."""
    parts: list[Pcm] = []
    for digit in digits:
        sound = recording(voices[digit])
        loud = np.flatnonzero(np.abs(sound) > 300)
        parts += [sound[max(0, loud[0] - 240) : loud[-1] + 240], PAUSE]
    return parts


def cough() -> Pcm:
    """Two bursts of breath through a throat."""
    chance = np.random.default_rng(5)
    burst = chance.standard_normal(2000) * np.exp(-np.arange(2000) / 700)
    throat = np.convolve(burst, np.sin(np.arange(24) * 2 * np.pi * 900 / 8000) * np.hanning(24), "same")
    one = throat / np.abs(throat).max() * 9000
    return np.concatenate([one, np.zeros(1200), one]).astype(np.int16)


@dataclass
class Talk:
    """A call, and what the hotline notes of it."""

    hotline: HotlineProcess
    call: OutsideCall
    caller: str

    def timeline(self) -> list[dict[str, object]]:
        rows = self.hotline.rows(
            "select e.kind, e.data from call_events e join calls c on c.id = e.call_id where c.caller = ?"
            " order by e.seq",
            self.caller,
        )
        return [{"kind": kind, **json.loads(data)} for kind, data in rows]

    def count(self, kind: str) -> int:
        return len([one for one in self.timeline() if one["kind"] == kind])

    async def until(self, *wanted: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """The latest note of which one of these holds."""

        def there() -> dict[str, object] | None:
            found = [one for one in self.timeline() if any(fits(one) for fits in wanted)]
            return found[-1] if found else None

        what = "nothing of it; the call had " + " ".join(str(one) for one in self.timeline()[-6:])
        return await asyncio.to_thread(until, there, 60, what)

    async def say(self, *parts: Pcm) -> None:
        """Speak, with quiet after it."""
        for part in (*parts, np.zeros(6400, np.int16)):
            self.call.say(part)
        while self.call.rtp.saying:
            await asyncio.sleep(0.05)


def at(flow: str, step: str = "") -> Callable[[dict[str, object]], bool]:
    """Whether a call has come to a step."""
    return lambda one: one["kind"] == "step_entered" and one["flow"] == flow and step in ("", one["step"])


def said(prompt: str) -> Callable[[dict[str, object]], bool]:
    """Whether a prompt has begun."""
    return lambda one: one["kind"] == "said" and prompt in one["prompts"]  # type: ignore[operator]


@asynccontextmanager
async def talking(hotline: HotlineProcess, number: str) -> AsyncIterator[Talk]:
    """A call that has come to the main menu."""
    async with SipCaller(hotline.address) as caller, caller.calling("4000001234", caller=number) as call:
        talk = Talk(hotline, call, number)
        await talk.until(at("main", "menu"))
        yield talk


async def tell_number(talk: Talk, digits: str, voices: dict[str, str]) -> None:
    """Say a policy number as it is asked for, in one breath or then in two, and press 1 where it is read back."""
    await talk.until(at("identify_caller", "policy_no"))
    await talk.say(*number(digits, voices))
    answer = await talk.until(said("confirm_policy_no"), at("policy_in_groups", "first"))
    if answer["kind"] == "step_entered":
        await talk.say(*number(digits[:4], voices))
        await talk.until(at("policy_in_groups", "second"))
        await talk.say(*number(digits[4:], voices))
        await talk.until(said("policy_no_right"))
    await talk.call.press("1")
    await talk.until(at("identify_caller", "id_tail"))


async def test_a_word_said_over_the_prompt_goes_where_it_asks_and_a_cough_goes_nowhere(
    hotline: HotlineProcess,
) -> None:
    async with talking(hotline, "13500000001") as talk:
        await talk.say(cough())
        assert not talk.count("speech_used")
        await talk.say(recording("zh_word/cmn_040.wav"))  # 变更, two menus farther on
        await talk.until(at("policy_service_guide"))
        await talk.say(recording("zh_word/cmn_019.wav"))  # 人工
        await talk.until(at("person"))
        assert talk.count("speech_used") == 2


@pytest.mark.skipif(not SIPP_INSTALLED, reason=SIPP_MISSING)
async def test_a_key_and_words_that_sipp_sends_lead_where_they_ask(
    hotline: HotlineProcess, tmp_path: Path
) -> None:
    quiet = np.zeros(8000, np.int16)
    words = [recording(f"zh_word/cmn_{name}.wav") for name in ("040", "019")]  # 变更, 人工
    said = np.concatenate([*[quiet] * 9, words[0], *[quiet] * 6, words[1], *[quiet] * 5])
    seconds = len(said) / 8000
    sound = write_sound(tmp_path / "said.pcap", seconds, [(3.0, "6")], said=said)
    call = write_scenario(tmp_path / "says.xml", seconds, sound)
    await asyncio.to_thread(run_scenario, call, hotline.address, tmp_path)
    talk = Talk(hotline, None, "13800138000")  # type: ignore[arg-type]  # it was SIPp's, and is over
    entered = [one["flow"] for one in talk.timeline() if one["kind"] == "step_entered"]
    assert ("policy_service_guide" in entered, "person" in entered) == (True, True)


def run_scenario(scenario: Path, hotline: tuple[str, int], folder: Path) -> None:
    """SIPp's only call, to its end."""
    command = [
        "sipp", "-sf", str(scenario), f"{hotline[0]}:{hotline[1]}", "-i", "127.0.0.1", "-p", str(free_port()),
        "-mp", str(free_port()), "-m", "1", "-nostdin", "-timeout", "60s", "-timeout_error",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


async def test_a_policy_number_is_said_where_a_key_chose_and_a_key_answers_its_read_back(
    hotline: HotlineProcess,
) -> None:
    async with talking(hotline, "13500000002") as talk:
        await talk.call.press("1")
        await tell_number(talk, "34625436", TAN)


async def test_digits_are_heard_in_english_once_english_was_chosen(hotline: HotlineProcess) -> None:
    async with talking(hotline, "13500000003") as talk:
        await talk.call.press("82")
        await talk.until(said("language_now"))
        await talk.call.press("1")
        await tell_number(talk, "35899538", GEORGE)


async def test_who_stays_silent_is_asked_again(hotline: HotlineProcess) -> None:
    async with talking(hotline, "13500000004") as talk:
        await talk.call.press("1")  # cuts the greeting short
        missed = await talk.until(lambda one: one["kind"] == "missed")
        assert missed["what"] == "no_input"


async def test_who_finds_no_recogniser_free_is_asked_for_keys_and_served_by_them(
    hotline: HotlineProcess,
) -> None:
    async with AsyncExitStack() as others:
        for taken in range(AT_ONCE):
            await others.enter_async_context(talking(hotline, f"1350000001{taken}"))
        async with talking(hotline, "13500000005") as talk:
            await talk.until(said("use_keys"))
            await talk.call.press("6")
            await talk.until(at("guidance"))


@pytest.mark.skipif(
    not (SPEECH / "synthetic").is_dir(), reason="the voiced sentences are not beside the checkout"
)
async def test_whole_sentences_and_the_name_of_a_language_do_as_well(hotline: HotlineProcess) -> None:
    async with talking(hotline, "13500000006") as talk:
        await talk.say(recording("zf_xiaoxiao_36.wav", SPEECH / "synthetic"))  # 我要报案
        await talk.until(at("claim_report"))
    async with talking(hotline, "13500000007") as talk:
        await talk.say(recording("zf_xiaoxiao_32.wav", SPEECH / "synthetic"))  # 英语
        await talk.until(at("choose_language", "english"))
        assert (await talk.until(lambda one: one["kind"] == "language_changed"))["language"] == "en"
