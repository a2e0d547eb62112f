"""What can be wrong with prompts and voices.

SpeechError
├── PromptErrors    the catalogue cannot be used; carries every `Problem` found        P1xx
├── ClipError       a clip or a company's own recording cannot be read                 P3xx
├── VoiceError      the voice is not installed, or cannot say it                       P4xx
└── ModelError      a recogniser's model is missing, damaged, or cannot be fetched     P5xx
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.flow.errors import Problem


class SpeechError(Exception):
    """Base of all; `code` is stable, the message says what to do."""

    code = "P000"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code} {super().__str__()}"


class PromptErrors(SpeechError):  # noqa: N818 - it is many of them
    """The prompts of a folder cannot be used. `problems` lists every finding, `str()` one a line."""

    code = "P100"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__(f"{len(self.problems)} problem(s)")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ClipError(SpeechError):
    """A clip or a recording cannot be read."""

    code = "P300"


class VoiceError(SpeechError):
    """The voice is not installed, or cannot say what it was given."""

    code = "P400"


class ModelError(SpeechError):
    """A recogniser's model is missing, damaged, of another language, or cannot be fetched."""

    code = "P500"
