"""Rendering clips ahead of time: `hotline prompts build`.

Every fixed text of the catalogue and every value piece of its languages gets a clip; what is there already under
its content hash is kept, what nothing uses any more is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivr.media.clip import Clip
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.clips import CLIPS, ClipKey, content_hash, own_recordings, write_index
from ivr.speech.errors import VoiceError
from ivr.speech.pieces import Piece
from ivr.speech.sound import to_samples
from ivr.speech.telling import fixed_pieces
from ivr.speech.voice import RECIPE, Voice, Voices, telephone_clip

#: Called after each clip with how many are done, how many there are, and the text.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did: how many clips were rendered, kept and removed, and how many bytes all now take."""

    rendered: int
    kept: int
    removed: int
    size: int


def wanted_pieces(catalogue: PromptCatalogue, language: str) -> list[Piece]:
    """Every piece of a language that needs a clip: fixed texts first, then values."""
    pieces = [piece for _, piece in fixed_by_prompt(catalogue, language)]
    inventory = catalogue.values(language).inventory()
    return pieces + [
        Piece("value", text, language, carrier, f"pieces/{text}") for text, carrier in inventory.items()
    ]


def fixed_by_prompt(catalogue: PromptCatalogue, language: str) -> Iterator[tuple[str, Piece]]:
    """Each prompt's name with each fixed piece of it, breaths left out."""
    for prompt in catalogue.prompts(language).values():
        for pieces in fixed_pieces(prompt):
            for piece in pieces:
                if piece.kind == "fixed":
                    yield prompt.name, piece


def build(
    folder: Path,
    catalogue: PromptCatalogue,
    voices: Voices,
    *,
    languages: Sequence[str] = (),
    progress: Progress | None = None,
    clips: str = CLIPS,
) -> BuildReport:
    """Render what is missing, for `languages` (empty: all of the catalogue), into the folder `clips` of each.

    Interrupted, it goes on where it stopped when run again. Raises VoiceError when a voice is needed and not
    there, OSError when the folder cannot be written.
    """
    plans = {
        language: _plan(folder, catalogue, language, voices) for language in languages or catalogue.languages
    }
    total = sum(len(plan) for plan in plans.values())
    done = rendered = removed = size = 0
    for language, plan in plans.items():
        place = folder / language / clips
        place.mkdir(parents=True, exist_ok=True)
        spoken: dict[ClipKey, str] = {}
        try:
            for key, name in plan.items():
                path = place / f"{name}.wav"
                if not path.exists():
                    _render(voices.load(voice_language(language, key.text)), key, path)
                    rendered += 1
                spoken[key] = name
                done += 1
                size += path.stat().st_size
                if progress is not None:
                    progress(done, total, key.text)
        finally:
            write_index(folder / language, spoken, clips)
        removed += _remove_unused(place, set(plan.values()))
    return BuildReport(rendered, total - rendered, removed, size)


def _plan(folder: Path, catalogue: PromptCatalogue, language: str, voices: Voices) -> dict[ClipKey, str]:
    """The clip name of every text that the company has not recorded itself."""
    own = own_recordings(folder / language)
    keys = dict.fromkeys(
        ClipKey.of(piece) for piece in wanted_pieces(catalogue, language) if piece.own not in own
    )
    return {key: _clip_name(catalogue, language, voices, key) for key in keys}


def _clip_name(catalogue: PromptCatalogue, language: str, voices: Voices, key: ClipKey) -> str:
    spoken = voice_language(language, key.text)
    return content_hash(language, voices.name(spoken), RECIPE, key, catalogue.lexicon(spoken))


def _render(voice: Voice, key: ClipKey, path: Path) -> None:
    samples = telephone_clip(voice, key.text, key.as_carrier())
    fresh = path.with_suffix(".new")
    Clip.from_samples(to_samples(samples)).to_wav(fresh)
    fresh.replace(path)


def voice_language(language: str, text: str) -> str:
    """Which language's voice says a text: English for a Latin text among Chinese ones (`For English, press 2`)."""
    latin = any(char.isascii() and char.isalpha() for char in text)
    return "en" if language.startswith("zh") and latin and text.isascii() else language


def spoken_languages(catalogue: PromptCatalogue, voices: Voices) -> tuple[list[str], list[str]]:
    """The languages of a catalogue that a voice speaks, and those that none does."""
    spoken: list[str] = []
    for language in catalogue.languages:
        with suppress(VoiceError):
            voices.name(language)
            spoken.append(language)
    return spoken, [language for language in catalogue.languages if language not in spoken]


def _remove_unused(clips: Path, names: set[str]) -> int:
    unused = [path for path in clips.glob("*.wav") if path.stem not in names]
    for path in unused:
        path.unlink()
    return len(unused)
