"""A prompt's text with its typed slots, split into what is recorded as one clip each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from ivr.flow.values import Type
from ivr.speech.values import SPOKEN_TYPES

#: Slot types that are not spoken by rule: free text, another prompt, a prompt of a group, a caller's recording, and
#: one prompt in each of several languages.
OTHER_TYPES: Final = frozenset({"text", "prompt", "code", "recording", "each"})
SLOT_TYPES: Final = OTHER_TYPES | SPOKEN_TYPES.keys()

_SLOT = re.compile(r"\{([^{}]*)\}")
_INSIDE = re.compile(r"([a-z][a-z0-9_]*):([a-z]+)(?:\(([a-z][a-z0-9_]*)\))?")
#: Where a sentence ends; a full stop only behind a word, so that `3.5` and `Mr. Li` stay whole.
_SENTENCE_END = re.compile(r"(?<=[。！？!?；;])\s*|(?<=\w{3}\.)\s+")
#: A sentence longer than this many characters is cut at its commas.
_LONG: Final = 120


class TemplateError(ValueError):
    """A text that cannot be read: `code` and `offset` in the text, with what to write."""

    def __init__(self, code: str, offset: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Slot:
    """`{amount:money}`, `{status:code(policy_status)}` with a group, `{languages:each(offer)}` with a prompt."""

    name: str
    kind: str
    group: str = ""

    @property
    def type(self) -> Type:
        """The type of the variable that fills it."""
        if self.kind == "each":
            return Type("list", item=Type("code"))
        return Type(SPOKEN_TYPES.get(self.kind, self.kind))


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt's text: fixed parts and slots in order."""

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> dict[str, Slot]:
        """Its slots by name."""
        return {part.name: part for part in self.parts if isinstance(part, Slot)}


def parse_template(text: str) -> Template:
    """Read a prompt's text; TemplateError says where and what is wrong."""
    parts: list[str | Slot] = []
    at = 0
    for match in _SLOT.finditer(text):
        _refuse_braces(text, at, match.start())
        if match.start() > at:
            parts.append(text[at : match.start()])
        slot = _parse_slot(match)
        if any(
            isinstance(part, Slot) and part.name == slot.name and part.type != slot.type for part in parts
        ):
            raise TemplateError("P107", match.start(), f"the slot {slot.name!r} has two types; use one")
        parts.append(slot)
        at = match.end()
    _refuse_braces(text, at, len(text))
    if at < len(text):
        parts.append(text[at:])
    return Template(text, tuple(parts))


def _refuse_braces(text: str, start: int, end: int) -> None:
    for at in range(start, end):
        if text[at] in "{}":
            raise TemplateError("P105", at, "a brace stands alone; a slot is written {name:type}")


def _parse_slot(match: re.Match[str]) -> Slot:
    inside = _INSIDE.fullmatch(match[1].strip())
    if inside is None:
        raise TemplateError(
            "P105", match.start(), f"{match[0]} is not a slot; write {{name:type}}, such as {{amount:money}}"
        )
    name, kind, group = inside[1], inside[2], inside[3] or ""
    if kind not in SLOT_TYPES:
        near = get_close_matches(kind, SLOT_TYPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(sorted(SLOT_TYPES))}"
        raise TemplateError("P106", match.start(), f"there is no slot type {kind!r}; {hint}")
    if (kind in {"code", "each"}) != bool(group):
        message = "a code is spoken from a group of prompts: {name:code(group)}, or languages by {name:each(prompt)}"
        raise TemplateError("P105", match.start(), f"{message}; no other slot has one")
    return Slot(name, kind, group)


def clauses(text: str) -> list[str]:
    """Fixed text cut into what is rendered as one clip: its sentences, long ones cut at commas."""
    found: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        found += re.findall(r"[^，,]+[，,]?", sentence) if len(sentence) > _LONG else [sentence]
    return [clause.strip() for clause in found if clause.strip()]
