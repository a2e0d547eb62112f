"""Cells of a CSV file as values: each reader takes a text and gives the value, or says why it cannot be one.

What a spreadsheet has damaged beyond doubt is refused; what it has only written in its own way is read, with a
warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import phonenumbers

from policy_db.imports.problems import WrongCellError
from policy_db.keys import clean_id

#: Called with a code and its values for what is worth a look but no obstacle.
Warn = Callable[..., None]
Read = Callable[[str, Warn], Any]

_SCIENTIFIC: Final = re.compile(r"[+-]?\d(\.\d+)?[eE]\+?\d{1,3}")
_FORMULA: Final = ("=", "+", "-", "@")
_CHINESE_MOBILE: Final = re.compile(r"(\+86|0086|86)?(1\d{10})")
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_YES: Final = frozenset({"yes", "y", "true", "1", "是", "有"})
_NO: Final = frozenset({"no", "n", "false", "0", "否", "无"})


def text(limit: int) -> Read:
    """Text of at most `limit` characters."""

    def read(cell: str, warn: Warn) -> str:
        cell = unquoted(cell)
        if not cell.isprintable() and any(unicodedata.category(char) == "Cc" for char in cell):
            raise WrongCellError("control")
        if len(cell) > limit:
            raise WrongCellError("too_long", length=len(cell), limit=limit)
        if cell.startswith(_FORMULA):
            warn("formula")
        return cell

    return read


def code(limit: int) -> Read:
    """A number or name that others refer by: letters, digits, dots, hyphens, underscores."""

    def read(cell: str, warn: Warn) -> str:
        _refuse_scientific(cell)
        if len(cell) > limit:
            raise WrongCellError("too_long", length=len(cell), limit=limit)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", cell):
            raise WrongCellError("code", value=cell)
        return cell

    return read


def day(cell: str, warn: Warn) -> date:
    """A day as 2026-03-05; 2026/3/5 and 20260305 are read too, with a warning."""
    plain = cell if cell.isascii() else unicodedata.normalize("NFKC", cell)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
        return _day(cell, plain)
    if match := re.fullmatch(r"(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?( 0?0:00(:00)?)?", plain):
        found = _day(cell, "-".join(part.zfill(2) for part in match.groups()[:3]))
        warn("date_slashes", value=cell, read=found.isoformat())
        return found
    if re.fullmatch(r"\d{8}", plain):
        return _day(cell, f"{plain[:4]}-{plain[4:6]}-{plain[6:]}")
    if re.fullmatch(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}", plain):
        raise WrongCellError("date_order", value=cell)
    if re.fullmatch(r"\d{4,5}(\.\d+)?", plain):
        raise WrongCellError("date_serial", value=cell)
    raise WrongCellError("date", value=cell)


def month(cell: str, warn: Warn) -> date:
    """A month as 2026-03 (or any day of it): its first day."""
    if match := re.fullmatch(r"(\d{4})[-/.年](\d{1,2})月?", unicodedata.normalize("NFKC", cell)):
        try:
            return date(int(match[1]), int(match[2]), 1)
        except ValueError:
            raise WrongCellError("month", value=cell) from None
    try:
        return day(cell, warn).replace(day=1)
    except WrongCellError:
        raise WrongCellError("month", value=cell) from None


def amount(places: int = 2, *, least: str | None = "0", positive: bool = False) -> Read:
    """An exact number of at most `places` decimal places."""

    def read(cell: str, warn: Warn) -> Decimal:
        plain = unicodedata.normalize("NFKC", cell)
        _refuse_scientific(plain)
        if _GROUPED.fullmatch(plain):
            plain = plain.replace(",", "")
        try:
            value = Decimal(plain) if re.fullmatch(r"[+-]?\d+(\.\d+)?", plain) else None
        except InvalidOperation:
            value = None
        if value is None:
            raise WrongCellError("amount", value=cell)
        if value != round(value, places):
            raise WrongCellError("places", places=places)
        if abs(value) >= Decimal(10) ** (12 - places // 3):
            raise WrongCellError("too_large")
        if positive and value <= 0:
            raise WrongCellError("not_positive")
        if least is not None and value < Decimal(least):
            raise WrongCellError("negative")
        return value.quantize(Decimal(1).scaleb(-places))

    return read


def whole(least: int, most: int) -> Read:
    """A whole number between two bounds."""

    def read(cell: str, warn: Warn) -> int:
        plain = unicodedata.normalize("NFKC", cell)
        if not re.fullmatch(r"\d{1,9}(\.0+)?", plain):
            raise WrongCellError("whole", value=cell)
        value = int(plain.split(".")[0])
        if not least <= value <= most:
            raise WrongCellError("between", least=least, most=most)
        return value

    return read


def choice(**words: str) -> Read:
    """One of some words; each may be written in the other ways given with it, by comma."""
    known = {word: word for word in words}
    known |= {other: word for word, others in words.items() for other in others.split(",") if other}

    def read(cell: str, warn: Warn) -> str:
        found = known.get(cell.casefold())
        if found is None:
            raise WrongCellError("choice", value=cell, choices=", ".join(words))
        return found

    read.words = tuple(words)  # type: ignore[attr-defined]  # forms offer them
    return read


def yes_no(cell: str, warn: Warn) -> bool:
    """Yes or no."""
    if cell.casefold() in _YES:
        return True
    if cell.casefold() in _NO:
        return False
    raise WrongCellError("yes_no", value=cell)


def phone(cell: str, warn: Warn) -> str:
    """A telephone number in E.164; without a country it is of China."""
    cell = unquoted(cell)
    if match := _CHINESE_MOBILE.fullmatch(cell):
        return f"+86{match[2]}"
    _refuse_scientific(cell)
    try:
        number = phonenumbers.parse(cell, "CN")
    except phonenumbers.NumberParseException:
        raise WrongCellError("phone") from None
    if not phonenumbers.is_possible_number(number):
        raise WrongCellError("phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(cell: str, warn: Warn) -> str:
    """An e-mail address."""
    if len(cell) > 200 or not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+", cell):
        raise WrongCellError("email")
    return cell


def currency(cell: str, warn: Warn) -> str:
    """A currency (ISO 4217)."""
    if not re.fullmatch(r"[A-Za-z]{3}", cell):
        raise WrongCellError("currency", value=cell)
    return cell.upper()


def language(cell: str, warn: Warn) -> str:
    """A language as BCP 47."""
    if not re.fullmatch(r"[a-zA-Z]{2,3}(-[A-Za-z0-9]{2,8})*", cell):
        raise WrongCellError("language", value=cell)
    return cell


def languages(cell: str, warn: Warn) -> list[str]:
    """Languages by semicolon."""
    return [language(one, warn) for one in parts(cell)]


def codes(cell: str, warn: Warn) -> list[str]:
    """Names by semicolon."""
    return [code(64)(one, warn) for one in parts(cell)]


def numbers(cell: str, warn: Warn) -> list[int]:
    """Whole numbers by semicolon."""
    if not re.fullmatch(r"\d{1,3}([;,、 ]+\d{1,3})*", cell):
        raise WrongCellError("numbers", value=cell)
    return sorted({int(one) for one in parts(cell)})


def levels(cell: str, warn: Warn) -> dict[str, int]:
    """Levels by name: claims=3;policy=2."""
    found = {}
    for one in parts(cell):
        match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})\s*[=:]\s*(10|\d)", one)
        if match is None:
            raise WrongCellError("levels", value=cell)
        found[match[1]] = int(match[2])
    return found


def ring_address(cell: str, warn: Warn) -> str:
    """Where a seat rings: a SIP address, a number, or `browser`."""
    cell = unquoted(cell)
    if cell == "browser" or re.fullmatch(r"(sips?:[^\s@<>]+(@[^\s@<>]+)?|\+?[0-9*#]{2,32})", cell):
        return cell
    raise WrongCellError("address", value=cell)


def id_number(cell: str, warn: Warn) -> str:
    """An ID number; that of a Chinese resident (GB 11643) must have the right check digit. Never shown back."""
    if _SCIENTIFIC.fullmatch(cell):
        raise WrongCellError("scientific", value="…E+17")
    cleaned = clean_id(unquoted(cell))
    if not re.fullmatch(r"[0-9A-Z()-]{6,40}", cleaned):
        raise WrongCellError("id_number")
    if re.fullmatch(r"\d{17}[\dX]", cleaned) and cleaned[-1] != _check_digit(cleaned):
        raise WrongCellError("id_rounded" if cleaned.endswith("000") else "id_check")
    return cleaned


def born_in_id(number: str) -> date | None:
    """The birthday in a Chinese resident's ID number, None in any other."""
    if not re.fullmatch(r"\d{17}[\dX]", number):
        return None
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def unquoted(cell: str) -> str:
    """Without the apostrophe by which our own exports keep a text from being a formula."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@\t\r" else cell


def parts(cell: str) -> list[str]:
    """The parts of a cell that holds several."""
    return [one.strip() for one in re.split(r"[;；、]|,(?!\d{3}\b)", cell) if one.strip()]


def written(value: Any) -> str:
    """A value as it would stand in a cell."""
    if value is None or type(value) is str:
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ";".join(f"{name}={level}" for name, level in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ";".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _day(cell: str, plain: str) -> date:
    try:
        found = date.fromisoformat(plain)
    except ValueError:
        raise WrongCellError("date", value=cell) from None
    if not 1850 <= found.year <= 2250:
        raise WrongCellError("date", value=cell)
    return found


def _refuse_scientific(cell: str) -> None:
    if _SCIENTIFIC.fullmatch(cell):
        raise WrongCellError("scientific", value=cell)


def _check_digit(number: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]
