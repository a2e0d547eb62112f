"""What happened around a customer: claims, messages, calls and consents, the latest of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import or_, select

from policy_db.callers import forms
from policy_db.facts import Consent
from policy_db.store import Store
from policy_db.tables import (
    CallRow,
    ClaimRow,
    ConsentRow,
    CustomerRow,
    PolicyRow,
    RecordingRow,
)

_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Happening:
    """A claim, message or call: its id, what it is about, its state, and when it came."""

    id: str
    about: str
    state: str
    at: datetime | date


@dataclass(frozen=True, slots=True)
class CustomerHistory:
    """The latest of each, the newest first."""

    claims: tuple[Happening, ...]
    messages: tuple[Happening, ...]
    calls: tuple[Happening, ...]
    consents: tuple[Consent, ...]


async def customer_history(store: Store, number: str, phone: str) -> CustomerHistory:
    """What is known of a customer, by their policies and their telephone number."""
    mine = select(PolicyRow.id).join(CustomerRow).where(CustomerRow.number == number)
    numbers = forms(phone) if phone else ()
    claims = (
        select(ClaimRow.number, ClaimRow.kind, ClaimRow.status, ClaimRow.reported_on)
        .where(or_(ClaimRow.policy_id.in_(mine), ClaimRow.caller.in_(numbers)))
        .order_by(ClaimRow.begun_at.desc())
    )
    messages = (
        select(RecordingRow.id, RecordingRow.mailbox, RecordingRow.state, RecordingRow.started_at)
        .where(RecordingRow.caller.in_(numbers), RecordingRow.purpose == "voicemail")
        .order_by(RecordingRow.started_at.desc())
    )
    calls = (
        select(CallRow.id, CallRow.flow, CallRow.state, CallRow.started_at)
        .where(or_(CallRow.policy_id.in_(mine), CallRow.caller.in_(numbers)))
        .order_by(CallRow.started_at.desc())
    )
    consents = (
        select(ConsentRow.purpose, ConsentRow.given, ConsentRow.at, ConsentRow.source)
        .join(CustomerRow, CustomerRow.id == ConsentRow.customer_id)
        .where(CustomerRow.number == number)
        .order_by(ConsentRow.at.desc(), ConsentRow.id.desc())
    )
    async with store.reading() as connection:

        async def happened(query: Any) -> tuple[Happening, ...]:
            return tuple(Happening(*row) for row in await connection.execute(query.limit(_MOST)))

        said = tuple(Consent(*row) for row in await connection.execute(consents.limit(_MOST)))
        return CustomerHistory(
            await happened(claims),
            await happened(messages),
            await happened(calls),
            said,
        )
