"""The catalogue of what callers may be offered: what an entry holds, and what makes it a good one.

The truth is the table `offered_products` (`database.offered`), which the console edits; a file in YAML brings many at
once. An entry has, beside product, selling, line, licence, queue, margin and premium:

- `limits`: to whom it may be sold, and what is believed before anything was learnt (`cross_sell.limits`),
- `talk` by language: `opening`, `needs` (questions), `proposal`, `objections` (`says` and `answer`), `commitment` and
  `never_say`,
- `reasons`: by feature and by what its value is like (`cross_sell.phrases`), a phrase by language. Only features that
  may be told have phrases, and no phrase speaks of a sensitive trait, nor lets one be inferred.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cross_sell.errors import CatalogueError
from cross_sell.features import FEATURES, told_features
from cross_sell.limits import read_limits
from cross_sell.phrases import is_key
from policy_db import PolicyDatabase
from policy_db.offered_products import read_offered
from policy_db.selling_facts import Line, OfferedProduct, Selling

LANGUAGES: Final = ("zh-CN", "en")
_LISTS: Final = ("needs", "never_say")
_TEXTS: Final = ("opening", "proposal", "commitment")
_MOST_TEXT: Final = 600
#: Words of traits that a reason never names. Health insurance is a product; a state of health is a trait.
_SENSITIVE: Final = re.compile(
    r"岁|年龄|年纪|老年|年轻|性别|男性|女性|先生|女士|收入|有钱|富裕|贫|民族|宗教|信仰|疾病|生病|病史|患|残疾|怀孕|婚|单身"
    r"|职业|省|籍|失效|欠费|拖欠|逾期|理赔"
    r"|\b(age[ds]?|old|young|senior|sex|gender|male|female|income|rich|wealthy|poor|ethnic\w*|religio\w*|illness\w*"
    r"|ill|sick\w*|disease\w*|disab\w+ person|pregnan\w+|married|single (man|woman)|divorced|widow\w*|occupation"
    r"|province|lapsed|arrears|overdue|claims?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Objection:
    """What a caller may say against it, and an honest answer."""

    says: str
    answer: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk track in one language."""

    opening: str
    needs: tuple[str, ...]
    proposal: str
    objections: tuple[Objection, ...]
    commitment: str
    never_say: tuple[str, ...]


def talk_of(offered: OfferedProduct, language: str) -> Talk | None:
    """The talk track in a language, else in the first there is; None if there is none."""
    entry = offered.talk.get(language) or next(iter(offered.talk.values()), None)
    if not entry:
        return None
    return Talk(
        opening=entry["opening"],
        needs=tuple(entry["needs"]),
        proposal=entry["proposal"],
        objections=tuple(Objection(one["says"], one["answer"]) for one in entry["objections"]),
        commitment=entry["commitment"],
        never_say=tuple(entry["never_say"]),
    )


def check(offered: OfferedProduct) -> None:
    """Raise CatalogueError, which names the product and the part, for an entry that must not be used."""
    for wrong in problems(offered):
        raise wrong


def problems(offered: OfferedProduct) -> Iterator[CatalogueError]:
    """Everything that is wrong with an entry, part by part."""
    yield from _wrong_sale(offered)
    yield from _wrong_limits(offered.product, offered.limits)
    yield from _wrong_talk(offered.product, offered.talk)
    yield from _wrong_reasons(offered.product, offered.reasons)


def read_catalogue(path: Path) -> tuple[OfferedProduct, ...]:
    """The checked entries of a catalogue file. Raises CatalogueError, which says what is wrong and where."""
    try:
        entries = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
        products = read_offered(entries)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise CatalogueError(
            f"{path} is no list of products with all their parts ({error!r}).", "See docs/crosssell.md."
        ) from error
    for one in products:
        check(one)
    codes = [one.product for one in products]
    if len(set(codes)) < len(codes):
        raise CatalogueError(f"{path} names a product twice.")
    return products


