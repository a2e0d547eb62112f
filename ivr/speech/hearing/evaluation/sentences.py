"""Free speech in writing: how many characters or words are wrong."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ivr.media.g711 import decode
from ivr.speech.hearing.evaluation.recordings import WIDE, Recording
from ivr.speech.hearing.evaluation.telephone import LAW, through_telephone
from ivr.speech.hearing.loaded import LoadedModel
from ivr.speech.hearing.writing import transcribe


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence in writing: `wrong` of `units` (characters of Chinese, words of other languages)."""

    language: str
    wrong: int
    units: int
    cpu: float
    sound: float


def write_down(model: LoadedModel, one: Recording, snr: float | None, seed: int, *, wide: bool) -> Written:
    """Write a sentence down, at 16 kHz or as it comes by telephone."""
    voice = one.sound()
    if wide:
        model = replace(model, rate=WIDE)
        samples = np.clip(voice * 32767, -32768, 32767).astype(np.int16)
    else:
        samples = decode(through_telephone(voice, snr=snr, lead=0.2, tail=0.3, seed=seed), LAW)
    began = time.process_time()
    segments = transcribe(samples, model, rate=WIDE) if wide else transcribe(samples, model)
    cpu = time.process_time() - began
    said = " ".join(word[0] for words in segments for word in words)
    wanted, got = units_of(one.text, one.language), units_of(said, one.language)
    return Written(one.language, distance(wanted, got), len(wanted), cpu, len(voice) / WIDE)


def units_of(text: str, language: str) -> list[str]:
    """Characters of Chinese, words of other languages, without punctuation."""
    plain = "".join(
        " " if unicodedata.category(letter)[0] in "PSZ" and letter != "'" else letter.lower()
        for letter in text
    )
    return list("".join(plain.split())) if language.startswith("zh") else plain.split()


def distance(wanted: Sequence[str], got: Sequence[str]) -> int:
    """Insertions, deletions and substitutions that make one of the other (Levenshtein)."""
    row = list(range(len(got) + 1))
    for line, unit in enumerate(wanted, 1):
        last, row[0] = row[0], line
        for column, other in enumerate(got, 1):
            last, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, last + (unit != other))
    return row[-1]
