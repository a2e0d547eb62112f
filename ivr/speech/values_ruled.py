"""Values said by the rules of a language's folder: `prompts/<language>/values.yaml` (`docs/languages.md` explains it)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Final

from ivr.flow.values import Money, Value
from ivr.speech.rules import RuleError, Rulesets
from ivr.speech.values import (
    GROUP_BREATH,
    PAUSES,
    Carrier,
    NotSpeakableError,
    as_date,
    as_datetime,
    as_decimal,
    as_digits,
    as_integer,
    as_money,
    as_seconds,
    as_time,
    digit_groups,
    duration_parts,
)

#: What each sentence of `say:` is about; a field with a ruleset is `{day:days}`, one without is said by its own sentence.
SENTENCES: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"number"}),
    "counted": frozenset({"number"}),
    "digit": frozenset({"number"}),
    "minus": frozenset(),
    "point": frozenset(),
    "percent": frozenset({"decimal"}),
    "date": frozenset({"year", "month", "day"}),
    "month": frozenset({"year", "month"}),
    "time": frozenset({"hour", "minute"}),
    "datetime": frozenset({"date", "time"}),
    "duration": frozenset({"days", "hours", "minutes", "seconds"}),
    "no_time": frozenset(),
}
#: The sentences of an amount: no cents, nothing but cents, or both.
AMOUNTS: Final = ("whole", "part", "both")
#: Numbers from here on are said digit by digit.
LARGEST: Final = 10**12
_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with fields, each a value's name with the ruleset that says it (none: pieces that are ready)."""

    parts: tuple[str | tuple[str, str], ...]

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Its fields with their rulesets."""
        return tuple(part for part in self.parts if isinstance(part, tuple))

    @property
    def literals(self) -> Iterator[str]:
        """What it says itself, breaths aside."""
        return (piece for part in self.parts if isinstance(part, str) for piece in _literal_pieces(part))


def read_sentence(text: str) -> Sentence:
    """A sentence as it is written."""
    parts: list[str | tuple[str, str]] = []
    at = 0
    for match in _FIELD.finditer(text):
        parts += [text[at : match.start()]] if match.start() > at else []
        parts.append((match[1], match[2] or ""))
        at = match.end()
    rest = text[at:]
    if set(text[at:]) & set("{}"):
        raise RuleError(f"{text!r} cannot be read; a field is written {{name:ruleset}}")
    return Sentence((*parts, rest) if rest else tuple(parts))


@dataclass(frozen=True, slots=True)
class Written:
    """How values are written on a screen; `{…}` are filled in."""

    texts: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    durations: Mapping[str, str] = field(default_factory=dict)
    months: tuple[str, ...] = ()

    def text(self, name: str, usual: str, **values: object) -> str:
        """The text of that name with its fields filled."""
        return _FIELD.sub(lambda match: str(values.get(match[1], "")), self.texts.get(name, usual))

    def amount(self, amount: Money) -> str:
        """`3,200.00`, with the language's own marks."""
        plain = f"{amount.amount:,.2f}"
        marks = {",": self.texts.get("thousands", ","), ".": self.texts.get("point", ".")}
        return "".join(marks.get(char, char) for char in plain)


