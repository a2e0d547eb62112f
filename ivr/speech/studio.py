"""Where prompts are recorded: what there is to record, what it sounds like now, and takes on their way to it.

A take is a recording that its speaker has not yet said yes to. It lies beside the recordings, `takes/CALL.wav`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.clips import CLIPS, PLACEHOLDER, ClipKey, own_recordings, read_index
from ivr.speech.errors import ClipError
from ivr.speech.own import TAKES, OwnRecording, OwnRecordings, take_path
from ivr.speech.taking import telephone_recording
from ivr.speech.units import Unit, Units

State = Literal["own", "rendered", "placeholder", "missing"]
#: How long a take lies there if its call ends without a word about it.
_KEPT: Final = timedelta(hours=1)


class Look:
    """What the sounds of one language are, read once."""

    def __init__(self, studio: Studio, language: str, now: datetime) -> None:
        folder = studio.prompts / language
        held = studio.own.current(language)
        self.own = {name: one for name, one in held.items() if one.until is None or now < one.until}
        self._shipped = own_recordings(folder)
        self._clips = _clips(folder, CLIPS)
        self.stand_ins = _clips(studio.own.folder / language, PLACEHOLDER)

    def state(self, unit: Unit) -> State:
        """What is heard for it now."""
        if unit.name in self.own or unit.name in self._shipped:
            return "own"
        if all(key in self._clips for key in unit.keys):
            return "rendered"
        there = all(key in self._clips or key in self.stand_ins for key in unit.keys)
        return "placeholder" if there else "missing"


class Studio:
    """The recordings of a company, over the catalogue that says what there is to record."""

    def __init__(
        self,
        catalogue: PromptCatalogue,
        prompts: Path,
        own: OwnRecordings,
    ) -> None:
        self.catalogue = catalogue
        self.prompts = prompts
        self.own = own
        self._units: Units | None = None

    @property
    def units(self) -> Units:
        """Everything there is to record; gathered at the first use."""
        if self._units is None:
            self._units = Units(self.catalogue)
        return self._units

    def look(self, language: str, now: datetime) -> Look:
        """How the language sounds at the moment."""
        return Look(self, language, now)

    def wanting(self, language: str, now: datetime) -> Iterator[Unit]:
        """What has no sound, or only a stand-in: in the order of the files, values last."""
        look = self.look(language, now)
        return (
            unit
            for unit in self.units.of(language)
            if not unit.inside and look.state(unit) in ("missing", "placeholder")
        )

    def next_wanting(self, language: str, after: str, now: datetime) -> Unit | None:
        """The next of those behind the one of number `after`; the first again when they are through."""
        wanting = list(self.wanting(language, now))
        order = {unit.number: place for place, unit in enumerate(self.units.of(language))}
        behind = [unit for unit in wanting if order[unit.number] > order.get(after, -1)]
        return next(iter(behind or wanting), None)

    # Takes

    def take(self, call: str, unit: Unit, sound: Path, now: datetime) -> float:
        """Make a clip of a recording and lay it by for the call; its seconds. Raises ClipError as its check says."""
        self._sweep(now)
        clip = telephone_recording(sound, unit.text)
        path = self.take_path(call)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        clip.to_wav(path)
        return clip.seconds

    def keep(self, call: str, unit: Unit, now: datetime) -> OwnRecording | None:
        """Put the take of a call in place; None if there is none."""
        path = self.take_path(call)
        if not path.is_file():
            return None
        placed = self.own.place(unit.language, unit.name, path, now=now)
        path.unlink()
        return placed

    def drop(self, call: str) -> None:
        """The take of a call is not wanted."""
        self.take_path(call).unlink(missing_ok=True)

    def take_path(self, call: str) -> Path:
        """Where the take of a call lies."""
        return take_path(self.own.folder, call)

    def _sweep(self, now: datetime) -> None:
        for path in (self.own.folder / TAKES).glob("*.wav"):
            if path.stat().st_mtime < (now - _KEPT).timestamp():
                path.unlink(missing_ok=True)


def _clips(folder: Path, kind: str) -> set[ClipKey]:
    """The texts that have a clip there."""
    try:
        index = read_index(folder, kind)
    except ClipError:
        return set()
    held = {path.stem for path in (folder / kind).glob("*.wav")}
    return {key for key, name in index.items() if name in held}
