"""What belongs to whom: the customers, policies, claims and calls that a call, recording or claim is tied to.

A hold on any of these holds the thing, and an erasure of a customer reaches all that is tied to them. A call is tied to
the customer whose policy it was about, whom a seat had on the screen, or whose telephone it came from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.tables import (
    CallRow,
    ClaimRow,
    CustomerRow,
    DocumentRow,
    LegalHoldRow,
    MessageRow,
    PolicyRow,
    RecordingRow,
    ReferralRow,
    SuggestionRow,
    WaitingCallRow,
)

#: Kind and number, as a legal hold has them.
Tie = tuple[str, str]
Ties = dict[str, set[Tie]]


async def open_holds(connection: AsyncConnection) -> frozenset[Tie]:
    """What is held now."""
    query = select(LegalHoldRow.kind, LegalHoldRow.number).where(LegalHoldRow.released_at.is_(None))
    return frozenset((row.kind, row.number) for row in await connection.execute(query))


def spellings(phone: str) -> tuple[str, ...]:
    """How a telephone number may stand in a call: as E.164, or as it is dialled at home (+86)."""
    if not phone:
        return ()
    home = phone.removeprefix("+86")
    return (phone,) if home == phone else (phone, home, f"0{home}", f"86{home}", f"0086{home}")


async def ties_of_calls(connection: AsyncConnection, calls: Sequence[str]) -> Ties:
    """The ties of calls by their ids."""
    ties: Ties = {call: {("call", call)} for call in calls}
    await _policies_of_calls(connection, calls, ties)
    await _lines_of_calls(connection, calls, ties)
    await _claims_of_calls(connection, calls, ties)
    await _documents_of_calls(connection, calls, ties)
    await _phones_of_calls(connection, calls, ties)
    return ties


async def _policies_of_calls(connection: AsyncConnection, calls: Sequence[str], ties: Ties) -> None:
    query = (
        select(CallRow.id, PolicyRow.number, CustomerRow.number)
        .join(PolicyRow, PolicyRow.id == CallRow.policy_id)
        .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .where(CallRow.id.in_(calls))
    )
    for call, policy, customer in await connection.execute(query):
        ties[call] |= {("policy", policy), ("customer", customer)}


async def _lines_of_calls(connection: AsyncConnection, calls: Sequence[str], ties: Ties) -> None:
    query = select(WaitingCallRow.call_id, WaitingCallRow.customer, WaitingCallRow.policy)
    for call, customer, policy in await connection.execute(query.where(WaitingCallRow.call_id.in_(calls))):
        ties[call] |= {tie for tie in (("customer", customer), ("policy", policy)) if tie[1]}


async def _claims_of_calls(connection: AsyncConnection, calls: Sequence[str], ties: Ties) -> None:
    query = (
        select(ClaimRow.call_id, ClaimRow.number, PolicyRow.number, CustomerRow.number)
        .outerjoin(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        .outerjoin(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .where(ClaimRow.call_id.in_(calls))
    )
    for call, claim, policy, customer in await connection.execute(query):
        ties[call] |= {
            tie for tie in (("claim", claim), ("policy", policy), ("customer", customer)) if tie[1]
        }


async def _documents_of_calls(connection: AsyncConnection, calls: Sequence[str], ties: Ties) -> None:
    """A call's documents go when it is blanked, so what holds one of them holds it."""
    query = select(DocumentRow.id, DocumentRow.call_id).where(
        DocumentRow.call_id.in_(calls), DocumentRow.call_id != ""
    )
    documents = {row.id: row.call_id for row in await connection.execute(query)}
    for document, found in (await _subjects_of_documents(connection, list(documents))).items():
        ties[documents[document]] |= found


async def _phones_of_calls(connection: AsyncConnection, calls: Sequence[str], ties: Ties) -> None:
    query = select(CallRow.id, CallRow.caller).where(CallRow.id.in_(calls), CallRow.caller != "")
    callers = {row.id: row.caller for row in await connection.execute(query)}
    holders = await _holders_of_phones(connection, callers.values())
    for call, caller in callers.items():
        ties[call] |= holders[caller]


async def _holders_of_phones(
    connection: AsyncConnection, callers: Iterable[str]
) -> defaultdict[str, set[Tie]]:
    """The customers of telephone numbers, whichever way those are written."""
    callers = set(callers)
    wanted = {form for caller in callers for form in (caller, _international(caller))}
    query = select(CustomerRow.number, CustomerRow.phone).where(CustomerRow.phone.in_(wanted))
    found: defaultdict[str, set[Tie]] = defaultdict(set)
    rows = list(await connection.execute(query))
    for caller in callers:
        for number, phone in rows:
            if phone in (caller, _international(caller)):
                found[caller].add(("customer", number))
    return found


def _international(caller: str) -> str:
    for prefix in ("0086", "86", "0"):
        if caller.startswith(prefix) and len(caller) - len(prefix) >= 9:
            return f"+86{caller.removeprefix(prefix)}"
    return caller if caller.startswith("+") else f"+86{caller}"


async def ties_of_recordings(connection: AsyncConnection, recordings: Sequence[str]) -> Ties:
    """The ties of recordings by their ids: those of their call, of their claim, and what a message is about."""
    query = select(RecordingRow.id, RecordingRow.call_id, RecordingRow.claim_id, RecordingRow.caller).where(
        RecordingRow.id.in_(recordings)
    )
    rows = list(await connection.execute(query))
    calls = await ties_of_calls(connection, [row.call_id for row in rows])
    claims = await ties_of_claims(connection, [row.claim_id for row in rows if row.claim_id])
    phones = await _holders_of_phones(connection, (row.caller for row in rows if row.caller))
    ties: Ties = {
        row.id: calls.get(row.call_id, set()) | claims.get(row.claim_id or "", set()) | phones[row.caller]
        for row in rows
    }
    await _messages(connection, recordings, ties)
    return ties


