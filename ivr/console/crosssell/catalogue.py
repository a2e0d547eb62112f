"""Pages of the product catalogue: what may be offered, one product's form with its checks, and how a seat sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from cross_sell.catalogue import LANGUAGES, problems, talk_of
from cross_sell.features import FEATURES, told_features
from ivr.console.access import Overseer, Visitor
from ivr.console.audit import did
from ivr.console.crosssell.desk import name_of, names_for, shown, word
from ivr.console.crosssell.sheet import (
    CHOSEN,
    NUMBERS,
    TALK_LISTS,
    TALK_TEXTS,
    WORDS,
    Sheet,
    differences,
    doubles,
    offered_from,
    sheet_from,
    sheet_of,
    spare,
)
from ivr.console.listing import csv_reply
from ivr.console.pages import Templates, language_of, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.seat.hint import Hint, guide_of
from policy_db.demo.data import load_yaml
from policy_db.errors import NotFoundError
from policy_db.message_facts import StaleError
from policy_db.offered_products import read_offered
from policy_db.selling_facts import OfferedProduct, OnSale

router = APIRouter(prefix="/crosssell/products")
_HISTORY: Final = 20
_CSV: Final = (
    "product", "name", "active", "selling", "line", "licence", "queue", "margin", "premium", *NUMBERS, *WORDS, *CHOSEN,
    "accepts", "version", "changed_at", "changed_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a part of an entry, in words: `where` as the catalogue names it, `label` as a reader does."""

    where: str
    label: str
    text: str


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, OfferedProduct]:
    """How the products that come with the hotline are offered, by code."""
    return {one.product: one for one in read_offered(load_yaml("offered.yaml"))}


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Every offered product, and the products that are not offered."""
    offered = await parts.database.offered.all()
    known = {one.offered.product for one in offered}
    words = word(request, "q").casefold()
    language = language_of(request, visitor)
    rows = [
        one
        for one in offered
        if words in " ".join((one.offered.product, one.offered.queue, *one.names.values())).casefold()
    ]
    others = await parts.database.administration.search("products", limit=500)
    side = await _side(parts)
    return shown(
        request, visitor, "products.html", rows=rows, query={"q": word(request, "q")} if words else {},
        name=lambda one: name_of(one, language), today=parts.clock().date(),
        others=[one for one in others if one.key not in known],
        other_name=lambda one: one.values["name_en" if language == "en" else "name_zh"] or one.values["name_zh"],
        done=_done(request, visitor),
        warnings={one.offered.product: side.warnings(request, visitor, one.offered) for one in rows},
    )  # fmt: skip


@router.get(".csv")
async def list_csv(parts: Parts, visitor: Overseer) -> Response:
    """The catalogue as CSV, without the talk tracks."""
    await did(parts, visitor, "exported", "list:offered")
    return csv_reply("offered", _CSV, (_line(one) for one in await parts.database.offered.all()))


def _line(one: OnSale) -> list[object]:
    offered, sheet = one.offered, sheet_of(one.offered)
    known = {
        "name": name_of(one, "zh-CN"),
        "active": "yes" if offered.active else "no",
        "accepts": sheet.get("prior.accepts"),
        **{name: sheet.get(f"limit.{name}") for name in (*NUMBERS, *WORDS)},
        **{name: ";".join(sheet.chosen[name]) for name in CHOSEN},
    }
    return [known[name] if name in known else getattr(offered, name) for name in _CSV]


@router.get("/{product}")
async def one_page(request: Request, parts: Parts, visitor: Overseer, product: str) -> Response:
    """One product's form; one that is not offered yet begins with what the hotline ships, if it does."""
    known = await parts.database.offered.find(product)
    if known is None:
        await _must_exist(parts, product)
        begun = shipped().get(product) or empty(product)
        return await _page(request, parts, visitor, product, None, sheet_of(begun))
    return await _page(request, parts, visitor, product, known, sheet_of(known.offered))


