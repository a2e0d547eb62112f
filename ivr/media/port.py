"""One leg's audio: what it hears next, and who listens to what it says.

A port lives between two sides. The loop's side says what to play and who listens. The clock's side asks for
a frame and gives one every 20 ms; it may be another thread (pjsua2's media clock). No lock is taken: each
field is written by one side only, in one assignment, and what the clock's side has to tell is posted to the
loop with the play it belongs to, so that news of a play that was stopped meanwhile is dropped there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, Law

#: Runs a callback in the loop's thread, soon. `loop.call_soon_threadsafe`, or `loop.call_soon` where the
#: clock's side is the loop itself.
Post = Callable[[Callable[[], None]], object]

#: Takes a 160-byte frame. Called on the clock's side: it must be quick and must not raise.
Listener = Callable[[bytes], None]


class AudioSource(Protocol):
    """Something that is heard for as long as nothing is played: another leg, a conference, a tone."""

    def next_frame(self, law: Law) -> bytes:
        """The next 160 bytes in `law`. Called on the clock's side."""


class _Play:
    """Clips under one token, and how far they have been played."""

    __slots__ = ("_clips", "_index", "_offset", "done", "generation")

    def __init__(self, clips: Sequence[Clip], done: Callable[[], None], generation: int) -> None:
        self._clips = tuple(clips)
        self._index = 0
        self._offset = 0
        self.done = done
        self.generation = generation

    def next_frame(self, law: Law) -> bytes | None:
        """The next frame, or None at the end."""
        while self._index < len(self._clips):
            start = self._offset
            frame = self._clips[self._index].frames(law)[start : start + FRAME]
            if frame:
                self._offset = start + FRAME
                return frame
            self._index += 1
            self._offset = 0
        return None


class AudioPort:
    """One leg's audio side, in the leg's own law.

    `post` brings news from the clock's side into the loop.
    """

    __slots__ = (
        "_generation",
        "_law",
        "_listeners",
        "_masked",
        "_partial",
        "_paused",
        "_plays",
        "_post",
        "_recorders",
        "_source",
        "sounding",
    )

    def __init__(self, law: Law, *, post: Post) -> None:
        self._law = law
        self._post = post
        self._plays: deque[_Play] = deque()
        #: How often playing was stopped; what belongs to an earlier generation is stale.
        self._generation = 0
        self._source: AudioSource | None = None
        self._paused = False
        self._masked = False
        self._recorders: tuple[tuple[Listener, Law], ...] = ()
        self._listeners: tuple[Listener, ...] = ()
        self._partial = b""
        #: The frame of a clip that is being heard now, in our law; empty while nothing is played.
        self.sounding = b""

    # The loop's side.

    @property
    def law(self) -> Law:
        """The law of the frames that come and go."""
        return self._law

    @law.setter
    def law(self, law: Law) -> None:
        """Go on in another law, from the next frame (after a renegotiation)."""
        self._law = law

    @property
    def playing(self) -> bool:
        """Whether anything is played or waits to be."""
        return bool(self._plays)

    @property
    def masked(self) -> bool:
        """Whether recordings hold silence in place of the caller."""
        return self._masked

    @property
    def paused(self) -> bool:
        """Whether playing stands still."""
        return self._paused

    def play(self, clips: Sequence[Clip], done: Callable[[], None]) -> None:
        """Play after what is queued; `done` runs in the loop once the last frame has been heard.

        `done` does not run for what `stop_playing` cut off.
        """
        self._plays.append(_Play(clips, done, self._generation))

    def stop_playing(self) -> None:
        """Silence from the very next frame; the queue is dropped, and no `done` of it runs any more."""
        self._generation += 1
        self._plays = deque()

    def pause(self, on: bool) -> None:
        """While on, the leg hears silence and playing stands still; it goes on where it was."""
        self._paused = on

    def hear(self, source: AudioSource | None) -> None:
        """What the leg hears while nothing is played; None: silence."""
        self._source = source

    def mask(self, on: bool) -> None:
        """While on, recorders get silence; other listeners go on hearing the caller."""
        self._masked = on

    def record(self, recorder: Listener) -> None:
        """Give what the caller says to a recorder, masked where it must be, always in the law of now."""
        self._recorders = (*self._recorders, (recorder, self._law))

    def stop_recording(self, recorder: Listener) -> None:
        """Give it nothing more; harmless if it gets nothing."""
        self._recorders = tuple(one for one in self._recorders if one[0] != recorder)

    def listen(self, listener: Listener) -> None:
        """Give what the caller says, unmasked, to a recogniser, a key detector or another leg."""
        self._listeners = (*self._listeners, listener)

    def stop_listening(self, listener: Listener) -> None:
        """Give it nothing more; harmless if it gets nothing."""
        self._listeners = tuple(one for one in self._listeners if one != listener)

    def _finished(self, play: _Play) -> None:
        """Tell that it was played to its end, unless playing was stopped since."""
        if play.generation == self._generation:
            play.done()

    def close(self) -> None:
        """Stop everything; the port gives silence and listens to nobody."""
        self.stop_playing()
        self._source = None
        self._recorders = ()
        self._listeners = ()

    # The clock's side.

    def next_frame(self) -> bytes:
        """What the leg hears next: 160 bytes."""
        law = self._law
        if self._paused:
            self.sounding = b""
            return g711.SILENCE[law]
        plays = self._plays
        while plays:
            play = plays[0]
            frame = play.next_frame(law)
            if frame is not None:
                self.sounding = frame = frame if play.generation == self._generation else g711.SILENCE[law]
                return frame
            plays.popleft()
            self._post(partial(self._finished, play))
        self.sounding = b""
        source = self._source
        return g711.SILENCE[law] if source is None else source.next_frame(law)

    def frame_received(self, payload: bytes) -> None:
        """What the leg said: a frame, or a packet of any other length, which is cut into frames."""
        if len(payload) == FRAME and not self._partial:
            self._give(payload)
            return
        self._partial += payload
        while len(self._partial) >= FRAME:
            frame, self._partial = self._partial[:FRAME], self._partial[FRAME:]
            self._give(frame)

    def _give(self, frame: bytes) -> None:
        law, masked = self._law, self._masked
        for recorder, kept_in in self._recorders:
            recorder(g711.SILENCE[kept_in] if masked else g711.convert(frame, law, kept_in))
        for listener in self._listeners:
            listener(frame)
