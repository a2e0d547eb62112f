"""The catalogue of prompts: every text a caller can hear, by language, with its typed slots.

`prompts/<language>/*.yaml` map a prompt's name to its text, or a group's name to words and texts, which makes
prompts named `group.word`. Beside them `lexicon.yaml` says how the voice pronounces words, `values.yaml` how the
language says numbers and dates, and `language.yaml` what it is called and what it falls back to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ivr.flow.errors import FlowErrors, Problem, suggest
from ivr.flow.instructions import Phrase
from ivr.flow.manifest import PromptSignature
from ivr.flow.yaml_source import Source, parse_source
from ivr.speech.errors import PromptErrors
from ivr.speech.language_folder import LANGUAGE_FILE, VALUES_FILE, LanguageInfo, read_about, read_values
from ivr.speech.languages import Unspoken, spoken_values
from ivr.speech.pieces import Piece
from ivr.speech.telling import Teller, is_whole
from ivr.speech.template import Template, TemplateError, parse_template
from ivr.speech.values import SpokenValues

LEXICON_FILE: Final = "lexicon.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Called with a code and a message when a phrase cannot be spoken whole in a call.
Fault = Callable[[str, str], None]


def _no_fault(code: str, message: str) -> None:
    """Faults of a call that nobody collects."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a language's folder holds beside its prompts."""

    about: LanguageInfo
    spoken: SpokenValues
    lexicon: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text of one language and where it is written."""

    name: str
    language: str
    template: Template
    problem_at: tuple[str, int, int]
    #: How its language says values.
    spoken: SpokenValues

    def problem(self, code: str, message: str, severity: Any = "error") -> Problem:
        """A problem of this prompt."""
        return Problem(*self.problem_at, code, message, severity)


class PromptCatalogue:
    """All prompts of a folder; immutable. `default` is whose text is spoken where a language names no other."""

    def __init__(
        self,
        prompts: Mapping[str, Mapping[str, Prompt]],
        folders: Mapping[str, Folder],
        default: str,
    ) -> None:
        self._prompts = prompts
        self._folders = folders
        self.default = default
        self._orders = {language: self._order(language) for language in prompts}

    @classmethod
    def load(cls, folder: Path, languages: Sequence[str] = (), default: str = "zh-CN") -> PromptCatalogue:
        """Read the texts of `languages` (empty: of every language folder there is).

        Raises PromptErrors with every problem as `file:line:column: P1xx message`.
        """
        reader = _Reader(folder)
        chosen = list(languages) or sorted(path.name for path in _language_folders(folder))
        if not chosen:
            reader.report(
                str(folder),
                "P110",
                "there are no prompts here; make a folder for each language, such as zh-CN",
            )
        prompts = {language: reader.language(language) for language in chosen}
        reader.compare(prompts)
        if reader.problems:
            raise PromptErrors(reader.problems)
        return cls(prompts, reader.folders, default if default in prompts else chosen[0])

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it was loaded with."""
        return tuple(self._prompts)

    def lexicon(self, language: str) -> Mapping[str, str]:
        """How the voice says words of a language; empty if the company has no lexicon."""
        folder = self._folders.get(language)
        return {} if folder is None else folder.lexicon

    def about(self, language: str) -> LanguageInfo:
        """What a language is called, and what else its folder says of it."""
        folder = self._folders.get(language)
        return LanguageInfo(language, language) if folder is None else folder.about

    def values(self, language: str) -> SpokenValues:
        """How a language of the catalogue says values; KeyError for one that it does not have."""
        return self._folders[language].spoken

    def order(self, language: str) -> tuple[str, ...]:
        """In which languages a phrase is looked for: its own, those that its folder names, the default, the others."""
        return self._orders.get(language) or self._order(language)

    def _order(self, language: str) -> tuple[str, ...]:
        wanted = (language, *self.about(language).falls_back, self.default, *self._prompts)
        return tuple(one for one in dict.fromkeys(wanted) if one in self._prompts)

    def prompts(self, language: str) -> Mapping[str, Prompt]:
        """The prompts of one language by name."""
        return self._prompts.get(language, {})

    def signatures(self) -> dict[str, PromptSignature]:
        """What the flows are checked against: each prompt's slots and languages."""
        names = sorted({name for prompts in self._prompts.values() for name in prompts})
        return {name: self._signature(name) for name in names}

    def _signature(self, name: str) -> PromptSignature:
        held = {language: prompts[name] for language, prompts in self._prompts.items() if name in prompts}
        first = next(iter(held.values()))
        slots = {slot.name: slot.type for slot in first.template.slots.values()}
        return PromptSignature(name, slots, frozenset(held))

    def find(self, name: str, language: str) -> Prompt | None:
        """The prompt in the first language of `order` that has it; None if none has."""
        for tried in self.order(language):
            prompt = self._prompts[tried].get(name)
            if prompt is not None:
                return prompt
        return None

    def tellable(self, phrase: Phrase) -> Iterator[str]:
        """The languages, in `order`, that have a text for all of a phrase: the prompt and every word in it."""
        return (language for language in self.order(phrase.language) if is_whole(self, phrase, language))

    def pieces(self, phrase: Phrase, fault: Fault = _no_fault) -> list[Piece]:
        """What is played for a phrase, in order, all in one language where any has a text for all of it.

        Never raises: what cannot be said is left out and told to `fault`.
        """
        return Teller(self, fault).pieces(self._told(phrase))

    def text(self, phrase: Phrase, fault: Fault = _no_fault) -> str:
        """The phrase as a person reads it, with its values written out."""
        return Teller(self, fault).text(self._told(phrase))

    def _told(self, phrase: Phrase) -> Phrase:
        language = next(self.tellable(phrase), phrase.language)
        return phrase if language == phrase.language else replace(phrase, language=language)


