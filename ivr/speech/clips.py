"""Where clips are kept and how a call finds them.

`prompts/<language>/clips/<hash>.wav` are rendered clips (8 kHz µ-law mono); `clips/index.tsv` says which text each
one speaks. `prompts/<language>/recordings/<name>.wav` are the company's own, and go first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from ivr.media.clip import Clip
from ivr.media.errors import AudioFileError
from ivr.speech.errors import ClipError
from ivr.speech.pieces import Piece
from ivr.speech.sound import read_sound, to_samples, to_telephone
from ivr.speech.values import Carrier

CLIPS: Final = "clips"
INDEX: Final = "index.tsv"
RECORDINGS: Final = "recordings"
#: Where a language's placeholder clips lie beside the company's own recordings; heard only where a setting takes them.
PLACEHOLDER: Final = "placeholder"
_HEADER: Final = "clip\ttext\tbefore\tafter"
#: Endings of a company's own recordings that are looked for.
SOUND_FILES: Final = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff"})


@dataclass(frozen=True, slots=True, order=True)
class ClipKey:
    """What a rendered clip says, and the sentence it was said in."""

    text: str
    carrier: tuple[str, str]

    @classmethod
    def of(cls, piece: Piece) -> ClipKey:
        """The key of a fixed or value piece."""
        return cls(piece.text, (piece.carrier.before, piece.carrier.after))

    def as_carrier(self) -> Carrier:
        """The sentence as a Carrier."""
        return Carrier(*self.carrier)


def content_hash(language: str, voice: str, recipe: str, key: ClipKey, lexicon: Mapping[str, str]) -> str:
    """The name of a clip: changes when its text, voice, recipe or the lexicon's words in it change."""
    said = "".join((key.carrier[0], key.text, key.carrier[1]))
    sounds = sorted(f"{word}={sound}" for word, sound in lexicon.items() if word in said)
    content = json.dumps([language, voice, recipe, key.text, *key.carrier, *sounds], ensure_ascii=False)
    return sha256(content.encode()).hexdigest()[:16]


def read_index(folder: Path, clips: str = CLIPS) -> dict[ClipKey, str]:
    """The clips of a language folder by what they say; empty if none were rendered. ClipError P302 if unreadable."""
    path = folder / clips / INDEX
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ClipError(f"{path} cannot be read; run `hotline prompts build`", code="P302") from error
    index: dict[ClipKey, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != 4:
            raise ClipError(
                f"{path}:{number} is not a line of the index; run `hotline prompts build`", code="P302"
            )
        index[ClipKey(fields[1], (fields[2], fields[3]))] = fields[0]
    return index


def write_index(folder: Path, index: Mapping[ClipKey, str], clips: str = CLIPS) -> None:
    """Write the index in one step, sorted by text, one line a clip."""
    rows = ["\t".join((clip, key.text, *key.carrier)) for key, clip in sorted(index.items())]
    path = folder / clips / INDEX
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join([_HEADER, *rows]) + "\n", "utf-8")
    fresh.replace(path)


def own_recordings(folder: Path) -> dict[str, Path]:
    """A language folder's own recordings by name without ending: `welcome`, `premium_due.1`, `pieces/三千二百元`."""
    root = folder / RECORDINGS
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SOUND_FILES)
    return {path.relative_to(root).with_name(path.stem).as_posix(): path for path in files}


def in_force(path: Path) -> tuple[bool, datetime | None]:
    """Whether a recording holds now, and until when (`NAME.until` beside it says so; without it, for good)."""
    try:
        until = datetime.fromisoformat(path.with_suffix(".until").read_text("ascii").strip())
    except (OSError, ValueError):
        return True, None
    return datetime.now(UTC) < until, until


