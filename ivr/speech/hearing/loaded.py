"""A recogniser's model in memory, and what one utterance makes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from ivr.media.g711 import RATE
from ivr.speech.hearing.models import SEARCH, load_model
from ivr.speech.hearing.types import Hypothesis, Word
from ivr.speech.hearing.vocabulary import Vocabulary

#: What the recogniser says for what is none of its words.
UNKNOWN: Final = "[unk]"
#: Further readings that are asked for.
MOST_READINGS: Final = 10

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model of Vosk that is ready: made once in a process, shared by all that listen there.

    `rate` is the sample rate it is given: 8000 where its `mfcc.conf` lets it take telephone sound, else its own 16000.
    """

    language: str
    #: The model as it searches for the words of a step, and for free speech.
    model: Any
    free: Any
    rate: int
    vocabulary: Vocabulary

    @classmethod
    def load(cls, language: str, folder: Path, *, only_free: bool = False) -> LoadedModel:
        """Read it, twice where words of steps will be listened for (0.5 to 1 s and 110 to 125 MB each).

        Raises ModelError as `models.load_model`.
        """
        free = load_model(folder, language)
        model = free if only_free else load_model(folder, language, SEARCH)
        conf = (folder / "conf" / "mfcc.conf").read_text(encoding="utf-8")
        rate = RATE if "--allow-upsample=true" in conf else 2 * RATE
        return cls(language, model, free, rate, Vocabulary.of_model(model.vosk_model_find_word))

    def recogniser(self, phrases: Sequence[str]) -> Any:
        """A fresh recogniser for these phrases; without any, for free speech."""
        import vosk

        if not phrases:
            return vosk.KaldiRecognizer(self.free, self.rate)
        return vosk.KaldiRecognizer(self.model, self.rate, json.dumps(list(phrases), ensure_ascii=False))


class Utterance:
    """One utterance in a recogniser of its own: sound goes in, words come out."""

    def __init__(self, model: LoadedModel, phrases: Sequence[str]) -> None:
        self._model = model
        self._phrases = phrases
        self._recogniser = model.recogniser(phrases)
        self._recogniser.SetWords(True)
        self._resample = soxr.ResampleStream(RATE, model.rate, 1, dtype="int16", quality="LQ")
        self._sound: list[Pcm] = []
        self._words: list[Word] = []

    def take(self, sound: Pcm) -> None:
        """Take 8 kHz samples."""
        self._sound.append(sound)
        self._accept(self._at_rate(sound))

    def words(self) -> list[str]:
        """The words so far, as they may still change; `[unk]` among them."""
        partial = json.loads(self._recogniser.PartialResult())
        return [word.text for word in self._words] + str(partial.get("partial", "")).split()

    def end(self) -> Hypothesis:
        """The best reading of the whole; nothing may be taken afterwards."""
        if self._model.rate != RATE:
            self._accept(self._resample.resample_chunk(np.zeros(0, np.int16), last=True))
        self._words += _words(json.loads(self._recogniser.FinalResult()))
        return Hypothesis(tuple(self._words))

    def readings(self, most: int = MOST_READINGS) -> list[Hypothesis]:
        """The likeliest readings of the whole, best first: recognised again, for words of such have no confidence.

        Each word is given the reading's share of the likelihood of all of them.
        """
        recogniser = self._model.recogniser(self._phrases)
        recogniser.SetMaxAlternatives(most)
        recogniser.SetWords(True)
        sound = np.concatenate(self._sound) if self._sound else np.zeros(0, np.int16)
        if self._model.rate != RATE:
            sound = soxr.resample(sound, RATE, self._model.rate, quality="LQ")
        recogniser.AcceptWaveform(sound.astype(np.int16).tobytes())
        return _readings(json.loads(recogniser.FinalResult()).get("alternatives", ()))

    def freely(self) -> Hypothesis:
        """The best reading of the whole without regard to the phrases: at ten times the cost."""
        free = Utterance(self._model, ())
        for sound in self._sound:
            free.take(sound)
        return free.end()

    def _at_rate(self, sound: Pcm) -> Pcm:
        if self._model.rate == RATE:
            return sound
        return np.asarray(self._resample.resample_chunk(sound), dtype=np.int16)

    def _accept(self, sound: Pcm) -> None:
        """The recogniser has an idea of its own of where an utterance ends, after which it begins anew."""
        if len(sound) and self._recogniser.AcceptWaveform(sound.tobytes()):
            self._words += _words(json.loads(self._recogniser.Result()))


def _words(result: Any) -> list[Word]:
    return [
        Word(one["word"], float(one.get("conf", 0.0)), float(one["start"]), float(one["end"]))
        for one in result.get("result", ())
    ]


def _readings(alternatives: Sequence[Any]) -> list[Hypothesis]:
    """Readings with their share; the scores are logarithms of likelihoods."""
    if not alternatives:
        return []
    best = max(float(one["confidence"]) for one in alternatives)
    likely = [math.exp(float(one["confidence"]) - best) for one in alternatives]
    total = sum(likely)
    return [
        Hypothesis(
            tuple(
                Word(word["word"], share / total, float(word["start"]), float(word["end"]))
                for word in one.get("result", ())
            ),
            score=float(one["confidence"]),
        )
        for one, share in zip(alternatives, likely, strict=True)
    ]
