"""Checks of the tests that stand in a flow's file: words, and the names they use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, get_args

from ivr.flow.dataflow import Analysis
from ivr.flow.errors import suggest
from ivr.flow.hours import OpenState
from ivr.flow.library import LEVELS, LoadedFlow
from ivr.flow.manifest import ServiceSignature
from ivr.flow.model import ELSEWHERE, FlowTest, parse_duration
from ivr.flow.outcomes import FIXED_OUTCOMES
from ivr.flow.report import Report
from ivr.flow.script_words import DOES, EXPECTED, GIVEN, HOW
from ivr.flow.types import coerce
from ivr.flow.values import Type
from ivr.flow.yaml_source import Path


def check_tests(analysis: Analysis, loaded: LoadedFlow, report: Report) -> None:
    """Everything about the tests of one flow."""
    checker = _TestChecker(analysis, loaded, report)
    names: set[str] = set()
    for number, test in enumerate(loaded.flow.tests):
        path: Path = ("tests", number)
        if test.name in names:
            report.error((*path, "name"), "F805", "two tests have this name; give one of them another")
        names.add(test.name)
        checker.check(path, test)


class _TestChecker:
    def __init__(self, analysis: Analysis, loaded: LoadedFlow, report: Report) -> None:
        self._library = analysis.library
        self._manifest = analysis.library.manifest
        self._loaded = loaded
        self._report = report

    def check(self, path: Path, test: FlowTest) -> None:
        self._given((*path, "given"), test.given)
        for number, line in enumerate(test.caller):
            self._caller((*path, "caller", number), line)
        for number, line in enumerate(test.expect):
            self._expected((*path, "expect", number), line)

    def _known(self, path: Path, word: object, known: Collection[str], what: str, code: str = "F804") -> bool:
        if str(word) in known:
            return True
        self._report.error(path, code, f"there is no {what} {str(word)!r}{suggest(str(word), known)}")
        return False

    def _words(self, path: Path, line: Mapping[str, Any], allowed: Collection[str]) -> None:
        for word in line:
            if word not in allowed:
                message = f"{word!r} is no word of a test{suggest(word, allowed)}"
                self._report.error((*path, word), "F801", message, at_key=True)

    def _one_word(
        self, path: Path, line: Mapping[str, Any], words: Collection[str], more: Collection[str]
    ) -> str:
        self._words(path, line, {*words, *more})
        main = [word for word in line if word in words]
        if len(main) != 1 and {*line} <= {*words, *more}:
            choice = ", ".join(sorted(words))
            self._report.error(path, "F801", f"this line needs exactly one of {choice}")
        return main[0] if len(main) == 1 else ""

    def _given(self, path: Path, given: Mapping[str, Any]) -> None:
        self._words(path, given, GIVEN)
        if "clock" in given:
            self._clock((*path, "clock"), given["clock"])
        if "language" in given:
            self._known((*path, "language"), given["language"], self._library.hotline.languages, "language")
        if "languages" in given:
            self._languages((*path, "languages"), given["languages"])
        if "level" in given:
            self._known((*path, "level"), given["level"], LEVELS, "level")
        places: tuple[tuple[str, Collection[str], str], ...] = (
            ("services", self._manifest.services, "service"),
            ("flows", self._library.flows, "flow"),
            ("hours", self._library.hotline.calendars, "calendar"),
            ("transfer", {*ELSEWHERE, *self._library.hotline.queues}, "queue"),
            ("inputs", self._loaded.inputs, "input"),
        )
        for place, known, what in places:
            for name, value in self._mapping((*path, place), given.get(place, {})).items():
                if self._known((*path, place, name), name, known, what):
                    self._given_value((*path, place, name), place, name, value)

    def _clock(self, path: Path, value: object) -> None:
        try:
            datetime.fromisoformat(str(value))
        except ValueError:
            self._report.error(path, "F805", "write a date and time such as 2026-02-14T10:00")

    def _languages(self, path: Path, value: Any) -> None:
        if not isinstance(value, list):
            self._report.error(path, "F805", "write a list of languages such as [zh-CN, en]")
            return
        for at, language in enumerate(value):
            self._known((*path, at), str(language), self._library.hotline.languages, "language")

    def _mapping(self, path: Path, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._report.error(path, "F805", "write a mapping from names to what each of them gives")
        return {}

    def _given_value(self, path: Path, place: str, name: str, value: Any) -> None:
        if place == "services":
            answers = value if isinstance(value, list) else [value]
            for answer in answers:
                self._service_answer(path, self._manifest.services[name], answer)
        elif place == "flows":
            for answer in value if isinstance(value, list) else [value]:
                self._flow_answer(path, name, answer)
        elif place == "inputs":
            self._value(path, value, self._loaded.inputs[name])
        else:
            known = get_args(OpenState) if place == "hours" else FIXED_OUTCOMES["transfer"]
            for answer in value if isinstance(value, list) else [value]:
                self._known(path, answer, known, "outcome")

    def _service_answer(self, path: Path, service: ServiceSignature, answer: Any) -> None:
        if isinstance(answer, dict) and "outcome" in answer and "outcome" not in _fields(service):
            outcomes = {**service.outcomes, "error": None, "timeout": None}
            if self._known(path, answer["outcome"], outcomes, f"outcome of {service.name}"):
                kind = outcomes[str(answer["outcome"])]
                if kind is not None and answer.get("value") is not None:
                    self._value(path, answer["value"], kind)
        elif isinstance(answer, str):
            self._known(path, answer, {*service.outcomes, "error", "timeout"}, f"outcome of {service.name}")
        elif answer is not None and service.outcomes.get("ok") is not None:
            self._value(path, answer, service.outcomes["ok"] or Type("unknown"))

    def _flow_answer(self, path: Path, name: str, value: Any) -> None:
        outcomes = self._library.flows[name].outcomes
        outcome = value.get("outcome") if isinstance(value, dict) else value
        if self._known(path, outcome, outcomes, f"outcome of {name}") and isinstance(value, dict):
            wanted = outcomes[str(outcome)]
            given = {field: inner for field, inner in value.items() if field != "outcome"}
            self._value(path, given, Type("record", fields=wanted))

    def _value(self, path: Path, value: Any, kind: Type) -> None:
        try:
            coerce(value, kind)
        except ValueError as error:
            self._report.error(path, "F805", str(error))

    def _caller(self, path: Path, line: Mapping[str, Any]) -> None:
        word = self._one_word(path, line, DOES, HOW)
        for when in ("during", "after"):
            if when in line:
                self._known((*path, when), line[when], self._manifest.prompts, "prompt", "F802")
        if word in {"silence", "record"}:
            try:
                parse_duration(line[word])
            except ValueError as error:
                self._report.error((*path, word), "F805", str(error))
        if word == "not_heard":
            self._known((*path, word), line[word], ("full", "failed", "no_model"), "reason")
        if word == "keys" and not (
            isinstance(line[word], str) and set(line[word]) <= set("0123456789*#ABCD")
        ):
            self._report.error((*path, word), "F805", 'write the keys in quotes, such as "12#"')

    def _expected(self, path: Path, line: Mapping[str, Any]) -> None:
        word = self._one_word(path, line, EXPECTED, {"with"})
        value = line.get(word)
        if word in {"said", "not_said"}:
            self._known((*path, word), value, self._manifest.prompts, "prompt", "F802")
        elif word == "step":
            steps = {
                f"{name}.{step}" for name, other in self._library.flows.items() for step in other.flow.steps
            }
            self._known((*path, word), value, {*self._loaded.flow.steps, *steps}, "step", "F803")
        elif word == "outcome":
            self._known((*path, word), value, self._loaded.outcomes, "outcome of this flow")
        elif word == "variable":
            for name in self._mapping((*path, word), value):
                declared = {*self._loaded.variables, *self._loaded.inputs}
                self._known((*path, word, name), name, declared, "variable")
        else:
            places: Mapping[str, Collection[str]] = {
                "did": self._manifest.services,
                "transfer": {*ELSEWHERE, *self._library.hotline.queues},
                "voicemail": self._library.hotline.mailboxes,
            }
            if word in places:
                what = {"did": "service", "transfer": "queue", "voicemail": "mailbox"}[word]
                self._known((*path, word), value, places[word], what)


def _fields(service: ServiceSignature) -> Collection[str]:
    kind = service.outcomes.get("ok")
    return kind.fields if kind is not None else ()
