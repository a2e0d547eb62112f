"""A place for problems to be put while one file is checked."""

from __future__ import annotations

from dataclasses import replace

from ivr.flow.errors import Problem, Severity
from ivr.flow.yaml_source import Path, Source


class Report:
    """Collects the problems of one file."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source

    def error(self, path: Path, code: str, message: str, at_key: bool = False) -> None:
        """Something that keeps the flows from being used."""
        self._add(path, code, message, "error", at_key)

    def warn(self, path: Path, code: str, message: str, at_key: bool = False) -> None:
        """Something that is most likely not meant."""
        self._add(path, code, message, "warning", at_key)

    def note(self, path: Path, code: str, message: str, at_key: bool = False) -> None:
        """Something worth knowing."""
        self._add(path, code, message, "info", at_key)

    def _add(self, path: Path, code: str, message: str, severity: Severity, at_key: bool) -> None:
        problem = replace(self._source.problem(path, code, message, at_key), severity=severity)
        if problem not in self.problems:
            self.problems.append(problem)
