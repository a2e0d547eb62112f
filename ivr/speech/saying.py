"""Free text said at run time: names, addresses. A voice in another process renders it; what it said is kept, sealed.

Nothing here makes a call wait by itself: `find` looks, `prepare` waits as long as it is given. Where no voice is
installed nothing can be said, and the clause with the text in it is left out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import structlog

from ivr.media.clip import Clip
from ivr.speech.hearing.protocol import short_name
from policy_db import Keys
from policy_db.errors import WrongKeyError

log = structlog.get_logger(__name__)

#: The longest text that is said, in characters: a name, an address; not a story.
LONGEST: Final = 80
#: How long a clip of a text is kept, in days, and how many of them.
KEPT_DAYS: Final = 30
MOST_KEPT: Final = 2000
#: Clips held in memory.
_HELD: Final = 200
#: Texts of one worker that may wait for the voice at once.
_MOST_WAITING: Final = 8
#: Seconds that a text may take in all, also when nobody waits for it any more.
_GIVE_UP: Final = 20.0
_ENDING: Final = ".said"


class FreeText(NamedTuple):
    """A text and the language it is said in."""

    language: str
    text: str


class Says(Protocol):
    """What says free text."""

    def can(self, wanted: FreeText) -> bool:
        """Whether there is a voice for it."""

    def find(self, wanted: FreeText) -> Clip | None:
        """Its clip, if it has been said before."""

    async def prepare(self, wanted: Iterable[FreeText]) -> None:
        """Have it said; returns when that is done, or cannot be. May be given up: the voice goes on."""


class SaysNothing:
    """No voice is installed."""

    def can(self, wanted: FreeText) -> bool:
        """No."""
        return False

    def find(self, wanted: FreeText) -> Clip | None:
        """Nothing is there."""
        return None

    async def prepare(self, wanted: Iterable[FreeText]) -> None:
        """There is nothing to wait for."""


class SaidClips:
    """Clips of free text in a folder, each sealed with the key of the data folder under a name that tells nothing."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._keys = keys

    def read(self, wanted: FreeText) -> Clip | None:
        """The clip of a text; None if there is none that can be opened."""
        name = self._name(wanted)
        with suppress(OSError, WrongKeyError, ValueError):
            path = self._folder / f"{name}{_ENDING}"
            if time.time() - path.stat().st_mtime < KEPT_DAYS * 86_400:
                return Clip(base64.b64decode(self._keys.decrypt(path.read_bytes(), name)))
        return None

    def write(self, wanted: FreeText, audio: bytes) -> None:
        """Keep what was said (µ-law); only its owner may read the file. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = self._name(wanted)
        fresh = self._folder / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(self._keys.encrypt(base64.b64encode(audio).decode(), name))
        fresh.replace(self._folder / f"{name}{_ENDING}")
        forget_said(self._folder, most=MOST_KEPT)

    def _name(self, wanted: FreeText) -> str:
        return self._keys.digest("said", f"{wanted.language}\x00{wanted.text}").hex()[:32]


def forget_said(folder: Path, *, days: float = KEPT_DAYS, most: int = MOST_KEPT) -> int:
    """Delete what is older than `days`, and the oldest beyond `most`; with `most=0` everything. How many went."""
    found = []
    for path in folder.glob(f"*{_ENDING}"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, path))
    due = time.time() - days * 86_400
    newest = sorted(found, reverse=True)
    gone = [path for place, (at, path) in enumerate(newest) if at < due or place >= most]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


class Voiced:
    """Says free text by the voice process behind a socket; one for a worker, used in its loop."""

    def __init__(self, socket: Path, languages: frozenset[str], said: SaidClips) -> None:
        self._socket = socket
        self._languages = languages
        self._said = said
        self._held: OrderedDict[FreeText, Clip] = OrderedDict()
        self._under_way: dict[FreeText, asyncio.Task[None]] = {}

    def can(self, wanted: FreeText) -> bool:
        """See `Says.can`."""
        words = any(char.isalnum() for char in wanted.text)
        return words and len(wanted.text) <= LONGEST and wanted.language in self._languages

    def find(self, wanted: FreeText) -> Clip | None:
        """See `Says.find`; in memory alone, so that no call waits for a disk."""
        clip = self._held.get(wanted)
        if clip is not None:
            self._held.move_to_end(wanted)
        return clip

    async def prepare(self, wanted: Iterable[FreeText]) -> None:
        """See `Says.prepare`."""
        tasks = [self._task(one) for one in set(wanted) if self.can(one) and one not in self._held]
        await asyncio.gather(*(asyncio.shield(task) for task in tasks if task is not None))

    async def close(self) -> None:
        """Nothing is waited for any more."""
        for task in (tasks := list(self._under_way.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, wanted: FreeText) -> asyncio.Task[None] | None:
        if wanted not in self._under_way:
            if len(self._under_way) >= _MOST_WAITING:
                return None
            task = self._under_way[wanted] = asyncio.create_task(self._say(wanted))
            task.add_done_callback(lambda _: self._under_way.pop(wanted, None))
        return self._under_way[wanted]

    async def _say(self, wanted: FreeText) -> None:
        clip = await asyncio.to_thread(self._said.read, wanted)
        if clip is None:
            try:
                async with asyncio.timeout(_GIVE_UP):
                    audio = await ask_voice(self._socket, wanted)
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
                log.warning("free text not said", error=type(error).__name__)
                return
            if not audio:
                return
            clip = Clip(audio)
            try:
                await asyncio.to_thread(self._said.write, wanted, audio)
            except OSError as error:
                log.error("what was said is not kept", error=error.strerror)
        self._held[wanted] = clip
        while len(self._held) > _HELD:
            self._held.popitem(last=False)


async def ask_voice(socket: Path, wanted: FreeText) -> bytes:
    """What the voice process says of a text, µ-law; empty if it cannot. Raises OSError, IncompleteReadError."""
    with short_name(socket) as name:
        reader, writer = await asyncio.open_unix_connection(name)
    try:
        writer.write(json.dumps(wanted).encode() + b"\n")
        await writer.drain()
        size = int.from_bytes(await reader.readexactly(4))
        return await reader.readexactly(size)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
