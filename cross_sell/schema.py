"""What is known of a table's columns: their kind, how they may be used, and how a reason names them.

    schema = Schema.of({
        "age": {"kind": "number", "text": {"en": "their age", "zh-CN": "年龄"}, "use": "silent"},
        "cars": {"kind": "ordinal", "monotone": 1},
        "region": "category",
        "diagnosis": {"kind": "category", "trait": "health"},          # never a feature without `consent`
        "seconds_talked": "forbidden",
    })
    schema = Schema.infer(frame, target="bought")                      # where nothing is known

Kinds: `number` (ordered, many values), `ordinal` (ordered, few; `levels` gives their order where they are words),
`category` (unordered) and `flag` (yes or no). Uses: `feature` counts and may be told; `silent` counts, and is
never told as a reason (a sensitive trait, or what stands for one); `forbidden` is never read.
A column named or marked as ethnicity, religion, health, call length or later codes is forbidden whoever asks;
health counts where the column says `consent`, given apart from other consents, and even then is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any

import numpy as np

from cross_sell.errors import SchemaError
from cross_sell.frame import Frame, Raw, codes_of, read_frame
from cross_sell.values import flag, number

#: A column of words with more levels than this, nearly one a row, names rows and not kinds of callers.
_NAMING_SHARE = 0.9
#: Whole numbers of at most so many distinct values are codes or small counts.
_FEW = 12
#: Whole numbers under such a name are codes, up to so many.
_CODE = re.compile(r"\b(code|channel|type|region|branch|category|mostype|moshoofd)\b")
_MOST_CODES = 1000


class Kind(StrEnum):
    """How the values of a column stand to one another."""

    NUMBER = "number"
    ORDINAL = "ordinal"
    CATEGORY = "category"
    FLAG = "flag"


class Use(StrEnum):
    """What a column may be used for."""

    FEATURE = "feature"
    SILENT = "silent"
    FORBIDDEN = "forbidden"


class Trait(StrEnum):
    """What makes a column one that must not count, or must not be told."""

    ETHNICITY = "ethnicity"
    RELIGION = "religion"
    HEALTH = "health"
    CALL_LENGTH = "call_length"
    LATER = "later"
    SENSITIVE = "sensitive"
    NAMING = "naming"


#: Traits that no schema can make a feature.
BARRED = frozenset({Trait.ETHNICITY, Trait.RELIGION, Trait.CALL_LENGTH, Trait.LATER})

# Parts of a name, split at anything but letters and at changes of case. The CoIL benchmark names its shares of
# religions MGODRK, MGODPR, MGODOV and MGODGE (godsdienst).
_NAMES: tuple[tuple[Trait, re.Pattern[str]], ...] = tuple(
    (trait, re.compile(pattern))
    for trait, pattern in (
        (Trait.ETHNICITY, r"\b(ethnic\w*|race|racial|nationality origin|民族|种族|minorit\w+)\b|民族|种族"),
        (Trait.RELIGION, r"\b(religio\w*|faith|church|godsdienst|mgod(rk|pr|ov|ge)|confession)\b|宗教|信仰"),
        (
            Trait.HEALTH,
            r"\b(health (detail|status|condition|declaration|history|question)\w*|diagnos\w*|disease\w*|illness\w*"
            r"|medical \w+|medication\w*|symptom\w*|disab(ility|led)|smoker|bmi|pregnan\w+)\b|病史|健康告知|疾病|诊断",
        ),
        (
            Trait.CALL_LENGTH,
            r"\b(duration|(call|talk|handle|handling|connect\w*) (length|seconds|time|minutes|duration)"
            r"|seconds talked|aht)\b|通话时长",
        ),
        (
            Trait.LATER,
            r"\b(disposition|wrap ?up|after call|outcome code|seat code|result code|call result)\b|小结",
        ),
        (
            Trait.SENSITIVE,
            r"\b(sex|gender|marital|birth\w*|dob|(?<!vehicle )(?<!car )(?<!policy )age|orientation|politic\w*"
            r"|income|wealth|credit score|default|postcode|zip|zip code)\b|性别|婚姻|收入|年龄",
        ),
        (
            Trait.NAMING,
            r"\b(id|uuid|guid|index|policy number|customer number|phone|telephone number|name|email)\b",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of one column; `text` is how a reason names it, by language.

    `monotone` is +1 where more can only make a yes likelier, -1 where less can, 0 where that is not known.
    `levels` gives the order of an ordinal's words; `missing` lists values that mean “not known”.
    """

    name: str
    kind: Kind = Kind.NUMBER
    use: Use = Use.FEATURE
    monotone: int = 0
    trait: Trait | None = None
    consent: bool = False
    text: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.monotone not in (-1, 0, 1):
            raise SchemaError(f"Column {self.name!r}: monotone is {self.monotone}.", "Give -1, 0 or 1.")
        if self.monotone and self.kind is Kind.CATEGORY:
            raise SchemaError(
                f"Column {self.name!r} is a category and has no direction.",
                "Make it an ordinal with `levels`.",
            )

    @property
    def told(self) -> bool:
        """Whether a reason may name it."""
        return self.use is Use.FEATURE

    @property
    def ordered(self) -> bool:
        """Whether its values have an order that may be learnt from."""
        return self.kind in (Kind.NUMBER, Kind.ORDINAL)

    def said(self, language: str = "en") -> str:
        """What a reason calls the column in a language; its name where no text is given."""
        return self.text.get(language) or self.text.get("en") or self.name.replace("_", " ")

    def as_dict(self) -> dict[str, Any]:
        """The column as plain data, without what is at its default."""
        plain = {
            "kind": str(self.kind),
            "use": str(self.use),
            "monotone": self.monotone,
            "trait": str(self.trait) if self.trait else None,
            "consent": self.consent,
            "text": dict(self.text),
            "levels": list(self.levels),
            "missing": list(self.missing),
        }
        return {key: value for key, value in plain.items() if key == "kind" or (value and value != "feature")}