@dataclass(frozen=True)
class RuledValues:
    """`SpokenValues` by rules. Immutable; `money` holds the sentences of each currency by `AMOUNTS`."""

    language: str
    rules: Rulesets
    sentences: Mapping[str, Sentence]
    money: Mapping[str, Mapping[str, Sentence]]
    keys: Mapping[str, str]
    units: tuple[str, ...] = ()
    written: Written = field(default_factory=Written)
    carrier: Carrier = field(default_factory=Carrier)
    short: int = 0

    def say(self, kind: str, value: Value, unit: str = "") -> list[str]:
        """See `SpokenValues.say`."""
        match kind:
            case "digits":
                return list(self._digits(as_digits(value)))
            case "integer":
                counted = [*self._number(as_integer(value), "counted"), unit] if unit else []
                return counted or self._number(as_integer(value), "integer")
            case "decimal":
                return self._decimal(as_decimal(value))
            case "percent":
                return self._sentence("percent", decimal=self._decimal(as_decimal(value)))
            case "money":
                return self._money(as_money(value))
            case "duration":
                return self._duration(as_seconds(value))
            case _:
                return self._when(kind, value)

    def _sentence(self, name: str, **values: int | list[str]) -> list[str]:
        return self._filled(self.sentences[name], values)

    def _filled(self, sentence: Sentence, values: Mapping[str, int | list[str]]) -> list[str]:
        pieces: list[str] = []
        for part in sentence.parts:
            if isinstance(part, str):
                pieces += _literal_pieces(part, breaths=True)
                continue
            value = values[part[0]]
            pieces += value if isinstance(value, list) else self.rules.spell(part[1], value)
        return pieces

    def _number(self, number: int, sentence: str) -> list[str]:
        if number < 0:
            return [*self._sentence("minus"), *self._number(-number, sentence)]
        if number >= LARGEST:
            return [piece for digit in str(number) for piece in self._sentence("digit", number=int(digit))]
        return self._sentence(sentence, number=number)

    def _digits(self, text: str) -> Iterator[str]:
        for at, group in enumerate(digit_groups(text)):
            if at:
                yield GROUP_BREATH
            for key in group:
                yield from [self.keys[key]] if key in self.keys else self._sentence("digit", number=int(key))

    def _decimal(self, number: Decimal) -> list[str]:
        whole, _, fraction = f"{abs(number):f}".partition(".")
        fraction = fraction.rstrip("0")
        pieces = self._sentence("minus") if number < 0 and (int(whole) or fraction) else []
        pieces += self._number(int(whole), "integer")
        if fraction:
            pieces += self._sentence("point")
        return pieces + [piece for digit in fraction for piece in self._sentence("digit", number=int(digit))]

    def _money(self, amount: Money) -> list[str]:
        """Rounded half up to the cent, as a bill is."""
        sentences = self.money.get(amount.currency)
        if sentences is None:
            raise NotSpeakableError(f"{self.language} has no name for the currency {amount.currency}")
        cents = int((abs(amount.amount) * 100).to_integral_value(ROUND_HALF_UP))
        whole, part = divmod(cents, 100)
        if whole >= LARGEST:
            raise NotSpeakableError("the amount is too large to be said")
        which = "both" if whole and part else "part" if part else "whole"
        minus = self._sentence("minus") if amount.amount < 0 and cents else []
        return minus + self._filled(sentences[which], {"whole": whole, "part": part})

    def _duration(self, seconds: int) -> list[str]:
        names = ("days", "hours", "minutes", "seconds")
        pieces = self._sentence("duration", **dict(zip(names, duration_parts(seconds), strict=True)))
        return pieces or self._sentence("no_time")

    def _when(self, kind: str, value: Value) -> list[str]:
        if kind == "datetime":
            at = as_datetime(value)
            return self._sentence("datetime", date=self._when("date", at), time=self._when("time", at))
        if kind == "time":
            moment = as_time(value)
            return self._sentence("time", hour=moment.hour, minute=moment.minute)
        day = as_date(value)
        return self._sentence(kind, year=day.year, month=day.month, day=day.day)

    def write(self, kind: str, value: Value) -> str:
        """See `SpokenValues.write`."""
        match kind:
            case "digits":
                return as_digits(value)
            case "integer":
                return str(as_integer(value))
            case "decimal":
                return self._write_decimal(value)
            case "percent":
                return self.written.text("percent", "{number}%", number=self._write_decimal(value))
            case "money":
                amount = as_money(value)
                name = self.written.currencies.get(amount.currency, amount.currency)
                return self.written.text(
                    "money", "{amount} {currency}", amount=self.written.amount(amount), currency=name
                )
            case "duration":
                return self._write_duration(as_seconds(value))
            case _:
                return self._write_when(kind, value)

    def _write_decimal(self, value: Value) -> str:
        return f"{as_decimal(value):f}".replace(".", self.written.texts.get("point", "."))

    def _write_duration(self, seconds: int) -> str:
        parts = zip(("days", "hours", "minutes", "seconds"), duration_parts(seconds), strict=True)
        written = [self._counted(name, count) for name, count in parts if count]
        return self.written.texts.get("apart", " ").join(written) or self._counted("seconds", 0)

    def _counted(self, name: str, count: int) -> str:
        one, _, many = self.written.durations.get(name, f"{{n}} {name}").partition("|")
        return (one if count == 1 or not many else many).replace("{n}", str(count))

    def _write_when(self, kind: str, value: Value) -> str:
        if kind == "datetime":
            both = {"date": self._write_when("date", value), "time": self._write_when("time", value)}
            return self.written.text("datetime", "{date} {time}", **both)
        if kind == "time":
            moment = as_time(value)
            clock = {"hour": moment.hour, "hh": f"{moment:%H}", "mm": f"{moment:%M}"}
            return self.written.text("time", "{hh}:{mm}", **clock)
        day = as_date(value)
        name = self.written.months[day.month - 1] if self.written.months else day.month
        usual = "{year}-{month}-{day}" if kind == "date" else "{year}-{month}"
        parts = {"year": day.year, "month": day.month, "day": day.day, "month_name": name}
        return self.written.text(kind, usual, **parts)

    def inventory(self) -> Mapping[str, Carrier]:
        """See `SpokenValues.inventory`."""
        return self._inventory

    @cached_property
    def _inventory(self) -> Mapping[str, Carrier]:
        amounts = [sentence for currency in self.money.values() for sentence in currency.values()]
        names: list[str] = [*self.keys.values(), *self.units]
        for sentence in (*self.sentences.values(), *amounts):
            names += sentence.literals
            for _, ruleset in sentence.fields:
                names += self.rules.inventory(ruleset) if ruleset else ()
        return dict.fromkeys((name for name in names if name not in PAUSES), self.carrier)


def _literal_pieces(text: str, breaths: bool = False) -> list[str]:
    """A sentence's literal as pieces: `/` parts clips, and a mark by itself is a breath."""
    found = (" ".join(piece.split()) for piece in re.split(r"/|([、，,：:；;])", text) if piece)
    return [piece for piece in found if piece and (breaths or piece not in PAUSES)]