async def _messages(connection: AsyncConnection, recordings: Sequence[str], ties: Ties) -> None:
    query = (
        select(MessageRow.recording_id, CustomerRow.number, PolicyRow.number, ClaimRow.number)
        .outerjoin(CustomerRow, CustomerRow.id == MessageRow.customer_id)
        .outerjoin(PolicyRow, PolicyRow.id == MessageRow.policy_id)
        .outerjoin(ClaimRow, ClaimRow.id == MessageRow.claim_id)
        .where(MessageRow.recording_id.in_(recordings))
    )
    for recording, *numbers in await connection.execute(query):
        kinds = zip(("customer", "policy", "claim"), numbers, strict=True)
        ties[recording] |= {(kind, number) for kind, number in kinds if number}


async def ties_of_claims(connection: AsyncConnection, claims: Sequence[str]) -> Ties:
    """The ties of claims by their ids: policy, customer, and the call that reported it."""
    query = (
        select(ClaimRow.id, ClaimRow.number, ClaimRow.call_id, PolicyRow.number, CustomerRow.number)
        .outerjoin(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        .outerjoin(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .where(ClaimRow.id.in_(claims))
    )
    return {
        key: {
            tie
            for tie in (("claim", number), ("call", call), ("policy", policy), ("customer", customer))
            if tie[1]
        }
        for key, number, call, policy, customer in await connection.execute(query)
    }


async def ties_of_documents(connection: AsyncConnection, documents: Sequence[str]) -> Ties:
    """The ties of documents by their ids: those of the call that asked for them, and what they are about."""
    query = select(DocumentRow.id, DocumentRow.call_id).where(DocumentRow.id.in_(documents))
    calls = {row.id: row.call_id for row in await connection.execute(query)}
    ties = await _subjects_of_documents(connection, documents)
    of_calls = await ties_of_calls(connection, sorted({call for call in calls.values() if call}))
    return {one: found | of_calls.get(calls.get(one, ""), set()) for one, found in ties.items()}


async def _subjects_of_documents(connection: AsyncConnection, documents: Sequence[str]) -> Ties:
    """Customer, policy and claim that documents are about, and whose policy or claim that is."""
    query = select(
        DocumentRow.id, DocumentRow.customer, DocumentRow.claim, PolicyRow.number, CustomerRow.number
    )
    query = query.outerjoin(PolicyRow, PolicyRow.id == DocumentRow.policy_id)
    query = query.outerjoin(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
    rows = list(await connection.execute(query.where(DocumentRow.id.in_(documents))))
    claims = await _owners_of_claims(connection, {row.claim for row in rows if row.claim})
    ties: Ties = {one: set() for one in documents}
    for document, customer, claim, policy, holder in rows:
        named = (("customer", customer), ("claim", claim), ("policy", policy), ("customer", holder))
        ties[document] |= {tie for tie in named if tie[1]} | claims.get(claim, set())
    return ties


async def _owners_of_claims(connection: AsyncConnection, claims: Iterable[str]) -> Ties:
    """The ties of claims by their numbers."""
    query = select(ClaimRow.id, ClaimRow.number).where(ClaimRow.number.in_(tuple(claims)))
    numbers = {row.id: row.number for row in await connection.execute(query)}
    return {numbers[key]: ties for key, ties in (await ties_of_claims(connection, list(numbers))).items()}


async def ties_of_suggestions(connection: AsyncConnection, suggestions: Sequence[str]) -> Ties:
    """The ties of suggestions by their ids: those of their call, the customer and the policy they called about."""
    query = select(
        SuggestionRow.id, SuggestionRow.call_id, SuggestionRow.customer, SuggestionRow.policy
    ).where(SuggestionRow.id.in_(suggestions))
    return await _ties_of_sales(connection, query)


async def ties_of_referrals(connection: AsyncConnection, referrals: Sequence[str]) -> Ties:
    """The ties of referrals by their ids: those of their call, the customer and the policy that was sold."""
    query = select(ReferralRow.id, ReferralRow.call_id, ReferralRow.customer, ReferralRow.policy).where(
        ReferralRow.id.in_(referrals)
    )
    return await _ties_of_sales(connection, query)


async def _ties_of_sales(connection: AsyncConnection, query: Any) -> Ties:
    rows = list(await connection.execute(query))
    calls = await ties_of_calls(connection, [call for _, call, _, _ in rows])
    return {
        key: calls[call] | {tie for tie in (("customer", customer), ("policy", policy)) if tie[1]}
        for key, call, customer, policy in rows
    }


async def calls_of_customer(connection: AsyncConnection, customer: int, number: str, phone: str) -> list[str]:
    """The ids of every call that is tied to a customer."""
    policies = select(PolicyRow.id).where(PolicyRow.customer_id == customer)
    numbers = select(PolicyRow.number).where(PolicyRow.customer_id == customer)
    by_call: list[Any] = [CallRow.policy_id.in_(policies)]
    by_line: list[Any] = [WaitingCallRow.customer == number, WaitingCallRow.policy.in_(numbers)]
    if phone:
        by_call.append(CallRow.caller.in_(spellings(phone)))
        by_line.append(WaitingCallRow.caller.in_(spellings(phone)))
        by_line.append(WaitingCallRow.call_back_to.in_(spellings(phone)))
    queries = (
        select(CallRow.id).where(or_(*by_call)),
        select(WaitingCallRow.call_id).where(or_(*by_line)),
        select(ClaimRow.call_id).where(ClaimRow.policy_id.in_(policies)),
    )
    found = {one for query in queries for one in (await connection.execute(query)).scalars() if one}
    return sorted(found)
