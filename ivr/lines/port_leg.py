"""The half of a leg that is the same on every line that carries frames: playing, recording, keys, its end.

A line's own leg inherits from `PortLeg`, gives `port.next_frame()` to the wire and `port.frame_received()`
what came from it, adds signalling (ring, answer, refuse, hang_up), and reports through the `_…` methods here,
all of them in the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

from ivr.clock import Clock, TimerHandle
from ivr.lines.base import (
    Answered,
    Ended,
    HoldChanged,
    KeyDown,
    KeySource,
    LegEvent,
    LegInfo,
    MediaReport,
    PlayEnded,
    RecordEnd,
    RecordEnded,
    RecordRequest,
    TransferAsked,
)
from ivr.media import tones
from ivr.media.clip import Clip
from ivr.media.dtmf import KeyDetector
from ivr.media.g711 import Law
from ivr.media.port import AudioPort, Post
from ivr.media.recorder import Recorded, Recording
from ivr.media.writer import RecordingWriter, Tap

#: Seconds after a hang-up in which the last recordings must be closed; a disk that hangs holds no call.
LONGEST_CLOSE = 5.0
#: Seconds in which the same key from a better source is taken for the same press.
SAME_PRESS = 1.0

_RANK: dict[KeySource, int] = {"inband": 0, "info": 1, "rfc4733": 2, "script": 2}


class EventDesk:
    """Delivers a leg's events in order: what came before `attach` first, and nothing after `Ended`."""

    __slots__ = ("_sink", "_waiting", "ended")

    def __init__(self) -> None:
        self._sink: Callable[[LegEvent], None] | None = None
        self._waiting: list[LegEvent] = []
        #: Whether `Ended` has been given.
        self.ended = False

    def attach(self, sink: Callable[[LegEvent], None]) -> None:
        """Deliver here from now on, beginning with those that came before."""
        self._sink = sink
        while self._waiting:
            sink(self._waiting.pop(0))

    def emit(self, event: LegEvent) -> None:
        """Deliver it, or keep it until somebody attaches."""
        if self.ended:
            return
        self.ended = isinstance(event, Ended)
        if self._sink is None or self._waiting:
            self._waiting.append(event)
        else:
            self._sink(event)


class KeyMerger:
    """One press may come as RFC 4733, as INFO and as a sound: tells which of them counts.

    Once a better source has given a key, lesser ones are echoes of it. Where a lesser one came first, the
    same key from a better source within SAME_PRESS seconds is the same press.
    """

    __slots__ = ("_at", "_key", "_source")

    def __init__(self) -> None:
        self._source: KeySource | None = None
        self._key = ""
        self._at = 0.0

    def accept(self, key: str, source: KeySource, now: float) -> bool:
        """Whether this is a press of its own; `now` in seconds."""
        best = self._source
        if best is not None and _RANK[source] < _RANK[best]:
            return False
        same = best is not None and best != source and key == self._key and now - self._at < SAME_PRESS
        self._source, self._key, self._at = source, key, now
        return not same

    def forget(self) -> None:
        """Begin anew, after the media were renegotiated: the other side may be another device."""
        self._source = None


