"""Transcripts as their table holds them."""

from __future__ import annotations

from typing import Any, Final, cast

from policy_db.message_facts import Segment, SpokenWord, Transcript, Urgency, UrgencyReason
from policy_db.store import AnyRow
from policy_db.tables import TranscriptRow

#: What `transcript_of` reads.
COLUMNS: Final = tuple(column for column in TranscriptRow.__table__.columns if column.name != "recording_id")


def columns_of(transcript: Transcript) -> dict[str, Any]:
    """The columns of a transcript, without the recording's id."""
    return {
        "text": transcript.text,
        "language": transcript.language,
        "confidence": transcript.confidence,
        "engine": transcript.engine,
        "at": transcript.at,
        "segments": [
            [[word.text, word.confidence, word.start, word.end] for word in segment.words]
            for segment in transcript.segments
        ],
        "urgency": transcript.urgency,
        "reasons": [
            [reason.phrase, reason.urgency, reason.at, reason.confidence] for reason in transcript.reasons
        ],
        "corrected_by": transcript.corrected_by,
        "corrected_at": transcript.corrected_at,
    }


def transcript_of(row: AnyRow) -> Transcript:
    """A transcript from a row of `COLUMNS`."""
    return Transcript(
        row.text,
        row.language,
        row.confidence,
        row.engine,
        row.at,
        tuple(Segment(tuple(SpokenWord(*word) for word in words)) for words in row.segments if words),
        cast("Urgency", row.urgency),
        tuple(UrgencyReason(*reason) for reason in row.reasons),
        row.corrected_by,
        row.corrected_at,
    )
