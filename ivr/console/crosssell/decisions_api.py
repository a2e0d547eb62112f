"""Decisions about callers as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from ivr.console.access import Overseer
from ivr.console.audit import looked_at
from ivr.console.crosssell.decisions import found, gates_of, page_of, wanted_of, why
from ivr.console.crosssell.desk import names_for, place, place_after, word
from ivr.console.listing import Since, SizeAsked, Until
from ivr.console.pages import language_of
from ivr.console.parts import Parts
from policy_db.selling_facts import Arm, Suggestion

router = APIRouter(prefix="/crosssell/suggestions")
_Text = Annotated[str, Query(max_length=100)]


class DecisionOut(BaseModel):
    """A decision: `gate` is the code that left nothing to offer (empty: none), `why` the same in plain words."""

    id: str
    call: str
    customer: str
    policy: str
    decided_at: datetime
    language: str
    gate: str
    why: str
    arm: Arm
    product: str
    probability: float | None
    propensity: float | None
    offer_propensity: float | None
    script: str
    milliseconds: float


class DecisionsOut(BaseModel):
    """One page, the latest first; `next` goes into `before` for the page after it."""

    items: list[DecisionOut]
    next: str


class GateOut(BaseModel):
    """A gate that was looked at; `product` is empty for those about the caller."""

    code: str
    open: bool
    product: str
    text: str


class CandidateOut(BaseModel):
    """An eligible product; `chance` is that the rules offer it, over all arms."""

    product: str
    probability: float
    value: float
    worth: bool
    chance: float
    model: str


class WholeDecisionOut(DecisionOut):
    """A decision with all that it was made from."""

    gates: list[GateOut]
    candidates: list[CandidateOut]
    reasons: list[dict[str, Any]]
    portfolio: list[str]
    features: dict[str, Any]
    models: dict[str, str]


@router.get("")
async def decisions(
    request: Request,
    parts: Parts,
    visitor: Overseer,
    q: _Text = "",
    arm: _Text = "",
    gate: _Text = "",
    product: _Text = "",
    since: Since = "",
    until: Until = "",
    before: Annotated[str, Query(max_length=160)] = "",
    size: SizeAsked = 50,
) -> DecisionsOut:
    """Decisions; `q` is a customer, or the beginning of a call's or a decision's id. Days are of the company's zone."""
    rows = await page_of(parts, wanted_of(request, parts), place(word(request, "before")), size + 1)
    if rows:
        await looked_at(parts, visitor, "list", "suggestions")
    last = rows[size - 1] if len(rows) > size else None
    language = language_of(request, visitor)
    return DecisionsOut(
        items=[_out(one, language) for one in rows[:size]],
        next="" if last is None else place_after(last.decided_at, last.id),
    )


@router.get("/{suggestion}")
async def one(
    request: Request, parts: Parts, visitor: Overseer, suggestion: Annotated[str, Path(max_length=64)]
) -> WholeDecisionOut:
    """One decision."""
    decided = await found(parts, suggestion)
    await looked_at(parts, visitor, "suggestion", decided.id)
    language, names = language_of(request, visitor), await names_for(request, parts, visitor)
    return WholeDecisionOut(
        **_out(decided, language).model_dump(),
        gates=[
            GateOut(code=told.code, open=told.open, product=str(raw.get("product") or ""), text=told.text)
            for told, raw in zip(gates_of(decided, names, language), decided.gates, strict=True)
        ],
        candidates=[
            CandidateOut(**{name: getattr(each, name) for name in CandidateOut.model_fields})
            for each in decided.candidates
        ],
        reasons=[dict(each) for each in decided.reasons],
        portfolio=list(decided.portfolio),
        features=dict(decided.features),
        models=dict(decided.models),
    )


def _out(one: Suggestion, language: str) -> DecisionOut:
    same = {name: getattr(one, name) for name in DecisionOut.model_fields if name not in ("call", "why")}
    return DecisionOut(**same, call=one.call_id, why=why(one.gate, language))