class Schema(Mapping[str, Column]):
    """Columns by name."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._columns = {column.name: _guarded(column) for column in columns}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @classmethod
    def of(cls, source: object) -> Schema:
        """A schema from a schema, from `{name: kind}` or from `{name: {"kind": …, …}}`; raises SchemaError.

        `{"columns": {…}, "forbidden": [names], "silent": [names]}` is understood as well.
        """
        if isinstance(source, Schema):
            return source
        if not isinstance(source, Mapping):
            raise SchemaError(
                f"A {type(source).__name__} is not a schema.",
                "Give a mapping of column names to what they are.",
            )
        entries = {str(name): _entry(str(name), said) for name, said in _flat(source).items()}
        return cls(_column(name, entry) for name, entry in entries.items())

    @classmethod
    def infer(cls, frame: object, target: str | None = None) -> Schema:
        """What can be told from names and values alone; the target is left out."""
        table = read_frame(frame)
        return cls(_inferred(table, name) for name in table.columns if name != target)

    def completed(self, frame: Frame, target: str) -> Schema:
        """This schema, with kinds inferred for columns of the frame that it does not speak of."""
        rest = [_inferred(frame, name) for name in frame.columns if name not in self and name != target]
        return Schema([*self.values(), *rest])

    def features(self) -> list[Column]:
        """The columns that may count, in order."""
        return [column for column in self.values() if column.use is not Use.FORBIDDEN]

    def without(self, *names: str) -> Schema:
        """The schema without these columns."""
        return Schema(column for column in self.values() if column.name not in names)

    def as_dict(self) -> dict[str, Any]:
        """The schema as plain data, as `Schema.of` reads it."""
        return {name: column.as_dict() for name, column in self.items()}


def trait_of(name: str) -> Trait | None:
    """What a column's name says it is, if that is anything that must not count or not be told."""
    words = _words(name)
    return next((trait for trait, pattern in _NAMES if pattern.search(words)), None)


def _guarded(column: Column) -> Column:
    """The column with its use brought within what its trait allows."""
    trait = column.trait or trait_of(column.name)
    if trait in BARRED or (trait is Trait.HEALTH and not column.consent):
        return replace(column, trait=trait, use=Use.FORBIDDEN)
    if trait in (Trait.HEALTH, Trait.SENSITIVE) and column.use is Use.FEATURE:
        return replace(column, trait=trait, use=Use.SILENT)
    return replace(column, trait=trait) if trait is not column.trait and trait is not Trait.NAMING else column


def _flat(source: Mapping[Any, Any]) -> dict[Any, Any]:
    columns = source.get("columns")
    if not isinstance(columns, Mapping) or "kind" in columns:
        return dict(source)
    entries: dict[Any, Any] = dict(columns)
    for use in ("forbidden", "silent", "sensitive"):
        for name in source.get(use) or ():
            entries[name] = {**(_entry(str(name), entries[name]) if name in entries else {}), use: True}
    return entries


_SAME_KIND = {
    "numeric": "number", "float": "number", "int": "number", "integer": "number", "continuous": "number",
    "ordered": "ordinal", "count": "number",
    "categorical": "category", "nominal": "category", "str": "category", "string": "category", "text": "category",
    "bool": "flag", "boolean": "flag", "binary": "flag", "yesno": "flag",
}  # fmt: skip
_DIRECTIONS = {"increasing": 1, "up": 1, "+": 1, "decreasing": -1, "down": -1, "-": -1, "none": 0, "": 0}
_KNOWN = frozenset(
    {"kind", "type", "use", "monotone", "trait", "consent", "text", "reason", "levels", "missing"}
    | {"forbidden", "silent", "sensitive"}
)