class _Language:
    """One language's clips, its indexes read when first asked.

    Recordings of `own` go before those of `folder`, and placeholder clips, where they are taken, come last.
    """

    def __init__(self, folder: Path, own: Path | None, placeholder: bool = False) -> None:
        self.folder = folder
        self._own_folder = own
        self._placeholder = placeholder and own is not None
        self.own: dict[str, Path] = {}
        self._seen: dict[Path, int] = {}
        self.look_again()

    def look_again(self) -> set[Path]:
        """Find the recordings anew; gives the files that are not what they were."""
        own = own_recordings(self.folder)
        if self._own_folder is not None:
            own |= {n: path for n, path in own_recordings(self._own_folder).items() if in_force(path)[0]}
        seen = {path: _changed_at(path) for path in own.values()}
        changed = {path for path, at in (self._seen | seen).items() if self._seen.get(path) != at}
        self.own, self._seen = own, seen
        return changed

    @cached_property
    def index(self) -> dict[ClipKey, str]:
        return read_index(self.folder)

    @cached_property
    def stand_ins(self) -> dict[ClipKey, Path]:
        """The placeholder clips, if they are taken."""
        if not self._placeholder or self._own_folder is None:
            return {}
        folder = self._own_folder / PLACEHOLDER
        index = read_index(self._own_folder, PLACEHOLDER)
        return {key: folder / f"{name}.wav" for key, name in index.items()}

    def path(self, piece: Piece) -> tuple[Path, bool] | None:
        """The file of a piece, and whether it is the company's own."""
        if piece.own in self.own:
            return self.own[piece.own], True
        key = ClipKey.of(piece)
        name = self.index.get(key)
        path = self.stand_ins.get(key) if name is None else self.folder / CLIPS / f"{name}.wav"
        return None if path is None else (path, False)


class ClipStore:
    """Finds the clip of a piece. Clips are read once and shared by all calls; safe to use from one loop."""

    def __init__(self, folder: Path, own: Path | None = None, placeholder: Collection[str] = ()) -> None:
        self._folder = folder
        self._own = own
        self._placeholder = placeholder
        self._languages: dict[str, _Language] = {}
        self._clips: dict[Path, Clip] = {}
        self._breaths: dict[float, Clip] = {}

    def find(self, piece: Piece) -> Clip | None:
        """The clip of a fixed piece, value, breath or known free text; None if there is none.

        Raises ClipError P301 if its file is there but cannot be read.
        """
        if piece.kind == "breath":
            return self._breaths.setdefault(piece.seconds, Clip.silence(piece.seconds))
        found = self._language(piece.language).path(piece)
        if found is None:
            return None
        path, own = found
        return self._read(path, own)

    def has(self, piece: Piece) -> bool:
        """Whether there is a clip of a piece, without reading it."""
        try:
            return piece.kind == "breath" or self._language(piece.language).path(piece) is not None
        except ClipError:
            return False

    def has_whole(self, name: str, language: str) -> bool:
        """Whether the company has recorded a prompt whole."""
        return name in self._language(language).own

    def whole(self, name: str, language: str) -> Clip | None:
        """The company's recording of a whole prompt, where it has several clips; ClipError P301 if unreadable."""
        path = self._language(language).own.get(name)
        return None if path is None else self._read(path, True)

    def look_again(self) -> int:
        """Find own recordings that came, changed or went meanwhile; how many. From any thread, while calls go on."""
        changed = {path for one in tuple(self._languages.values()) for path in one.look_again()}
        for path in changed:
            self._clips.pop(path, None)
        return len(changed)

    def _language(self, language: str) -> _Language:
        if language not in self._languages:
            own = None if self._own is None else self._own / language
            taken = language in self._placeholder
            self._languages[language] = _Language(self._folder / language, own, taken)
        return self._languages[language]

    def _read(self, path: Path, own: bool) -> Clip:
        clip = self._clips.get(path)
        if clip is None:
            clip = self._clips[path] = read_own(path) if own else _read_rendered(path)
        return clip

    def preload(self, pieces: Iterable[Piece]) -> int:
        """Read these clips now, so that no call waits for a disk; how many were found."""
        return sum(self.find(piece) is not None for piece in pieces)


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read_rendered(path: Path) -> Clip:
    try:
        return Clip.from_wav(path)
    except (OSError, AudioFileError) as error:
        raise ClipError(f"{path} cannot be read; run `hotline prompts build`", code="P301") from error


def read_own(path: Path) -> Clip:
    """A company's recording of any rate, width and number of channels, as a telephone clip; ClipError P301."""
    samples, rate = read_sound(path)
    return Clip.from_samples(to_samples(to_telephone(samples, rate)), name=path.stem)
