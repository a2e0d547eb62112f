"""Recognisers without models: a listening that reports by the frames it is fed, for tests of what stands around it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from ivr.media.g711 import FRAME, Law
from ivr.speech.hearing.metrics import SpeechMetrics
from ivr.speech.hearing.pool import Handle, Lost, RecogniserPool
from ivr.speech.hearing.process import Limits, RecogniserProcess
from ivr.speech.hearing.protocol import SUFFIX
from ivr.speech.hearing.reports import Began, Heard, Report
from ivr.speech.hearing.types import Expectation, Understood

#: Frames by which the fake listening is told what to do; any other is sound of no meaning.
BEGIN, ANSWER, BREAK, CRASH = (bytes([mark]) * FRAME for mark in (1, 2, 3, 4))
QUIET = b"\xff" * FRAME


class FakeListening:
    """Answers with the step's only word."""

    def __init__(self, expectation: Expectation, law: Law) -> None:
        self.expectation = expectation
        self.fed = 0

    def feed(self, frame: bytes, played: bytes = b"") -> Sequence[Report]:
        self.fed += 1
        at = self.fed * 0.02
        if frame == BEGIN:
            return [Began(at)]
        if frame == ANSWER:
            text, meaning = next(iter(self.expectation.words.items()))
            return [Heard(Understood(text, meaning, 0.9), at - 0.02, at)]
        if frame == BREAK:
            raise ValueError(next(iter(self.expectation.words)))
        if frame == CRASH:
            os.kill(os.getpid(), signal.SIGKILL)
        return []

    def finish(self) -> Sequence[Report]:
        return []


class Ear:
    """Hears what a pool tells of one listening."""

    def __init__(self) -> None:
        self.told: list[Report | Lost] = []
        self._news = asyncio.Event()
        self.handle: Handle | None = None

    def hear(self, report: Report | Lost) -> None:
        self.told.append(report)
        self._news.set()

    async def until(self, count: int = 1) -> list[Report | Lost]:
        async with asyncio.timeout(60):
            while len(self.told) < count:
                self._news.clear()
                await self._news.wait()
        return self.told

    def put(self, *frames: bytes) -> None:
        assert self.handle is not None
        for frame in frames:
            self.handle.put(frame)


WANTED = Expectation("en", words={"my policy": "1"})


class House:
    """A pool and the figures it keeps."""

    def __init__(self, folder: Path, languages: Sequence[str] = ("en",)) -> None:
        self.registry = CollectorRegistry()
        self.metrics = SpeechMetrics(self.registry)
        self.pool = RecogniserPool(folder, frozenset(languages), self.metrics)

    def open(self, wanted: Expectation = WANTED) -> Ear:
        ear = Ear()
        ear.handle = self.pool.open(wanted, Law.MU, ear.hear)
        return ear

    def figure(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"hotline_speech_{name}", labels) or 0.0


@asynccontextmanager
async def recogniser(
    folder: Path, limits: Limits, *, name: str = "1", **options: float
) -> AsyncIterator[RecogniserProcess]:
    """A recogniser process's insides, in this process."""
    process = RecogniserProcess(FakeListening, ["en"], limits, memory=lambda: 0.0, **options)
    serving = asyncio.create_task(process.serve(folder / f"{name}{SUFFIX}"))
    try:
        yield process
    finally:
        process.stop()
        await serving
