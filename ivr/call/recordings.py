"""Callers' recordings: the audio file, a note beside it, and the row in the database.

The note is written before the first word and removed when the row is complete. Whatever happens in between
(a crash, a locked database), the note says whose words the file holds, and `recover` brings them in.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from ivr.call.chains import Chains
from ivr.call.notes import RecordingNote, find_notes, note_path, plain
from ivr.call.rows import RecordingRows, Tell, recorded_seconds
from ivr.flow.instructions import Record
from ivr.lines.base import RecordEnded
from policy_db import PolicyDatabase

log = structlog.get_logger(__name__)

#: How long the caller waits for the database to take a finished recording before the note must do.
STORE_SECONDS = 2.0
#: The name of a recording's file, from the folder of recordings on.
_FILE = re.compile(r"\d{4}-\d{2}-\d{2}/[\w.@-]+\.wav")


@dataclass(slots=True)
class _Entry:
    """A recording of a running call."""

    path: Path
    note: RecordingNote


class RecordingVault:
    """Keeps every recording of a worker's calls in `folder`, a folder a day.

    The rows of a call's recordings are written one after another behind the call's back; each write makes the
    row say what the note says. `store_seconds` is how long `ended` and `flush` wait for that. `tell` hears of
    messages and claims whose words are settled.
    """

    def __init__(
        self,
        folder: Path,
        database: PolicyDatabase,
        worker: str,
        *,
        store_seconds: float = STORE_SECONDS,
        tell: Tell | None = None,
    ) -> None:
        self._folder = folder
        self._rows = RecordingRows(folder, database, tell)
        self._worker = worker
        self._store_seconds = store_seconds
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._chains = Chains(store_seconds, "recording")
        #: Audio files of recordings whose call is over and whose note is still there.
        self._left: set[Path] = set()
        self._searched = False

    def begin(self, call_id: str, request: Record, *, caller: str, level: int, now: datetime) -> Path:
        """Where to record; the note is written at once, the row behind it.

        Raises OSError when the folder cannot be made.
        """
        row = recording_id(call_id, request.recording)
        purpose = "voicemail" if request.purpose == "voicemail" else "claim"
        if "prompt" in request.details:
            purpose = "prompt"
        note = RecordingNote(row, call_id, self._worker, purpose, caller, level, plain(request.details))
        return self._open(call_id, request.recording, note, now)

    def begin_talk(
        self, call_id: str, recording: str, *, caller: str, details: Mapping[str, Any], now: datetime
    ) -> Path:
        """Where to record a talk of the call; it outlives the call by as long as its file takes to be closed.

        `details` are what the row of the talk must come to say. Raises OSError when the folder cannot be made.
        """
        row = recording_id(call_id, recording)
        note = RecordingNote(row, call_id, self._worker, "talk", caller, 0, dict(details))
        return self._open(row, recording, note, now)

    def talk_changed(self, call_id: str, recording: str, details: Mapping[str, Any]) -> None:
        """What the row of a talk must say has changed."""
        owner = recording_id(call_id, recording)
        entry = self._entries.get((owner, recording))
        if entry is not None:
            self._change(owner, entry, details={**entry.note.details, **details})

    async def talk_ended(self, call_id: str, ended: RecordEnded, *, keep: bool) -> float:
        """The file of a talk is closed, and it stays or goes; returns when that is written, or left to its note.

        Gives the seconds that the file holds.
        """
        owner = recording_id(call_id, ended.recording)
        known = await self.ended(owner, ended)
        if keep:
            self.keep(owner, ended.recording, {})
        else:
            self.discard(owner, ended.recording)
        await self.flush(owner)
        return known.seconds

    def _open(self, owner: str, recording: str, note: RecordingNote, now: datetime) -> Path:
        path = self._folder / f"{now:%Y-%m-%d}" / f"{note.id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        entry = self._entries[owner, recording] = _Entry(path, note)
        self._change(owner, entry)
        return path

    def path(self, call_id: str, recording: str) -> Path | None:
        """The file of a recording of this call, for playing it back.

        One of another call is named by its file (`2026-03-02/….wav`), as only a service can: it has looked whose it is.
        """
        entry = self._entries.get((call_id, recording))
        if entry is not None:
            return entry.path if entry.path.exists() else None
        path = self._folder / recording
        return path if _FILE.fullmatch(recording) and path.is_file() else None

    async def ended(self, call_id: str, ended: RecordEnded) -> RecordEnded:
        """The file is closed. Returns what is to be told of it.

        `storage` when the caller is still there and the database would not take it in time: the note keeps it.
        `seconds` are the file's where the recorder could not count them.
        """
        entry = self._entries.get((call_id, ended.recording))
        if entry is None:
            return replace(ended, why="storage")
        seconds = ended.seconds or (recorded_seconds(entry.path) if ended.why == "storage" else 0.0)
        stored = self._change(call_id, entry, state="ended", seconds=round(seconds, 2), why=ended.why)
        await asyncio.wait({stored}, timeout=self._store_seconds)
        in_time = stored.done() and not stored.cancelled() and stored.exception() is None
        return replace(
            ended, seconds=seconds, why=ended.why if in_time or ended.why == "hang_up" else "storage"
        )

    def keep(self, call_id: str, recording: str, details: Mapping[str, Any]) -> None:
        """The caller left it; the note goes when the row says so too. The words of a prompt stay for the call alone."""
        entry = self._entries.get((call_id, recording))
        if entry is not None and entry.note.purpose != "prompt":
            self._change(call_id, entry, state="kept", details={**entry.note.details, **plain(details)})

    def discard(self, call_id: str, recording: str) -> None:
        """The caller chose to say it again, or said nothing."""
        entry = self._entries.get((call_id, recording))
        if entry is not None:
            self._change(call_id, entry, state="discarded")

    async def flush(self, call_id: str) -> None:
        """The call is over: wait for what is still being written of it, within a bound; notes keep the rest."""
        mine = [key for key in self._entries if key[0] == call_id]
        for entry in [self._entries[key] for key in mine]:
            if entry.note.purpose == "prompt":
                self._change(call_id, entry, state="discarded")
            elif entry.note.state == "ended":
                # The flow came to no word about it; the caller never said that it should go.
                self._chains.add(call_id, lambda entry=entry: self._rows.bring_in(entry.path, entry.note))  # type: ignore[misc]
        await self._chains.settle(call_id)
        for key in mine:
            self._left.add(self._entries.pop(key).path)

    async def recover(self) -> list[str]:
        """Bring in what earlier processes of this worker, or a database that was away, left as notes.

        The folder is searched the first time; after that only what this process left is looked at. Returns
        the ids of the recordings brought in; what fails is logged and tried again the next time.
        """
        recovered = []
        left = None if not self._searched else sorted(self._left)
        for path, note in await asyncio.to_thread(_notes, self._folder, left):
            if note.worker != self._worker or self._attended(note):
                continue
            try:
                await self._rows.bring_in(path, note)
            except Exception as error:
                self._left.add(path)
                log.error("recording stays a note", recording=note.id, error=type(error).__name__)
            else:
                recovered.append(note.id)
        self._searched = True
        self._left = {path for path in self._left if note_path(path).exists()}
        return recovered

    def _attended(self, note: RecordingNote) -> bool:
        """Whether its call runs here: asked at the last moment, because calls begin while notes are read."""
        return any(entry.note.id == note.id for entry in self._entries.values())

    # The note first, then the row

    def _change(self, call_id: str, entry: _Entry, **changes: Any) -> asyncio.Task[None]:
        entry.note = note = entry.note.changed(**changes)
        try:
            note.write(entry.path)
        except OSError as error:
            # The row is still tried; a disk that takes no note takes no audio either, and the recorder says so.
            log.error("recording note not written", recording=note.id, error=error.strerror)
        return self._chains.add(call_id, lambda: self._rows.follow(entry.path, note))


def _notes(folder: Path, left: list[Path] | None) -> list[tuple[Path, RecordingNote]]:
    """The notes of these audio files, or every note of the folder."""
    if left is None:
        return list(find_notes(folder))
    read = [(path, RecordingNote.read(note_path(path))) for path in left]
    return [(path, note) for path, note in read if note is not None]


def recording_id(call_id: str, recording: str) -> str:
    """The database's id of a recording: unique over all calls."""
    return f"{call_id}-{recording}"
