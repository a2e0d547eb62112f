"""Which languages a caller can be served in: those whose sounds are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ivr.speech.build import fixed_by_prompt
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.clips import ClipStore
from ivr.speech.pieces import Piece

#: The share of its prompts that a language must have sounds for; what lacks is heard in the language it falls back to.
ENOUGH: Final = 0.9


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a language can be heard: prompts and pieces of values with sounds, and how many there are."""

    prompts: int
    all_prompts: int
    pieces: int
    all_pieces: int

    @property
    def enough(self) -> bool:
        """Whether a caller can be served: every number and date, and nearly every prompt."""
        return self.pieces == self.all_pieces > 0 and self.prompts >= ENOUGH * self.all_prompts > 0


class Offering:
    """The languages of a catalogue that can be heard now; worked out once and again when recordings change."""

    def __init__(self, catalogue: PromptCatalogue, clips: ClipStore) -> None:
        self._catalogue = catalogue
        self._clips = clips
        self._known: dict[str, Coverage] = {}

    def coverage(self, language: str) -> Coverage:
        """How much of a language can be heard."""
        if language not in self._known:
            self._known[language] = self._work_out(language)
        return self._known[language]

    def look_again(self) -> None:
        """Work out anew what was asked before."""
        self._known = {language: self._work_out(language) for language in tuple(self._known)}

    def _work_out(self, language: str) -> Coverage:
        return coverage(self._catalogue, language, self._clips.has, self._clips.has_whole)


def coverage(
    catalogue: PromptCatalogue,
    language: str,
    has: Callable[[Piece], bool],
    has_whole: Callable[[str, str], bool],
) -> Coverage:
    """How much of a language can be heard, where `has` knows the clips and `has_whole` prompts recorded whole."""
    prompts = catalogue.prompts(language)
    silent = {
        name
        for name, piece in fixed_by_prompt(catalogue, language)
        if not has(piece) and (prompts[name].template.slots or not has_whole(name, language))
    }
    inventory = catalogue.values(language).inventory() if prompts else {}
    pieces = [
        Piece("value", text, language, carrier, f"pieces/{text}") for text, carrier in inventory.items()
    ]
    heard = sum(has(piece) for piece in pieces)
    return Coverage(len(prompts) - len(silent), len(prompts), heard, len(pieces))
