"""Models: which are in use, what they were learnt from, how they fare, and the way to another or back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints

from cross_sell.daily import Done, read_log
from cross_sell.drift import FEWEST, SHIFTED, STEADY, Drift, drift_of
from cross_sell.errors import ModelError
from cross_sell.registry import Entry, Registry
from ivr.console.access import Administrator, Overseer, Visitor
from ivr.console.audit import did
from ivr.console.crosssell.catalogue import feature_name
from ivr.console.crosssell.decisions import Wanted, page_of
from ivr.console.crosssell.desk import names_for, shown
from ivr.console.crosssell.reading import once
from ivr.console.crosssell.watching import models_folder
from ivr.console.pages import language_of, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import ConflictError, NotFoundError

router = APIRouter(prefix="/crosssell/models")
#: Figures of a version that a list tells, in their order, and how they are written.
FIGURES: Final[Mapping[str, str]] = {
    "rows": "number", "yes": "number", "auc": "ratio", "log_loss": "ratio", "calibration_error": "share",
    "top_fifth": "share",
}  # fmt: skip
#: Whom drift is looked for in: callers decided about in so many days, so many at most.
_WATCHED: Final = timedelta(days=45)
_MOST: Final = 3000
_BATCH: Final = 1000
_LATEST: Final = 15
VersionText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
SeenText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,64}$")]


@dataclass(frozen=True, slots=True)
class Kept:
    """A product's versions, the latest first, and what the daily job last said of the one in use."""

    product: str
    versions: tuple[Entry, ...]
    last: Done | None

    @property
    def used(self) -> Entry | None:
        """The version in use; None: the catalogue's belief speaks."""
        return next((one for one in self.versions if one.in_use), None)


async def kept_of(parts: ConsoleParts, product: str) -> Kept:
    """The versions of one product. Raises ConflictError where its folder is damaged."""
    try:
        versions = await asyncio.to_thread(_registry(parts).entries, product)
    except ModelError as error:
        raise ConflictError(str(error)) from None
    log = [one for one in await asyncio.to_thread(read_log, models_folder(parts)) if one.product == product]
    return Kept(product, tuple(versions), log[-1] if log else None)


async def all_kept(parts: ConsoleParts) -> list[Kept]:
    """Every offered product, and whatever else has a model."""
    codes = [one.offered.product for one in await parts.database.offered.all()]
    named = await asyncio.to_thread(_registry(parts).names)
    return [await kept_of(parts, one) for one in dict.fromkeys([*codes, *named])]


async def must_be_known(parts: ConsoleParts, product: str) -> None:
    """Raises NotFoundError for what is neither offered nor has a model."""
    named = await asyncio.to_thread(_registry(parts).names)
    if product not in named and await parts.database.offered.find(product) is None:
        raise NotFoundError("There is no such product.")


async def promoted(
    request: Request, parts: ConsoleParts, visitor: Visitor, product: str, version: str, seen: str
) -> Kept:
    """Put a version to use. Raises NotFoundError, and ConflictError if another is in use than was seen."""
    await must_be_known(parts, product)
    kept = await _as_seen(request, parts, visitor, product, seen)
    if version not in {one.version for one in kept.versions}:
        raise NotFoundError("There is no such version.")
    try:
        await asyncio.to_thread(_registry(parts).promote, product, version)
    except ModelError as error:
        raise ConflictError(str(error)) from None
    await did(parts, visitor, "promoted", f"model:{product}", version=version, before=seen)
    parts.bus.publish("model", product)
    return await kept_of(parts, product)


async def rolled_back(
    request: Request, parts: ConsoleParts, visitor: Visitor, product: str, seen: str
) -> Kept:
    """Put to use again what was in use before. Raises ConflictError where nothing is, or another than was seen."""
    await must_be_known(parts, product)
    kept = await _as_seen(request, parts, visitor, product, seen)
    if kept.used is None:
        raise ConflictError(text(request, visitor, "models.none_in_use"))
    back = await asyncio.to_thread(_registry(parts).roll_back, product)
    version = "" if back is None else back.version
    await did(parts, visitor, "rolled_back", f"model:{product}", version=version, before=seen)
    parts.bus.publish("model", product)
    return await kept_of(parts, product)


