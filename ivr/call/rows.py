"""A recording's row in the database, made to say what the recording's note says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from ivr.call.notes import NoteState, RecordingNote, note_path
from ivr.media.errors import AudioFileError
from ivr.media.g711 import RATE
from ivr.media.wav import HEADER_SIZE, own_format, repair
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.talk_facts import SilentSpan

log = structlog.get_logger(__name__)

#: Hears of news: a message or a claim, and which one.
Tell = Callable[[str, str], None]

#: The longest reason a row can take.
_LONGEST_REASON = 100


class RecordingRows:
    """Writes rows from notes. Everything may be asked for again, after any failure at any point."""

    def __init__(self, folder: Path, database: PolicyDatabase, tell: Tell | None = None) -> None:
        self._folder = folder
        self._tell = tell
        self._rows = database.recordings
        self._claims = database.claims
        self._talks = database.talks
        #: How far the rows of unsettled recordings are known to be, by id: what is done is not asked for again.
        self._reached: dict[str, NoteState] = {}

    async def follow(self, audio: Path, note: RecordingNote) -> None:
        """Bring the row to where the note is. Raises PolicyDatabaseError.

        When that is the end (`kept` or `discarded`) the note is removed, and with `discarded` the audio too.
        """
        reached = self._reached.get(note.id)
        if reached is None:
            await self._begin(audio, note)
        if note.state == "discarded":
            await self._rows.discard(note.id)
            audio.unlink(missing_ok=True)
        elif note.state != "recording" and reached != "ended":
            await self._rows.finish(note.id, seconds=note.seconds, size=_size(audio), why=note.why)
        if note.state == "kept":
            await self._rows.keep(note.id)
            await self._attach(note)
        self._reached[note.id] = note.state
        if note.state in ("kept", "discarded"):
            self._settled(audio, note)

    async def bring_in(self, audio: Path, note: RecordingNote) -> None:
        """Complete the row of a recording that nobody attends to any more, and remove its note.

        The header of the file is repaired first. A recording in which nothing was said yet is discarded; any
        other stays, and its caller never said that it should not; the words of a prompt go. Raises
        PolicyDatabaseError and OSError.
        """
        if note.purpose == "prompt":
            note = note.changed(state="discarded")
        if note.state in ("recording", "ended"):
            note = await asyncio.to_thread(_as_left, audio, note)
        await self.follow(audio, note)
        if note.purpose == "talk":
            await self._finish_talk(note)
        if note.state == "ended":
            await self._attach(note)
            self._settled(audio, note)

    async def _finish_talk(self, note: RecordingNote) -> None:
        """The row of a talk says what its note says, although nobody could write it any more."""
        told = note.details
        await self._talks.begin(
            note.id, call=note.call, worker=note.worker, queue=told["queue"], consent=told["consent"],
            recording=note.id,
        )  # fmt: skip
        spans = [SilentSpan(**span) for span in told["spans"]]
        kept = note.state != "discarded"
        await self._talks.finish(note.id, seconds=note.seconds, spans=spans, recorded=kept)

    def _settled(self, audio: Path, note: RecordingNote) -> None:
        note_path(audio).unlink(missing_ok=True)
        self._reached.pop(note.id, None)
        if self._tell is not None and note.purpose in ("voicemail", "claim"):
            message = note.purpose == "voicemail"
            self._tell(
                "message" if message else "claim",
                note.id if message else str(note.details.get("claim") or ""),
            )

    async def _begin(self, audio: Path, note: RecordingNote) -> None:
        claim = note.details.get("claim")
        try:
            await self._insert(audio, note, str(claim) if claim else None)
        except PolicyDatabaseError:
            raise
        except Exception as error:
            if not claim:
                raise
            # A flow that names a claim which is not there must not cost the caller's words.
            log.error("recording names no claim", recording=note.id, error=type(error).__name__)
            await self._insert(audio, note, None)

    async def _insert(self, audio: Path, note: RecordingNote, claim: str | None) -> None:
        await self._rows.begin(
            note.id,
            purpose=note.purpose,
            call=note.call,
            worker=note.worker,
            file=str(audio.relative_to(self._folder)),
            caller=note.caller,
            level=note.level,
            claim=claim,
            mailbox=str(note.details.get("mailbox") or ""),
            reason=str(note.details.get("reason") or "")[:_LONGEST_REASON],
        )

    async def _attach(self, note: RecordingNote) -> None:
        """An answer of a claim report belongs to the report, also when the flow could not say so any more."""
        claim, question = note.details.get("claim"), note.details.get("field")
        if not claim or not question:
            return
        try:
            await self._claims.attach(str(claim), str(question), note.id)
        except ConflictError:
            return  # handed in meanwhile; the row names the claim all the same
        except (NotFoundError, BadValueError) as error:
            log.error("recording not attached", recording=note.id, error=error.code)


def recorded_seconds(audio: Path) -> float:
    """How much a recording's file holds, by its size; 0 if there is none. One that is damaged counts as mono."""
    try:
        rate = own_format(audio).bytes_a_second
    except (OSError, AudioFileError):
        rate = RATE
    return max(0, _size(audio) - HEADER_SIZE) // 2 * 2 / rate


def _size(audio: Path) -> int:
    try:
        return audio.stat().st_size
    except OSError:
        return 0


def _as_left(audio: Path, note: RecordingNote) -> RecordingNote:
    """What became of a recording whose call is gone: its file made right, its length, and whether it stays."""
    why = note.why or "broken_off"
    try:
        held = repair(audio)
    except FileNotFoundError:
        held = 0.0
    except AudioFileError as error:
        log.error("recording is damaged", recording=note.id, error=str(error))
        held, why = recorded_seconds(audio), "damaged"
    seconds = note.seconds if note.state == "ended" and note.seconds else held
    return note.changed(state="ended" if seconds else "discarded", seconds=round(seconds, 2), why=why)