@router.post("/{product}")
async def save(request: Request, parts: Parts, visitor: Overseer, product: str) -> Response:
    """Save the form, show what a seat would see of it, or fill it with what the hotline ships."""
    known = await parts.database.offered.find(product)
    if known is None:
        await _must_exist(parts, product)
    form = await request.form()
    sheet, do = sheet_from(form), form.get("do")
    if do == "restore":
        if product not in shipped():
            raise HTTPException(404)
        return await _page(
            request, parts, visitor, product, known, sheet_of(shipped()[product]), restored=True
        )
    entry = offered_from(sheet, product)
    wrong = wrong_with(request, visitor, entry, sheet)
    if do == "preview" or wrong:
        status = 200 if do == "preview" else 422
        preview = entry if do == "preview" else None
        return await _page(
            request, parts, visitor, product, known, sheet, wrong=wrong, preview=preview, status=status
        )
    try:
        await saved(parts, visitor, known, entry, _version(form.get("version")))
    except StaleError as stale:
        known = await parts.database.offered.find(product)
        return await _page(request, parts, visitor, product, known, sheet, stale=stale, status=409)
    return RedirectResponse(f"/crosssell/products/{product}?done=saved", 303)


async def saved(
    parts: ConsoleParts, visitor: Visitor, known: OnSale | None, entry: OfferedProduct, version: int
) -> OfferedProduct:
    """Save a checked entry, audit what differs, tell the pages. Raises StaleError, NotFoundError."""
    before = empty(entry.product) if known is None else known.offered
    kept = await parts.database.offered.save(entry, by=visitor.name, version=version)
    action = "added" if known is None else "changed"
    await did(parts, visitor, action, f"offered:{entry.product}", fields=differences(before, entry))
    parts.bus.publish("offered", entry.product)
    return kept


def wrong_with(
    request: Request, visitor: Visitor, entry: OfferedProduct, sheet: Sheet | None = None
) -> list[Wrong]:
    """Everything that is wrong with an entry, as the catalogue checks it."""
    found = [(one.where, f"catalogue.wrong.{one.kind}", one.found) for one in problems(entry)]
    if sheet is not None:
        found += [(where, "catalogue.wrong.double", "") for where in doubles(sheet)]
    return [
        Wrong(where, label_of(request, visitor, where), text(request, visitor, key, found=word_))
        for where, key, word_ in dict.fromkeys(found)
    ]


def label_of(request: Request, visitor: Visitor, where: str) -> str:
    """What a part is called on the form."""
    part, _, rest = where.partition(" ")
    language = language_of(request, visitor)
    if part == "talk":
        spoken, _, name = rest.partition(" ")
        titles = [text(request, visitor, f"language.{spoken}")]
        return " · ".join([*titles, text(request, visitor, f"catalogue.talk.{name}")] if name else titles)
    if part in ("point", "reason"):
        feature, _, value = rest.partition(" ")
        title = text(request, visitor, f"catalogue.{part}s")
        return f"{title} · {feature_name(feature, language)} {value}".strip()
    templates: Templates = request.app.state.templates
    return templates.texts.word(language, "catalogue.field", where)


def feature_name(feature: str, language: str) -> str:
    """What a feature is called; those that are never told have their name alone."""
    told: Mapping[str, str] = FEATURES.get(feature, {}).get("text", {})
    return told.get(language) or feature.replace("_", " ")


def empty(product: str) -> OfferedProduct:
    """Where a new entry starts from: not active, and no words yet."""
    return OfferedProduct(
        product=product,
        active=False,
        selling="simple",
        line="property",
        licence="",
        queue="sales",
        margin=Decimal(0),
        premium=Decimal(0),
    )


def _version(sent: object) -> int:
    try:
        return max(0, min(2_000_000_000, int(str(sent))))
    except ValueError:
        return 0


async def _must_exist(parts: ConsoleParts, product: str) -> None:
    """Raises NotFoundError for a product that the company does not have."""
    if await parts.database.administration.find("products", product) is None:
        raise NotFoundError("There is no product of that code.")


def _done(request: Request, visitor: Visitor) -> str:
    return text(request, visitor, "common.saved") if request.query_params.get("done") == "saved" else ""