def _language_folders(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/") if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", path.name)]


class _Reader:
    """Reads the files of a prompts folder and gathers every problem on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.folders: dict[str, Folder] = {}

    def report(self, file: str, code: str, message: str) -> None:
        self.problems.append(Problem(file, 1, 1, code, message))

    def language(self, language: str) -> dict[str, Prompt]:
        """Every prompt of one language."""
        folder = self.folder / language
        files = sorted(folder.glob("*.yaml"))
        if not files:
            self.report(
                str(folder), "P110", f"there are no prompts for {language}; write them or drop the language"
            )
        sources = {file.name: source for file in files if (source := self._source(file)) is not None}
        lexicon = sources.pop(LEXICON_FILE, None)
        about = read_about(language, sources.pop(LANGUAGE_FILE, None), self.problems.append)
        spoken = self._spoken(language, sources.pop(VALUES_FILE, None))
        self.folders[language] = Folder(about, spoken, {} if lexicon is None else self._lexicon(lexicon))
        prompts: dict[str, Prompt] = {}
        for source in sources.values():
            self._prompts(source, language, prompts)
        self._check_codes(prompts)
        return prompts

    def _spoken(self, language: str, source: Source | None) -> SpokenValues:
        """By the folder's own rules, or else those that come with the hotline."""
        if source is not None:
            return read_values(language, source, self.problems.append) or Unspoken(language)
        try:
            return spoken_values(language)
        except KeyError:
            file = str(self.folder / language / VALUES_FILE)
            message = (
                f"numbers and dates cannot be spoken in {language}; write their rules (docs/languages.md)"
            )
            self.report(file, "P111", message)
            return Unspoken(language)

    def _source(self, file: Path) -> Source | None:
        try:
            return parse_source(str(file), file.read_bytes())
        except FlowErrors as errors:
            self.problems += [_as_prompt_problem(problem) for problem in errors.problems]
        except OSError as error:
            self.report(str(file), "P101", f"the file cannot be read: {error.strerror}")
        return None

    def _lexicon(self, source: Source) -> dict[str, str]:
        words = {}
        for word, sound in source.data.items():
            if isinstance(sound, str) and sound.strip():
                words[word] = sound
            else:
                message = "write how the word sounds as text, such as 重庆: chong2 qing4"
                self.problems.append(source.problem((word,), "P112", message))
        return words

    def _prompts(self, source: Source, language: str, prompts: dict[str, Prompt]) -> None:
        for key, value in source.data.items():
            if isinstance(value, dict):
                for word, text in value.items():
                    self._prompt(source, (key, word), text, language, prompts)
            else:
                self._prompt(source, (key,), value, language, prompts)

    def _prompt(
        self, source: Source, path: tuple[str, ...], text: object, language: str, prompts: dict[str, Prompt]
    ) -> None:
        name = ".".join(path)
        if not all(_NAME.fullmatch(part) for word in path for part in word.split(".")):
            message = f"{name!r} is not a prompt name; use small letters, digits and _"
            self.problems.append(source.problem(path, "P103", message, at_key=True))
        elif not isinstance(text, str) or not text.strip():
            message = f"the prompt {name} needs a text, in quotes if YAML takes it for something else"
            self.problems.append(source.problem(path, "P104", message))
        elif name in prompts:
            first = prompts[name].problem_at
            message = f"the prompt {name} is written twice; first in {first[0]} line {first[1]}"
            self.problems.append(source.problem(path, "P104", message, at_key=True))
        else:
            self._keep(source, path, text.strip(), language, prompts)

    def _keep(
        self, source: Source, path: tuple[str, ...], text: str, language: str, prompts: dict[str, Prompt]
    ) -> None:
        place, name = source.value_place(path), ".".join(path)
        try:
            template = parse_template(text)
        except TemplateError as error:
            column = place.column + error.offset
            self.problems.append(Problem(source.file, place.line, column, error.code, str(error)))
            return
        where = (source.file, place.line, place.column)
        prompts[name] = Prompt(name, language, template, where, self.folders[language].spoken)

    def _check_codes(self, prompts: Mapping[str, Prompt]) -> None:
        groups = {name.rpartition(".")[0] for name in prompts} - {""}
        for prompt in prompts.values():
            for slot in prompt.template.slots.values():
                known, what = (prompts.keys(), "") if slot.kind == "each" else (groups, ".…")
                if slot.group and slot.group not in known:
                    hint = suggest(slot.group, known)
                    message = f"no prompts are named {slot.group}{what}, which the slot {slot.name} is spoken from{hint}"
                    self.problems.append(prompt.problem("P108", message))

    def compare(self, prompts: Mapping[str, Mapping[str, Prompt]]) -> None:
        """Refuse a prompt whose slots differ between languages."""
        first_seen: dict[str, Prompt] = {}
        for held in prompts.values():
            for name, prompt in held.items():
                other = first_seen.setdefault(name, prompt)
                if {s.name: s.type for s in other.template.slots.values()} != {
                    s.name: s.type for s in prompt.template.slots.values()
                }:
                    wanted = (
                        " ".join(f"{{{slot.name}:{slot.kind}}}" for slot in other.template.slots.values())
                        or "none"
                    )
                    message = f"the slots of {name} differ from those in {other.language}: {wanted}"
                    self.problems.append(prompt.problem("P109", message))


def _as_prompt_problem(problem: Problem) -> Problem:
    """A problem of the YAML itself, with the code and words that fit a prompt file."""
    message = problem.message
    if problem.code == "F103":
        message = "the file must map prompt names to texts: welcome: 您好"
    message = message.replace("split it into sub-flows", "split it in two").replace(
        "flows are plain", "prompts are plain"
    )
    return Problem(
        problem.file, problem.line, problem.column, "P" + problem.code[1:], message, problem.severity
    )
