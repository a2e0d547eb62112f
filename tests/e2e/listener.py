"""Listens to what was heard on the telephone, with a recogniser that knows nothing of the hotline."""

from __future__ import annotations

import json
import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
#: Where `make test` puts the models, unless the environment says otherwise.
MODELS = Path(os.environ.get("HOTLINE_TEST_MODELS", ROOT / ".venv" / "models"))
INSTALLED = (MODELS / "zh").is_dir()
MISSING = "the recogniser's models are not here (make test fetches them when there is a network)"

_DIGITS = "零一二三四五六七八九"


def _small(number: int) -> str:
    """1 to 99 in Chinese."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十"
    return head + (_DIGITS[ones] if ones else "")


_NUMBERS = [_small(number) for number in range(1, 32)]
#: Words that the model knows whole are offered whole: it hears 三千 better than 三 and 千.
_WORDS = [
    *_DIGITS, *"两十百千万元角分年月日天",
    *(digit + unit for digit in _DIGITS[1:] + "两" for unit in ("十", "百", "百元", "千", "千元", "万", "元")),
    *(number + "月" for number in _NUMBERS[:12]),
    *(number + "日" for number in _NUMBERS),
    *["您", "的", "保单", "应", "交", "保费", "日期", "是", "距今", "还有", "[unk]"],
]  # fmt: skip


@lru_cache(maxsize=1)
def _model() -> Any:
    import vosk

    vosk.SetLogLevel(-1)
    return vosk.Model(str(MODELS / "zh"))


def figures_in(pcm: NDArray[np.int16]) -> str:
    """The numbers, money and dates heard in 8 kHz samples, as Chinese characters without blanks."""
    import vosk

    recogniser = vosk.KaldiRecognizer(_model(), 8000, json.dumps(_WORDS, ensure_ascii=False))
    texts = [
        json.loads(recogniser.Result())["text"]
        for start in range(0, len(pcm), 1600)
        if recogniser.AcceptWaveform(pcm[start : start + 1600].tobytes())
    ]
    return (
        "".join([*texts, json.loads(recogniser.FinalResult())["text"]]).replace(" ", "").replace("[unk]", "")
    )


def spoken_day(day: date) -> str:
    """A month and day as they are read aloud: 十二月二日."""
    return f"{_small(day.month)}月{_small(day.day)}日"
