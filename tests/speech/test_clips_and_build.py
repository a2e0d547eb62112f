"""Clips: built once under their content hash, found by what they say, replaced by a company's own recordings."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sounds import OneVoice, ToneVoice, write_tone

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money
from ivr.media.g711 import Law
from ivr.speech.build import BuildReport, build, voice_language, wanted_pieces
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.check import check
from ivr.speech.clips import read_index
from ivr.speech.errors import ClipError
from ivr.speech.speaker import Rendered, Speaker

TEXTS = """
welcome: 您好。
due: 应交{amount:money}，{on:date}。
greeting: 您好，{name:text}。
playback: '{message:recording}'
"""
DUE = {"amount": Money(Decimal(3200)), "on": date(2026, 3, 5)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompts folder with every clip hummed once."""
    root = tmp_path_factory.mktemp("prompts")
    (root / "zh-CN").mkdir()
    (root / "zh-CN" / "texts.yaml").write_text(TEXTS, "utf-8")
    run_build(root, ToneVoice())
    return root


@pytest.fixture
def prompts(built: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    root = tmp_path / "prompts"
    for path in built.rglob("*"):
        if path.is_file():
            target = root / path.relative_to(built)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    texts = root / "zh-CN" / "texts.yaml"
    texts.unlink()
    texts.write_text(TEXTS, "utf-8")
    return root


def run_build(root: Path, voice: ToneVoice) -> BuildReport:
    return build(root, PromptCatalogue.load(root), OneVoice(voice))


def speak(root: Path, prompt: str, faults: list[str] | None = None, **values: object) -> Rendered:
    speaker = Speaker(
        PromptCatalogue.load(root), root, lambda code, _: (faults if faults is not None else []).append(code)
    )
    return speaker.render([Phrase(prompt, "zh-CN", values)])


def codes(root: Path, *used: str) -> list[str]:
    names = used or ("welcome", "due", "greeting", "playback")
    return [problem.code for problem in check(root, PromptCatalogue.load(root), used=set(names))]


def test_every_fixed_text_and_value_has_a_clip_after_a_build(prompts: Path) -> None:
    pieces = wanted_pieces(PromptCatalogue.load(prompts), "zh-CN")
    speaker = Speaker(PromptCatalogue.load(prompts), prompts)
    assert speaker.preload() == len(pieces) > 1000
    assert codes(prompts) == []


def test_a_build_renders_only_what_changed(prompts: Path) -> None:
    voice = ToneVoice()
    (prompts / "zh-CN" / "texts.yaml").write_text(
        TEXTS.replace("welcome: 您好。", "welcome: 早上好。"), "utf-8"
    )
    report = run_build(prompts, voice)
    assert voice.said == ["早上好"]
    assert (report.rendered, report.removed) == (1, 1)
    assert run_build(prompts, voice).rendered == 0


def test_a_clip_is_rendered_again_when_the_lexicon_says_its_words_differently(prompts: Path) -> None:
    voice = ToneVoice()
    (prompts / "zh-CN" / "lexicon.yaml").write_text("应交: ying1 jiao1\n", "utf-8")
    run_build(prompts, voice)
    assert voice.said == ["应交"]


@pytest.mark.parametrize(
    ("language", "text", "voice"),
    [
        ("zh-CN", "For English, press two", "en"),
        ("zh-CN", "您的VIP卡", "zh-CN"),
        ("zh-CN", "95500", "zh-CN"),
        ("en", "Hello", "en"),
    ],
)
def test_a_latin_text_among_chinese_ones_is_said_by_the_english_voice(
    language: str, text: str, voice: str
) -> None:
    assert voice_language(language, text) == voice


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    (tmp_path / "zh-CN").mkdir()
    (tmp_path / "zh-CN" / "texts.yaml").write_text("a: 一。\nb: 二。\nc: 三。\n", "utf-8")
    voice = ToneVoice()

    def stop(done: int, _total: int, _text: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(
            tmp_path,
            PromptCatalogue.load(tmp_path),
            OneVoice(voice),
            progress=stop,
        )
    assert voice.said == ["一", "二"]
    run_build(tmp_path, voice)
    assert voice.said[2] == "三"
    assert len(voice.said) == len(set(voice.said)) + 3  # each clip once; the words are numerals too


def test_a_sentence_is_the_clips_of_its_pieces(prompts: Path) -> None:
    rendered = speak(prompts, "due", **DUE)
    assert rendered.text == "应交3,200.00元，2026年3月5日。"
    assert rendered.missing == ()
    # 应交, 三千二百元, a breath, 二零二六年, 三月五日, a breath
    assert len(rendered.clips) == 6
    assert rendered.seconds == pytest.approx(0.1 * (2 + 5 + 5 + 4) + 0.20 + 0.38, abs=0.15)
    for law in Law:
        assert all(len(clip.frames(law)) % 160 == 0 for clip in rendered.clips)


def test_clips_are_read_once_and_shared(prompts: Path) -> None:
    speaker = Speaker(PromptCatalogue.load(prompts), prompts)
    first, second = (speaker.render([Phrase("welcome", "zh-CN")]).clips for _ in range(2))
    assert first[0] is second[0]


def test_free_text_without_a_clip_is_written_and_left_out_of_the_sound(prompts: Path) -> None:
    faults: list[str] = []
    rendered = speak(prompts, "greeting", faults, name="王芳")
    assert rendered.text == "您好，王芳。"
    assert rendered.missing == ("王芳",)
    assert faults == []


def test_a_missing_clip_is_told_and_the_rest_is_spoken(prompts: Path) -> None:
    faults: list[str] = []
    (prompts / "zh-CN" / "texts.yaml").write_text(TEXTS.replace("应交", "该交"), "utf-8")
    rendered = speak(prompts, "due", faults, **DUE)
    assert rendered.missing == ("该交",)
    assert faults == ["P504"]
    assert len(rendered.clips) == 5


def test_a_damaged_clip_does_not_end_a_call(prompts: Path) -> None:
    faults: list[str] = []
    for path in (prompts / "zh-CN" / "clips").glob("*.wav"):
        path.unlink()
        path.write_bytes(b"RIFF")
    assert speak(prompts, "welcome", faults).text == "您好。"
    assert faults == ["P301"]


def test_a_companys_own_recording_takes_the_place_of_the_rendered_clip(prompts: Path) -> None:
    write_tone(prompts / "zh-CN" / "recordings" / "welcome.wav", seconds=2.0, rate=44100)
    write_tone(prompts / "zh-CN" / "recordings" / "due.wav", seconds=1.0)
    write_tone(prompts / "zh-CN" / "recordings" / "pieces" / "三千二百元.flac", seconds=3.0)
    assert speak(prompts, "welcome").clips[0].seconds == pytest.approx(2.0, abs=0.03)
    assert [round(clip.seconds) for clip in speak(prompts, "due", **DUE).clips[:2]] == [1, 3]


def test_a_recorded_prompt_needs_no_rendered_clip(prompts: Path) -> None:
    write_tone(prompts / "zh-CN" / "recordings" / "welcome.wav")
    assert run_build(prompts, ToneVoice()).removed == 1
    assert codes(prompts) == []


def test_a_callers_own_recording_is_played_back(prompts: Path, tmp_path: Path) -> None:
    write_tone(tmp_path / "said.wav", seconds=1.0)
    speaker = Speaker(PromptCatalogue.load(prompts), prompts)
    phrase = Phrase("playback", "zh-CN", {"message": "r1"})
    rendered = speaker.render([phrase], {"r1": tmp_path / "said.wav"}.get)
    assert rendered.clips[0].seconds == pytest.approx(1.0, abs=0.03)
    assert speaker.render([phrase]).clips == ()


def test_a_lost_recording_is_told_and_does_not_end_a_call(prompts: Path, tmp_path: Path) -> None:
    faults: list[str] = []
    speaker = Speaker(PromptCatalogue.load(prompts), prompts, lambda code, _: faults.append(code))
    rendered = speaker.render(
        [Phrase("playback", "zh-CN", {"message": "r1"})], lambda _: tmp_path / "gone.wav"
    )
    assert (rendered.clips, faults) == ((), ["P303"])


def test_check_finds_a_missing_and_an_unused_clip(prompts: Path) -> None:
    (prompts / "zh-CN" / "texts.yaml").write_text(
        TEXTS.replace("welcome: 您好。", "welcome: 早上好。"), "utf-8"
    )
    assert codes(prompts) == ["P204", "P202"]
    [missing] = [p for p in check(prompts, PromptCatalogue.load(prompts), used=()) if p.code == "P202"]
    assert str(missing).endswith(
        "texts.yaml:2:10: P202 welcome: no clip says '早上好'; run `hotline prompts build`"
    )


def test_check_finds_a_clip_whose_file_is_gone(prompts: Path) -> None:
    index = read_index(prompts / "zh-CN")
    [name] = [name for key, name in index.items() if key.text == "应交"]
    (prompts / "zh-CN" / "clips" / f"{name}.wav").unlink()
    assert codes(prompts) == ["P202"]


def test_check_finds_a_prompt_that_no_flow_speaks(prompts: Path) -> None:
    assert codes(prompts, "welcome", "due", "greeting") == ["P203"]


def test_check_finds_a_text_missing_in_a_language(prompts: Path) -> None:
    (prompts / "en").mkdir()
    (prompts / "en" / "texts.yaml").write_text("welcome: Hello.\n", "utf-8")
    catalogue = PromptCatalogue.load(prompts)
    found = check(prompts, catalogue, used={"welcome", "due", "greeting", "playback"})
    missing = [problem.message.split()[0] for problem in found if problem.code == "P201"]
    assert sorted(missing) == ["due", "greeting", "playback"]


def test_check_finds_a_recording_that_is_too_quiet_or_has_no_prompt(prompts: Path) -> None:
    write_tone(prompts / "zh-CN" / "recordings" / "welcome.wav", level=0.01)
    write_tone(prompts / "zh-CN" / "recordings" / "wellcome.wav")
    run_build(prompts, ToneVoice())
    assert sorted(codes(prompts)) == ["P205", "P206"]


def test_a_broken_index_names_the_line_and_the_remedy(prompts: Path) -> None:
    index = prompts / "zh-CN" / "clips" / "index.tsv"
    index.unlink()
    index.write_text("clip\ttext\tbefore\tafter\nbroken\n", "utf-8")
    with pytest.raises(ClipError, match=r"P302 .*index\.tsv:2 .*hotline prompts build"):
        read_index(prompts / "zh-CN")
    assert codes(prompts) == ["P302"]
