"""What a telephone on the command line does in a call, in words: `wait:3 1 until-silence 86001234# hangup`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import LineError

_KEYS = re.compile(r"[0-9*#A-Da-d]+")
#: Seconds of quiet that `until-silence` waits for, unless it says itself.
QUIET = 1.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class UntilSilence:
    """Wait until something was heard, and then nothing for so many seconds."""

    seconds: float = QUIET


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, one after another."""

    keys: str


@dataclass(frozen=True, slots=True)
class Play:
    """Speak what is in a WAV file, to its end."""

    path: Path


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step = Wait | UntilSilence | Press | Play | HangUp


def parse_script(text: str) -> tuple[Step, ...]:
    """Read a script: words apart by blanks. Raises LineError (H220) naming the word and what may stand there.

    `wait:SECONDS`, `until-silence`, `until-silence:SECONDS`, `play:FILE`, `hangup`, and keys (0-9 * # A-D).
    """
    return tuple(_step(word, place) for place, word in enumerate(text.split(), start=1))


def _step(word: str, place: int) -> Step:
    name, _, value = word.partition(":")
    if name == "wait":
        return Wait(_seconds(value, word, place))
    if name == "until-silence":
        return UntilSilence(_seconds(value, word, place) if value else QUIET)
    if name == "play" and value:
        return Play(Path(value))
    if word == "hangup":
        return HangUp()
    if _KEYS.fullmatch(word):
        return Press(word.upper())
    raise _wrong(word, place)


def _seconds(value: str, word: str, place: int) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise _wrong(word, place) from None
    if not 0 <= seconds <= 3600:
        raise _wrong(word, place)
    return seconds


def _wrong(word: str, place: int) -> LineError:
    return LineError(
        f"word {place} of the keys, {word!r}, is not understood; write wait:SECONDS, until-silence[:SECONDS],"
        " play:FILE, hangup, or keys (0-9 * # A-D)",
        code="H220",
    )
