"""A placeholder voice: espeak-ng, run as a program, for languages that no good voice speaks.

It lets a company hear where its own recordings will stand. Its clips never go among the rendered ones: they lie in a
folder of their own, and are heard only where `HOTLINE_PLACEHOLDER_VOICES` names the language.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Mapping

import numpy as np
import soundfile

from ivr.speech.errors import VoiceError
from ivr.speech.sound import Samples
from ivr.speech.values import Carrier


class PlaceholderVoices:
    """`Voices` of espeak-ng; `told` gives what a language's folder says of its voice (`voice: {espeak: yue}`)."""

    def __init__(self, told: Callable[[str], Mapping[str, str]]) -> None:
        self._told = told

    def name(self, language: str) -> str:
        """See `Voices.name`."""
        name = self._told(language).get("espeak")
        if not name:
            message = f"{language} has no placeholder voice; name one in language.yaml: voice: {{espeak: …}}"
            raise VoiceError(message, code="P402")
        return f"placeholder-{name}"

    def load(self, language: str) -> PlaceholderVoice:
        """See `Voices.load`; P403 without espeak-ng."""
        return PlaceholderVoice(self.name(language).removeprefix("placeholder-"))


class PlaceholderVoice:
    """One language of espeak-ng."""

    rate = 22_050

    def __init__(self, voice: str) -> None:
        program = shutil.which("espeak-ng")
        if program is None:
            raise VoiceError("the placeholder voice needs espeak-ng: apt-get install espeak-ng", code="P403")
        self._program = program
        self._voice = voice
        self.name = f"placeholder-{voice}"

    def speak(self, text: str, carrier: Carrier) -> Samples:
        """See `Voice.speak`. A text is said by itself, whatever its sentence."""
        done = subprocess.run(  # noqa: S603 - a fixed program, the text is one argument
            [self._program, "-v", self._voice, "-s", "150", "--stdout", "--", text],
            capture_output=True,
            check=False,
        )
        if done.returncode or not done.stdout:
            raise VoiceError(f"espeak-ng cannot say {text!r} with its voice {self._voice}", code="P404")
        samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
        if rate != self.rate or not samples.any():
            raise VoiceError(f"nothing in {text!r} can be said", code="P404")
        return np.asarray(samples, np.float32)
