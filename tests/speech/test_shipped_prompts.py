"""The prompts that come with the hotline: whole, in step with their clips, and small enough to carry along."""

from __future__ import annotations

import json
import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money
from ivr.media.clip import Clip
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.check import check
from ivr.speech.speaker import Rendered, Speaker

PROMPTS = Path(__file__).parents[2] / "prompts"
LANGUAGES = ("zh-CN", "en")
#: The clips are carried in the repository and the wheel (docs/decisions/0009-size-of-prompts.md).
MOST_BYTES = 60_000_000


@pytest.fixture(scope="module")
def catalogue() -> PromptCatalogue:
    return PromptCatalogue.load(PROMPTS)


def render(catalogue: PromptCatalogue, prompt: str, **values: object) -> Rendered:
    return Speaker(catalogue, PROMPTS).render([Phrase(prompt, "zh-CN", values)])


def test_every_text_and_value_piece_has_a_clip_of_the_right_loudness(catalogue: PromptCatalogue) -> None:
    found = check(PROMPTS, catalogue, used=set(catalogue.signatures()), languages=LANGUAGES)
    assert [str(problem) for problem in found] == []


def test_the_clips_are_small_enough_to_carry_along() -> None:
    assert sum(path.stat().st_size for path in PROMPTS.rglob("*.wav")) < MOST_BYTES


def test_no_clip_begins_or_ends_with_a_click() -> None:
    for path in PROMPTS.rglob("clips/*.wav"):
        samples = Clip.from_wav(path).samples()
        edges = np.abs(np.concatenate([samples[:3], samples[-3:]]).astype(int))
        assert edges.max() < 600, path


def test_a_premium_is_spoken_whole(catalogue: PromptCatalogue) -> None:
    values = {"amount": Money(Decimal("3200.00")), "due_on": date(2026, 3, 5), "days_until_due": 10}
    rendered = render(catalogue, "premium_due", **values)
    assert rendered.missing == ()
    assert "3,200.00元" in rendered.text
    assert 4 < rendered.seconds < 12


@pytest.mark.parametrize(
    ("amount", "due", "wanted"),
    [
        ("3200.00", date(2026, 3, 5), "三千二百元 二零二六年三月五日"),
        ("80.00", date(2026, 12, 1), "八十元 二零二六年十二月一日"),
        ("1680.00", date(2027, 10, 21), "一千六百八十元 二零二七年十月二十一日"),
    ],
)
def test_a_recogniser_hears_the_amount_and_the_date(
    catalogue: PromptCatalogue, amount: str, due: date, wanted: str
) -> None:
    folder = Path(os.environ.get("HOTLINE_TEST_MODELS", PROMPTS.parent / ".venv" / "models"))
    if not (folder / "zh").is_dir():
        pytest.skip("the recogniser's models are not here (make test fetches them when there is a network)")
    values = {"amount": Money(Decimal(amount)), "due_on": due, "days_until_due": 10}
    heard = recognised(render(catalogue, "premium_due", **values), folder / "zh")
    spoken_amount, spoken_date = wanted.split()
    assert f"保费{spoken_amount}" in heard
    assert f"日期是{spoken_date}" in heard


def recognised(rendered: Rendered, model: Path) -> str:
    """What Vosk hears, choosing among the words of numbers, dates and this sentence."""
    import vosk

    vosk.SetLogLevel(-1)
    words = [
        *"零一二三四五六七八九十百千万元年月日应交是距今",
        "您的",
        "保单",
        "保费",
        "日期",
        "还有",
        "天",
        "[unk]",
    ]
    recogniser = vosk.KaldiRecognizer(vosk.Model(str(model)), 8000, json.dumps(words, ensure_ascii=False))
    recogniser.AcceptWaveform(np.concatenate([clip.samples() for clip in rendered.clips]).tobytes())
    return re.sub(r"\s|\[unk\]", "", json.loads(recogniser.FinalResult())["text"])