def _entry(name: str, said: object) -> dict[str, Any]:
    """What is said of one column, as a mapping of known words."""
    if isinstance(said, Column):
        return {**said.as_dict()}
    if isinstance(said, type):
        said = said.__name__
    if isinstance(said, str):
        return (
            {"use": said} if said in set(Use) else {"forbidden": True} if said == "ignore" else {"kind": said}
        )
    if not isinstance(said, Mapping):
        raise SchemaError(f"Column {name!r}: {said!r} says nothing.", 'Give a kind, or {"kind": …, …}.')
    unknown = [str(word) for word in said if str(word) not in _KNOWN]
    if unknown:
        raise SchemaError(
            f"Column {name!r}: {', '.join(unknown)} is not known.", f"Words are: {', '.join(sorted(_KNOWN))}."
        )
    return {str(word): value for word, value in said.items()}


def _column(name: str, entry: Mapping[str, Any]) -> Column:
    text = entry.get("text") or entry.get("reason") or {}
    return Column(
        name,
        kind=_kind(name, entry.get("kind") or entry.get("type") or "number"),
        use=_use(name, entry),
        monotone=_direction(name, entry.get("monotone")),
        trait=_trait(name, entry.get("trait") or (Trait.SENSITIVE if entry.get("sensitive") else None)),
        consent=bool(entry.get("consent")),
        text={"en": text} if isinstance(text, str) else {str(key): str(value) for key, value in text.items()},
        levels=tuple(str(one) for one in entry.get("levels") or ()),
        missing=tuple(str(one) for one in _listed(entry.get("missing"))),
    )


def _kind(name: str, word: object) -> Kind:
    text = str(word).lower()
    try:
        return Kind(_SAME_KIND.get(text, text))
    except ValueError:
        raise SchemaError(
            f"Column {name!r}: kind {word!r} is not known.", f"Kinds are: {', '.join(Kind)}."
        ) from None


def _use(name: str, entry: Mapping[str, Any]) -> Use:
    if entry.get("forbidden"):
        return Use.FORBIDDEN
    if entry.get("silent") or entry.get("sensitive"):
        return Use.SILENT
    try:
        return Use(str(entry.get("use") or Use.FEATURE))
    except ValueError:
        raise SchemaError(
            f"Column {name!r}: use {entry['use']!r} is not known.", f"Uses are: {', '.join(Use)}."
        ) from None


def _direction(name: str, word: object) -> int:
    if word is None or isinstance(word, int):
        return int(word or 0)
    try:
        return _DIRECTIONS[str(word).lower()]
    except KeyError:
        raise SchemaError(f"Column {name!r}: monotone is {word!r}.", "Give -1, 0 or 1.") from None


def _trait(name: str, word: object) -> Trait | None:
    if word is None:
        return None
    try:
        return Trait(str(word))
    except ValueError:
        raise SchemaError(
            f"Column {name!r}: trait {word!r} is not known.", f"Traits are: {', '.join(Trait)}."
        ) from None


def _listed(value: object) -> Iterable[object]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple | set | frozenset) else (value,)


def _inferred(frame: Frame, name: str) -> Column:
    """A column whose kind is read from its values, and its use from its name."""
    column = frame.columns[name]
    levels, places = codes_of(column)
    present = [text for text in levels if text is not None]
    known = len(places) - int(np.count_nonzero(places == levels.index(None)) if None in levels else 0)
    kind = _kind_of_values(name, column, present)
    row_names = known > 20 and len(present) >= _NAMING_SHARE * known
    if row_names and (kind is Kind.CATEGORY or trait_of(name) is Trait.NAMING):
        return Column(name, kind, Use.FORBIDDEN, trait=Trait.NAMING)
    return Column(name, kind)


def _kind_of_values(name: str, column: Raw, levels: list[str]) -> Kind:
    if 0 < len(levels) <= 2 and all(flag(text) is not None for text in levels):
        return Kind.FLAG
    values = [value for value in map(number, levels) if isfinite(value)]
    if not values and column.dtype.kind == "O" and any(isinstance(one, date) for one in column[:1000]):
        return Kind.NUMBER
    if len(values) < 0.95 * len(levels):
        return Kind.CATEGORY
    whole = all(value == round(value) for value in values)
    if whole and len(values) <= _MOST_CODES and _CODE.search(_words(name)):
        return Kind.CATEGORY
    return Kind.ORDINAL if whole and len(values) <= _FEW else Kind.NUMBER


def _words(name: str) -> str:
    """A column's name as words in small letters: `RegionCode` and `region_code` are `region code`."""
    return " ".join(re.split(r"[\W_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))).lower()
