"""The product catalogue as JSON, with the same checks as the form."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from ivr.console.access import Overseer
from ivr.console.crosssell.catalogue import saved, shipped, wrong_with
from ivr.console.crosssell.sheet import clean
from ivr.console.pages import text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import NotFoundError
from policy_db.selling_facts import OfferedProduct, OnSale

router = APIRouter(prefix="/crosssell/products")
_Code = Annotated[str, Path(max_length=10)]
_Word = Annotated[str, Field(max_length=64)]
_Line = Annotated[str, Field(max_length=2000)]
_Lines = Annotated[list[_Line], Field(max_length=50)]
_MOST_DEPTH: Final = 6


class ObjectionIO(BaseModel):
    """What a caller may say, and an honest answer."""

    says: _Line
    answer: _Line


class TalkIO(BaseModel):
    """A talk track in one language."""

    opening: _Line
    needs: _Lines
    proposal: _Line
    objections: Annotated[list[ObjectionIO], Field(max_length=50)]
    commitment: _Line
    never_say: _Lines


class SoldAs(BaseModel):
    """How a product is sold; `cross_sell.catalogue` and docs/crosssell.md say what `limits` and `reasons` hold."""

    active: bool
    selling: _Word = Field(description="simple or complex")
    line: _Word = Field(description="life, health or property")
    licence: Annotated[str, Field(max_length=40)]
    queue: _Word
    margin: Decimal = Field(ge=0, max_digits=14, decimal_places=2)
    premium: Decimal = Field(ge=0, max_digits=14, decimal_places=2)
    limits: dict[str, Any]
    talk: dict[str, TalkIO] = Field(description="By language: zh-CN and en.")
    reasons: dict[str, dict[str, dict[str, _Line]]] = Field(description="By feature, value and language.")


class ProductIn(SoldAs):
    """How it is to be sold, from the `version` that was read; 0 for a product that is not offered yet."""

    version: int = Field(ge=0, le=2_000_000_000)


class OfferedOut(SoldAs):
    """An offered product."""

    product: str
    names: dict[str, str]
    on_sale: bool
    changed_at: datetime | None
    changed_by: str
    version: int


class OfferedListOut(BaseModel):
    """Every offered product."""

    items: list[OfferedOut]


@router.get("")
async def products(parts: Parts, visitor: Overseer) -> OfferedListOut:
    """What may be offered, by code; what is not active too."""
    return OfferedListOut(items=[_out(parts, one) for one in await parts.database.offered.all()])


@router.get("/{product}")
async def one(parts: Parts, visitor: Overseer, product: _Code) -> OfferedOut:
    """One offered product."""
    return _out(parts, await _found(parts, product))


@router.get("/{product}/shipped")
async def as_shipped(parts: Parts, visitor: Overseer, product: _Code) -> SoldAs:
    """How the product is sold as it ships, to be put back by a change."""
    if product not in shipped():
        raise NotFoundError("The hotline ships no such product.")
    return _sold_as(shipped()[product])


@router.put("/{product}", response_model=OfferedOut)
async def change(
    request: Request, parts: Parts, visitor: Overseer, product: _Code, asked: ProductIn
) -> OfferedOut | Response:
    """Change how it is sold; 422 tells every part that is wrong, 409 that somebody else was first."""
    if unknown := sorted(set(asked.talk) - {"zh-CN", "en"}):
        return _refused(
            request, visitor, [(f"talk {unknown[0]}", text(request, visitor, "catalogue.wrong.unknown"))]
        )
    entry = OfferedProduct(product=product, **_kept(asked))
    if wrong := wrong_with(request, visitor, entry):
        return _refused(request, visitor, [(one.where, one.text) for one in wrong])
    known = await parts.database.offered.find(product)
    await saved(parts, visitor, known, entry, asked.version)
    return _out(parts, await _found(parts, product))


def _kept(asked: ProductIn) -> dict[str, Any]:
    values = {name: getattr(asked, name) for name in SoldAs.model_fields}
    values |= {name: clean(values[name]) for name in ("selling", "line", "licence", "queue")}
    values["talk"] = {language: _clean(talk.model_dump()) for language, talk in asked.talk.items()}
    return values | {name: _clean(values[name]) for name in ("limits", "reasons")}


def _clean(value: Any, depth: int = 0) -> Any:
    """Texts as a database keeps them, and nothing nested without end."""
    if isinstance(value, dict):
        if depth > _MOST_DEPTH:
            return None
        return {clean(key): _clean(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return None if depth > _MOST_DEPTH else [_clean(one, depth + 1) for one in value]
    return clean(value) if isinstance(value, str) else value


def _refused(request: Request, visitor: Overseer, wrong: list[tuple[str, str]]) -> JSONResponse:
    message = text(request, visitor, "catalogue.refused")
    fields = [{"field": where, "message": told} for where, told in wrong]
    return JSONResponse({"code": "catalogue", "message": message, "fields": fields}, 422)


async def _found(parts: ConsoleParts, product: str) -> OnSale:
    found = await parts.database.offered.find(product)
    if found is None:
        raise NotFoundError("There is no such product.")
    return found


def _out(parts: ConsoleParts, one: OnSale) -> OfferedOut:
    offered = one.offered
    return OfferedOut(
        **_sold_as(offered).model_dump(),
        product=offered.product,
        names=dict(one.names),
        on_sale=one.on_sale(parts.clock().date()),
        changed_at=offered.changed_at,
        changed_by=offered.changed_by,
        version=offered.version,
    )


def _sold_as(offered: OfferedProduct) -> SoldAs:
    values = {name: getattr(offered, name) for name in SoldAs.model_fields}
    return SoldAs(**values)
