"""A recogniser process: follows many callers' sound at once, for call workers that connect to its socket.

Its loop reads and writes; threads recognise (Vosk gives the interpreter's lock back meanwhile). It takes so many
listenings at once and no more, and says so at once: a caller who is asked to use the keys is better served than twenty
who wait. Kaldi's memory grows with the sound it has heard and never comes back, so after enough work, or once it has
grown enough, the process takes nobody new, ends what it has, and goes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import psutil
import structlog

from ivr.media.g711 import FRAME_SECONDS, Law
from ivr.speech.hearing.protocol import (
    Frame,
    Kind,
    Message,
    ProtocolError,
    Reader,
    message,
    pack_report,
    short_name,
    unpack_expectation,
    unpack_sound,
)
from ivr.speech.hearing.reports import Report
from ivr.speech.hearing.types import Expectation

log = structlog.get_logger(__name__)

#: Frames of one caller that may wait to be recognised (8 s); behind that the process is overloaded.
MOST_BEHIND: Final = 400
#: How often memory is looked at, in seconds, and how long the last listenings may take when the process goes.
LOOK_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 90.0
#: Octets that may wait to be sent to a worker; one that reads so little has hung.
MOST_UNSENT: Final = 1_000_000


class Listens(Protocol):
    """What a listening does; `Listening` is one."""

    def feed(self, frame: bytes, played: bytes = b"") -> Sequence[Report]:
        """Take a frame."""

    def finish(self) -> Sequence[Report]:
        """No more comes."""


#: Makes a listening for a step. Raises KeyError where no model knows its language.
NewListening = Callable[[Expectation, Law], Listens]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process takes, and after what it is replaced."""

    #: Listenings at once, and threads that recognise.
    at_once: int = 20
    threads: int = 2
    #: Seconds of callers' sound, and megabytes that the process has grown by.
    most_seconds: float = 4 * 3600.0
    most_megabytes: float = 300.0


class RecogniserProcess:
    """Serves workers on one socket, until it is told to stop or has done enough."""

    def __init__(
        self,
        new_listening: NewListening,
        languages: Sequence[str],
        limits: Limits,
        *,
        look_seconds: float = LOOK_SECONDS,
        leave_seconds: float = LEAVE_SECONDS,
        memory: Callable[[], float] | None = None,
    ) -> None:
        self.new_listening = new_listening
        self.languages = tuple(languages)
        self.limits = limits
        self.pool = ThreadPoolExecutor(limits.threads, "recogniser")
        self.in_use = 0
        #: Seconds of sound that were listened to.
        self.seconds = 0.0
        self.leaving = False
        self._look_seconds = look_seconds
        self._leave_seconds = leave_seconds
        self._memory = memory or _own_megabytes
        self._connections: set[_Connection] = set()
        self._stop = asyncio.Event()

    async def serve(self, path: Path) -> None:
        """Listen at `path` until `stop`, or until enough was done; the socket is gone before the last callers are."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with short_name(path) as name:
            listener.bind(name)
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: _Connection(self), sock=listener)
        try:
            await self._until_enough()
        finally:
            path.unlink(missing_ok=True)
            server.close()
            await self._leave()
            self.pool.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        """Go now; what is being said is not waited for."""
        self._leave_seconds = 0.0
        self._stop.set()

    def joined(self, connection: _Connection) -> None:
        """A worker is here."""
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        """A worker is gone."""
        self._connections.discard(connection)

    async def _until_enough(self) -> None:
        before = self._memory()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._stop.wait()
            grown = self._memory() - before
            if self.seconds >= self.limits.most_seconds or grown >= self.limits.most_megabytes:
                log.info("recogniser is replaced", seconds=round(self.seconds), megabytes=round(grown))
                return

    async def _leave(self) -> None:
        self.leaving = True
        for connection in tuple(self._connections):
            connection.send(Kind.LEAVING)
        deadline = asyncio.get_running_loop().time() + self._leave_seconds
        while self.in_use and asyncio.get_running_loop().time() < deadline and not self._stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._stop.wait()
        for connection in tuple(self._connections):
            connection.close()


class _Connection(asyncio.Protocol):
    """One worker."""

    def __init__(self, process: RecogniserProcess) -> None:
        self._process = process
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._followers: dict[int, _Follower] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a stream server has no others
        self._transport = transport
        self._process.joined(self)
        limits = self._process.limits
        transport.write(
            message(Kind.GREETING, 0, {"languages": self._process.languages, "at_once": limits.at_once})
        )

    def connection_lost(self, exc: Exception | None) -> None:
        for number in tuple(self._followers):
            self._forget(number)
        self._process.left(self)

    def data_received(self, data: bytes) -> None:
        try:
            for received in self._reader.take(data):
                self._take(received)
        except ProtocolError as error:
            log.error("a worker is not understood", reason=str(error))
            self.close()

    def send(self, kind: Kind, number: int = 0, body: Mapping[str, object] | bytes = b"") -> None:
        """Send a message, unless nobody reads them."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MOST_UNSENT:
            transport.abort()
            return
        transport.write(message(kind, number, body))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, received: Message) -> None:
        match received.kind:
            case Kind.OPEN:
                self._open(received)
            case Kind.SOUND:
                follower = self._followers.get(received.listening)
                if follower is not None:
                    follower.take(list(unpack_sound(received.body)))
            case Kind.CLOSE:
                self._forget(received.listening)
            case _:
                raise ProtocolError("a worker does not say that")

    def _open(self, received: Message) -> None:
        process = self._process
        if process.leaving or process.in_use >= process.limits.at_once:
            self.send(Kind.FULL, received.listening)
            return
        expectation, law = unpack_expectation(received.json())
        process.in_use += 1
        self._followers[received.listening] = _Follower(
            process,
            lambda: process.new_listening(expectation, law),
            tell=lambda report: self._tell(received.listening, report),
            failed=lambda: self._failed(received.listening),
        )
        self.send(Kind.OPENED, received.listening)

    def _tell(self, number: int, report: Report) -> None:
        if number in self._followers:
            kind, body = pack_report(report)
            self.send(kind, number, body)

    def _failed(self, number: int) -> None:
        if number in self._followers:
            self._forget(number)
            self.send(Kind.FAILED, number)

    def _forget(self, number: int) -> None:
        follower = self._followers.pop(number, None)
        if follower is not None:
            follower.close()
            self._process.in_use -= 1


