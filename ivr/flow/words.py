"""What may be said in a step: phrases of flow and hotline gathered, with what each of them means.

A meaning is what would have been typed (the key of a choice, yes or no of a read-back), or begins with `@`: a phrase
that is understood everywhere (`@back`), a hotkey (`@0`), the cancel key of an entry (`@cancel`), and while something
is asked back a choice of the menu behind it (`@=1`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ivr.flow.model import Flow, Hear, Hotkey, Hotline

#: Before the meaning of a choice that is named while another is asked back.
INSTEAD: Final = "@="
CANCEL: Final = "@cancel"
YES, NO = "yes", "no"
#: The key whose way a phrase that is understood everywhere takes.
KEY_OF: Final[Mapping[str, str]] = MappingProxyType({"back": "*", "person": "0"})


def folded(phrase: str) -> str:
    """Spoken words without spaces, marks of case and end stops, for comparing."""
    return "".join(phrase.split()).casefold().strip("。.!?！？，,、")


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language: `spoken` as they are written, `plain` folded, each with its meaning."""

    spoken: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, str] = field(default_factory=dict)

    def meaning(self, text: str) -> str:
        """What a text means that is one of the phrases; empty for any other."""
        return self.plain.get(folded(text), "")

    def within(self, text: str) -> str:
        """What the longest phrase in a text means; empty where none is in it, or two as long that differ."""
        plain = folded(text)
        found = [
            (len(phrase), meaning) for phrase, meaning in self.plain.items() if phrase and phrase in plain
        ]
        longest = max((length for length, _ in found), default=0)
        meanings = {meaning for length, meaning in found if length == longest}
        return meanings.pop() if len(meanings) == 1 else ""


NO_WORDS: Final = Words()


class Gathering:
    """Collects phrases; where two mean different things, the first that was added stays."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}

    def add(self, phrases: Mapping[str, Iterable[str]], meaning: str) -> None:
        """Phrases by language that mean this."""
        for language, each in phrases.items():
            known = self._found.setdefault(language, {})
            for phrase in each:
                known.setdefault(phrase, meaning)

    def words(self) -> dict[str, Words]:
        """What was collected, by language."""
        return {language: _words(found) for language, found in self._found.items()}


def _words(found: Mapping[str, str]) -> Words:
    plain: dict[str, str] = {}
    for phrase, meaning in found.items():
        plain.setdefault(folded(phrase), meaning)
    return Words(found, plain)


def hear_of(hotline: Hotline, hear: Hear) -> dict[str, list[str]]:
    """The phrases by language; a set of words that does not exist has none (the loader says so)."""
    found: dict[str, list[str]] = {}
    for part in hear if isinstance(hear, list) else [hear]:
        for language, phrases in _part(hotline, part).items():
            found.setdefault(language, []).extend(phrases)
    return found


def _part(hotline: Hotline, part: Any) -> Mapping[str, list[str]]:
    if not isinstance(part, str):
        return part  # type: ignore[no-any-return]
    return hotline.words[part].hear if part in hotline.words else {}


def sets_in(hear: Hear) -> Iterator[str]:
    """The names of the sets of words that are meant."""
    for part in hear if isinstance(hear, list) else [hear]:
        if isinstance(part, str):
            yield part


def name_of(hotline: Hotline, hear: Hear, name: str | None) -> str | None:
    """The prompt that says what is heard: its own, else that of the set of words."""
    if name is not None:
        return name
    named = (hotline.words[part].name for part in sets_in(hear) if part in hotline.words)
    return next((one for one in named if one is not None), None)


def set_phrases(hotline: Hotline, name: str) -> Mapping[str, list[str]]:
    """The phrases of a set of words; none where there is no such set."""
    return hotline.words[name].hear if name in hotline.words else {}


def live_hotkeys(hotline: Hotline, flow: Flow, step: Any) -> dict[str, Hotkey]:
    """The hotkeys that are live in a step: its own before the flow's before the hotline's."""
    own = getattr(step, "hotkeys", True)
    if own is False:
        return {}
    keys = {**hotline.hotkeys, **flow.hotkeys, **(own if isinstance(own, dict) else {})}
    return {key: hotkey for key, hotkey in keys.items() if hotkey is not None}


def add_everywhere(gathering: Gathering, hotline: Hotline, hotkeys: Mapping[str, Hotkey]) -> None:
    """What is understood in every step, and the words of the hotkeys that are live in this one."""
    for key, hotkey in hotkeys.items():
        gathering.add(hear_of(hotline, hotkey.hear), f"@{key}")
    for name, one in hotline.everywhere.items():
        if name not in KEY_OF or KEY_OF[name] in hotkeys:
            gathering.add(hear_of(hotline, one.hear), f"@{name}")
