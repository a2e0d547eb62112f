"""The voice process: says free text for the call workers of this machine, one text at a time, standing back for them.

A connection brings one line, `[language, text]` as JSON, and is answered with the length (4 octets, big-endian) and
the µ-law sound; length 0 where it cannot be said, or too many are waiting.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.speech.build import voice_language
from ivr.speech.errors import SpeechError
from ivr.speech.hearing.protocol import short_name
from ivr.speech.saying import LONGEST
from ivr.speech.sound import to_samples
from ivr.speech.values import Carrier
from ivr.speech.voice import Voices, telephone_clip

log = structlog.get_logger(__name__)

#: Texts that may wait; and the longest line that is read.
_MOST_WAITING: Final = 16
_LONGEST_LINE: Final = 4096
#: Seconds that a client may take to bring its line.
_PATIENCE: Final = 5.0


class VoiceProcess:
    """Serves one socket until it is stopped."""

    def __init__(self, voices: Voices, languages: Iterable[str]) -> None:
        self._voices = voices
        self._languages = tuple(languages)
        self._waiting = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End after what is being said."""
        self._stopped.set()

    async def serve(self, socket: Path) -> None:
        """Until `stop`; the voices are loaded first, so that the first caller waits no longer than others."""
        socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        socket.unlink(missing_ok=True)
        with ThreadPoolExecutor(1, thread_name_prefix="voice") as thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._warm)
            with short_name(socket) as name:
                server = await asyncio.start_unix_server(
                    lambda reader, writer: self._answer(thread, reader, writer), name, limit=_LONGEST_LINE
                )
            async with server:
                await self._stopped.wait()
        socket.unlink(missing_ok=True)

    def _warm(self) -> None:
        for language in self._languages:
            try:
                self._voices.load(language)
            except SpeechError as error:
                log.warning("voice not loaded", language=language, why=str(error))

    async def _answer(
        self, thread: ThreadPoolExecutor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await reader.readuntil(b"\n")
            audio = await self._audio(thread, line)
            writer.write(len(audio).to_bytes(4) + audio)
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or is none of ours
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _audio(self, thread: ThreadPoolExecutor, line: bytes) -> bytes:
        if self._waiting >= _MOST_WAITING:
            return b""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, self._said, line)
        finally:
            self._waiting -= 1

    def _said(self, line: bytes) -> bytes:
        """The sound of a request; what went wrong is told by its kind alone, because a name may stand in it."""
        try:
            language, text = (str(part) for part in json.loads(line))
            if not text.strip() or len(text) > LONGEST:
                return b""
            voice = self._voices.load(voice_language(language, text))
            samples = telephone_clip(voice, text, Carrier("", "。" if language.startswith("zh") else "."))
            return Clip.from_samples(to_samples(samples)).frames(Law.MU)
        except (SpeechError, ValueError, TypeError, KeyError) as error:
            log.warning("free text cannot be said", error=type(error).__name__)
            return b""


async def run_voice(voices: Voices, languages: Iterable[str], socket: Path, *, nice: int = 10) -> None:
    """A voice process from its start to SIGTERM, behind the processes that carry calls (`nice`)."""
    import signal

    os.nice(nice)
    process = VoiceProcess(voices, languages)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    await process.serve(socket)
