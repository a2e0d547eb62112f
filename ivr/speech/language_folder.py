"""What a language's folder says of the language: `language.yaml` (its names, what it falls back to) and `values.yaml`.

A folder without `values.yaml` speaks by the rules that come with the hotline, for the languages that have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ivr.flow.errors import Problem, suggest
from ivr.flow.yaml_source import Path, Source
from ivr.speech.rules import RuleError, Rulesets, read_ruleset
from ivr.speech.values import Carrier
from ivr.speech.values_ruled import AMOUNTS, SENTENCES, RuledValues, Sentence, Written, read_sentence

LANGUAGE_FILE: Final = "language.yaml"
VALUES_FILE: Final = "values.yaml"
_ABOUT: Final = ("name", "names", "falls_back", "apart", "voice")
_PARTS: Final = ("rules", "say", "money", "keys", "units", "written", "carrier", "short")
_WRITTEN: Final = ("texts", "currencies", "durations", "months")

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class LanguageInfo:
    """A language as its folder tells it. `name` is its own name for itself, `names` those in other languages."""

    tag: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    #: Whose text is spoken where this language has none, first to last.
    falls_back: tuple[str, ...] = ()
    #: What stands between two sentences in writing.
    apart: str = " "
    #: How a voice is asked for it: `kokoro` (a voice's name) and `espeak` (a name of espeak-ng's).
    voice: Mapping[str, str] = field(default_factory=dict)

    def name_in(self, language: str) -> str:
        """What it is called in another language; its own name where that is not known."""
        return self.names.get(language) or self.name


def read_about(tag: str, source: Source | None, report: Report) -> LanguageInfo:
    """`language.yaml`; without one, a language is called by its tag."""
    usual = "" if tag.startswith(("zh", "ja")) else " "
    if source is None:
        return LanguageInfo(tag, tag, apart=usual)
    data = source.data
    _unknown(source, (), data, _ABOUT, report)
    falls_back = data.get("falls_back", [])
    if not isinstance(falls_back, list):
        report(source.problem(("falls_back",), "P114", "write a list of languages such as [zh-CN, en]"))
        falls_back = []
    return LanguageInfo(
        tag,
        str(data.get("name", tag)),
        _texts(source, ("names",), report),
        tuple(str(one) for one in falls_back),
        str(data.get("apart", usual)),
        _texts(source, ("voice",), report),
    )


def read_values(tag: str, source: Source, report: Report) -> RuledValues | None:
    """`values.yaml`; None where anything in it cannot be read, which is reported as P113."""
    return _ValuesReader(tag, source, report).values()


def _unknown(
    source: Source, path: Path, data: Mapping[str, Any], known: tuple[str, ...], report: Report
) -> None:
    for name in data:
        if name not in known:
            message = f"there is no {name!r} here{suggest(str(name), known)}"
            report(source.problem((*path, name), "P114", message, at_key=True))


def _texts(source: Source, path: Path, report: Report) -> dict[str, str]:
    """A mapping of names to texts at a path; empty where there is none."""
    data: Any = source.data
    for step in path:
        data = data.get(step, {}) if isinstance(data, Mapping) else {}
    if not isinstance(data, Mapping):
        report(source.problem(path, "P114", "write a mapping of names to texts"))
        return {}
    return {str(name): "" if text is None else str(text) for name, text in data.items()}


class _ValuesReader:
    """Reads `values.yaml` and reports what is wrong with it, each at its place."""

    def __init__(self, tag: str, source: Source, report: Report) -> None:
        self._tag = tag
        self._source = source
        self._report = report
        self._wrong = False

    def values(self) -> RuledValues | None:
        data = self._source.data
        _unknown(self._source, (), data, _PARTS, self._note)
        rules = self._rules()
        sentences = self._sentences(("say",), self._mapping("say"), SENTENCES, rules)
        for name in SENTENCES.keys() - sentences.keys():
            self._error(("say",), f"the sentence {name!r} is missing")
        money = {currency: self._amounts(currency, rules) for currency in self._mapping("money")}
        keys = _texts(self._source, ("keys",), self._note)
        for key in sorted({"*", "#"} - keys.keys()):
            self._error(("keys",), f"say how the key {key} is called")
        if self._wrong:
            return None
        return RuledValues(
            self._tag,
            rules,
            sentences,
            money,
            keys,
            tuple(sorted((str(unit) for unit in data.get("units", [])), key=len, reverse=True)),
            self._written(),
            Carrier("", str(data.get("carrier", ""))),
            int(data.get("short", 0)),
        )

    def _rules(self) -> Rulesets:
        found = {}
        for name, written in self._mapping("rules").items():
            try:
                found[name] = read_ruleset(name, str(written))
            except RuleError as error:
                self._error(("rules", name), str(error))
        for name, ruleset in found.items():
            used = {part.name for rule in ruleset.rules for parts in rule.variants()
                    for part in parts if not isinstance(part, str)}  # fmt: skip
            for other in sorted(used - found.keys() - {""}):
                self._error(("rules", name), f"there are no rules {other!r}{suggest(other, found)}")
        return Rulesets(found)

    def _sentences(
        self, path: Path, written: Mapping[str, Any], known: Mapping[str, frozenset[str]], rules: Rulesets
    ) -> dict[str, Sentence]:
        _unknown(self._source, path, written, tuple(known), self._note)
        sentences = {}
        for name, text in written.items():
            try:
                sentence = read_sentence("" if text is None else str(text))
            except RuleError as error:
                self._error((*path, name), str(error))
                continue
            self._check_fields((*path, name), sentence, known.get(name, frozenset()), rules)
            sentences[name] = sentence
        return sentences

    def _check_fields(self, path: Path, sentence: Sentence, known: frozenset[str], rules: Rulesets) -> None:
        for value, ruleset in sentence.fields:
            if value not in known:
                self._error(path, f"there is no value {value!r} here; it has {', '.join(sorted(known))}")
            if (value in {"date", "time", "decimal"}) == bool(ruleset):
                self._error(path, f"{value} is said by {'its own sentence' if ruleset else 'a ruleset'}")
            elif ruleset and ruleset not in rules.named:
                self._error(path, f"there are no rules {ruleset!r}{suggest(ruleset, rules.named)}")

    def _amounts(self, currency: str, rules: Rulesets) -> dict[str, Sentence]:
        written = self._mapping("money")[currency]
        fields = dict.fromkeys(AMOUNTS, frozenset({"whole", "part"}))
        sentences = self._sentences(
            ("money", currency), written if isinstance(written, Mapping) else {}, fields, rules
        )
        for name in AMOUNTS:
            if name not in sentences:
                self._error(("money", currency), f"the sentence {name!r} of {currency} is missing")
        return sentences

    def _written(self) -> Written:
        written = self._mapping("written")
        _unknown(self._source, ("written",), written, _WRITTEN, self._note)
        months = written.get("months", [])
        return Written(
            _texts(self._source, ("written", "texts"), self._note),
            _texts(self._source, ("written", "currencies"), self._note),
            _texts(self._source, ("written", "durations"), self._note),
            tuple(str(month) for month in months) if isinstance(months, list) and len(months) == 12 else (),
        )

    def _mapping(self, name: str) -> Mapping[str, Any]:
        value = self._source.data.get(name, {})
        if isinstance(value, Mapping):
            return value
        self._error((name,), "write a mapping here")
        return {}

    def _error(self, path: Path, message: str) -> None:
        self._note(self._source.problem(path, "P113", message))

    def _note(self, problem: Problem) -> None:
        self._wrong = True
        self._report(problem)
