"""What a call says, in order: at once where every sound is there, a moment later where one must be made first.

A sentence with a name in it waits for the voice; one at a slower pace waits until its clips are stretched. Whatever is
said behind it waits too. Should the voice take long, a word of patience is said meanwhile, and in the end the sentence
goes without the name.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from ivr.clock import Clock
from ivr.flow.instructions import Phrase, Say
from ivr.lines.base import Leg
from ivr.media.clip import Clip
from ivr.speech.speaker import Recordings, Rendered, Speaker
from ivr.speech.stretch import Stretcher

log = structlog.get_logger(__name__)

#: Seconds until a word of patience, and until the sentence is said without what the voice has not said yet.
PATIENCE: Final = 0.8
LONGEST: Final = 4.0
#: The token of that word; the engine's own tokens are letters with numbers.
WAITING: Final = "one-moment"


@dataclass(frozen=True, slots=True)
class Wording:
    """How a call words its sentences: the speaker, the pace, and the prompt that asks for patience (None for none)."""

    speaker: Speaker
    stretcher: Stretcher
    moment: Callable[[], Phrase | None] = lambda: None
    patience: float = PATIENCE
    longest: float = LONGEST


class Mouth:
    """The mouth of one call. `began` hears when a sentence begins to be heard."""

    def __init__(
        self, leg: Leg, clock: Clock, wording: Wording, recordings: Recordings, began: Callable[[], None]
    ) -> None:
        self._leg = leg
        self._clock = clock
        self._wording = wording
        self._recordings = recordings
        self._began = began
        self._waiting: deque[Say] = deque()
        self._task: asyncio.Task[None] | None = None

    def say(self, say: Say) -> None:
        """Play it behind what is still playing or waiting."""
        if self._task is None:
            rendered = self._render(say)
            clips = self._at_pace(rendered, say.pace)
            if clips is not None and not rendered.wanted:
                self._play(say.token, clips, rendered.text)
                return
        self._waiting.append(say)
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())

    def stop(self) -> None:
        """Silence; what waits is not said any more."""
        self.close()
        self._leg.stop_playing()

    def close(self) -> None:
        """The call is over, or its other side has the word."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _go_on(self) -> None:
        """Say what waits, one after another; time that only tests count stands still meanwhile."""
        with self._clock.hold():
            while self._waiting:
                say = self._waiting[0]
                rendered = await self._made(say)
                clips = await asyncio.to_thread(self._slow, rendered, say.pace)
                self._waiting.popleft()
                self._play(say.token, clips, rendered.text)
            self._task = None

    async def _made(self, say: Say) -> Rendered:
        """The sentence with all that the voice has said of it in time."""
        rendered = self._render(say)
        if not rendered.wanted:
            return rendered
        saying = asyncio.ensure_future(self._wording.speaker.saying.prepare(rendered.wanted))
        try:
            await self._patiently(saying)
        finally:
            saying.cancel()
        return self._render(say)

    async def _patiently(self, saying: asyncio.Future[None]) -> None:
        """Wait for the voice, with a word of patience if it takes long, and no longer than `longest`."""
        wording = self._wording
        done, _ = await asyncio.wait({saying}, timeout=wording.patience)
        moment = None if done else wording.moment()
        if moment is not None:
            self._play(WAITING, *self._moment(moment))
        if not done:
            done, _ = await asyncio.wait({saying}, timeout=wording.longest - wording.patience)
        if done and (error := saying.exception()) is not None:
            log.error("free text not said", error=type(error).__name__)

    def _moment(self, phrase: Phrase) -> tuple[Sequence[Clip], str]:
        rendered = self._wording.speaker.render([phrase])
        return rendered.clips, rendered.text

    def _render(self, say: Say) -> Rendered:
        return self._wording.speaker.render(say.phrases, recordings=self._recordings)

    def _at_pace(self, rendered: Rendered, pace: float) -> Sequence[Clip] | None:
        """The clips at that pace, if all of them have been made."""
        if pace == 1.0:
            return rendered.clips
        clips = [self._wording.stretcher.ready(clip, pace) for clip in rendered.clips]
        made = [clip for clip in clips if clip is not None]
        return made if len(made) == len(clips) else None

    def _slow(self, rendered: Rendered, pace: float) -> Sequence[Clip]:
        return [self._wording.stretcher.clip(clip, pace) for clip in rendered.clips]

    def _play(self, token: str, clips: Sequence[Clip], text: str) -> None:
        self._leg.play(clips, token=token, text=text)
        if token != WAITING:
            self._began()