class PortLeg:
    """A leg on an `AudioPort`.

    `post` runs a callback in the loop from any thread (`loop.call_soon_threadsafe`). With `inband_keys` keys
    are also made out in the sound.
    """

    __slots__ = (
        "_answered_once",
        "_beeping",
        "_clock",
        "_close_timer",
        "_desk",
        "_detector",
        "_info",
        "_last",
        "_merger",
        "_post",
        "_taps",
        "_writer",
        "hears_transfers",
        "port",
    )

    def __init__(
        self,
        info: LegInfo,
        *,
        clock: Clock,
        port: AudioPort,
        writer: RecordingWriter,
        post: Post,
        inband_keys: bool = False,
    ) -> None:
        self._info = info
        self._clock = clock
        self.port = port
        #: Whether `TransferAsked` is told when the other side asks for it; refused otherwise.
        self.hears_transfers = False
        self._writer = writer
        self._post = post
        self._desk = EventDesk()
        self._merger = KeyMerger()
        self._taps: dict[str, Tap] = {}
        self._beeping: dict[str, RecordRequest] = {}
        self._answered_once = False
        self._last: Ended | None = None
        self._close_timer: TimerHandle | None = None
        self._detector: KeyDetector | None = None
        if inband_keys:
            self._detector = KeyDetector(port.law)
            port.listen(self._hear_key)

    @property
    def info(self) -> LegInfo:
        """Who is calling."""
        return self._info

    def told_as(self, info: LegInfo) -> None:
        """Say of a call that we made who is at its other end; the signalling has us as the caller."""
        self._info = info

    @property
    def clock(self) -> Clock:
        """The clock this leg lives by."""
        return self._clock

    @property
    def writer(self) -> RecordingWriter:
        """The thread that writes this leg's recordings, and may write others that it has a part in."""
        return self._writer

    @property
    def ended(self) -> bool:
        """Whether the leg is gone, or going: nothing can be asked of it any more."""
        return self._last is not None

    def attach(self, sink: Callable[[LegEvent], None]) -> None:
        """Deliver events here from now on, beginning with those that came before."""
        self._desk.attach(sink)

    # Playing.

    def play(self, clips: Sequence[Clip], *, token: str, text: str = "") -> None:
        """Play after whatever is still playing; `PlayEnded(token)` follows."""
        if not self.ended:
            self.port.play(clips, partial(self._desk.emit, PlayEnded(token)))

    def stop_playing(self) -> None:
        """Silence, at the next frame. A recording that waited for its beep begins now."""
        self.port.stop_playing()
        for recording in tuple(self._beeping):
            self._begin(recording)

    def press(self, keys: str) -> None:
        """Send keys to the other side, by their sound where the line has no signal for them."""
        self.play([tones.keys(keys)], token="keys")  # noqa: S106  # it names what is played

    def take_over(self, asked: TransferAsked) -> None:
        """Do what the other side has asked: go on with whoever it named. A line that cannot says so."""
        asked.report(501)

    async def send_away(self, to: str) -> int:
        """Ask the other side to call somebody else instead of us; the final status of that. 501: a line that cannot."""
        return 501

    # Recording.

    def record(self, request: RecordRequest) -> None:
        """Begin a recording, after its beep; `RecordEnded` follows for certain."""
        if self.ended:
            return
        self._beeping[request.recording] = request
        if request.beep:
            self.port.play([tones.beep()], partial(self._begin, request.recording))
        else:
            self._begin(request.recording)

    def stop_recording(self, recording: str) -> None:
        """End it because a key was pressed; the key's own tone is trimmed off."""
        self._end_recording(recording, "key")

    def mask(self, on: bool) -> None:
        """While on, recordings hold silence instead of the caller."""
        self.port.mask(on)

    def _begin(self, name: str) -> None:
        request = self._beeping.pop(name, None)
        if request is None:
            return
        recording = Recording(request.path, self.port.law, longest=request.longest, silence=request.silence)
        tap = self._writer.begin(recording, partial(self._closed, name))
        self._taps[name] = tap
        self.port.record(tap)

    def _end_recording(self, name: str, why: RecordEnd) -> None:
        self._begin(name)
        tap = self._taps.get(name)
        if tap is not None:
            self.port.stop_recording(tap)
            tap.end(why)

    def _closed(self, name: str, recorded: Recorded) -> None:
        """In the writer's thread: the file is closed."""
        self._post(partial(self._recorded, name, recorded))

    def _recorded(self, name: str, recorded: Recorded) -> None:
        """In the loop: tell of a closed file, and of the end if the call waited for it."""
        tap = self._taps.pop(name, None)
        if tap is None:
            return
        self.port.stop_recording(tap)
        self._desk.emit(RecordEnded(name, recorded.seconds, recorded.why, recorded.path))
        self._finish()

    # What the line's own part reports.

    def _answered(self) -> None:
        """Media flow. Reported once, however often it is said."""
        if not self._answered_once and not self.ended:
            self._answered_once = True
            self._desk.emit(Answered())

    def _key_down(self, key: str, source: KeySource) -> None:
        """A key arrived; told on unless another source has brought the same press."""
        if not self.ended and self._merger.accept(key, source, self._clock.time()):
            self._desk.emit(KeyDown(key, source))

    def _held(self, on: bool) -> None:
        """The other side put us on hold or took us back."""
        if self.port.paused != on and not self.ended:
            self.port.pause(on)
            self._desk.emit(HoldChanged(on))

    def _renegotiated(self, law: Law) -> None:
        """The other side's media changed: another law, perhaps, and its keys may come another way."""
        self.port.law = law
        if self._detector is not None:
            self._detector = KeyDetector(law)
        self._merger.forget()

    def _gone(self, by: Literal["caller", "us", "line"], status: int = 200, text: str = "") -> None:
        """The call is over: recordings are closed, then `Ended` follows. Reported once."""
        if self._last is not None:
            return
        self._last = Ended(by, status, text)
        for name in (*self._beeping, *self._taps):
            self._end_recording(name, "hang_up")
        self.port.close()
        if self._taps:
            self._close_timer = self._clock.call_at(self._clock.time() + LONGEST_CLOSE, self._give_up)
        self._finish()

    def _give_up(self) -> None:
        """The disk hangs: the writer goes on with the files, the call does not wait for it."""
        for name, tap in tuple(self._taps.items()):
            self._recorded(name, Recorded(tap.recording.path, 0.0, "storage"))

    def _finish(self) -> None:
        """Say `Ended` when the last recording is closed."""
        if self._last is None or self._taps or self._desk.ended:
            return
        if self._close_timer is not None:
            self._close_timer.cancel()
        quality = self._quality()
        if quality:
            self._desk.emit(MediaReport(quality))
        self._desk.emit(self._last)

    def _quality(self) -> Mapping[str, float | int | None]:
        """How it was heard, for `MediaReport`; empty where the line cannot tell."""
        return {}

    def _hear_key(self, frame: bytes) -> None:
        key = None if self._detector is None else self._detector.feed(frame)
        if key is not None:
            self._post(partial(self._key_down, key, "inband"))
