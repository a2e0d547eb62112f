"""An offered product as a form has it: every field a text, tables as lines, so that nothing entered is ever lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from starlette.datastructures import FormData

from cross_sell.catalogue import LANGUAGES
from policy_db.selling_facts import OfferedProduct

#: Limits that are one number each.
NUMBERS: Final = (
    "least_age", "most_age", "vulnerable_age", "usual_sum", "most_sum", "most_premium_share", "small_premium", "closes",
)  # fmt: skip
#: Limits that are words, written in one line.
WORDS: Final = ("places", "places_refused", "occupations_refused")
#: Limits that are chosen from what there is.
CHOSEN: Final = ("needs", "not_with")
PRIOR: Final = ("accepts", "weight")
TALK_TEXTS: Final = ("opening", "proposal", "commitment")
TALK_LISTS: Final = ("needs", "never_say")
SALE: Final = ("selling", "line", "licence", "queue", "margin", "premium")
#: Lines that stand empty below a table, to be filled in.
_SPARE: Final = 2
_MOST_LINES: Final = 200
_LONGEST: Final = 20_000
_BETWEEN: Final = re.compile(r"[,，、;；\n]+")
_WHOLE: Final = re.compile(r"\d{1,15}")
#: Control characters other than those of a text with lines; a database takes no NUL.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Line = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The form: `fields` by name; `points` are feature, value, log odds; `reasons` feature, value, a text a language.

    `objections` are by language: what the caller says, and the answer.
    """

    active: bool
    fields: Mapping[str, str]
    chosen: Mapping[str, tuple[str, ...]]
    points: tuple[Line, ...] = ()
    reasons: tuple[Line, ...] = ()
    objections: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The text of a field."""
        return self.fields.get(name, "")


def sheet_of(offered: OfferedProduct) -> Sheet:
    """The form of an entry as it is."""
    limits = offered.limits
    prior = limits.get("prior", {})
    fields = {name: _text(getattr(offered, name)) for name in SALE}
    fields |= {f"limit.{name}": _text(limits.get(name)) for name in NUMBERS}
    fields |= {f"limit.{name}": "、".join(limits.get(name, ())) for name in WORDS}
    fields |= {f"prior.{name}": _text(prior.get(name)) for name in PRIOR}
    objections = {}
    for language in LANGUAGES:
        talk = offered.talk.get(language, {})
        fields |= {f"talk.{language}.{name}": _text(talk.get(name)) for name in TALK_TEXTS}
        fields |= {f"talk.{language}.{name}": "\n".join(talk.get(name, ())) for name in TALK_LISTS}
        objections[language] = tuple((one["says"], one["answer"]) for one in talk.get("objections", ()))
    return Sheet(
        active=offered.active,
        fields=fields,
        chosen={name: tuple(limits.get(name, ())) for name in CHOSEN},
        points=tuple(
            (feature, key, _text(value))
            for feature, rows in prior.get("points", {}).items()
            for key, value in rows.items()
        ),
        reasons=tuple(
            (feature, key, *(texts.get(language, "") for language in LANGUAGES))
            for feature, rows in offered.reasons.items()
            for key, texts in rows.items()
        ),
        objections=objections,
    )


def sheet_from(form: FormData) -> Sheet:
    """The form as it was sent."""
    names = [
        *SALE,
        *(f"limit.{name}" for name in (*NUMBERS, *WORDS)),
        *(f"prior.{name}" for name in PRIOR),
        *(f"talk.{language}.{name}" for language in LANGUAGES for name in (*TALK_TEXTS, *TALK_LISTS)),
    ]
    return Sheet(
        active=form.get("active") == "yes",
        fields={name: clean(form.get(name)) for name in names},
        chosen={name: tuple(clean(one) for one in form.getlist(f"limit.{name}")) for name in CHOSEN},
        points=_lines(form, "point.feature", "point.value", "point.odds"),
        reasons=_lines(
            form, "reason.feature", "reason.value", *(f"reason.{language}" for language in LANGUAGES)
        ),
        objections={
            language: _lines(form, f"objection.{language}.says", f"objection.{language}.answer")
            for language in LANGUAGES
        },
    )


def offered_from(sheet: Sheet, product: str) -> OfferedProduct:
    """The entry that a form describes; what cannot be read stays a text, for the catalogue's checks to refuse."""
    get = sheet.get
    limits: dict[str, Any] = {name: read for name in NUMBERS if (read := _number(get(f"limit.{name}"))) != ""}
    limits |= {name: words for name in WORDS if (words := _words(get(f"limit.{name}")))}
    limits |= {name: list(sheet.chosen[name]) for name in CHOSEN if sheet.chosen.get(name)}
    prior: dict[str, Any] = {name: read for name in PRIOR if (read := _number(get(f"prior.{name}"))) != ""}
    if points := _nested((feature, key, _number(odds, signed=True)) for feature, key, odds in sheet.points):
        prior["points"] = points
    if prior:
        limits["prior"] = prior
    reasons = _nested(
        (feature, key, dict(zip(LANGUAGES, texts, strict=True))) for feature, key, *texts in sheet.reasons
    )
    return OfferedProduct(
        product=product,
        active=sheet.active,
        selling=get("selling"),  # type: ignore[arg-type]
        line=get("line"),  # type: ignore[arg-type]
        licence=get("licence")[:40],
        queue=get("queue")[:64],
        margin=_amount(get("margin")),
        premium=_amount(get("premium")),
        limits=limits,
        talk={language: _talk(sheet, language) for language in LANGUAGES},
        reasons=reasons,
    )


