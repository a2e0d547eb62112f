"""One look at all media sockets of a process, each quarter of the media clock's tick."""

from __future__ import annotations

import logging
import select
import socket
from collections import Counter
from collections.abc import Callable

from ivr.clock import Clock
from ivr.media.clock import MediaClock

#: Reads one packet, given the time (seconds). Must not block.
Readable = Callable[[float], None]

_log = logging.getLogger(__name__)


class RtpPoller:
    """Watches sockets without a task, a timer or a handle for any of them.

    At each quarter (5 ms) every socket that has something is read once: enough for packets of 5 ms, and a
    bound on what a flood can cost. What is left waits in the kernel, which drops what its buffer cannot hold.
    """

    def __init__(self, clock: Clock, media_clock: MediaClock) -> None:
        self._clock = clock
        self._media_clock = media_clock
        self._epoll = select.epoll()
        self._readers: dict[int, Readable] = {}
        self._faulty: set[int] = set()
        #: Packets `received` and `sent` on all streams, each stream's added twice a second and at its end, and
        #: errors of sockets.
        self.counts: Counter[str] = Counter()
        #: Packets dropped unheard on all streams, by reason.
        self.dropped: Counter[str] = Counter()
        media_clock.add_hook(self.poll)

    @property
    def size(self) -> int:
        """How many sockets are watched."""
        return len(self._readers)

    def watch(self, sock: socket.socket, readable: Readable) -> None:
        """Call `readable` when there is something to read; or another one from now on."""
        fd = sock.fileno()
        if fd not in self._readers:
            self._epoll.register(fd, select.EPOLLIN)
        self._readers[fd] = readable

    def forget(self, sock: socket.socket) -> None:
        """Watch it no more; to be called before it is closed. Harmless if it is not watched."""
        fd = sock.fileno()
        if self._readers.pop(fd, None) is not None:
            self._faulty.discard(fd)
            self._epoll.unregister(fd)

    def poll(self) -> None:
        """Read each socket that has something, once. One that fails harms no other."""
        if not self._readers:
            return
        events = self._epoll.poll(0, len(self._readers))
        if not events:
            return
        now = self._clock.time()
        readers = self._readers
        for fd, _ in events:
            readable = readers.get(fd)  # one before it may have ended this stream
            if readable is None:
                continue
            try:
                readable(now)
            except Exception:
                self._failed(fd)

    def close(self) -> None:
        """Watch nothing more and give the descriptor back. Harmless if it was done."""
        self._media_clock.remove_hook(self.poll)
        self._readers.clear()
        self._epoll.close()

    def _failed(self, fd: int) -> None:
        """A packet that nothing was prepared for: dropped, and told once for each socket."""
        self.dropped["fault"] += 1
        if fd not in self._faulty:
            self._faulty.add(fd)
            _log.exception("a media packet could not be handled and was dropped")
