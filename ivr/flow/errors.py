"""What can be wrong with a flow, and how it is said.

FlowError
├── FlowErrors        the folder cannot be used; carries every `Problem` found
└── ExpressionError   a condition or expression is wrong, when loaded or when evaluated
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding at a place of a file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    code: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}"


class FlowError(Exception):
    """Base of everything that `ivr.flow` raises on purpose."""


class FlowErrors(FlowError):  # noqa: N818 - it is many of them
    """The flows of a folder cannot be used. `problems` lists every finding, `str()` one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExpressionError(FlowError):
    """An expression that cannot be read, does not fit its variables, or failed for these values.

    `code` is the stable code of `docs/flow-codes.md`. The message never holds a value, only names and types.
    """

    def __init__(self, message: str, code: str = "F406") -> None:
        super().__init__(message)
        self.code = code


class UnknownTypeError(ExpressionError):
    """The expression reads something that is wrong already and has been reported there."""

    def __init__(self) -> None:
        super().__init__("this depends on something that is wrong already", "F400")


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, else the few words there are, else nothing."""
    names = sorted(set(known))
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(names)}" if 0 < len(names) <= 12 else ""
