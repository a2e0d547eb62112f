"""Whether a recording can be put before callers, and what to do where it cannot; and the clip that comes of it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from ivr.media.clip import Clip
from ivr.speech.errors import ClipError
from ivr.speech.sound import Samples, active_level, levelled, read_sound, to_samples, to_telephone, trimmed

#: The longest recording that is taken, in seconds, and the shortest that can be speech.
LONGEST: Final = 180.0
SHORTEST: Final = 0.1
#: Speech quieter than this (dBFS) is noise, or a microphone that was off.
QUIETEST: Final = -55.0
#: Speech quieter than this (dBFS) would bring its noise with it when it is made louder.
QUIET: Final = -45.0
#: A share of samples that lie on a flat top: the microphone or the line was overdriven.
MOST_CLIPPED: Final = 0.002
#: Speech takes about this long: seconds for a Chinese character or a digit, and for a letter of other scripts.
_CHARACTER, _LETTER = 0.24, 0.065
#: How much faster and slower than that is still taken for the same text, and seconds that do not count.
FASTEST, SLOWEST, SPARE = 0.35, 3.0, 1.5


def telephone_recording(sound: Path, text: str = "") -> Clip:
    """A sound file as a clip for the telephone: mono, trimmed, levelled, 8 kHz. `text` is what it should say.

    Raises ClipError: P301 no sound file, P304 too long, too short to be speech or silent, P305 too quiet, P306
    overdriven, P307 too short for its text, P308 too long for its text.
    """
    _check_length(sound)
    samples, rate = read_sound(sound)
    _check_level(samples, rate)
    _check_clipping(samples)
    samples = trimmed(to_telephone(samples, rate), 8000)
    if samples.size < SHORTEST * 8000:
        raise ClipError("the recording is too short to be speech", code="P304")
    _check_against(text, samples.size / 8000)
    return Clip.from_samples(to_samples(levelled(samples, 8000)))


def _check_length(sound: Path) -> None:
    try:
        seconds = soundfile.info(sound).duration
    except (OSError, soundfile.LibsndfileError) as error:
        raise ClipError(
            "this is not a sound file that can be read; use WAV, FLAC, OGG or MP3", code="P301"
        ) from error
    if seconds > LONGEST:
        raise ClipError(f"the recording lasts {seconds:.0f} s; {LONGEST:.0f} s at most", code="P304")


def _check_level(samples: Samples, rate: int) -> None:
    level = active_level(samples, rate) if samples.size and np.isfinite(samples).all() else -120.0
    if level < QUIETEST:
        raise ClipError("nothing can be heard in the recording; is the microphone on?", code="P304")
    if level < QUIET:
        raise ClipError(
            f"the speech is too quiet ({level:.0f} dBFS): speak closer to the microphone, or turn it up",
            code="P305",
        )


def _check_clipping(samples: Samples) -> None:
    """Flat tops: three samples or more in a row at the very peak of a loud recording."""
    loud = np.abs(samples)
    peak = float(loud.max(initial=0.0))
    if peak < 0.5:
        return
    flat = loud >= 0.99 * peak
    runs = flat[:-2] & flat[1:-1] & flat[2:]
    if runs.mean() > MOST_CLIPPED:
        raise ClipError(
            "the recording is overdriven: speak further from the microphone, or turn it down", code="P306"
        )


def _check_against(text: str, seconds: float) -> None:
    expected = spoken_seconds(text)
    if expected and seconds < FASTEST * expected:
        raise ClipError(
            f"the recording lasts {seconds:.1f} s, too short for its text: was all of it said? Record it again",
            code="P307",
        )
    if expected and seconds > SLOWEST * expected + SPARE:
        raise ClipError(
            f"the recording lasts {seconds:.1f} s, too long for its text: is there more in it than the text?"
            " Record it again, or cut it",
            code="P308",
        )


def spoken_seconds(text: str) -> float:
    """About how long a text takes to be said; 0 for a text without words."""
    return sum(_seconds(char) for char in text)


def _seconds(char: str) -> float:
    if char.isdigit() or "\u3400" <= char <= "\u9fff":
        return _CHARACTER
    return _LETTER if unicodedata.category(char)[0] == "L" else 0.0