async def drift(parts: ConsoleParts, kept: Kept) -> Drift | None:
    """How far the latest callers whom the product was considered for have moved from those it was learnt from."""
    used = kept.used
    if used is None:
        return None

    async def read() -> Drift | None:
        rows = await _latest_rows(parts, kept.product)
        try:
            model = await asyncio.to_thread(_registry(parts).load, kept.product, used.version)
        except ModelError:
            return None
        return await asyncio.to_thread(drift_of, model, rows) if rows else None

    return await once(parts, f"drift {kept.product} {used.version}", read)


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Which model speaks for each product, and how it fares."""
    return shown(
        request,
        visitor,
        "models.html",
        kept=await all_kept(parts),
        names=await names_for(request, parts, visitor),
    )


@router.get("/{product}")
async def one_page(request: Request, parts: Parts, visitor: Overseer, product: str) -> Response:
    """Every version of one product's model."""
    return await _page(request, parts, visitor, product)


@router.post("/{product}/promote")
async def promote(
    request: Request, parts: Parts, visitor: Administrator, product: str,
    version: Annotated[VersionText, Form()], seen: Annotated[SeenText, Form()] = "",
) -> Response:  # fmt: skip
    """Put a version to use."""
    try:
        await promoted(request, parts, visitor, product, version, seen)
    except ConflictError as error:
        return await _page(request, parts, visitor, product, message=str(error), status=409)
    return RedirectResponse(f"/crosssell/models/{product}?done=promoted", 303)


@router.post("/{product}/roll-back")
async def roll_back(
    request: Request,
    parts: Parts,
    visitor: Administrator,
    product: str,
    seen: Annotated[SeenText, Form()] = "",
) -> Response:
    """Put to use again what was in use before."""
    try:
        await rolled_back(request, parts, visitor, product, seen)
    except ConflictError as error:
        return await _page(request, parts, visitor, product, message=str(error), status=409)
    return RedirectResponse(f"/crosssell/models/{product}?done=rolled_back", 303)


def _registry(parts: ConsoleParts) -> Registry:
    return Registry(models_folder(parts))


async def _as_seen(request: Request, parts: ConsoleParts, visitor: Visitor, product: str, seen: str) -> Kept:
    kept = await kept_of(parts, product)
    if seen != ("" if kept.used is None else kept.used.version):
        raise ConflictError(text(request, visitor, "models.stale"))
    return kept


async def _latest_rows(parts: ConsoleParts, product: str) -> list[dict[str, Any]]:
    wanted = Wanted(since=parts.clock() - _WATCHED)
    rows: list[dict[str, Any]] = []
    after, read = None, 0
    while read < _MOST:
        batch = await page_of(parts, wanted, after, _BATCH)
        rows += [
            dict(one.features) for one in batch if any(each.product == product for each in one.candidates)
        ]
        read += len(batch)
        if len(batch) < _BATCH:
            break
        after = (batch[-1].decided_at, batch[-1].id)
    return rows


async def _page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    product: str,
    *,
    message: str = "",
    status: int = 200,
) -> Response:
    await must_be_known(parts, product)
    kept, language = await kept_of(parts, product), language_of(request, visitor)
    log = [one for one in await asyncio.to_thread(read_log, models_folder(parts)) if one.product == product]
    done = request.query_params.get("done", "")
    return shown(
        request, visitor, "model.html", status=status, kept=kept, names=await names_for(request, parts, visitor),
        figures=FIGURES, drift=await drift(parts, kept), log=log[::-1][:_LATEST], message=message,
        feature=lambda name: feature_name(name, language), shifted=SHIFTED, steady=STEADY, fewest=FEWEST,
        administrator=visitor.has("administrator"),
        done=text(request, visitor, f"models.done.{done}") if done in ("promoted", "rolled_back") else "",
        history=await parts.database.audit.about(f"model:{product}", limit=10),
    )  # fmt: skip
