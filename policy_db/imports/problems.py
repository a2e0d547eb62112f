"""What can be wrong with a file that is to be imported, by code; the words stand in `problems.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ruamel.yaml import YAML

Severity = Literal["error", "warning"]
#: A value is shown up to this many characters.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: its code, the column it concerns (or none), and what fills its text in."""

    code: str
    column: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    severity: Severity = "error"

    def as_dict(self) -> dict[str, Any]:
        """As the database keeps it."""
        return {
            "code": self.code,
            "column": self.column,
            "values": dict(self.values),
            "severity": self.severity,
        }


class FileRefusedError(Exception):
    """The whole file cannot be taken; `problem` says why."""

    def __init__(self, code: str, **values: object) -> None:
        self.problem = Problem(f"file.{code}", values=shown(values))
        super().__init__(problem_text("en", self.problem.as_dict()))


class WrongCellError(Exception):
    """A cell cannot be read."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = shown(values)


def shown(values: Mapping[str, object]) -> dict[str, str]:
    """Values as texts that are short enough to show."""
    texts = {name: str(value) for name, value in values.items()}
    return {
        name: text
        if len(text) <= _SHOWN or name in ("known", "columns", "example", "bands")
        else f"{text[:_SHOWN]}…"
        for name, text in texts.items()
    }


def problem_text(language: str, problem: Mapping[str, Any]) -> str:
    """A kept problem in a language; what is named by a word of ours is put into that language too."""
    words = _texts()
    values = {
        name: _word(words, language, name, str(value)) for name, value in problem.get("values", {}).items()
    }
    return words[problem["code"]].get(language, words[problem["code"]]["en"]).format(**values)


def codes() -> frozenset[str]:
    """Every code there is."""
    return frozenset(code for code in _texts() if not code.startswith("what."))


def _word(words: Mapping[str, Mapping[str, str]], language: str, name: str, value: str) -> str:
    known = words.get(f"what.{value}") if name == "what" else None
    return value if known is None else known.get(language, known["en"])


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    text = files("policy_db.imports").joinpath("problems.yaml").read_text("utf-8")
    loaded: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(text)
    return loaded