def write_catalogue(path: Path, products: Iterable[OfferedProduct]) -> None:
    """Write entries as a catalogue file, which must be a new one. Raises CatalogueError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            _writer().dump([_entry(one) for one in products], file)
    except OSError as error:
        raise CatalogueError(f"{path} cannot be written: {error.strerror}.", "Name a new file.") from error


def _writer() -> YAML:
    yaml = YAML(pure=True)
    yaml.allow_unicode = True
    yaml.width = 4096
    return yaml


def _entry(offered: OfferedProduct) -> dict[str, Any]:
    """An entry as a file has it: texts for amounts, so that none is rounded."""
    names = ("product", "active", "selling", "line", "licence", "queue")
    plain: dict[str, Any] = {name: getattr(offered, name) for name in names}
    amounts = {"margin": str(offered.margin), "premium": str(offered.premium)}
    return plain | amounts | {name: dict(getattr(offered, name)) for name in ("limits", "talk", "reasons")}


async def load_catalogue(database: PolicyDatabase, products: Iterable[OfferedProduct], *, by: str) -> int:
    """Check and save products, over those of the same codes that are there; how many there were.

    Raises CatalogueError before anything is saved, and NotFoundError for a product the company does not have.
    """
    wanted = list(products)
    for one in wanted:
        check(one)
    versions = {one.offered.product: one.offered.version for one in await database.offered.all()}
    for one in wanted:
        await database.offered.save(one, by=by, version=versions.get(one.product, 0))
    return len(wanted)


def _wrong_sale(offered: OfferedProduct) -> Iterator[CatalogueError]:
    code = offered.product
    for name, choices in (("selling", get_args(Selling)), ("line", get_args(Line))):
        if getattr(offered, name) not in choices:
            yield _wrong(code, name, f"is {', '.join(choices)}", "choice")
    for name in ("licence", "queue"):
        if not str(getattr(offered, name)).strip():
            yield _wrong(code, name, "is empty", "empty")
    for name in ("margin", "premium"):
        amount = getattr(offered, name)
        if not amount.is_finite() or amount < 0:
            yield _wrong(code, name, "is no amount from 0 on", "amount")


def _wrong_limits(code: str, entry: Mapping[str, Any]) -> Iterator[CatalogueError]:
    """Every limit by itself, then all of them together."""
    found = [wrong for one in entry.items() if (wrong := _wrong_limit(code, dict([one]))) is not None]
    whole = None if found else _wrong_limit(code, entry)
    yield from found
    if whole is not None:
        yield whole
    if found or whole is not None:
        return
    for feature, points in read_limits(code, entry).prior.points.items():
        if feature not in FEATURES:
            yield _wrong(code, f"point {feature}", "is no feature", "feature")
        else:
            yield from _wrong_keys(code, "point", feature, points)


def _wrong_limit(code: str, entry: Mapping[str, Any]) -> CatalogueError | None:
    try:
        read_limits(code, entry)
    except CatalogueError as error:
        return error
    return None


def _wrong_talk(code: str, talk: Mapping[str, Any]) -> Iterator[CatalogueError]:
    for language in LANGUAGES:
        entry = talk.get(language)
        if not isinstance(entry, Mapping):
            yield _wrong(code, f"talk {language}", "is missing", "missing")
            continue
        for name in _TEXTS:
            yield from _wrong_text(code, f"talk {language} {name}", entry.get(name))
        for name in _LISTS:
            lines = entry.get(name)
            if not isinstance(lines, list | tuple) or not lines:
                yield _wrong(code, f"talk {language} {name}", "is no list", "list")
                continue
            for line in lines:
                yield from _wrong_text(code, f"talk {language} {name}", line)
        yield from _wrong_objections(code, language, entry.get("objections"))


def _wrong_objections(code: str, language: str, objections: object) -> Iterator[CatalogueError]:
    where = f"talk {language} objections"
    if not isinstance(objections, list | tuple) or not objections:
        yield _wrong(code, where, "is no list", "list")
        return
    for one in objections:
        if not isinstance(one, Mapping):
            yield _wrong(code, where, "has an entry without says and answer", "objection")
            continue
        yield from _wrong_text(code, where, one.get("says"))
        yield from _wrong_text(code, where, one.get("answer"))


def _wrong_text(code: str, where: str, text: object) -> Iterator[CatalogueError]:
    if not isinstance(text, str) or not text.strip() or len(text) > _MOST_TEXT:
        yield _wrong(code, where, f"is no text of 1 to {_MOST_TEXT} characters", "text", str(_MOST_TEXT))


def _wrong_reasons(code: str, reasons: Mapping[str, Any]) -> Iterator[CatalogueError]:
    told = told_features()
    for feature, table in reasons.items():
        if feature not in told:
            yield _wrong(code, f"reason {feature}", "is of a feature that must not be told", "told")
        elif not isinstance(table, Mapping) or not table:
            yield _wrong(code, f"reason {feature}", "has no phrases by value", "phrases")
        else:
            yield from _wrong_keys(code, "reason", feature, table)
            for key, texts in table.items():
                yield from _wrong_phrase(code, f"reason {feature} {key}", texts)


def _wrong_phrase(code: str, where: str, texts: object) -> Iterator[CatalogueError]:
    if not isinstance(texts, Mapping):
        yield _wrong(code, where, "has no text by language", "phrases")
        return
    for language in LANGUAGES:
        if bad := next(_wrong_text(code, where, texts.get(language)), None):
            yield bad
        elif found := _SENSITIVE.search(texts[language]):
            why = f"speaks of a trait that is not told: {found.group()}"
            yield _wrong(code, where, why, "trait", found.group())


def _wrong_keys(code: str, part: str, feature: str, table: Mapping[str, Any]) -> Iterator[CatalogueError]:
    """Values of flags are yes and no, those of numbers as `cross_sell.phrases` has it."""
    kind = FEATURES[feature]["kind"]
    for key in table:
        fits = kind == "category" or (key in ("yes", "no", "*", "-") if kind == "flag" else is_key(str(key)))
        if not isinstance(key, str) or not fits:
            yield _wrong(code, f"{part} {feature} {key}", f"is no value of a {kind}", f"value_{kind}")


def _wrong(code: str, where: str, why: str, kind: str, found: str = "") -> CatalogueError:
    message = f"Product {code}: {where} {why}."
    return CatalogueError(message, "Mend it in the catalogue.", where=where, kind=kind, found=found)
