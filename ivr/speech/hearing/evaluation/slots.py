"""One answer of a caller to a question: what was understood of it, how soon, and at what cost."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import vosk

from ivr.flow.hearing import sureness
from ivr.media.g711 import FRAME
from ivr.speech.hearing.evaluation.recordings import WIDE, Recording, Wave
from ivr.speech.hearing.evaluation.telephone import LAW, through_telephone
from ivr.speech.hearing.grammar import phrases_for
from ivr.speech.hearing.listening import Listening
from ivr.speech.hearing.loaded import LoadedModel
from ivr.speech.hearing.reports import Heard
from ivr.speech.hearing.types import Expectation, Hypothesis, Understood, Word
from ivr.speech.hearing.understanding import understand

#: Choices of a menu.
CHOICES: Final = 9
#: Seconds before a caller answers, and for which one may be waited for afterwards.
LEAD, TAIL = 0.6, 3.5
#: Seconds between two digits of a number that is put together of single ones.
GAPS: Final = (0.05, 0.2)


@dataclass(frozen=True, slots=True)
class Trial:
    """A question, an answer to it, and what would be right (empty: nothing is, the caller said something else)."""

    kind: str
    language: str
    expectation: Expectation
    voice: Wave
    right: str
    name: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial. `late` is seconds from the end of speech, `cpu` and `sound` are seconds."""

    kind: str
    language: str
    verdict: str
    late: float | None
    cpu: float
    sound: float
    name: str
    heard: str
    confidence: float


def trials(recordings: Sequence[Recording], *, seed: int, strings: int) -> Iterator[Trial]:
    """Every word as a choice among others and where it is none, every digit alone, and digits put together."""
    rng = random.Random(seed)  # noqa: S311 - the same trials every time
    for language in sorted({one.language for one in recordings}):
        mine = [one for one in recordings if one.language == language]
        words = sorted({one.text for one in mine if one.kind == "word"})
        for one in (one for one in mine if one.kind == "word"):
            others = [word for word in words if word != one.text]
            rng.shuffle(others)
            menu = [one.text, *others[: CHOICES - 1]]
            yield _choice("menu word", one, menu, right="1")
            if len(others) >= CHOICES:
                yield _choice("not on the menu", one, others[:CHOICES], right="")
        digits = [one for one in mine if one.kind == "digit"]
        for one in digits:
            alone = Expectation(language, expect="digits", least=1, most=1)
            yield Trial("digit", language, alone, one.sound(), one.digit, one.path.stem)
        for length in (4, 8):
            for number in range(strings if digits else 0):
                yield _string(digits, length, rng, f"{language}-{length}-{number}")


def _choice(kind: str, one: Recording, menu: Sequence[str], *, right: str) -> Trial:
    words = {phrase: str(key) for key, phrase in enumerate(menu, 1)}
    return Trial(kind, one.language, Expectation(one.language, words), one.sound(), right, one.path.stem)


def _string(digits: Sequence[Recording], length: int, rng: random.Random, name: str) -> Trial:
    """Digits of one person, one after another."""
    speaker = rng.choice(digits).speaker
    own = [one for one in digits if one.speaker == speaker]
    chosen = [rng.choice(own) for _ in range(length)]
    parts: list[Wave] = []
    for one in chosen:
        parts += [_trimmed(one.sound()), np.zeros(round(rng.uniform(*GAPS) * WIDE), np.float32)]
    language = chosen[0].language
    wanted = Expectation(language, expect="digits", least=length, most=length)
    right = "".join(one.digit for one in chosen)
    return Trial(f"{length} digits", language, wanted, np.concatenate(parts), right, name)


def _trimmed(voice: Wave) -> Wave:
    """Without the silence before and after."""
    loud = np.flatnonzero(np.abs(voice) > 0.03 * np.abs(voice).max())
    edge = round(0.03 * WIDE)
    return voice[max(0, loud[0] - edge) : loud[-1] + edge] if len(loud) else voice


def by_telephone(model: LoadedModel, trial: Trial, snr: float | None, seed: int) -> Outcome:
    """As a line brings it: frames of G.711, until the answer is heard or nothing more comes."""
    audio = through_telephone(trial.voice, snr=snr, lead=LEAD, tail=TAIL, seed=seed)
    began = time.process_time()
    listening = Listening(model, trial.expectation, LAW)
    heard: Heard | None = None
    late = 0.0
    for start in range(0, len(audio) - FRAME + 1, FRAME):
        before = time.process_time()
        reports = listening.feed(audio[start : start + FRAME])
        heard = next((one for one in reports if isinstance(one, Heard)), None)
        if heard is not None:
            late = listening.seconds - heard.ended + time.process_time() - before
            break
    if heard is None:
        heard = next((one for one in listening.finish() if isinstance(one, Heard)), None)
    cpu = time.process_time() - began
    understood = heard.understood if heard is not None else Understood("", "", 0.0)
    return _outcome(trial, understood, late or None, cpu, listening.seconds)


def by_studio(model: LoadedModel, trial: Trial) -> Outcome:
    """At 16 kHz and in one piece, for comparison: the recogniser and the understanding alone."""
    began = time.process_time()
    phrases = phrases_for(trial.expectation, model.vocabulary)
    recogniser = vosk.KaldiRecognizer(model.model, WIDE, json.dumps(phrases, ensure_ascii=False))
    recogniser.SetWords(True)
    silence = np.zeros(WIDE // 2, np.float32)
    sound = np.concatenate((silence, trial.voice, silence))
    words: list[Word] = []
    for start in range(0, len(sound), WIDE // 5):
        piece = np.clip(sound[start : start + WIDE // 5] * 32767, -32768, 32767).astype(np.int16)
        if recogniser.AcceptWaveform(piece.tobytes()):
            words += _words(recogniser.Result())
    words += _words(recogniser.FinalResult())
    understood = understand(trial.expectation, [Hypothesis(tuple(words))])
    cpu = time.process_time() - began
    return _outcome(trial, understood, None, cpu, len(trial.voice) / WIDE)


def _words(result: str) -> list[Word]:
    return [
        Word(one["word"], float(one["conf"]), float(one["start"]), float(one["end"]))
        for one in json.loads(result).get("result", ())
    ]


def _outcome(trial: Trial, understood: Understood, late: float | None, cpu: float, sound: float) -> Outcome:
    verdict = verdict_of(trial.right, understood)
    return Outcome(
        trial.kind, trial.language, verdict, late, cpu, sound, trial.name, understood.meaning, understood.confidence
    )  # fmt: skip


def verdict_of(right: str, understood: Understood) -> str:
    """`right` or `wrong` where it is taken at once, `asked right` or `asked wrong` where it is asked back, `missed`."""
    sure = sureness(understood.confidence)
    if sure == "no" or not understood.meaning:
        return "missed"
    is_right = bool(right) and understood.meaning == right
    asked = "asked " if sure == "unsure" else ""
    return f"{asked}{'right' if is_right else 'wrong'}"
