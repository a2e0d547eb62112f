"""One phrase told: its template's fixed text cut into clips, its slots spoken or written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ivr.flow.instructions import Phrase
from ivr.flow.values import Value
from ivr.speech.pieces import Piece
from ivr.speech.template import Slot, clauses
from ivr.speech.values import PAUSES, SPOKEN_TYPES, Carrier, NotSpeakableError

if TYPE_CHECKING:
    from ivr.speech.catalogue import Prompt, PromptCatalogue

#: Prompts spoken from slots of prompts, at most this deep; deeper is a ring.
_DEEPEST: Final = 4
#: What a written text shows for a caller's own recording.
_RECORDING: Final = "▶"


class Teller:
    """Tells phrases of one catalogue; what cannot be told goes to `fault(code, message)` and is left out."""

    def __init__(self, catalogue: PromptCatalogue, fault: Callable[[str, str], None]) -> None:
        self._catalogue = catalogue
        self._fault = fault

    def pieces(self, phrase: Phrase, depth: int = 0) -> list[Piece]:
        """See `PromptCatalogue.pieces`."""
        prompt = self._find(phrase, depth)
        if prompt is None:
            return []
        found: list[Piece] = []
        fixed = iter(fixed_pieces(prompt))
        for part in parts_with_units(prompt):
            if isinstance(part, str):
                found += next(fixed)
            else:
                found += self._slot(part[0], phrase, prompt, part[1], depth)
        return found

    def text(self, phrase: Phrase, depth: int = 0) -> str:
        """See `PromptCatalogue.text`."""
        prompt = self._find(phrase, depth)
        if prompt is None:
            return ""
        return "".join(
            self._written(part, phrase, prompt, depth) if isinstance(part, Slot) else part
            for part in prompt.template.parts
        )

    def _find(self, phrase: Phrase, depth: int) -> Prompt | None:
        prompt = self._catalogue.find(phrase.prompt, phrase.language) if depth <= _DEEPEST else None
        if prompt is None:
            self._fault("P501", f"there is no prompt {phrase.prompt}")
        return prompt

    def _slot(self, slot: Slot, phrase: Phrase, prompt: Prompt, unit: str, depth: int) -> list[Piece]:
        value = phrase.values.get(slot.name)
        if value is None:
            self._fault("P502", f"{phrase.prompt}: the slot {slot.name} has no value")
            return []
        if slot.kind in SPOKEN_TYPES:
            return self._spoken(slot, value, prompt, unit)
        if slot.kind == "each":
            return [piece for one in self._each(slot, value) for piece in self.pieces(one, depth + 1)]
        if slot.kind in {"prompt", "code"}:
            return self._named(slot, value, prompt, depth)
        return [Piece("recording" if slot.kind == "recording" else "free", str(value), prompt.language)]

    def _each(self, slot: Slot, value: Value) -> list[Phrase]:
        """The slot's prompt in each language that has it."""
        languages = [str(one) for one in value] if isinstance(value, list | tuple) else []
        return [Phrase(slot.group, one) for one in languages if slot.group in self._catalogue.prompts(one)]

    def _named(self, slot: Slot, value: Value, prompt: Prompt, depth: int) -> list[Piece]:
        pieces = self.pieces(Phrase(_prompt_name(slot, value), prompt.language), depth + 1)
        while pieces and pieces[-1].kind == "breath":
            pieces.pop()
        return pieces

    def _spoken(self, slot: Slot, value: Value, prompt: Prompt, unit: str) -> list[Piece]:
        language = prompt.language
        spoken = prompt.spoken
        try:
            words = spoken.say(slot.kind, value, unit)
        except NotSpeakableError as error:
            self._fault("P503", f"{prompt.name}: the slot {slot.name} cannot be spoken: {error}")
            return []
        inventory = spoken.inventory()
        return [
            Piece("breath", word, language)
            if word in PAUSES
            else Piece("value", word, language, inventory[word], f"pieces/{word}")
            for word in words
        ]

    def _written(self, slot: Slot, phrase: Phrase, prompt: Prompt, depth: int) -> str:
        value = phrase.values.get(slot.name)
        if value is None:
            return ""
        if slot.kind == "each":
            return " ".join(self.text(one, depth + 1) for one in self._each(slot, value))
        if slot.kind in {"prompt", "code"}:
            return self.text(Phrase(_prompt_name(slot, value), prompt.language), depth + 1).strip("。.")
        if slot.kind == "recording":
            return _RECORDING
        if slot.kind == "text":
            return str(value)
        try:
            return prompt.spoken.write(slot.kind, value)
        except NotSpeakableError:
            return ""