class _Follower:
    """One listening: its frames, in order, one thread at a time."""

    def __init__(
        self,
        process: RecogniserProcess,
        make: Callable[[], Listens],
        *,
        tell: Callable[[Report], None],
        failed: Callable[[], None],
    ) -> None:
        self._process = process
        self._make = make
        self._tell = tell
        self._failed = failed
        self._frames: deque[Frame] = deque()
        self._listening: Listens | None = None
        self._busy = False
        self._closed = False

    def take(self, frames: Sequence[Frame]) -> None:
        """Frames to recognise; in the loop."""
        self._frames.extend(frames)
        self._process.seconds += len(frames) * FRAME_SECONDS
        if len(self._frames) > MOST_BEHIND:
            log.error("recogniser is overloaded, a caller is no longer heard", waiting=len(self._frames))
            self._failed()
        elif not self._busy:
            self._begin()

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._closed = True
        self._frames.clear()

    def _begin(self) -> None:
        self._busy = True
        work = asyncio.get_running_loop().run_in_executor(self._process.pool, self._recognise)
        work.add_done_callback(self._done)

    def _recognise(self) -> list[Report]:
        """In a thread: everything that waits."""
        if self._listening is None:
            self._listening = self._make()
        reports: list[Report] = []
        for _ in range(len(self._frames)):
            try:
                frame = self._frames.popleft()
            except IndexError:  # it was closed meanwhile
                break
            reports += self._listening.feed(*frame)
        return reports

    def _done(self, work: asyncio.Future[list[Report]]) -> None:
        self._busy = False
        if self._closed or work.cancelled():
            return
        error = work.exception()
        if error is not None:
            # Neither what was said nor where in it is told: a message of a parser might quote it.
            log.error("a caller cannot be heard", error=type(error).__name__)
            self._failed()
            return
        for report in work.result():
            self._tell(report)
        if self._frames:
            self._begin()


def _own_megabytes() -> float:
    return float(psutil.Process(os.getpid()).memory_info().rss) / 2**20
