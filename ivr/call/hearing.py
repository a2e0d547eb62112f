"""A call's ears: what the caller says, from the leg's frames to the recognisers and back as messages to the call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from ivr.clock import Clock
from ivr.flow.instructions import Listen
from ivr.lines.base import Leg
from ivr.lines.port_leg import PortLeg
from ivr.media import g711
from ivr.speech.hearing.metrics import SpeechMetrics
from ivr.speech.hearing.pool import Handle, Lost, RecogniserPool, seconds_ago
from ivr.speech.hearing.reports import Began, Dismissed, Heard, Report
from ivr.speech.hearing.types import Expectation, Understood

#: Frames that are kept for the next listening, so that a caller may begin a little before it (0.4 s).
PRE_ROLL: Final = 20


@dataclass(frozen=True, slots=True)
class SpeakingBegan:
    """The caller speaks. `listening` is the number of the listening that noticed; a later one has made it stale."""

    listening: int


@dataclass(frozen=True, slots=True)
class Said:
    """The caller has said something; `began` and `ended` on the leg's clock."""

    listening: int
    understood: Understood = field(repr=False)
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class NotHeard:
    """Speech cannot be heard for the rest of this listening."""

    listening: int
    why: Lost


Told = SpeakingBegan | Said | NotHeard


class Ears(Protocol):
    """What a call asks of its ears; all in the loop's thread."""

    @property
    def listening(self) -> int:
        """The number of the listening that goes on; 0 for none."""

    def listen(self, wanted: Listen) -> None:
        """Listen for the answer of a step, instead of what was listened for before."""

    def stop(self) -> None:
        """Listen no more, until the next `listen`."""

    def close(self) -> None:
        """The call is over."""


class Deaf:
    """Ears of a call without frames, or of a hotline that hears no speech."""

    listening = 0

    def listen(self, wanted: Listen) -> None:
        """Nothing is heard, and nobody need be told: the keys are there."""

    def stop(self) -> None:
        """Nothing to stop."""

    def close(self) -> None:
        """Nothing to give back."""


class Hears(Protocol):
    """Gives a call its ears."""

    @property
    def hears(self) -> bool:
        """Whether callers may speak at all."""

    def ears(self, leg: Leg, tell: Callable[[Told], None]) -> Ears:
        """For one call; `tell` is called in the loop."""


class HearsNothing:
    """A hotline on keys alone."""

    hears = False

    def ears(self, leg: Leg, tell: Callable[[Told], None]) -> Ears:
        """None to speak of."""
        return Deaf()


class HearsSpeech:
    """A hotline with recognisers. Lines without frames bring words of their own, if any."""

    hears = True

    def __init__(self, pool: RecogniserPool, metrics: SpeechMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    def ears(self, leg: Leg, tell: Callable[[Told], None]) -> Ears:
        """Ears on the leg's port, from now on."""
        return PortEars(leg, self._pool, self._metrics, tell) if isinstance(leg, PortLeg) else Deaf()


class PortEars:
    """Ears of a leg that carries frames.

    `_frame` runs where the frames come from, which may be another thread: it appends to one of two bounded queues.
    """

    def __init__(
        self, leg: PortLeg, pool: RecogniserPool, metrics: SpeechMetrics, tell: Callable[[Told], None]
    ) -> None:
        self._port = leg.port
        self._clock: Clock = leg.clock
        self._pool = pool
        self._metrics = metrics
        self._tell = tell
        self._open: _Open | None = None
        self._numbers = 0
        #: The last frames that nobody has listened to.
        self._held: deque[tuple[bytes, bytes]] = deque(maxlen=PRE_ROLL)
        self._port.listen(self._frame)

    @property
    def listening(self) -> int:
        """The number of the listening that goes on, also where nobody can hear it."""
        return 0 if self._open is None else self._open.number

    def listen(self, wanted: Listen) -> None:
        """Begin; where nobody can listen, the call is told why."""
        self.stop()
        if not wanted.speech:
            return
        self._numbers += 1
        opened = _Open(self, self._numbers, self._port.law, self._clock)
        self._open = opened
        opened.handle = self._pool.open(_expectation(wanted, self._clock), opened.law, opened.hear)
        if opened.handle is None:
            return
        for frame in tuple(self._held):
            opened.put(*frame)
        self._held.clear()

    def stop(self) -> None:
        """Listen no more."""
        opened, self._open = self._open, None
        if opened is not None and opened.handle is not None:
            opened.handle.close()

    def close(self) -> None:
        """Give everything back."""
        self.stop()
        self._port.stop_listening(self._frame)
        self._held.clear()

    def _frame(self, frame: bytes) -> None:
        played = self._port.sounding
        opened = self._open
        if opened is None or opened.handle is None:
            self._held.append((frame, played))
        else:
            opened.put(g711.convert(frame, self._port.law, opened.law), played)

    def told(self, opened: _Open, report: Report | Lost) -> None:
        """Of a listening; one that was replaced meanwhile is heard no more."""
        if opened is not self._open:
            return
        match report:
            case Began():
                self._tell(SpeakingBegan(opened.number))
            case Heard(understood=understood, began=began, ended=ended):
                at, until = opened.moment(began), opened.moment(ended)
                self._metrics.utterance("understood" if understood.meaning else "not_understood")
                self._metrics.recognised(self._clock.time() - until)
                self._tell(Said(opened.number, understood, at, until))
            case Dismissed():
                self._metrics.utterance("dismissed")
            case _:
                self._tell(NotHeard(opened.number, report))


class _Open:
    """One listening: how much was fed to it, and when."""

    def __init__(self, ears: PortEars, number: int, law: g711.Law, clock: Clock) -> None:
        self._ears = ears
        self.number = number
        self.law = law
        self.handle: Handle | None = None
        self._clock = clock
        self._fed = 0
        self._last = clock.time()

    def put(self, frame: bytes, played: bytes) -> None:
        """A frame of the caller; on the clock's side."""
        assert self.handle is not None  # noqa: S101  # it is set before any frame is put
        self._fed += 1
        self._last = self._clock.time()
        self.handle.put(frame, played)

    def hear(self, report: Report | Lost) -> None:
        """What the recogniser says."""
        self._ears.told(self, report)

    def moment(self, at: float) -> float:
        """When a moment of the sound was, on the leg's clock."""
        return self._last - seconds_ago(self._fed, at)


def _expectation(wanted: Listen, clock: Clock) -> Expectation:
    return Expectation(
        language=wanted.language,
        words=wanted.hear,
        expect=wanted.expect,
        least=wanted.least,
        most=wanted.most,
        future=wanted.future,
        likely=wanted.likely,
        today=clock.now().date(),
        silence=wanted.silence,
        sensitive=wanted.sensitive,
    )
