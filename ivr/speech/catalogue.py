"""The catalogue of prompts: every text a caller can hear, by language, with its typed slots.

`prompts/<language>/*.yaml` map a prompt's name to its text, or a group's name to words and texts, which makes
prompts named `group.word`. `lexicon.yaml` beside them says how the voice pronounces words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ivr.flow.errors import FlowErrors, Problem, suggest
from ivr.flow.instructions import Phrase
from ivr.flow.manifest import PromptSignature
from ivr.flow.yaml_source import Source, parse_source
from ivr.speech.errors import PromptErrors
from ivr.speech.languages import spoken_values
from ivr.speech.pieces import Piece
from ivr.speech.telling import Teller
from ivr.speech.template import Template, TemplateError, parse_template

LEXICON_FILE: Final = "lexicon.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Called with a code and a message when a phrase cannot be spoken whole in a call.
Fault = Callable[[str, str], None]


def _no_fault(code: str, message: str) -> None:
    """Faults of a call that nobody collects."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text of one language and where it is written."""

    name: str
    language: str
    template: Template
    problem_at: tuple[str, int, int]

    def problem(self, code: str, message: str, severity: Any = "error") -> Problem:
        """A problem of this prompt."""
        return Problem(*self.problem_at, code, message, severity)


class PromptCatalogue:
    """All prompts of a folder; immutable. `default` is the language to fall back to first."""

    def __init__(
        self,
        prompts: Mapping[str, Mapping[str, Prompt]],
        lexicons: Mapping[str, Mapping[str, str]],
        default: str,
    ) -> None:
        self._prompts = prompts
        self._lexicons = lexicons
        self.default = default

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
        return cls(prompts, reader.lexicons, default if default in prompts else chosen[0])

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it was loaded with."""
        return tuple(self._prompts)

    def lexicon(self, language: str) -> Mapping[str, str]:
        """How the voice says words of a language; empty if the company has no lexicon."""
        return self._lexicons.get(language, {})

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
        """The prompt in this language, else in the default one, else in any; None if no language has it."""
        for tried in (language, self.default, *self._prompts):
            prompt = self._prompts.get(tried, {}).get(name)
            if prompt is not None:
                return prompt
        return None

    def pieces(self, phrase: Phrase, fault: Fault = _no_fault) -> list[Piece]:
        """What is played for a phrase, in order. Never raises: what cannot be said is left out and told to `fault`."""
        return Teller(self, fault).pieces(phrase)

    def text(self, phrase: Phrase, fault: Fault = _no_fault) -> str:
        """The phrase as a person reads it, with its values written out."""
        return Teller(self, fault).text(phrase)


def _language_folders(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/") if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", path.name)]


class _Reader:
    """Reads the files of a prompts folder and gathers every problem on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.lexicons: dict[str, Mapping[str, str]] = {}

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
        try:
            spoken_values(language)
        except KeyError:
            self.report(
                str(folder), "P111", f"numbers and dates cannot be spoken in {language} yet; use zh-CN or en"
            )
        prompts: dict[str, Prompt] = {}
        for file in files:
            source = self._source(file)
            if source is not None and file.name == LEXICON_FILE:
                self.lexicons[language] = self._lexicon(source)
            elif source is not None:
                self._prompts(source, language, prompts)
        self._check_codes(prompts)
        return prompts

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
        prompts[name] = Prompt(name, language, template, (source.file, place.line, place.column))

    def _check_codes(self, prompts: Mapping[str, Prompt]) -> None:
        groups = {name.rpartition(".")[0] for name in prompts} - {""}
        for prompt in prompts.values():
            for slot in prompt.template.slots.values():
                if slot.group and slot.group not in groups:
                    hint = suggest(slot.group, groups)
                    message = f"no prompts are named {slot.group}.…, which the slot {slot.name} is spoken from{hint}"
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
