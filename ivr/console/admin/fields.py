"""Columns of records as fields of forms and cells of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policy_db.administration import Entry
from policy_db.imports import KINDS, Column, problem_text
from policy_db.imports import values as v

#: Columns that a list shows, by kind; the first leads to the record.
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "customers": ("number", "name", "phone", "city", "born_on", "language"),
    "policies": (
        "number",
        "customer",
        "product",
        "insured",
        "sum_insured",
        "premium",
        "started_on",
        "ends_on",
    ),
    "products": (
        "code",
        "name",
        "product_class",
        "terms",
        "least_age",
        "most_age",
        "frequency",
        "on_sale_to",
    ),
    "salespeople": ("number", "name", "phone", "branch", "hired_on", "left_on"),
    "seats": ("id", "name", "address", "languages", "skills", "state"),
}
_TYPES: Final[Mapping[Any, str]] = {v.day: "date", v.email: "email", v.phone: "tel"}
_LONG: Final = frozenset({"summary_zh", "summary_en"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, kind of input, present text, choices, and what is wrong with it."""

    name: str
    input: str
    value: str
    needed: bool
    fixed: bool
    choices: tuple[str, ...]
    wrong: tuple[str, ...]


def fields_of(
    kind: str,
    entry: Entry | None,
    language: str,
    *,
    given: Mapping[str, str] | None = None,
    problems: Iterable[Mapping[str, Any]] = (),
    leave: Iterable[str] = (),
) -> list[Field]:
    """The fields of a record of a kind; `given` is what was entered, with what is wrong in it."""
    problems = list(problems)
    found = []
    for column in KINDS[kind].columns:
        if column.name in leave:
            continue
        value = "" if entry is None else entry.cell(column.name)
        if given is not None:
            value = given.get(column.name, value)
        wrong = tuple(problem_text(language, one) for one in problems if one["column"] == column.name)
        is_key = entry is not None and column.name in KINDS[kind].key
        found.append(
            Field(
                column.name,
                _input(column),
                "" if column.secret else value,
                column.needed and not (column.secret and entry is not None),
                is_key or (entry is not None and column.fixed),
                _choices(column),
                wrong,
            )
        )
    return found


def _input(column: Column) -> str:
    if _choices(column):
        return "choice"
    if column.name in _LONG:
        return "long"
    return _TYPES.get(column.read, "text")


def _choices(column: Column) -> tuple[str, ...]:
    if column.read is v.yes_no:
        return ("yes", "no")
    return tuple(getattr(column.read, "words", ()))


def exported(kind: str) -> list[str]:
    """The columns of a kind's CSV: those that an import takes, but for secret ones."""
    return [column.name for column in KINDS[kind].columns if not column.secret]
