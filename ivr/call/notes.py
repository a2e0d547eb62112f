"""The note beside a recording's file: whose words it holds, written before the first of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from ivr.flow.values import Secret

NoteState = Literal["recording", "ended", "kept", "discarded"]


@dataclass(frozen=True, slots=True)
class RecordingNote:
    """What the database must come to know of a recording; `details` are the flow's own words for it."""

    id: str
    call: str
    worker: str
    purpose: str
    caller: str
    level: int
    details: dict[str, Any] = field(default_factory=dict)
    state: NoteState = "recording"
    seconds: float = 0.0
    why: str = ""

    def changed(self, **changes: Any) -> Self:
        """The note with some fields changed."""
        return replace(self, **changes)

    def write(self, audio: Path) -> None:
        """Replace the note of `audio` in one step. Raises OSError."""
        path = note_path(audio)
        draft = path.with_suffix(".tmp")
        try:
            draft.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
            os.replace(draft, path)  # noqa: PTH105 - atomic by name
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """A note from its file; None if it cannot be read."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def note_path(audio: Path) -> Path:
    """Where the note of a recording stands."""
    return audio.with_suffix(".json")


def find_notes(folder: Path) -> Iterator[tuple[Path, RecordingNote]]:
    """Every readable note under `folder`, with the audio file it belongs to."""
    for path in sorted(folder.rglob("*.json")):
        note = RecordingNote.read(path)
        if note is not None:
            yield path.with_suffix(".wav"), note


def plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as JSON may hold them; secrets are left out."""
    return {
        name: value if isinstance(value, str | int | float | bool) or value is None else str(value)
        for name, value in details.items()
        if not isinstance(value, Secret)
    }
