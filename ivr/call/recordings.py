"""Callers' recordings: the audio file, a note beside it, and the row in the database.

The note is written before the first word and removed when the row is complete. Whatever happens in between
(a crash, a locked database), the note says whose words the file holds, and `recover` brings them in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from ivr.call.notes import RecordingNote, find_notes, note_path, plain
from ivr.flow.instructions import Record
from ivr.lines.base import RecordEnded
from ivr.media.wav import repair
from policy_db import PolicyDatabase, PolicyDatabaseError

log = structlog.get_logger(__name__)

#: How long the caller waits for the database to take a finished recording before the note must do.
STORE_SECONDS = 2.0


class _Entry:
    """A recording of a running call."""

    def __init__(self, path: Path, note: RecordingNote) -> None:
        self.path = path
        self.note = note


class RecordingVault:
    """Keeps every recording of a worker's calls in `folder`, a folder a day."""

    def __init__(self, folder: Path, database: PolicyDatabase, worker: str) -> None:
        self._folder = folder
        self._rows = database.recordings
        self._claims = database.claims
        self._worker = worker
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._chains: dict[str, asyncio.Task[None]] = {}

    def begin(self, call_id: str, request: Record, *, caller: str, level: int, now: datetime) -> Path:
        """Where to record; the note is written at once, the row behind it.

        Raises OSError when the folder cannot be made.
        """
        row = recording_id(call_id, request.recording)
        path = self._folder / f"{now:%Y-%m-%d}" / f"{row}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        purpose = "voicemail" if request.purpose == "voicemail" else "claim"
        note = RecordingNote(row, call_id, self._worker, purpose, caller, level, plain(request.details))
        entry = self._entries[call_id, request.recording] = _Entry(path, note)
        self._write_note(entry)
        self._later(call_id, lambda: self._begin_row(path, note))
        return path

    def path(self, call_id: str, recording: str) -> Path | None:
        """The file of a recording of this call, for playing it back."""
        entry = self._entries.get((call_id, recording))
        return entry.path if entry is not None and entry.path.exists() else None

    async def ended(self, call_id: str, ended: RecordEnded) -> bool:
        """The file is closed. False if the database would not take it in time; the note keeps it then."""
        entry = self._entries.get((call_id, ended.recording))
        if entry is None:
            return False
        self._change(entry, state="ended", seconds=round(ended.seconds, 2), why=ended.why)
        note = entry.note
        task = self._later(call_id, lambda: self._finish_row(entry.path, note))
        done, _ = await asyncio.wait({task}, timeout=STORE_SECONDS)
        return bool(done) and task.exception() is None

    def keep(self, call_id: str, recording: str, details: Mapping[str, Any]) -> None:
        """The caller left it; the note goes when the row says so too."""
        entry = self._entries.get((call_id, recording))
        if entry is None:
            return
        self._change(entry, state="kept", details={**entry.note.details, **plain(details)})
        note = entry.note
        self._later(call_id, lambda: self._keep_row(entry.path, note))

    def discard(self, call_id: str, recording: str) -> None:
        """The caller chose to say it again, or said nothing."""
        entry = self._entries.pop((call_id, recording), None)
        if entry is None:
            return
        self._change(entry, state="discarded")
        note = entry.note
        self._later(call_id, lambda: self._discard_row(entry.path, note))

    async def flush(self, call_id: str) -> None:
        """Wait for what is still being written of this call, within a bound; notes keep the rest."""
        chain = self._chains.pop(call_id, None)
        if chain is not None:
            await asyncio.wait({chain}, timeout=STORE_SECONDS)
        for key in [key for key in self._entries if key[0] == call_id]:
            del self._entries[key]

    async def recover(self) -> list[str]:
        """Bring in what earlier processes of this worker, or a database that was away, left as notes.

        Returns the ids of the recordings brought in. Damaged headers are repaired first.
        """
        active = {entry.note.id for entry in self._entries.values()}
        recovered = []
        notes = await asyncio.to_thread(lambda: list(find_notes(self._folder)))
        for path, note in notes:
            if note.worker == self._worker and note.id not in active:
                try:
                    await self._recover(path, note)
                except Exception as error:
                    log.error("recording stays a note", recording=note.id, error=type(error).__name__)
                else:
                    recovered.append(note.id)
        return recovered

    async def _recover(self, path: Path, note: RecordingNote) -> None:
        if note.state == "discarded":
            await self._discard_row(path, note)
            return
        seconds = await asyncio.to_thread(repair, path) if path.exists() else 0.0
        await self._begin_row(path, note)
        await self._finish_row(
            path, note.changed(seconds=note.seconds or seconds, why=note.why or "broken_off")
        )
        if note.state == "kept":
            await self._rows.keep(note.id)
        await self._attach(note)
        note_path(path).unlink(missing_ok=True)

    async def _attach(self, note: RecordingNote) -> None:
        """An answer of a claim report that was cut off belongs to the report all the same."""
        claim, question = note.details.get("claim"), note.details.get("field")
        if claim and question:
            try:
                await self._claims.attach(str(claim), str(question), note.id)
            except PolicyDatabaseError as error:
                log.warning("recording not attached", recording=note.id, error=type(error).__name__)

    # Rows, one after another within a call

    def _later(self, call_id: str, write: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._after(self._chains.get(call_id), write))
        task.add_done_callback(_tell_failure)
        self._chains[call_id] = task
        return task

    async def _after(self, before: asyncio.Task[None] | None, write: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        await write()

    async def _begin_row(self, path: Path, note: RecordingNote) -> None:
        claim = note.details.get("claim")
        await self._rows.begin(
            note.id,
            purpose=note.purpose,
            call=note.call,
            worker=note.worker,
            file=str(path.relative_to(self._folder)),
            caller=note.caller,
            level=note.level,
            claim=str(claim) if claim else None,
            mailbox=str(note.details.get("mailbox", "")),
            reason=str(note.details.get("reason", "") or ""),
        )

    async def _finish_row(self, path: Path, note: RecordingNote) -> None:
        size = path.stat().st_size if path.exists() else 0
        await self._rows.finish(note.id, seconds=note.seconds, size=size, why=note.why)

    async def _keep_row(self, path: Path, note: RecordingNote) -> None:
        await self._rows.keep(note.id)
        note_path(path).unlink(missing_ok=True)

    async def _discard_row(self, path: Path, note: RecordingNote) -> None:
        await self._begin_row(path, note)
        await self._rows.discard(note.id)
        path.unlink(missing_ok=True)
        note_path(path).unlink(missing_ok=True)

    # Notes

    def _change(self, entry: _Entry, **changes: Any) -> None:
        entry.note = entry.note.changed(**changes)
        self._write_note(entry)

    def _write_note(self, entry: _Entry) -> None:
        try:
            entry.note.write(entry.path)
        except OSError as error:
            # The row is still tried; a disk that takes no note takes no audio either, and the recorder says so.
            log.error("recording note not written", recording=entry.note.id, error=error.strerror)


def recording_id(call_id: str, recording: str) -> str:
    """The database's id of a recording: unique over all calls."""
    return f"{call_id}-{recording}"


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("recording not in the database yet, its note is kept", error=type(error).__name__)
