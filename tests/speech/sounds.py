"""Fakes and sounds for the speech tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from ivr.speech.sound import Samples
from ivr.speech.values import Carrier


def tone(seconds: float, rate: int = 8000, level: float = 0.1, hertz: float = 440.0) -> Samples:
    """A steady tone of amplitude `level`."""
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * np.sin(2 * np.pi * hertz * at), dtype=np.float32)


def write_tone(path: Path, seconds: float = 0.5, rate: int = 8000, level: float = 0.141) -> None:
    """A WAV file of a tone; 0.141 is -20 dBFS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, rate, level), rate)


class ToneVoice:
    """A fake voice: hums 0.1 s for each character and keeps what it was asked for."""

    rate = 16_000

    def __init__(self, name: str = "hum") -> None:
        self.name = name
        self.said: list[str] = []

    def speak(self, text: str, carrier: Carrier) -> Samples:
        self.said.append(text)
        return tone(0.1 * len(text), self.rate)


class OneVoice:
    """Voices that have the same fake voice for every language."""

    def __init__(self, voice: ToneVoice) -> None:
        self.voice = voice

    def name(self, language: str) -> str:
        return self.voice.name

    def load(self, language: str) -> ToneVoice:
        return self.voice
