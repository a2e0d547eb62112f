"""How much of each language callers can hear, as the page of prompts tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.console.parts import ConsoleParts
from ivr.settings import listed
from ivr.speech.clips import CLIPS, INDEX, PLACEHOLDER, ClipStore
from ivr.speech.offering import Coverage, Offering

_SHARED: Final = "coverage"


@dataclass(frozen=True, slots=True)
class Heard:
    """A language of the prompts: how much of it has sound, and whether the placeholder voice stands in for it."""

    language: str
    own_name: str
    coverage: Coverage
    placeholder: bool


class _Known:
    """What was worked out, and the state of the clips that it was worked out from."""

    def __init__(self, parts: ConsoleParts, rendered: tuple[float, ...]) -> None:
        self.rendered = rendered
        taken = listed(parts.settings.placeholder_voices)
        self.clips = ClipStore(parts.prompts_dir, parts.settings.own_prompts_dir, taken)
        self.offering = Offering(parts.catalogue, self.clips)


def heard(parts: ConsoleParts) -> list[Heard]:
    """Every language of the prompts. Takes a moment the first time, and again when clips have changed."""
    known, rendered = parts.shared.get(_SHARED), _rendered(parts)
    if not isinstance(known, _Known) or known.rendered != rendered:
        known = parts.shared[_SHARED] = _Known(parts, rendered)
    elif known.clips.look_again():
        known.offering.look_again()
    taken = listed(parts.settings.placeholder_voices)
    return [
        Heard(one, parts.catalogue.about(one).name, known.offering.coverage(one), one in taken)
        for one in parts.catalogue.languages
    ]


def _rendered(parts: ConsoleParts) -> tuple[float, ...]:
    """When the clips of each language were last rendered."""
    folders = ((parts.prompts_dir, CLIPS), (parts.settings.own_prompts_dir, PLACEHOLDER))
    return tuple(
        _changed_at(folder / one / kind / INDEX)
        for folder, kind in folders
        for one in parts.catalogue.languages
    )


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
