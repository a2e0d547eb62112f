"""What was decided for callers: every gate in plain words, candidates, arm and chances; for those who answer for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from cross_sell.features import FEATURES
from cross_sell.gates import CODES
from cross_sell.gates import texts as gate_texts
from ivr.console.access import Overseer, Visitor
from ivr.console.audit import did, looked_at
from ivr.console.crosssell.catalogue import feature_name
from ivr.console.crosssell.desk import (
    AT_ONCE,
    MOST_ROWS,
    Names,
    days,
    names_for,
    place,
    place_after,
    shown,
    word,
)
from ivr.console.formats import iso
from ivr.console.listing import PAGE, csv_reply
from ivr.console.pages import language_of, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import NotFoundError
from policy_db.selling_facts import Arm, Suggestion

router = APIRouter(prefix="/crosssell/suggestions")
ARMS: Final[tuple[Arm, ...]] = get_args(Arm)
_COLUMNS: Final = (
    "id", "decided_at", "call", "customer", "policy", "language", "gate", "why", "arm", "product", "probability",
    "propensity", "offer_propensity", "script", "milliseconds",
)  # fmt: skip
_BEGINNING: Final = datetime(1971, 1, 1, tzinfo=UTC)
_END: Final = datetime(2199, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of decisions is narrowed to; empty means no matter."""

    since: datetime = _BEGINNING
    until: datetime = _END
    arm: str = ""
    gate: str = ""
    product: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class GateTold:
    """A gate that was looked at: `text` says why it was shut; `title` what it asks."""

    code: str
    open: bool
    product: str
    text: str


def wanted_of(request: Request, parts: ConsoleParts) -> Wanted:
    """The filter of an address."""
    since, until = days(request, parts)
    arm, gate = word(request, "arm"), word(request, "gate")
    return Wanted(
        since=since or _BEGINNING,
        until=until or _END,
        arm=arm if arm in ARMS else "",
        gate=gate if gate in CODES else "",
        product=word(request, "product"),
        q=word(request, "q"),
    )


async def page_of(
    parts: ConsoleParts, wanted: Wanted, after: tuple[datetime, str] | None, limit: int
) -> tuple[Suggestion, ...]:
    """Decisions as they are wanted, the latest first."""
    return await parts.database.suggestions.page(
        wanted.since, wanted.until, arm=wanted.arm, gate=wanted.gate, product=wanted.product, q=wanted.q,
        after=after, limit=limit,
    )  # fmt: skip


async def found(parts: ConsoleParts, suggestion: str) -> Suggestion:
    """The decision of that id. Raises NotFoundError."""
    known = await parts.database.suggestions.find(suggestion.replace("\x00", ""))
    if known is None:
        raise NotFoundError("There is no decision of that id.")
    return known


def why(gate: str, language: str) -> str:
    """A gate that was shut, in plain words; empty for none."""
    return gate_texts().get(gate, {}).get(language, gate)


def gates_of(decided: Suggestion, names: Names, language: str) -> list[GateTold]:
    """Every gate that was looked at, in their order."""
    return [
        GateTold(
            str(one.get("code", "")),
            bool(one.get("open")),
            names.product(str(one.get("product") or "")),
            "" if one.get("open") else why(str(one.get("code", "")), language),
        )
        for one in decided.gates
    ]


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Decisions as they are filtered."""
    wanted = wanted_of(request, parts)
    rows = await page_of(parts, wanted, place(word(request, "before")), PAGE + 1)
    page, more = rows[:PAGE], len(rows) > PAGE
    if rows:
        await looked_at(parts, visitor, "list", "suggestions")
    query = {name: value for name, value in request.query_params.items() if value and name != "before"}
    after = urlencode({**query, "before": place_after(page[-1].decided_at, page[-1].id)}) if more else ""
    language = language_of(request, visitor)
    return shown(
        request, visitor, "decisions.html", rows=page, wanted=wanted, query=query, first=urlencode(query), after=after,
        later="before" in request.query_params, names=await names_for(request, parts, visitor), arms=ARMS, codes=CODES,
        why=lambda gate: why(gate, language),
        customers=await parts.database.customers.names({one.customer for one in page if one.customer}),
    )  # fmt: skip


@router.get(".csv")
async def list_csv(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Decisions as they are filtered, as CSV."""
    await did(parts, visitor, "exported", "list:suggestions")
    header = [text(request, visitor, f"decisions.column.{name}") for name in _COLUMNS]
    names = await names_for(request, parts, visitor)
    language = language_of(request, visitor)
    return csv_reply("decisions", header, _lines(parts, names, language, wanted_of(request, parts)))


async def _lines(
    parts: ConsoleParts, names: Names, language: str, wanted: Wanted
) -> AsyncIterator[Sequence[object]]:
    after, sent = None, 0
    while sent < MOST_ROWS:
        batch = await page_of(parts, wanted, after, AT_ONCE)
        for one in batch:
            yield (
                one.id, iso(one.decided_at), one.call_id, one.customer, one.policy, one.language, one.gate,
                why(one.gate, language), one.arm, names.product(one.product) if one.product else "",
                one.probability, one.propensity, one.offer_propensity, one.script, one.milliseconds,
            )  # fmt: skip
        sent += len(batch)
        if len(batch) < AT_ONCE:
            return
        after = (batch[-1].decided_at, batch[-1].id)


@router.get("/{suggestion}")
async def one_page(request: Request, parts: Parts, visitor: Overseer, suggestion: str) -> Response:
    """One decision with all that it was made from."""
    decided = await found(parts, suggestion)
    await looked_at(parts, visitor, "suggestion", decided.id)
    names, language = await names_for(request, parts, visitor), language_of(request, visitor)
    referrals = await parts.database.referrals.of_call(decided.call_id)
    customers = await parts.database.customers.names({decided.customer} if decided.customer else ())
    return shown(
        request, visitor, "decision.html", decided=decided, names=names, gates=gates_of(decided, names, language),
        why=why(decided.gate, language), customer=customers.get(decided.customer, ""),
        referrals=[one for one in referrals if one.customer == decided.customer],
        features=_features(decided.features, language),
        reasons=[
            (feature_name(str(one["feature"]), language), one.get("contribution"), one["text"].get(language, ""))
            for one in decided.reasons
        ],
        others=await _others(parts, visitor, decided),
    )  # fmt: skip


def _features(known: Mapping[str, Any], language: str) -> list[tuple[str, Any, bool]]:
    """What was known: what it is called, its value, and whether it is never told as a reason."""
    return [
        (feature_name(name, language), value, FEATURES.get(name, {}).get("use") == "silent")
        for name, value in known.items()
    ]


async def _others(parts: ConsoleParts, visitor: Visitor, decided: Suggestion) -> list[Suggestion]:
    """The other decisions in the same call."""
    rows = await page_of(parts, Wanted(q=decided.call_id), None, 20)
    return [one for one in rows if one.call_id == decided.call_id and one.id != decided.id]