def doubles(sheet: Sheet) -> list[str]:
    """Values that stand in a table twice, of which one would be lost, as the catalogue names its parts."""
    found = []
    for part, rows in (("point", sheet.points), ("reason", sheet.reasons)):
        keys = [(row[0], row[1]) for row in rows]
        found += [f"{part} {one[0]} {one[1]}" for one in dict.fromkeys(keys) if keys.count(one) > 1]
    return found


def spare(rows: Sequence[Line], width: int) -> list[Line]:
    """A table's lines, with empty ones below."""
    return [*rows, *[("",) * width] * _SPARE]


def differences(before: OfferedProduct, after: OfferedProduct) -> list[str]:
    """What differs between two entries: names of fields, limits, talk tracks by language, reasons."""
    found = [name for name in ("active", *SALE) if getattr(before, name) != getattr(after, name)]
    names = (*NUMBERS, *WORDS, *CHOSEN, "prior")
    found += [name for name in names if _plain(before.limits.get(name)) != _plain(after.limits.get(name))]
    found += [
        f"talk {language}"
        for language in LANGUAGES
        if _plain(before.talk.get(language)) != _plain(after.talk.get(language))
    ]
    return found + (["reasons"] if _plain(before.reasons) != _plain(after.reasons) else [])


def clean(value: object) -> str:
    """A text as a database can keep it."""
    text = value if isinstance(value, str) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")[:_LONGEST]
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode("utf-8").strip()


def _lines(form: FormData, *names: str) -> tuple[Line, ...]:
    """The lines of a table in which something is entered."""
    columns = [[clean(one) for one in form.getlist(name)][:_MOST_LINES] for name in names]
    longest = max(map(len, columns), default=0)
    rows = zip(*(column + [""] * (longest - len(column)) for column in columns), strict=True)
    return tuple(row for row in rows if any(row))


def _talk(sheet: Sheet, language: str) -> dict[str, Any]:
    talk: dict[str, Any] = {name: sheet.get(f"talk.{language}.{name}") for name in TALK_TEXTS}
    for name in TALK_LISTS:
        lines = sheet.get(f"talk.{language}.{name}").split("\n")
        talk[name] = [line.strip() for line in lines if line.strip()]
    said = sheet.objections.get(language, ())
    return talk | {"objections": [{"says": says, "answer": answer} for says, answer in said]}


def _nested(rows: Iterable[tuple[str, str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for feature, key, value in rows:
        found.setdefault(feature, {})[key] = value
    return found


def _words(text: str) -> list[str]:
    return [one.strip() for one in _BETWEEN.split(text) if one.strip()]


def _number(text: str, *, signed: bool = False) -> int | float | str:
    """A number as JSON has it, or the text itself if it is none."""
    plain = text.replace(",", "").replace("，", "").strip()
    if _WHOLE.fullmatch(plain):
        return int(plain)
    if re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,12})?" if signed else r"\d{1,12}\.\d{1,12}", plain):
        return float(plain)
    return text


def _amount(text: str) -> Decimal:
    """An amount to the fen; what is none is no number, which the catalogue refuses."""
    try:
        amount = Decimal(text.replace(",", "").replace("，", "") or "NaN")
        fits = amount.is_finite() and abs(amount) < Decimal(10) ** 12
        return amount.quantize(Decimal("0.01")) if fits else Decimal("NaN")
    except InvalidOperation:
        return Decimal("NaN")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        value = Decimal(repr(value))
    return f"{value.normalize():f}" if isinstance(value, Decimal) and value.is_finite() else str(value)


def _plain(value: object) -> object:
    """For comparing what was read from JSON with what was made here: numbers by value, lists as lists."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items() if one not in (None, "", [], {}, ())}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    return value
