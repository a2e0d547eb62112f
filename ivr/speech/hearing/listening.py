"""Follows one caller's sound through a step: when they speak, what they said, and that they begin to, as typed values.

`Listening` is the whole of it, without threads, clocks or I/O: frames in, reports out. The recogniser's processes run it
for calls, and the evaluation runs it on recordings, so that what is measured is what callers meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ivr.media import g711
from ivr.media.g711 import FRAME, FRAME_SECONDS, Law
from ivr.speech.hearing.ending import Ending
from ivr.speech.hearing.grammar import nobodys_words, phrases_for
from ivr.speech.hearing.loaded import UNKNOWN, LoadedModel, Pcm, Utterance
from ivr.speech.hearing.noise import NoiseReducer
from ivr.speech.hearing.reports import Began, Dismissed, Heard, Report
from ivr.speech.hearing.types import Expectation, Hypothesis, Understood
from ivr.speech.hearing.understanding import understand
from ivr.speech.hearing.values import FIGURES
from ivr.speech.hearing.voice_activity import VoiceActivity

#: Frames before a voice that are recognised with it: the first consonant is softer than what makes a voice (0.4 s).
BEFORE: Final = 20
#: A voice begins with so many frames of it among so many, one of them with a pitch.
VOICE_FRAMES, OF_FRAMES = 4, 8
#: Frames with a pitch that somebody who says anything makes: a cough, a door or a crackle makes fewer (80 ms).
SYLLABLE: Final = 4
#: Frames with a pitch after which a caller is believed to speak: with words of the step; when nothing is played; and
#: where they may say anything and say enough.
SURE_FRAMES: Final = 8
QUIET_FRAMES: Final = 10
FREE_FRAMES: Final = 15
MUCH_FRAMES: Final = 30
#: Words after which a caller who may say anything is believed to speak.
FREE_WORDS: Final = 2
#: Frames between two looks at what has been recognised so far (0.12 s), unless the answer may be over.
LOOK: Final = 6
#: Frames for which a prompt's end still counts as playing (0.3 s): its echo is under way.
ECHOING: Final = 15
#: Frames with a pitch from which speech without any known word is an answer that was not understood.
SPEECH: Final = 20
#: Seconds of one utterance, at most; of one that may be anything.
LONGEST, LONGEST_FREE = 20.0, 45.0
#: Confidence below which further readings of a number are asked for.
DOUBT: Final = 0.95
#: What is made of digits; a wrong one among them goes unnoticed, so other readings are worth their time.
_NUMBERS: Final = frozenset({"digits", "code", "integer", "money", "date", "time", "phone", "secret"})


Understand = Callable[[Expectation, Sequence[Hypothesis]], Understood]


@dataclass(slots=True)
class _Speech:
    """An utterance under way. Frames are counted from the beginning of the listening."""

    utterance: Utterance
    began: int
    last_voice: int
    voiced: int = 0
    #: Whether something was played meanwhile.
    over_prompt: bool = False
    told: bool = False
    looked_at: int = 0
    words: list[str] = field(default_factory=list, repr=False)
    #: When the words last changed.
    changed: int = 0


class Listening:
    """One step's ears: feed it 20 ms frames of G.711 in `law`, and with each what the caller heard meanwhile."""

    def __init__(
        self, model: LoadedModel, expectation: Expectation, law: Law, *, understand: Understand = understand
    ) -> None:
        self._model = model
        self._expectation = expectation
        self._law = law
        self._understand = understand
        #: Whether nothing is known of what may be said. Where the step has words too, they are listened for first,
        #: at a tenth of the cost; only what they do not explain is recognised freely, once it is over.
        self._free = expectation.expect == "anything" and not expectation.words
        self._phrases = () if self._free else tuple(phrases_for(expectation, model.vocabulary))
        #: What is heard for sounds that are none of the step's words.
        self._strange = frozenset((UNKNOWN, *(() if self._free else nobodys_words(expectation))))
        self._ending = Ending(expectation)
        self._longest = round((LONGEST_FREE if self._free else LONGEST) / FRAME_SECONDS)
        self._activity = VoiceActivity(law)
        self._reducer = NoiseReducer()
        self._before: deque[Pcm] = deque(maxlen=BEFORE)
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=OF_FRAMES)
        self._fed = 0
        self._played_at = -ECHOING
        self._speech: _Speech | None = None

    @property
    def seconds(self) -> float:
        """How much was fed."""
        return self._fed * FRAME_SECONDS

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._speech is not None

    def feed(self, frame: bytes, played: bytes = b"") -> list[Report]:
        """Take 160 bytes of what the caller said, and what was played to them meanwhile (empty: silence)."""
        self._fed += 1
        if played:
            self._played_at = self._fed
        found = self._activity.feed(frame, played)
        sound = self._reducer.feed(g711.decode(frame, self._law))
        self._recent.append((found.voice, found.voiced))
        speech = self._speech
        if speech is None:
            self._before.append(sound)
            return self._perhaps_begin()
        speech.utterance.take(sound)
        speech.voiced += found.voiced
        speech.over_prompt = speech.over_prompt or self._prompted
        if found.voice:
            speech.last_voice = self._fed
        return self._go_on(speech)

    def finish(self) -> list[Report]:
        """No more will come: what was being said ends here."""
        return [] if self._speech is None else self._end(self._speech)

    @property
    def _prompted(self) -> bool:
        return self._fed - self._played_at < ECHOING

    # One utterance

    def _perhaps_begin(self) -> list[Report]:
        voices = sum(voice for voice, _ in self._recent)
        if voices < VOICE_FRAMES or not any(voiced for _, voiced in self._recent):
            return []
        speech = _Speech(
            Utterance(self._model, self._phrases),
            began=self._fed - len(self._recent),
            last_voice=self._fed,
            voiced=sum(voiced for _, voiced in self._recent),
            over_prompt=self._prompted,
        )
        self._speech = speech
        speech.utterance.take(np.concatenate(self._before))
        self._before.clear()
        return []

    def _go_on(self, speech: _Speech) -> list[Report]:
        if self._fed - speech.began >= self._longest:
            return self._end(speech)
        quiet = (self._fed - speech.last_voice) * FRAME_SECONDS
        perhaps_over = bool(speech.words) and quiet >= self._ending.pause(speech.words)
        if self._fed - speech.looked_at < LOOK and not perhaps_over:
            return []
        speech.looked_at = self._fed
        before = self._known(speech.words)
        words = speech.utterance.words()
        if words != speech.words:
            speech.words, speech.changed = words, self._fed
        reports = self._perhaps_tell(speech, before)
        still = (self._fed - max(speech.changed, speech.began)) * FRAME_SECONDS
        if self._ending.reached(speech.words, quiet, still):
            reports += self._end(speech)
        return reports

    def _perhaps_tell(self, speech: _Speech, before: Sequence[str]) -> list[Report]:
        if speech.told or not self._surely_speaks(speech, before):
            return []
        speech.told = True
        return [Began(speech.began * FRAME_SECONDS)]

    def _surely_speaks(self, speech: _Speech, before: Sequence[str]) -> bool:
        """Words that stood at the last look too, and a voice of some length; either is made of noise now and then."""
        if not speech.over_prompt:
            return speech.voiced >= QUIET_FRAMES
        stood = [was for was, now in zip(before, self._known(speech.words), strict=False) if was == now]
        if self._free:
            return len(stood) >= FREE_WORDS and speech.voiced >= FREE_FRAMES
        return (bool(stood) and speech.voiced >= SURE_FRAMES) or (
            self._expectation.expect == "anything" and speech.voiced >= MUCH_FRAMES
        )

    def _end(self, speech: _Speech) -> list[Report]:
        self._speech = None
        self._recent.clear()
        began, ended = speech.began * FRAME_SECONDS, speech.last_voice * FRAME_SECONDS
        best = speech.utterance.end()
        understood = self._made_out(speech, best)
        if speech.told or understood is not None:
            return [Heard(understood or Understood("", "", 0.0), began, ended)]
        return [Dismissed(began, ended)]

    def _made_out(self, speech: _Speech, best: Hypothesis) -> Understood | None:
        """What it meant; None if nobody said anything to us."""
        if speech.voiced < SYLLABLE:
            return None
        if self._expectation.expect == "anything" and not self._free:
            return self._routed(speech, best)
        known = bool(self._known([word.text for word in best.words]))
        if known or self._perhaps_number(speech):
            understood = self._value_or_phrase(speech, best)
            if known or understood.meaning:
                return understood
        unknown = speech.voiced >= SPEECH and not speech.over_prompt
        return Understood("", "", 0.0) if unknown else None

    def _perhaps_number(self, speech: _Speech) -> bool:
        """Whether figures may have been said where none were heard: other readings of a noisy line often have them."""
        heard = speech.told or not speech.over_prompt
        return self._expectation.expect in FIGURES and heard and speech.voiced >= SURE_FRAMES

    def _value_or_phrase(self, speech: _Speech, best: Hypothesis) -> Understood:
        understood = self._understand(self._expectation, [best])
        if self._expectation.expect in _NUMBERS and understood.confidence < DOUBT:
            others = [one for one in speech.utterance.readings() if one.text != best.text]
            understood = self._understand(self._expectation, [best, *others])
        return understood

    def _known(self, words: Sequence[str]) -> list[str]:
        """Those that are words of the step."""
        return [word for word in words if word not in self._strange]

    def _routed(self, speech: _Speech, best: Hypothesis) -> Understood | None:
        """Of a free question: its words as far as they explain all that was said, else whatever was said."""
        said = [word.text for word in best.words]
        understood = self._understand(self._expectation, [best])
        if understood.meaning and self._strange.isdisjoint(said) and understood.confidence >= DOUBT:
            return understood
        if not self._known(said) and (speech.voiced < SPEECH or (speech.over_prompt and not speech.told)):
            return None
        free = speech.utterance.freely()
        if not free.words:
            return understood if understood.meaning else None
        other = self._understand(self._expectation, [free])
        return understood if understood.meaning and understood.confidence > other.confidence else other


def frames_of(audio: bytes) -> list[bytes]:
    """G.711 cut into frames; what is left over is left out."""
    return [audio[start : start + FRAME] for start in range(0, len(audio) - FRAME + 1, FRAME)]
