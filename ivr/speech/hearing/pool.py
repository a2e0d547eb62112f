"""A worker's end of the recogniser processes: which of them listens for a call, and what they report.

Processes come and go (they are replaced, and they may crash); their sockets lie in one folder. Everything here is in
the worker's loop and never waits: sound that a process does not take is dropped and counted.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import structlog

from ivr.media.g711 import FRAME_SECONDS, Law
from ivr.speech.hearing.metrics import SpeechMetrics
from ivr.speech.hearing.protocol import (
    SUFFIX,
    Frame,
    Kind,
    Message,
    ProtocolError,
    Reader,
    message,
    pack_expectation,
    pack_sound,
    short_name,
    unpack_report,
)
from ivr.speech.hearing.reports import Report
from ivr.speech.hearing.types import Expectation

log = structlog.get_logger(__name__)

Lost = Literal["full", "failed", "no_model"]
#: Is told what a listening reports, or why it is over.
Hear = Callable[[Report | Lost], None]

#: Seconds between two sendings of what has gathered.
GATHER: Final = 0.04
#: Seconds between two looks for new processes, and between two while there is none.
LOOK, LOOK_WITHOUT = 1.0, 0.05
#: Seconds that a listening waits for a process, when there is none at all.
PATIENCE: Final = 2.0
#: Frames of one caller that may wait for a process (2 s), and octets for its socket.
MOST_WAITING: Final = 100
MOST_UNSENT: Final = 256_000


class Handle:
    """One listening. `put` may be called from another thread; the rest is the loop's."""

    __slots__ = (
        "_frames",
        "_pool",
        "body",
        "dropped",
        "hear",
        "language",
        "link",
        "number",
        "opened",
        "since",
        "tried",
    )

    def __init__(self, pool: RecogniserPool, number: int, language: str, body: bytes, hear: Hear) -> None:
        self._pool = pool
        self.number = number
        self.language = language
        #: What is listened for, until it is taken.
        self.body = body
        self.hear = hear
        self.link: _Link | None = None
        self.opened = False
        self.tried: set[_Link] = set()
        self.since = 0.0
        self._frames: deque[Frame] = deque()
        #: Frames that were thrown away.
        self.dropped = 0

    def put(self, said: bytes, played: bytes = b"") -> None:
        """20 ms of the caller, and of what was played to them; never waits."""
        if len(self._frames) < MOST_WAITING:
            self._frames.append(Frame(said, played))
        else:
            self.dropped += 1

    def close(self) -> None:
        """Listen no more; nothing is reported afterwards. Harmless if it was over."""
        self._pool.close(self)

    def taken(self) -> list[Frame]:
        """The frames that wait."""
        return [self._frames.popleft() for _ in range(len(self._frames))]