@dataclass(frozen=True, slots=True)
class _Side:
    """Who could sell: licences that some seat has, and queues that there are."""

    licences: tuple[str, ...]
    queues: tuple[str, ...]

    def warnings(self, request: Request, visitor: Visitor, entry: OfferedProduct) -> list[str]:
        """What no check refuses, but would keep the product from ever being offered."""
        found = []
        if entry.licence and entry.licence not in self.licences:
            found.append(text(request, visitor, "catalogue.warn.licence", licence=entry.licence))
        if entry.queue and entry.queue not in self.queues:
            found.append(text(request, visitor, "catalogue.warn.queue", queue=entry.queue))
        return found


async def _side(parts: ConsoleParts) -> _Side:
    seats, queues = await parts.database.seats.all_seats(), await parts.database.seats.queues()
    named = {one.name for one in queues} | set(parts.flows.current.hotline.queues)
    return _Side(tuple(sorted({one for seat in seats for one in seat.licences})), tuple(sorted(named)))


def _preview(entry: OfferedProduct, name: str, language: str, spoken: str) -> Hint | None:
    """The suggestion as the seat's page has it, in the caller's `spoken` language; None while the talk is not whole."""
    try:
        talk = talk_of(replace(entry, talk={spoken: entry.talk[spoken]}), spoken)
        guide = guide_of(entry, spoken, language)
    except KeyError:
        return None
    phrases = [
        texts.get(language, "") for table in entry.reasons.values() for texts in table.values()
    ]  # fmt: skip
    accepts = entry.limits.get("prior", {}).get("accepts", 0.1)
    chance = accepts if isinstance(accepts, int | float) else 0.0
    return Hint(
        product=name,
        of_ten=round(10 * min(1.0, max(0.0, chance))),
        reasons=tuple(one for one in phrases if one)[:2],
        also=(),
        talk=talk,
        guide=guide,
        spoken=spoken,
        queue=entry.queue,
        agreed=True,
        referral=None,
    )


async def _page(
    request: Request, parts: ConsoleParts, visitor: Visitor, product: str, known: OnSale | None, sheet: Sheet, *,
    wrong: Iterable[Wrong] = (), preview: OfferedProduct | None = None, stale: StaleError | None = None,
    restored: bool = False, status: int = 200,
) -> Response:  # fmt: skip
    names = await names_for(request, parts, visitor)
    language, wrong = language_of(request, visitor), list(wrong)
    entry = offered_from(sheet, product)
    by_where: dict[str, list[str]] = {}
    for one in wrong:
        by_where.setdefault(one.where, []).append(one.text)
    title = await _title(parts, product, known, language)
    views = {}
    if preview is not None:
        views = {one: _preview(preview, title, language, one) for one in LANGUAGES}
    side, told = await _side(parts), sorted(told_features())
    return shown(
        request, visitor, "product.html", status=status, product=product, title=title, known=known, sheet=sheet,
        version=0 if known is None else known.offered.version, wrong=wrong, by_where=by_where, stale=stale,
        others=[] if stale is None or known is None else _labels(request, visitor, differences(known.offered, entry)),
        previews={one: SimpleNamespace(hint=view, queues={}) for one, view in views.items() if view},
        points_wrong=any(one.where.startswith("point") for one in wrong), restored=restored,
        can_restore=product in shipped(), done=_done(request, visitor), languages=LANGUAGES,
        numbers=NUMBERS, words=WORDS, talk_texts=TALK_TEXTS, talk_lists=TALK_LISTS, spare=spare, talk=None,
        features=[(one, feature_name(one, language)) for one in FEATURES], seat=None,
        told=[(one, feature_name(one, language)) for one in told], products=names.products,
        licences=side.licences, queues=side.queues, people=names, warnings=side.warnings(request, visitor, entry),
        history=await parts.database.audit.about(f"offered:{product}", limit=_HISTORY),
        labels=lambda fields: _labels(request, visitor, fields),
    )  # fmt: skip


def _labels(request: Request, visitor: Visitor, fields: Iterable[object]) -> list[str]:
    return [label_of(request, visitor, str(one)) for one in fields]


async def _title(parts: ConsoleParts, product: str, known: OnSale | None, language: str) -> str:
    if known is not None:
        return name_of(known, language)
    entry = await parts.database.administration.find("products", product)
    values: dict[str, Any] = {} if entry is None else dict(entry.values)
    return str(values.get("name_en" if language == "en" else "name_zh") or values.get("name_zh") or product)
