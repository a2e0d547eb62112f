"""A process that has read everything and forks: what it begins is up in a tenth of a second, and shares its memory.

A process of the hotline started by itself needs seconds of the processor to import its libraries and to read flows,
prompts and clips. So `open_nursery` forks a copy of a process that has done all that, before any event loop and any
thread; the copy waits for commands (JSON lines on a socket), forks once for each, and tells when one of its children
has ended. A child leaves the nursery by `Born`, which the command line catches to run the command's words in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import structlog
from setproctitle import setproctitle

from ivr.worker.parent import PARENT, Born, end_with

log = structlog.get_logger(__name__)

#: How often it is looked whether children of a nursery that is gone are gone too, in seconds.
LOOK_SECONDS: Final = 0.1
#: The exit status told of a process whose end nobody saw.
UNSEEN: Final = -1


class Child(Protocol):
    """A running process; asyncio's `Process` is one."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""

    async def wait(self) -> int:
        """Until it has ended; its exit status."""

    def send_signal(self, signal: int) -> None:
        """Raises ProcessLookupError when it is gone."""


class Nursery:
    """The supervisor's end. Raises OSError from `spawn` when the nursery is gone."""

    def __init__(self, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self._sock = sock
        self._read = b""
        self._begun: deque[asyncio.Future[int]] = deque()
        self._children: dict[int, _Forked] = {}
        self._ended_unasked: dict[int, int] = {}
        self.gone = False
        self._watched = False

    async def spawn(self, words: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Begin `hotline WORDS…` with this environment and nothing to read."""
        if self.gone:
            raise BrokenPipeError("the nursery is gone")
        loop = asyncio.get_running_loop()
        if not self._watched:
            self._sock.setblocking(False)
            loop.add_reader(self._sock, self._hear)
            self._watched = True
        begun: asyncio.Future[int] = loop.create_future()
        self._begun.append(begun)
        asked = json.dumps({"words": list(words), "environment": dict(environment)})
        await loop.sock_sendall(self._sock, asked.encode() + b"\n")
        child = _Forked(await begun)
        self._children[child.pid] = child
        if child.pid in self._ended_unasked:
            child.end(self._ended_unasked.pop(child.pid))
        return child

    async def close(self) -> None:
        """Let the nursery go; its children have ended, or end by its end."""
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        self._lost()
        with suppress(ChildProcessError):
            await asyncio.to_thread(os.waitpid, self.pid, 0)

    def _hear(self) -> None:
        try:
            heard = self._sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._watched = False
            log.error("the nursery is gone; processes are started one by one")
            self._lost()
            return
        *lines, self._read = (self._read + heard).split(b"\n")
        for line in lines:
            self._told(json.loads(line))

    def _told(self, news: Mapping[str, Any]) -> None:
        if "begun" in news:
            begun = self._begun.popleft()
            if not begun.done():
                begun.set_result(news["begun"])
        elif (child := self._children.pop(news["ended"], None)) is not None:
            child.end(news["status"])
        else:
            self._ended_unasked[news["ended"]] = news["status"]

    def _lost(self) -> None:
        self.gone = True
        for begun in self._begun:
            if not begun.done():
                begun.set_exception(BrokenPipeError("the nursery is gone"))
        self._begun.clear()
        for child in self._children.values():
            child.orphan()
        self._children.clear()


class _Forked:
    """A child of the nursery, seen from the supervisor."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()
        self._orphaned = False

    async def wait(self) -> int:
        """Until the nursery has told of its end; of an orphan, until its number is free."""
        while self.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), LOOK_SECONDS if self._orphaned else None)
            if self.returncode is None and self._orphaned and not _runs(self.pid):
                self.end(UNSEEN)
            if self.returncode is None:
                self._over.clear()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """A signal; ProcessLookupError when it is gone."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def end(self, status: int) -> None:
        """It has ended."""
        self.returncode = status
        self._over.set()

    def orphan(self) -> None:
        """Nobody will tell of its end any more."""
        self._orphaned = True
        self._over.set()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# The nursery's own process.


def open_nursery() -> Nursery:
    """Fork one from this process as it is now. To be called before there is an event loop or a thread."""
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()  # what is there now is shared with every child, and no collection need touch it
    parent = os.getpid()
    pid = os.fork()
    if pid:
        theirs.close()
        return Nursery(pid, ours)
    ours.close()
    _leave_terminal()
    end_with(parent)
    setproctitle("hotline nursery")  # before a child empties its environment, beside which titles are kept
    _tend(theirs)
    return None  # type: ignore[return-value]  # _tend never returns


def _leave_terminal() -> None:
    """A session of its own: Ctrl-C is the supervisor's to hear."""
    os.setsid()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a file descriptor is wanted
        os.dup2(nothing.fileno(), 0)


def _tend(sock: socket.socket) -> None:
    """Fork for every command, tell of every end; over when the supervisor has closed its end."""
    alarm, bell = socket.socketpair()
    alarm.setblocking(False)
    bell.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    selector.register(alarm, selectors.EVENT_READ)
    held = b""
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if alarm in ready:
            with suppress(BlockingIOError):
                alarm.recv(4096)
            _tell_ends(sock)
        if sock in ready:
            heard = sock.recv(65_536)
            if not heard:
                os._exit(0)
            *lines, held = (held + heard).split(b"\n")
            for line in lines:
                _begin(json.loads(line), sock, (alarm, bell), selector)


def _begin(
    asked: Mapping[str, Any],
    sock: socket.socket,
    bells: tuple[socket.socket, socket.socket],
    selector: selectors.BaseSelector,
) -> None:
    nursery = os.getpid()
    pid = os.fork()
    if pid:
        _tell(sock, {"begun": pid})
        return
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    selector.close()
    for one in (sock, *bells):
        one.close()
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["environment"], **{PARENT: str(nursery)})
    raise Born(asked["words"])


def _tell_ends(sock: socket.socket) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _tell(sock, {"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _tell(sock: socket.socket, news: Mapping[str, int]) -> None:
    with suppress(OSError):
        sock.sendall(json.dumps(news).encode() + b"\n")