class RecogniserPool:
    """The processes whose sockets are in `folder`; `languages` are those that they have models of."""

    def __init__(self, folder: Path, languages: frozenset[str], metrics: SpeechMetrics) -> None:
        self._folder = folder
        self.languages = languages
        self._metrics = metrics
        self._links: dict[Path, _Link] = {}
        self._handles: dict[int, Handle] = {}
        self._numbers = itertools.count(1)
        self._pump: asyncio.TimerHandle | None = None
        self._look_now = asyncio.Event()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[RecogniserPool]:
        """Connected, for the length of the block."""
        looking = asyncio.create_task(self._look())
        try:
            yield self
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            for handle in tuple(self._handles.values()):
                self.close(handle)
            for link in tuple(self._links.values()):
                link.close()

    @property
    def in_use(self) -> int:
        """Listenings now."""
        return len(self._handles)

    def open(self, expectation: Expectation, law: Law, hear: Hear) -> Handle | None:
        """Begin to listen; None (and `hear` knows why, at once) where nobody can."""
        if expectation.language not in self.languages:
            self._metrics.lost("no_model")
            hear("no_model")
            return None
        body = message(Kind.OPEN, number := next(self._numbers), pack_expectation(expectation, law))
        handle = Handle(self, number, expectation.language, body, hear)
        handle.since = asyncio.get_running_loop().time()
        self._handles[number] = handle
        self._metrics.in_use(len(self._handles))
        self._place(handle)
        if number not in self._handles:
            return None
        if self._pump is None:
            self._pump = asyncio.get_running_loop().call_later(GATHER, self._send_all)
        return handle

    def close(self, handle: Handle) -> None:
        """Listen no more."""
        if self._forget(handle) and handle.link is not None:
            handle.link.send(message(Kind.CLOSE, handle.number))

    # Which process

    def _place(self, handle: Handle) -> None:
        """Ask the process with the fewest of our calls that has not refused it."""
        links = [link for link in self._links.values() if link.takes(handle.language)]
        free = [link for link in links if link not in handle.tried and link.in_use < link.at_once]
        if free:
            handle.link = min(free, key=lambda link: link.in_use)
            handle.link.in_use += 1
            handle.tried.add(handle.link)
            handle.link.send(handle.body)
        elif links:
            self._lose(handle, "full")
        elif any(link.ready for link in self._links.values()):
            self._lose(handle, "no_model")  # it is damaged: they have none of this language
        else:
            self._look_now.set()  # none at all: one is on its way, or none will come in time

    def _place_waiting(self) -> None:
        now = asyncio.get_running_loop().time()
        for handle in [one for one in self._handles.values() if one.link is None]:
            if now - handle.since > PATIENCE:
                self._lose(handle, "failed")
            else:
                self._place(handle)

    def _lose(self, handle: Handle, why: Lost) -> None:
        if self._forget(handle):
            self._metrics.lost(why)
            handle.hear(why)

    def _forget(self, handle: Handle) -> bool:
        if self._handles.pop(handle.number, None) is None:
            return False
        if handle.link is not None:
            handle.link.in_use -= 1
        if handle.dropped:
            self._metrics.dropped(handle.dropped)
        self._metrics.in_use(len(self._handles))
        return True

    # Sound

    def _send_all(self) -> None:
        self._pump = None
        for handle in tuple(self._handles.values()):
            if handle.opened and handle.link is not None:
                frames = handle.taken()
                if frames and not handle.link.send(
                    message(Kind.SOUND, handle.number, pack_sound(frames)), most=MOST_UNSENT
                ):
                    handle.dropped += len(frames)
        if self._handles:
            self._pump = asyncio.get_running_loop().call_later(GATHER, self._send_all)

    # What the processes say

    def heard(self, link: _Link, received: Message) -> None:
        """A message of a process. Raises ProtocolError."""
        handle = self._handles.get(received.listening)
        if received.kind is Kind.LEAVING:
            link.leaving = True
        elif received.kind is Kind.GREETING:
            link.greeted(received.json())
            self._place_waiting()
        elif handle is None or handle.link is not link:
            return  # it was closed meanwhile
        elif received.kind is Kind.OPENED:
            handle.opened = True
        elif received.kind is Kind.FULL:
            link.in_use -= 1
            handle.link = None
            self._place(handle)
        elif received.kind is Kind.FAILED:
            self._lose(handle, "failed")
        else:
            handle.hear(unpack_report(received))

    def gone(self, link: _Link) -> None:
        """A process has ended or crashed: its listenings are lost, the others go on."""
        self._links.pop(link.path, None)
        lost = [handle for handle in self._handles.values() if handle.link is link]
        for handle in lost:
            self._lose(handle, "failed")
        if lost:
            log.error("a recogniser is gone, its callers are asked for keys", calls=len(lost))
        self._look_now.set()

    # Processes that come

    async def _look(self) -> None:
        while True:
            for path in tuple(self._new_ones()):
                await self._connect(path)
            self._place_waiting()
            self._look_now.clear()
            if self._handles and not self._links:
                await asyncio.sleep(LOOK_WITHOUT)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):  # wait_for would lose a cancel that comes with the event
                    await self._look_now.wait()

    def _new_ones(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from [path for path in self._folder.glob(f"*{SUFFIX}") if path not in self._links]

    async def _connect(self, path: Path) -> None:
        link = self._links[path] = _Link(self, path)
        try:
            with short_name(path) as name:
                await asyncio.get_running_loop().create_unix_connection(lambda: link, name)
        except OSError:  # its process is gone
            del self._links[path]


class _Link(asyncio.Protocol):
    """The connection to one process."""

    def __init__(self, pool: RecogniserPool, path: Path) -> None:
        self.path = path
        self.at_once = 0
        self.in_use = 0
        self.leaving = False
        self._pool = pool
        self._languages: frozenset[str] = frozenset()
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a stream has no others
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.gone(self)

    def data_received(self, data: bytes) -> None:
        try:
            for received in self._reader.take(data):
                self._pool.heard(self, received)
        except ProtocolError as error:
            log.error("a recogniser is not understood", reason=str(error))
            self.close()

    def greeted(self, said: dict[str, object]) -> None:
        """What the process can do."""
        try:
            self.at_once = int(str(said["at_once"]))
            languages = said["languages"]
            self._languages = frozenset(map(str, languages)) if isinstance(languages, list) else frozenset()
        except (KeyError, ValueError):
            raise ProtocolError("a greeting that cannot be read") from None

    @property
    def ready(self) -> bool:
        """Whether it takes calls in the languages it knows."""
        return self.at_once > 0 and not self.leaving

    def takes(self, language: str) -> bool:
        """Whether it may be asked to listen in a language."""
        return self.ready and language in self._languages

    def send(self, data: bytes, most: int = 1 << 30) -> bool:
        """Send, unless more than `most` octets wait already; whether it was sent."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > most:
            return False
        transport.write(data)
        return True

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


def seconds_ago(fed: int, at: float) -> float:
    """How long before the last of `fed` frames a moment of the sound was."""
    return max(0.0, fed * FRAME_SECONDS - at)
