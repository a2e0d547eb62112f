"""After the call: what callers left is written down, and urgent messages are raised, in a process beside the workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import structlog

from ivr.bus import Bus, nudged
from ivr.speech.errors import SpeechError
from ivr.speech.hearing.urgency import UrgentPhrases, urgency_of
from ivr.speech.hearing.writer import SoundGoneError
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.message_facts import Due, Segment, Transcript
from policy_db.transcriptions import Transcription, WrittenDown

log = structlog.get_logger(__name__)

#: Seconds after which it looks although nothing was heard.
BEAT: Final = 5.0
#: A caller who hangs up has left a message a moment before the call is over: seconds until it is looked for again.
SOON: Final = 0.3
#: Seconds for which a recording is held without a word, and between two words.
LEASE: Final = 60.0
WORD_EVERY: Final = 20.0
#: Seconds without anything to do after which the recogniser's memory is given back.
REST_AFTER: Final = 60.0
#: Seconds until a try that failed is made again, twice as many each time.
AGAIN: Final = 15.0
_FAR_BACK: Final = timedelta(days=3)
_TOPICS: Final = ("message", "claim", "call", "*")


class Writes(Protocol):
    """Writes recordings down, one at a time; `ivr.speech.hearing.writer.Writer` is one."""

    async def write(self, file: Path, language: str, model: Path, seconds: float) -> tuple[Segment, ...]:
        """What is said on a recording. Raises SoundGoneError where trying again is of no use, or SpeechError."""

    async def close(self) -> None:
        """Give back what it took."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where recordings are, which models there are by language, what makes a message urgent, and when it is then due."""

    recordings: Path
    models: Callable[[], Mapping[str, Path]]
    phrases: UrgentPhrases
    due: Callable[[], Awaitable[Due]]


class Transcriber:
    """Writes down what waits, the latest first. `machine` is what the names of this machine's workers begin with."""

    def __init__(
        self,
        database: PolicyDatabase,
        bus: Bus,
        writer: Writes,
        around: Surroundings,
        *,
        machine: str,
        holder: str,
    ) -> None:
        self._database = database
        self._work = database.transcriptions
        self._bus = bus
        self._writer = writer
        self._around = around
        self._machine = machine
        self._holder = holder
        self._everything = True

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what is being written then is given back."""
        async with nudged(self._bus, _TOPICS) as heard:
            work = asyncio.create_task(self._keep_writing(heard))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, stopping):
                task.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
            with suppress(asyncio.CancelledError):
                await work
            await self._writer.close()

    async def _keep_writing(self, heard: asyncio.Event) -> None:
        await self._begin()
        idle_since = time.monotonic()
        while True:
            nudged = heard.is_set()
            heard.clear()
            if await self._did_all():
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > REST_AFTER:
                await self._writer.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), SOON if nudged else BEAT)

    async def _begin(self) -> None:
        """What an earlier process of this machine was at is free again."""
        while True:
            try:
                await self._work.free(self._machine, self._holder)
            except PolicyDatabaseError as error:
                log.warning("recordings wait to be written down", error=error.code)
                await asyncio.sleep(BEAT)
            else:
                return

    async def _did_all(self) -> bool:
        """Write down everything that waits; whether there was anything."""
        did = False
        try:
            while await self.step():
                did = True
        except PolicyDatabaseError as error:
            log.warning("recordings wait to be written down", error=error.code)
        return did

    async def step(self) -> bool:
        """Write one recording down; false if none waits."""
        since = None if self._everything else self._database.clock() - _FAR_BACK
        await self._work.find_new(self._machine, since=since)
        self._everything = False
        models = self._around.models()
        job = await self._work.take(self._holder, self._machine, tuple(models), seconds=LEASE)
        if job is None:
            return False
        try:
            async with self._held(job):
                await self._write(job, models[job.language])
        except SpeechError as error:
            gone = isinstance(error, SoundGoneError)
            log.error(
                "recording not written down", recording=job.recording, error=str(error), tries=job.tries
            )
            again = None if gone else AGAIN * 2 ** (job.tries - 1)
            await self._work.failed(job.recording, self._holder, str(error), again_in=again)
        except asyncio.CancelledError:
            with suppress(PolicyDatabaseError):
                await self._work.put_back(job.recording, self._holder)
            raise
        return True

    async def _write(self, job: Transcription, model: Path) -> None:
        file = self._around.recordings / job.file
        began = time.monotonic()
        segments = await self._writer.write(file, job.language, model, job.seconds)
        reasons = self._around.phrases.reasons(segments, job.language)
        transcript = Transcript(
            text=written(segments, job.language),
            language=job.language,
            confidence=confidence_of(segments),
            engine=f"Vosk {model.name}",
            at=self._database.clock(),
            segments=segments,
            urgency=urgency_of(reasons),
            reasons=reasons,
        )
        due = await self._around.due()
        if job.purpose == "voicemail":
            await self._database.messages.take_in(due, since=self._database.clock() - _FAR_BACK)
        done = await self._work.write(job, self._holder, transcript, due)
        if done is not None:
            took = round(time.monotonic() - began, 2)
            log.info("recording written down", recording=job.recording, seconds=job.seconds, took=took)
            await self._tell(job, transcript, done)

    async def _tell(self, job: Transcription, transcript: Transcript, done: WrittenDown) -> None:
        if done.raised is not None:
            details = {"urgency": done.raised, "reasons": len(transcript.reasons)}
            await self._database.audit.add(
                "system", "raised", f"message:{job.recording}", details, call=job.call
            )
        if job.purpose == "voicemail":
            self._bus.publish("message", job.recording)
        elif done.claim:
            self._bus.publish("claim", done.claim)

    @asynccontextmanager
    async def _held(self, job: Transcription) -> AsyncIterator[None]:
        """Say every few seconds that one is still at it."""

        async def say() -> None:
            while True:
                await asyncio.sleep(WORD_EVERY)
                with suppress(PolicyDatabaseError):
                    await self._work.prolong(job.recording, self._holder, seconds=LEASE)

        saying = asyncio.create_task(say())
        try:
            yield
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)


def written(segments: tuple[Segment, ...], language: str) -> str:
    """What was said as a text, a comma at each pause; Chinese without blanks."""
    chinese = language.startswith("zh")
    parts = [("" if chinese else " ").join(word.text for word in segment.words) for segment in segments]
    return ("，" if chinese else ", ").join(parts)


def confidence_of(segments: tuple[Segment, ...]) -> float:
    """That of the words, each counting by how long it lasts; 0 for nothing."""
    words = [word for segment in segments for word in segment.words]
    length = sum(word.end - word.start for word in words)
    return (
        round(sum(word.confidence * (word.end - word.start) for word in words) / length, 3) if length else 0.0
    )
