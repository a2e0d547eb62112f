"""What a company may record: each prompt, part of a prompt or piece of spoken values, with its number on the telephone.

The number of a recording follows from its language and name, so it stays the same when other prompts come or go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from ivr.speech.build import fixed_by_prompt
from ivr.speech.catalogue import Prompt, PromptCatalogue
from ivr.speech.clips import ClipKey
from ivr.speech.pieces import Piece

#: Digits of a number.
DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Unit:
    """Something to record. `keys` are the rendered clips that it stands for.

    `inside` is a part of a prompt that may be recorded whole: nobody is asked for it.
    """

    language: str
    name: str
    text: str
    keys: tuple[ClipKey, ...]
    inside: bool = False
    number: str = ""

    @property
    def about(self) -> str:
        """As the audit names it."""
        return f"prompt:{self.language}/{self.name}"[:100]


class Units:
    """Everything there is to record in a catalogue."""

    def __init__(self, catalogue: PromptCatalogue) -> None:
        found = [unit for language in catalogue.languages for unit in _of_language(catalogue, language)]
        numbers = numbered((unit.language, unit.name) for unit in found)
        self._by_number: dict[str, Unit] = {}
        self._by_name: dict[tuple[str, str], Unit] = {}
        for one in found:
            unit = replace(one, number=numbers[one.language, one.name])
            self._by_number[unit.number] = self._by_name[unit.language, unit.name] = unit

    def of(self, language: str) -> Iterator[Unit]:
        """Those of a language: prompts in the order of their files, then values."""
        return (unit for unit in self._by_name.values() if unit.language == language)

    def by_number(self, number: str) -> Unit | None:
        """The one with that number on the telephone."""
        return self._by_number.get(number)

    def find(self, language: str, name: str) -> Unit | None:
        """The one of that name."""
        return self._by_name.get((language, name))


def _of_language(catalogue: PromptCatalogue, language: str) -> Iterator[Unit]:
    parts: dict[str, list[Piece]] = {}
    for name, piece in fixed_by_prompt(catalogue, language):
        parts.setdefault(name, []).append(piece)
    for name, prompt in catalogue.prompts(language).items():
        yield from _of_prompt(prompt, parts.get(name, []))
    for text, carrier in catalogue.values(language).inventory().items():
        yield Unit(language, f"pieces/{text}", text, (ClipKey(text, (carrier.before, carrier.after)),))


def _of_prompt(prompt: Prompt, pieces: list[Piece]) -> Iterator[Unit]:
    """The whole of a prompt without slots, and each of its parts where there are several."""
    whole = not prompt.template.slots and bool(pieces)
    if whole:
        keys = tuple(ClipKey.of(piece) for piece in pieces)
        yield Unit(prompt.language, prompt.name, prompt.template.text, keys)
    for piece in pieces:
        if not whole or piece.own != prompt.name:
            yield Unit(prompt.language, piece.own, piece.text, (ClipKey.of(piece),), inside=whole)


def numbered(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """A number of six digits for each language and name; two that would get the same are told apart by their order."""
    numbers: dict[tuple[str, str], str] = {}
    taken: set[int] = set()
    for language, name in sorted(set(names)):
        number = int.from_bytes(sha256(f"{language}/{name}".encode()).digest()[:8]) % 10**DIGITS
        while number in taken:
            number = (number + 1) % 10**DIGITS
        taken.add(number)
        numbers[language, name] = f"{number:0{DIGITS}}"
    return numbers
