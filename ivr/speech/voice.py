"""What a voice is, and how what it says becomes a telephone clip."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from ivr.speech.sound import LEVEL, TELEPHONE_RATE, Samples, active_level, levelled, to_telephone, trimmed
from ivr.speech.values import Carrier

#: Part of every clip's content hash: change it when the steps below change what is heard.
RECIPE: Final = "1"
#: A piece cut from a sentence keeps its natural level within this many dB of `LEVEL`.
NATURAL_SPAN: Final = 2.0


class Voice(Protocol):
    """Renders text ahead of time. `name` goes into the content hash of what it renders."""

    name: str
    #: Hz of what `speak` returns.
    rate: int

    def speak(self, text: str, carrier: Carrier) -> Samples:
        """The sound of `text` as said within `carrier`, cut out of it; VoiceError if it cannot be said."""
        ...


class Voices(Protocol):
    """The voices a build renders with, one a language."""

    def name(self, language: str) -> str:
        """The name of a language's voice, without loading it; VoiceError P402 if it has none."""
        ...

    def load(self, language: str) -> Voice:
        """The voice itself, loaded once; VoiceError if it is not installed."""
        ...


def telephone_clip(voice: Voice, text: str, carrier: Carrier) -> Samples:
    """8 kHz samples ready for G.711: rendered, trimmed, resampled and levelled."""
    sound = to_telephone(trimmed(voice.speak(text, carrier), voice.rate), voice.rate)
    alone = not (carrier.before or carrier.after)
    natural = float(np.clip(active_level(sound, TELEPHONE_RATE), LEVEL - NATURAL_SPAN, LEVEL))
    return levelled(sound, TELEPHONE_RATE, LEVEL if alone else natural)
