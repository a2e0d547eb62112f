"""Free text: said by a voice elsewhere, kept sealed, and left out with its clause where nothing says it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from sounds import tone

from ivr.flow.instructions import Phrase
from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.speech import PromptCatalogue, Speaker, VoiceError
from ivr.speech.clips import CLIPS, ClipKey, write_index
from ivr.speech.saying import FreeText, SaidClips, Voiced, ask_voice, forget_said
from ivr.speech.saying_process import VoiceProcess
from ivr.speech.sound import Samples
from ivr.speech.units import Units
from ivr.speech.values import Carrier
from policy_db import Keys

LI = FreeText("zh-CN", "李小龙")


class Humming:
    """A fake voice that hums as long as the text, and cannot say `呃`."""

    name, rate = "hum", 8000

    def speak(self, text: str, carrier: Carrier) -> Samples:
        if text == "呃":
            raise VoiceError("not that", code="P404")
        return np.asarray(tone(0.2 * len(text)), dtype=np.float32)


class Voices:
    """A fake of the voices: the same one for every language but French."""

    def name(self, language: str) -> str:
        return "hum"

    def load(self, language: str) -> Humming:
        if language == "fr":
            raise VoiceError("no French", code="P402")
        return Humming()


@asynccontextmanager
async def voice(folder: Path) -> AsyncIterator[Path]:
    """A voice process in this one."""
    process, socket = VoiceProcess(Voices(), ["zh-CN", "en"]), folder / "run" / "voice.sock"
    serving = asyncio.create_task(process.serve(socket))
    while not socket.exists():
        await asyncio.sleep(0)
    try:
        yield socket
    finally:
        process.stop()
        await serving


def speaker(folder: Path, text: str) -> Speaker:
    """A speaker of one prompt whose fixed parts have clips."""
    (folder / "prompts" / "zh-CN" / CLIPS).mkdir(parents=True)
    (folder / "prompts" / "zh-CN" / "texts.yaml").write_text(f"hello: '{text}'\n", "utf-8")
    catalogue = PromptCatalogue.load(folder / "prompts")
    keys: dict[ClipKey, str] = {}
    for unit in Units(catalogue).of("zh-CN"):
        keys |= dict.fromkeys(unit.keys, "c")
    write_index(folder / "prompts" / "zh-CN", keys)
    Clip.from_samples((tone(0.5) * 32767).astype(np.int16)).to_wav(
        folder / "prompts" / "zh-CN" / CLIPS / "c.wav"
    )
    return Speaker(catalogue, folder / "prompts", lambda *_: None)


async def test_a_name_is_said_once_and_kept_where_nobody_can_read_it(tmp_path: Path) -> None:
    keys = Keys(bytes(32))
    async with voice(tmp_path) as socket:
        voiced = Voiced(socket, frozenset({"zh-CN"}), SaidClips(tmp_path / "said", keys))
        assert voiced.find(LI) is None
        await voiced.prepare([LI, LI])
        clip = voiced.find(LI)
        assert clip is not None
        assert clip.seconds == pytest.approx(0.6, abs=0.1)
    (kept,) = (tmp_path / "said").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert LI.text not in kept.name
    assert clip.frames(Law.MU)[:200] not in kept.read_bytes()
    later = Voiced(tmp_path / "gone.sock", frozenset({"zh-CN"}), SaidClips(tmp_path / "said", keys))
    await later.prepare([LI])
    assert later.find(LI) == clip
    stranger = Voiced(
        tmp_path / "gone.sock", frozenset({"zh-CN"}), SaidClips(tmp_path / "said", Keys(b"1" * 32))
    )
    await stranger.prepare([LI])
    assert stranger.find(LI) is None


async def test_what_cannot_be_said_is_answered_with_nothing(tmp_path: Path) -> None:
    async with voice(tmp_path) as socket:
        assert await ask_voice(socket, FreeText("zh-CN", "呃")) == b""
        assert await ask_voice(socket, FreeText("fr", "Jeanne")) == b""
        assert await ask_voice(socket, FreeText("zh-CN", "长" * 200)) == b""
        assert await ask_voice(socket, FreeText("zh-CN", "David"))


def test_only_short_texts_with_words_in_a_language_of_the_voice_are_said(tmp_path: Path) -> None:
    voiced = Voiced(tmp_path / "s", frozenset({"zh-CN"}), SaidClips(tmp_path, Keys(bytes(32))))
    assert voiced.can(LI)
    assert not any(
        voiced.can(one)
        for one in (FreeText("zh-HK", "李"), FreeText("zh-CN", "！"), FreeText("zh-CN", "长" * 81))
    )


def test_what_was_said_is_forgotten_by_age_by_number_and_altogether(tmp_path: Path) -> None:
    said = SaidClips(tmp_path, Keys(bytes(32)))
    for name in ("甲", "乙", "丙"):
        said.write(FreeText("zh-CN", name), b"\xff" * 160)
    old = next(tmp_path.iterdir())
    os.utime(old, (0, 0))
    assert forget_said(tmp_path) == 1
    assert forget_said(tmp_path, most=1) == 1
    assert forget_said(tmp_path, most=0) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("您好，{name:text}。请按一。", ["c", ".", "c", "."]),
        ("{name:text}，您好。", ["c", "."]),
        ("您的地址是{name:text}。请按一。", ["c", "."]),
        ("您好，{name:text}先生，请按一。", ["c", ",", "c", "."]),
    ],
)
def test_without_a_voice_the_clause_with_the_name_is_left_out(
    tmp_path: Path, text: str, clips: list[str]
) -> None:
    rendered = speaker(tmp_path, text).render([Phrase("hello", "zh-CN", {"name": LI.text})])
    assert [
        "c" if clip.name == "c" else "," if clip.seconds < 0.3 else "." for clip in rendered.clips
    ] == clips
    assert (rendered.wanted, rendered.missing) == ((), (LI.text,))


async def test_with_a_voice_the_name_stands_in_its_place(tmp_path: Path) -> None:
    talking = speaker(tmp_path, "您好，{name:text}。")
    async with voice(tmp_path) as socket:
        talking.saying = Voiced(socket, frozenset({"zh-CN"}), SaidClips(tmp_path / "said", Keys(bytes(32))))
        phrase = Phrase("hello", "zh-CN", {"name": LI.text})
        wanted = talking.render([phrase]).wanted
        assert wanted == (LI,)
        await talking.saying.prepare(wanted)
        rendered = talking.render([phrase])
    assert (rendered.wanted, rendered.missing) == ((), ())
    assert [round(clip.seconds, 1) for clip in rendered.clips] == [0.5, 0.2, 0.6, 0.4]
