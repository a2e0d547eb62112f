"""Who answered: told from the sound alone, on the way, while the flow already speaks.

A person says a word or two and waits; a machine talks on; a fax calls with its tone; an announcement of the network
begins with three notes. After a machine's greeting comes a tone: then a message may be left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law

Who = Literal["person", "machine", "fax", "announcement"]

#: Seconds of a frame.
_FRAME: Final = FRAME / RATE
#: A frame quieter than this (dB below full scale) is silence; a voice stands so far above the line's noise.
_QUIETEST: Final = -46.0
_ABOVE_NOISE: Final = 10.0
#: How fast the noise is taken to rise: dB a frame.
_NOISE_RISE: Final = 0.06
#: Share of a frame's energy in one narrow band before it counts as a tone, and how far tones may drift (Hz).
_TONE_SHARE: Final = 0.85
_DRIFT: Final = 30.0
_BEEP: Final = (350.0, 2300.0)
#: Notes of special information tones (ITU-T E.180): the first is one of two, then 1429 and 1777 Hz.
_SIT: Final = (950.0, 1429.0, 1777.0)
#: Calling tone and answering tone of a fax (ITU-T T.30): Hz and seconds that must be heard.
_CNG: Final = 1100.0
_CED: Final = 2100.0

_WINDOW: Final = np.hanning(FRAME + 1)[:FRAME]
_SIZE: Final = 512


@dataclass(frozen=True, slots=True)
class Ears:
    """What decides, in seconds.

    A first utterance shorter than `word` that is followed by `pause` of silence is a person's. Speech of `greeting`
    in a first turn is likely a machine's, one of `speech` surely; pauses up to `gap` do not end a turn. A tone of at
    least `tone` after speech is a machine's signal.
    """

    word: float = 1.9
    pause: float = 0.9
    gap: float = 0.5
    greeting: float = 2.6
    speech: float = 5.5
    tone: float = 0.16
    fax: float = 0.4
    give_up: float = 45.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Something was made out: who it is, whether that is sure, and `tone`: a message may begin now."""

    who: Who
    sure: bool = False
    tone: bool = False


class AnswerDetector:
    """Listens to what comes from the other side, frame by frame. `law` of the frames may change."""

    def __init__(self, law: Law, ears: Ears | None = None) -> None:
        self.law = law
        self._ears = ears or Ears()
        self._now = 0.0
        self._noise = -60.0
        #: Seconds of voice in the first turn, of silence since, and of voice altogether.
        self._turn = self._silence = self._voice = 0.0
        self._turn_over = False
        self._pitch, self._held = 0.0, 0.0
        self._notes: list[float] = []
        self._told: set[Heard] = set()

    @property
    def heard_voice(self) -> bool:
        """Whether anybody spoke at all."""
        return self._voice > 0.1

    def feed(self, frame: bytes) -> Heard | None:
        """What was made out with this 160-byte frame, each thing once."""
        self._now += _FRAME
        if self._now > self._ears.give_up:
            return None
        samples = g711.decode(frame, self.law).astype(np.float64)
        level = _level(samples)
        pitch = _pitch(samples) if level > _QUIETEST else 0.0
        found = self._tone(pitch) if pitch or self._held else None
        if not pitch:
            found = found or self._speech(self._is_voice(level))
        if found is None or found in self._told:
            return None
        self._told.add(found)
        return found

    # Voice and silence

    def _is_voice(self, level: float) -> bool:
        self._noise = min(level, self._noise + _NOISE_RISE) if level > self._noise else level
        self._noise = max(self._noise, -70.0)
        return level > max(_QUIETEST, min(self._noise + _ABOVE_NOISE, -30.0))

    def _speech(self, voice: bool) -> Heard | None:
        ears = self._ears
        if voice:
            if not self._turn_over:
                # A pause within a turn belongs to it: a machine's greeting has several.
                self._turn += _FRAME + (self._silence if self._turn and self._silence <= ears.gap else 0.0)
            self._voice += _FRAME
            self._silence = 0.0
            return self._long()
        self._silence += _FRAME
        if self._turn and not self._turn_over and self._silence > ears.pause:
            self._turn_over = True
            return Heard("person") if self._turn <= ears.word else None
        return None

    def _long(self) -> Heard | None:
        if self._turn_over:
            return None
        if self._turn >= self._ears.speech:
            return Heard("machine", sure=True)
        return Heard("machine") if self._turn >= self._ears.greeting else None

    # Tones

    def _tone(self, pitch: float) -> Heard | None:
        """A tone goes on, begins, or has ended."""
        if pitch and self._held and abs(pitch - self._pitch) <= _DRIFT:
            self._held += _FRAME
            return self._held_tone()
        ended, length = self._pitch, self._held
        self._pitch, self._held = pitch, _FRAME if pitch else 0.0
        return self._ended_tone(ended, length) if length else None

    def _held_tone(self) -> Heard | None:
        if self._held >= self._ears.fax and (
            abs(self._pitch - _CNG) <= _DRIFT or abs(self._pitch - _CED) <= _DRIFT
        ):
            return Heard("fax", sure=True)
        return None

    def _ended_tone(self, pitch: float, length: float) -> Heard | None:
        if length < self._ears.tone:
            return None
        self._notes.append(pitch)
        if _is_announcement(self._notes[-3:]):
            return Heard("announcement", sure=True)
        spoken = self._turn >= self._ears.word or self._voice >= self._ears.greeting
        if spoken and _BEEP[0] <= pitch <= _BEEP[1]:
            return Heard("machine", sure=True, tone=True)
        return None


def _level(samples: NDArray[np.float64]) -> float:
    power = float(samples @ samples) / (FRAME * 32768.0**2)
    return 10 * float(np.log10(max(power, 1e-9)))


def _pitch(samples: NDArray[np.float64]) -> float:
    """The frequency of a frame that is one clean tone, else 0."""
    power = np.abs(np.fft.rfft(samples * _WINDOW, _SIZE)) ** 2
    power[:10] = 0.0
    total = float(power.sum())
    if total <= 0:
        return 0.0
    peak = int(power.argmax())
    lobe = float(power[max(0, peak - 7) : peak + 8].sum())
    return peak * RATE / _SIZE if lobe >= _TONE_SHARE * total else 0.0


def _is_announcement(notes: list[float]) -> bool:
    return len(notes) == 3 and all(
        abs(note - wanted) <= 60.0 for note, wanted in zip(notes, _SIT, strict=True)
    )
