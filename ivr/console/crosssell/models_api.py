"""Models as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from ivr.console.access import Administrator, Overseer
from ivr.console.crosssell.models import (
    Kept,
    SeenText,
    VersionText,
    all_kept,
    drift,
    kept_of,
    must_be_known,
    promoted,
    rolled_back,
)
from ivr.console.parts import Parts

router = APIRouter(prefix="/crosssell/models")
_Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class VersionOut(BaseModel):
    """A version: when it was added, the hash of what it was learnt from, its figures on rows it was not shown."""

    version: str
    added: datetime
    data: str
    figures: dict[str, Any]
    in_use: bool


class KeptOut(BaseModel):
    """A product's versions, the latest first; `in_use` is empty where the catalogue's belief speaks."""

    product: str
    in_use: str
    versions: list[VersionOut]


class ModelsOut(BaseModel):
    """Every product."""

    items: list[KeptOut]


class ColumnDriftOut(BaseModel):
    """How far a feature has moved since the fit (PSI; 0.25 calls for a new fit), and how often it is missing."""

    feature: str
    psi: float
    missing: float


class WholeKeptOut(KeptOut):
    """A product's versions, and how far the latest callers have moved from those its model was learnt from."""

    drift_rows: int
    drift: list[ColumnDriftOut]


class PromotionIn(BaseModel):
    """Which version is to be used, and which was `seen` in use (empty: none)."""

    version: VersionText
    seen: SeenText = ""


class RollBackIn(BaseModel):
    """Which version was `seen` in use."""

    seen: SeenText = Field(min_length=1)


@router.get("")
async def models(parts: Parts, visitor: Overseer) -> ModelsOut:
    """Which model speaks for each product."""
    return ModelsOut(items=[_out(one) for one in await all_kept(parts)])


@router.get("/{product}")
async def one(parts: Parts, visitor: Overseer, product: _Code) -> WholeKeptOut:
    """One product's models, with the drift of the one in use."""
    await must_be_known(parts, product)
    kept = await kept_of(parts, product)
    found = await drift(parts, kept)
    return WholeKeptOut(
        **_out(kept).model_dump(),
        drift_rows=0 if found is None else found.rows,
        drift=[
            ColumnDriftOut(feature=each.column, psi=each.psi, missing=each.missing)
            for each in (() if found is None else found.columns)
        ],
    )


@router.post("/{product}/promotion")
async def promote(
    request: Request, parts: Parts, visitor: Administrator, product: _Code, asked: PromotionIn
) -> KeptOut:
    """Put a version to use; 409 if another is in use than was seen."""
    return _out(await promoted(request, parts, visitor, product, asked.version, asked.seen))


@router.post("/{product}/roll-back")
async def roll_back(
    request: Request, parts: Parts, visitor: Administrator, product: _Code, asked: RollBackIn
) -> KeptOut:
    """Put to use again what was in use before, which may be none."""
    return _out(await rolled_back(request, parts, visitor, product, asked.seen))


def _out(kept: Kept) -> KeptOut:
    return KeptOut(
        product=kept.product,
        in_use="" if kept.used is None else kept.used.version,
        versions=[
            VersionOut(
                version=one.version,
                added=one.added,
                data=one.data,
                figures=dict(one.figures),
                in_use=one.in_use,
            )
            for one in kept.versions
        ],
    )
