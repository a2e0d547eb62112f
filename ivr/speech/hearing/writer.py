"""A process that writes recordings down, seen from who asks it: begun when there is something to do, ended when not."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ivr.speech.errors import SpeechError
from policy_db.message_facts import Segment, SpokenWord

#: Seconds of sound after which a process has grown enough, and another takes its place.
MOST_SOUND: Final = 900.0
#: How long one recording may take: so many seconds, and so many times its own length.
PATIENCE: Final = (60.0, 6.0)
#: Bytes of an answer at most; an hour of speech has half a megabyte.
_LONGEST_ANSWER: Final = 1 << 26
_COMMAND: Final = (sys.executable, "-m", "ivr.speech.hearing.writing")


class SoundGoneError(SpeechError):
    """The recording's file is gone, or is no recording; trying again is of no use."""

    code = "P520"


class WriterError(SpeechError):
    """It could not be written down this time."""

    code = "P521"


class Writer:
    """Writes recordings down, one at a time. Use `close` at the end."""

    def __init__(self, command: Sequence[str] = _COMMAND, *, most_sound: float = MOST_SOUND) -> None:
        self._command = command
        self._most_sound = most_sound
        self._process: Process | None = None
        self._sound = 0.0

    @property
    def pid(self) -> int | None:
        """The process that there is, if there is one."""
        return None if self._process is None else self._process.pid

    async def write(self, file: Path, language: str, model: Path, seconds: float) -> tuple[Segment, ...]:
        """What is said on a recording of that length. Raises SoundGoneError, WriterError."""
        if self._sound + seconds > self._most_sound:
            await self.close()
        process = self._process or await self._begin()
        self._sound += seconds
        asked = json.dumps({"file": str(file), "language": language, "model": str(model)})
        base, times = PATIENCE
        try:
            async with asyncio.timeout(base + times * seconds):
                told = await _ask(process, asked)
        except (TimeoutError, OSError, ValueError) as error:
            await self._kill()
            raise WriterError(f"the recogniser gave no answer ({type(error).__name__})") from None
        except BaseException:
            await self._kill()  # what it would still answer belongs to nobody
            raise
        if "error" in told:
            raise (SoundGoneError if told["code"] == "sound" else WriterError)(told["error"])
        return tuple(Segment(tuple(SpokenWord(*word) for word in words)) for words in told["segments"])

    async def close(self) -> None:
        """Let the process end; it does so when it is asked nothing more."""
        process, self._process, self._sound = self._process, None, 0.0
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - it was begun with one
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _begin(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST_ANSWER
        )
        return self._process

    async def _kill(self) -> None:
        process, self._process, self._sound = self._process, None, 0.0
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _ask(process: Process, asked: str) -> Any:
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(asked.encode() + b"\n")
    await process.stdin.drain()
    answer = await process.stdout.readline()
    if not answer:
        raise BrokenPipeError
    return json.loads(answer)
