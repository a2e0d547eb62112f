"""Recordings of a simulated leg: when they end, and a valid file with what the caller said in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ivr.clock import Clock, TimerHandle
from ivr.lines.base import RecordEnd, RecordEnded, RecordRequest
from ivr.media import g711, tones
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, RATE, Law
from ivr.media.recorder import TAIL
from ivr.media.wav import write_g711

_LAW = Law.MU


@dataclass(slots=True)
class Span:
    """The caller speaks, from `start` for as long as the sound lasts, or until `cut_at`."""

    start: float
    sound: Clip
    cut_at: float | None = None

    @property
    def end(self) -> float:
        """When it is over."""
        natural = self.start + self.sound.seconds
        return natural if self.cut_at is None else min(natural, self.cut_at)


@cache
def _second_of_voice() -> bytes:
    """One second that sounds like somebody speaking: noise that swells four times; always the same."""
    noise = np.random.default_rng(7).standard_normal(RATE) * 0.1
    swell = np.abs(np.sin(4 * np.pi * np.arange(RATE) / RATE)) + 0.15
    return g711.encode((np.clip(noise * swell, -1, 1) * 32767).astype(np.int16), _LAW)


def voice(seconds: float) -> Clip:
    """A voice-like sound of `seconds`, rounded up to whole frames."""
    size = -int(-seconds * RATE // FRAME) * FRAME
    second = _second_of_voice()
    return Clip((second * (size // RATE + 1))[:size], _LAW, name="voice")


class ScriptRecording:
    """One recording: begins after the beep, ends as a real one does; `ended` is told once."""

    def __init__(self, request: RecordRequest, clock: Clock, *, ended: Callable[[RecordEnded], None]) -> None:
        self.request = request
        self._clock = clock
        self._ended = ended
        self._spans: list[Span] = []
        self._done = False
        self._timer: TimerHandle | None = None
        self._start = clock.time() + (tones.beep().seconds if request.beep else 0.0)
        self.plan()

    def hear(self, span: Span) -> None:
        """The caller speaks."""
        self._spans.append(span)
        self.plan()

    def end(self, why: RecordEnd) -> None:
        """Write the file and tell. Harmless if it has ended."""
        if self._done:
            return
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
        audio = self._audio()
        try:
            self.request.path.parent.mkdir(parents=True, exist_ok=True)
            write_g711(self.request.path, audio, _LAW)
        except OSError:
            audio, why = b"", "storage"
        self._ended(RecordEnded(self.request.recording, len(audio) / RATE, why, self.request.path))

    def _heard(self) -> list[Span]:
        return [span for span in self._spans if span.end > self._start]

    def plan(self) -> None:
        """Set the timer to the next moment at which it may end; again when a span was cut."""
        if self._timer is not None:
            self._timer.cancel()
        due, why = self._due()
        self._timer = self._clock.call_at(due, lambda: self.end(why))

    def _due(self) -> tuple[float, RecordEnd]:
        heard = self._heard()
        quiet_at = max((span.end for span in heard), default=self._start)
        quiet_at += self.request.silence * (1 if heard else 2)
        longest_at = self._start + self.request.longest
        return (longest_at, "longest") if longest_at <= quiet_at else (quiet_at, "silence")

    def _audio(self) -> bytes:
        """Silence with the caller's words in their places, trimmed after the last of them."""
        now = min(self._clock.time(), self._start + self.request.longest)
        heard = [span for span in self._heard() if span.start < now]
        if not heard:
            return b""
        last = min(now, max(span.end for span in heard))
        size = round((min(now, last + TAIL) - self._start) * RATE / FRAME) * FRAME
        audio = bytearray(g711.SILENCE[_LAW] * (size // FRAME))
        for span in heard:
            self._lay(audio, span, min(span.end, now))
        return bytes(audio)

    def _lay(self, audio: bytearray, span: Span, end: float) -> None:
        """Put one span's sound into the audio, cut where it begins or ends outside."""
        at = round((span.start - self._start) * RATE)
        sound = span.sound.frames(_LAW)[: round((end - span.start) * RATE)]
        sound = sound[max(0, -at) :]
        at = max(0, at)
        sound = sound[: len(audio) - at]
        audio[at : at + len(sound)] = sound