def is_whole(catalogue: PromptCatalogue, phrase: Phrase, language: str, depth: int = 0) -> bool:
    """Whether a language itself has a text for the phrase and for every prompt that its slots name."""
    prompt = catalogue.prompts(language).get(phrase.prompt)
    if prompt is None:
        return False
    for slot in prompt.template.slots.values():
        value = phrase.values.get(slot.name)
        if slot.kind in {"prompt", "code"} and value is not None and depth < _DEEPEST:
            named = Phrase(_prompt_name(slot, value), language)
            if not is_whole(catalogue, named, language, depth + 1) and catalogue.find(named.prompt, language):
                return False
    return True


def _prompt_name(slot: Slot, value: Value) -> str:
    return f"{slot.group}.{value}" if slot.kind == "code" else str(value)


def parts_with_units(prompt: Prompt) -> list[str | tuple[Slot, str]]:
    """The template's parts; a measure word right behind a whole number goes to its slot, to be said in one with it."""
    units = prompt.spoken.units
    parts: list[str | tuple[Slot, str]] = []
    for part in prompt.template.parts:
        before = parts[-1] if parts else ""
        if isinstance(part, Slot):
            parts.append((part, ""))
        elif isinstance(before, tuple) and before[0].kind == "integer":
            unit = next((unit for unit in units if part.startswith(unit)), "")
            parts[-1] = (before[0], unit)
            parts.append(part.removeprefix(unit))
        else:
            parts.append(part)
    return parts


def fixed_pieces(prompt: Prompt) -> list[list[Piece]]:
    """The pieces of each fixed part of a prompt, in order: what is rendered, and what is played in a call.

    A part before a slot is rendered as going on; marks at a part's edge become breaths. A company's own
    recording is named after the prompt, with the part's number behind it where there is more than one.
    """
    parts = parts_with_units(prompt)
    texts = [clauses(part) if isinstance(part, str) else [] for part in parts]
    count = sum(1 for text in texts for clause in text if _words(clause))
    numbers = iter(range(1, count + 1))
    return [
        list(_clause_pieces(prompt, text, at + 1 < len(parts), numbers, count))
        for at, (part, text) in enumerate(zip(parts, texts, strict=True))
        if isinstance(part, str)
    ]


def pieces_named(catalogue: PromptCatalogue, language: str, name: str) -> list[Piece]:
    """What a recording's name stands for: all of a prompt without slots, a part of a prompt, or a piece of values."""
    if name.startswith("pieces/"):
        text = name.removeprefix("pieces/")
        carrier = catalogue.values(language).inventory().get(text)
        return [] if carrier is None else [Piece("value", text, language, carrier, name)]
    prompts = catalogue.prompts(language)
    if name in prompts and not prompts[name].template.slots:
        return [piece for part in fixed_pieces(prompts[name]) for piece in part]
    prompt = prompts.get(name) or prompts.get(name.rpartition(".")[0])
    parts = [] if prompt is None else fixed_pieces(prompt)
    return [piece for part in parts for piece in part if piece.own == name]


def _clause_pieces(
    prompt: Prompt, texts: list[str], before_slot: bool, numbers: Iterator[int], count: int
) -> Iterator[Piece]:
    for at, clause in enumerate(texts):
        words = _words(clause)
        head, _, tail = clause.partition(words) if words else (clause, "", "")
        yield from _breaths(head, prompt.language)
        if words:
            goes_on = before_slot and at == len(texts) - 1 and not tail
            number = f".{next(numbers)}" if count > 1 else ""
            carrier = _carrier(prompt, words, goes_on, tail)
            yield Piece("fixed", words, prompt.language, carrier, f"{prompt.name}{number}")
        yield from _breaths(tail, prompt.language)


def _carrier(prompt: Prompt, words: str, goes_on: bool, tail: str) -> Carrier:
    """How a text is rendered: with its own last mark; as going on before a slot; a short one in a longer sentence."""
    spoken = prompt.spoken
    goes_on_mark = spoken.carrier.after[:1]
    inside = goes_on or "." in prompt.name
    if inside and len(words) <= spoken.short and not (words.isascii() and goes_on_mark == "，"):
        return spoken.carrier
    return Carrier("", goes_on_mark if goes_on else _last_mark(tail))


def _words(clause: str) -> str:
    return clause.strip("".join(PAUSES) + " “”\"'")


def _breaths(marks: str, language: str) -> Iterator[Piece]:
    pauses = [mark for mark in marks if mark in PAUSES]
    if pauses:
        yield Piece("breath", max(pauses, key=lambda mark: PAUSES[mark]), language)


def _last_mark(tail: str) -> str:
    marks = [mark for mark in tail if mark in PAUSES]
    return marks[0] if marks else "。"
