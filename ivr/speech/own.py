"""A company's own recordings of prompts, put in place while the hotline runs, with the earlier ones kept.

They lie beside the shipped prompts in a folder of the company (`FOLDER/LANGUAGE/recordings/NAME.wav`), and go before
everything else. A recording may hold until a moment (`NAME.until`); after it, what was there before is heard again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import soundfile

from ivr.speech.clips import RECORDINGS, in_force, own_recordings
from ivr.speech.errors import ClipError
from ivr.speech.taking import telephone_recording

EARLIER: Final = "earlier"
#: Takes of calls that nobody has said yes to yet.
TAKES: Final = "takes"
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class OwnRecording:
    """A recording: its file, when it was made, how long it is (seconds), and until when it holds."""

    name: str
    path: Path
    made_at: datetime
    seconds: float
    until: datetime | None = None

    @property
    def id(self) -> str:
        """Which one it is among the earlier ones."""
        return self.path.stem


class OwnRecordings:
    """The recordings of one folder. Files change whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self, language: str) -> Mapping[str, OwnRecording]:
        """Those that are in place, also those whose time is over, by the name that prompts know them by."""
        found = own_recordings(self.folder / language)
        return {name: _recording(name, path) for name, path in found.items()}

    def earlier(self, language: str, name: str) -> tuple[OwnRecording, ...]:
        """What was in place before, the latest first."""
        files = sorted(self._earlier(language, name).glob("*.wav"), reverse=True)
        return tuple(_recording(name, path) for path in files)

    def place(
        self,
        language: str,
        name: str,
        sound: Path,
        *,
        now: datetime,
        until: datetime | None = None,
        text: str = "",
    ) -> OwnRecording:
        """Trim, level and convert a sound file of any kind, and put it in place; the one before is kept.

        Raises ClipError as `telephone_recording` does; `text` is what it should say, where that is known.
        """
        clip = telephone_recording(sound, text)
        path = self._path(language, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        clip.to_wav(fresh)
        self._set_aside(language, name, now)
        fresh.replace(path)
        _set_until(path, until)
        return _recording(name, path)

    def restore(self, language: str, name: str, which: str, *, now: datetime) -> bool:
        """Put an earlier one in place again; False if there is none of that id."""
        found = next((one for one in self.earlier(language, name) if one.id == which), None)
        if found is None:
            return False
        path = self._path(language, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        shutil.copyfile(found.path, fresh)
        self._set_aside(language, name, now)
        fresh.replace(path)
        _set_until(path, None)
        return True

    def remove(self, language: str, name: str, *, now: datetime) -> bool:
        """Take the recording out of place, and keep it; the rendered clip is heard again."""
        if not self._path(language, name).is_file():
            return False
        self._set_aside(language, name, now)
        return True

    def sound(self, language: str, name: str, which: str = "") -> Path | None:
        """The file of the recording in place, or of an earlier one."""
        if not which:
            path = self._path(language, name)
            return path if path.is_file() else None
        return next((one.path for one in self.earlier(language, name) if one.id == which), None)

    def _set_aside(self, language: str, name: str, now: datetime) -> None:
        path = self._path(language, name)
        if not path.is_file():
            return
        kept = self._earlier(language, name)
        kept.mkdir(parents=True, exist_ok=True)
        path.replace(kept / f"{now.astimezone(UTC):{_STAMP}}.wav")
        _set_until(path, None)

    def _path(self, language: str, name: str) -> Path:
        _check_name(language, name)
        return self.folder / language / RECORDINGS / f"{name}.wav"

    def _earlier(self, language: str, name: str) -> Path:
        _check_name(language, name)
        return self.folder / language / EARLIER / name


def _recording(name: str, path: Path) -> OwnRecording:
    made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        seconds = float(soundfile.info(path).duration)
    except (OSError, soundfile.LibsndfileError):
        seconds = 0.0
    return OwnRecording(name, path, made_at, seconds, in_force(path)[1])


def _set_until(path: Path, until: datetime | None) -> None:
    mark = path.with_suffix(".until")
    if until is None:
        mark.unlink(missing_ok=True)
    else:
        mark.write_text(until.astimezone(UTC).isoformat(), "ascii")


def _check_name(language: str, name: str) -> None:
    """A name never leads out of the folder."""
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", language) or not re.fullmatch(
        r"(pieces/)?[^/\\\x00]{1,120}", name
    ):
        raise ClipError(f"{name!r} is no name of a recording", code="P206")
    if name.removeprefix("pieces/").startswith("."):
        raise ClipError(f"{name!r} is no name of a recording", code="P206")


def take_path(folder: Path, call: str) -> Path:
    """Where the take of a call lies under a company's recordings, until its speaker says yes or no to it."""
    return folder / TAKES / f"{''.join(char for char in call if char.isalnum() or char in '-_')}.wav"
