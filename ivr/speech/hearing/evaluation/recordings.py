"""Recordings of people with what they say, read from a folder."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ivr.errors import SettingError

#: Samples a second of what is read; telephone sound is made from it.
WIDE: Final = 16_000
Kind = Literal["digit", "word", "sentence"]
Wave = NDArray[np.float32]

_DIGITS: Final = {
    **{word: str(digit) for digit, word in enumerate("零一二三四五六七八九")},
    "幺": "1",
    **{
        word: str(digit)
        for digit, word in enumerate(
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        )
    },
    "oh": "0",
}
_LANGUAGES: Final = {"zh": "zh-CN", "cmn": "zh-CN", "en": "en"}
_SENTENCE: Final = ("sent", "sentence")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, what is said on it, and who says it where that is known."""

    path: Path
    language: str
    text: str
    kind: Kind
    speaker: str = ""

    @property
    def digit(self) -> str:
        """The digit of a `digit`."""
        return _DIGITS[self.text]

    def sound(self) -> Wave:
        """At `WIDE` samples a second, from -1 to 1. Raises SettingError (H109) for what is no sound."""
        try:
            samples, rate = soundfile.read(self.path, dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as error:
            raise SettingError(f"{self.path} cannot be read ({error}); leave it out", code="H109") from None
        mono: Wave = samples.mean(axis=1)
        return mono if rate == WIDE else np.asarray(soxr.resample(mono, rate, WIDE), dtype=np.float32)


def read_folder(folder: Path, language: str = "") -> list[Recording]:
    """The recordings of a folder: by its `transcripts.tsv` (columns file, lang, transcript, and kind if there is one),
    or each `NAME.wav` with what it says in `NAME.txt`, all in `language`. Raises SettingError (H109).
    """
    table = folder / "transcripts.tsv"
    found = _by_table(table, language) if table.is_file() else _by_pairs(folder, language)
    if not found:
        raise SettingError(
            f"{folder} has no recordings with transcripts: write transcripts.tsv with columns file, lang and"
            " transcript, or put NAME.txt beside each NAME.wav and name the language with --language",
            code="H109",
        )
    return found


def _by_table(table: Path, language: str) -> list[Recording]:
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = []
    for row in rows:
        spoken = _LANGUAGES.get((row.get("lang") or language).split("-")[0], row.get("lang") or language)
        if language and spoken != language:
            continue
        text = (row.get("transcript") or "").strip()
        path = table.parent / (row.get("file") or "")
        if text and path.is_file():
            kind = _kind(text, row.get("kind") or "", spoken)
            found.append(Recording(path, spoken, text, kind, _speaker(path)))
    return found


def _by_pairs(folder: Path, language: str) -> list[Recording]:
    if not language:
        return []
    pairs = ((path, path.with_suffix(".txt")) for path in sorted(folder.rglob("*.wav")))
    texts = ((path, text.read_text(encoding="utf-8").strip()) for path, text in pairs if text.is_file())
    return [
        Recording(path, language, text, _kind(text, "", language), _speaker(path))
        for path, text in texts
        if text
    ]


def _kind(text: str, told: str, language: str) -> Kind:
    if text in _DIGITS:
        return "digit"
    if told in _SENTENCE:
        return "sentence"
    if told:
        return "word"
    long = len(text) > 8 if language.startswith("zh") else len(text.split()) > 3
    return "sentence" if long else "word"


def _speaker(path: Path) -> str:
    """Who says it, as far as a name tells: `fsdd_3_theo_25` is theo, `cmn_004` one of cmn."""
    parts = [part for part in re.split(r"[_\-.]", path.stem) if not any(letter.isdigit() for letter in part)]
    return parts[-1] if parts else ""
