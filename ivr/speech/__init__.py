"""What callers hear: the prompt catalogue, spoken values, clips, and the voice that renders them ahead of time.

`PromptCatalogue` holds the texts, `Speaker` turns phrases into clips during a call, `build` and `check` keep
the clips in step with the texts. `docs/prompts.md` is the reader's page of the same.
"""

from ivr.speech.build import BuildReport, build
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.check import check
from ivr.speech.clips import ClipStore
from ivr.speech.errors import ClipError, PromptErrors, SpeechError, VoiceError
from ivr.speech.pieces import Piece
from ivr.speech.speaker import Rendered, Speaker
from ivr.speech.voice import Voice, Voices

__all__ = [
    "BuildReport",
    "ClipError",
    "ClipStore",
    "Piece",
    "PromptCatalogue",
    "PromptErrors",
    "Rendered",
    "Speaker",
    "SpeechError",
    "Voice",
    "VoiceError",
    "Voices",
    "build",
    "check",
]
