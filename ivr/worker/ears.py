"""The recognisers' parent: it loads the models once, and forks the processes that listen.

What is read of a model never changes, so the children share it: a fresh one is up in some milliseconds and takes 15 MB
of its own. So one that crashes, or has grown too large, is replaced before the next caller speaks.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from ivr.speech.errors import ModelError
from ivr.speech.hearing.process import Limits, NewListening, RecogniserProcess
from ivr.speech.hearing.protocol import SUFFIX
from ivr.worker.parent import end_with

if TYPE_CHECKING:
    from ivr.speech.hearing.loaded import LoadedModel

log = structlog.get_logger(__name__)

#: How much a recogniser stands back for the processes that carry sound (nice).
NICE: Final = 10
#: A child that lived shorter than this waits for its successor, twice as long each time.
HEALTHY_AFTER: Final = 2.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
#: Seconds that a child may take to stop.
STOP_SECONDS: Final = 5.0
#: How often the parent looks round when nothing happens, in seconds.
LOOK_SECONDS: Final = 1.0

_SIGNALS: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class _Place:
    """One of the processes to keep up."""

    index: int
    pid: int = 0
    path: Path = Path()
    #: Whether its socket has been there: when it is there no more, the process takes nobody new.
    open: bool = False
    began: float = 0.0
    pause: float = 0.0
    #: When it may be begun.
    due: float = 0.0


class RecogniserParent:
    """Keeps `count` recogniser processes up until SIGTERM. It has no thread and no loop, so that it can fork."""

    def __init__(
        self,
        folder: Path,
        new_listening: NewListening,
        languages: tuple[str, ...],
        *,
        count: int,
        limits: Limits,
        nice: int = NICE,
    ) -> None:
        self._folder = folder
        self._new_listening = new_listening
        self._languages = languages
        self._limits = limits
        self._nice = nice
        self._places = [_Place(index) for index in range(count)]
        self._made = 0
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT; no child is left behind."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            while not self._stopping:
                self._begin_what_is_due()
                self._wait()
            self._end_all()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _wait(self) -> None:
        happened = signal.sigtimedwait(_SIGNALS, LOOK_SECONDS if self._all_up else SHORTEST_PAUSE / 2)
        if happened is not None and happened.si_signo != signal.SIGCHLD:
            self._stopping = True
        self._bury()

    @property
    def _all_up(self) -> bool:
        return all(place.pid for place in self._places)

    def _begin_what_is_due(self) -> None:
        for place in tuple(self._places):
            there = place.pid > 0 and place.path.exists()
            if not place.pid and time.monotonic() >= place.due:
                self._begin(place)
            elif place.open and not there and place.index >= 0:
                self._replace(place)
            place.open = place.open or there

    def _begin(self, place: _Place) -> None:
        self._made += 1
        path = self._folder / f"{os.getpid()}-{place.index}-{self._made}{SUFFIX}"
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            self._live(path, parent)
        place.pid, place.path, place.began, place.open = pid, path, time.monotonic(), False

    def _replace(self, place: _Place) -> None:
        """It has done enough and ends what it has; its successor need not wait for that."""
        self._places.append(_Place(place.index))
        place.index = -1

    def _bury(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._ended(pid, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, status: int) -> None:
        place = next(one for one in self._places if one.pid == pid)
        place.path.unlink(missing_ok=True)
        if place.index < 0:
            self._places.remove(place)
            return
        place.pid = 0
        if status and not self._stopping:
            lived = time.monotonic() - place.began
            healthy = lived > HEALTHY_AFTER
            place.pause = 0.0 if healthy else min(LONGEST_PAUSE, max(SHORTEST_PAUSE, place.pause * 2))
            place.due = time.monotonic() + place.pause
            log.error("recogniser died", status=status, lived=round(lived, 1), pause=place.pause)

    def _end_all(self) -> None:
        for place in self._places:
            if place.pid:
                _send(place.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(place.pid for place in self._places):
            if time.monotonic() > deadline:
                for place in self._places:
                    if place.pid:
                        _send(place.pid, signal.SIGKILL)
                deadline += STOP_SECONDS
            signal.sigtimedwait((signal.SIGCHLD,), 0.1)
            self._bury()

    def _live(self, path: Path, parent: int) -> NoReturn:
        """A child's life; it never returns into what the parent was doing."""
        status = 1
        try:
            end_with(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.nice(self._nice)
            asyncio.run(_serve(RecogniserProcess(self._new_listening, self._languages, self._limits), path))
            status = 0
        except BaseException as error:
            log.error("recogniser failed", error=type(error).__name__)
        finally:
            sys.stderr.flush()
            os._exit(status)


async def _serve(process: RecogniserProcess, path: Path) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    await process.serve(path)


def listen_by(models: Mapping[str, LoadedModel]) -> NewListening:
    """Listenings with these models.

    Each is tried once, so that what is read at a first time (words, tables) is there before the first child is forked.
    """
    from ivr.media.g711 import SILENCE, Law
    from ivr.speech.hearing.listening import Listening  # only the recognisers need what recognises
    from ivr.speech.hearing.types import EXPECTS, Expectation

    for language, model in models.items():
        for expect in EXPECTS:
            Listening(model, Expectation(language, expect=expect), Law.MU).feed(SILENCE[Law.MU])
    return lambda expectation, law: Listening(models[expectation.language], expectation, law)


def load_models(folders: Mapping[str, Path], notes: Path) -> dict[str, LoadedModel]:
    """The models that can be loaded; what is wrong with another is told once.

    A model that is damaged may take the whole process with it: one that was being loaded when the process ended, as a
    note in `notes` says, is not tried again while this hotline runs.
    """
    from ivr.speech.hearing.loaded import LoadedModel

    loaded = {}
    notes.mkdir(parents=True, exist_ok=True)
    for language, folder in folders.items():
        note = notes / f"{language}.loading"
        if note.exists():
            log.error(
                "the recogniser's model cannot be loaded, callers of this language use the keys; fetch it again",
                language=language, folder=str(folder), command=f"hotline models get {language}",
            )  # fmt: skip
            continue
        note.touch()
        try:
            loaded[language] = LoadedModel.load(language, folder)
        except ModelError as error:
            log.error(str(error))
        note.unlink()
    return loaded


def forget_notes(notes: Path) -> None:
    """A hotline that starts tries every model again, and knows no recogniser of an earlier one."""
    with suppress(OSError):
        for path in notes.iterdir():
            if path.suffix in (SUFFIX, ".loading"):
                path.unlink(missing_ok=True)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
