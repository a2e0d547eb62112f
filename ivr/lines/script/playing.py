"""What a simulated leg plays: clips that take their time on the leg's clock, and no frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ivr.clock import Clock, TimerHandle
from ivr.media.clip import Clip

#: Seconds that a Chinese character, or any other one, takes to be spoken where there is no clip.
PER_HANZI, PER_LETTER = 0.22, 0.06


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something played: its text (for terminals and transcripts), its clips, and how long it takes."""

    token: str
    text: str
    clips: tuple[Clip, ...]

    @property
    def seconds(self) -> float:
        """How long it takes: the clips', or an estimate from the text."""
        if self.clips:
            return sum(clip.seconds for clip in self.clips)
        return sum(PER_HANZI if character >= "\u2e80" else PER_LETTER for character in self.text)


class PlayQueue:
    """Plays prompts one after the other; tells when each begins, and when it ends by itself."""

    def __init__(
        self, clock: Clock, began: Callable[[Prompt], None], ended: Callable[[Prompt], None]
    ) -> None:
        self._clock = clock
        self._began = began
        self._ended = ended
        self._queue: deque[Prompt] = deque()
        self._left = 0.0
        self._since = 0.0
        self._timer: TimerHandle | None = None
        self._paused = False

    @property
    def current(self) -> Prompt | None:
        """What is being played."""
        return self._queue[0] if self._queue else None

    def play(self, prompt: Prompt) -> None:
        """Play after whatever is still playing."""
        self._queue.append(prompt)
        if len(self._queue) == 1:
            self._begin()

    def stop(self) -> Prompt | None:
        """Silence; what was cut off."""
        cut = self.current
        self._queue.clear()
        self._cancel()
        return cut

    def pause(self, on: bool) -> None:
        """Stand still, or go on."""
        if on == self._paused:
            return
        self._paused = on
        if self.current is None:
            return
        if on:
            self._left -= self._clock.time() - self._since
            self._cancel()
        else:
            self._run()

    def _begin(self) -> None:
        prompt = self._queue[0]
        self._left = prompt.seconds
        self._began(prompt)
        if self.current is prompt and not self._paused:
            self._run()

    def _run(self) -> None:
        self._since = self._clock.time()
        self._timer = self._clock.call_at(
            self._since + max(0.0, self._left), partial(self._end, self._queue[0])
        )

    def _end(self, prompt: Prompt) -> None:
        self._timer = None
        self._queue.popleft()
        following = self.current
        self._ended(prompt)
        if following is not None and self.current is following:  # else the news made someone stop or play
            self._begin()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
