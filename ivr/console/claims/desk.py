"""What the pages of claims and their API share: filters, names, what a claim's page tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from fastapi import Request

from ivr.console.pages import language_of
from ivr.console.parts import ConsoleParts
from ivr.services.words import CLAIM_DOCUMENTS, CLAIM_KINDS, claim_kind
from policy_db.claim_facts import ClaimCase, ClaimFilter, ClaimView, Duplicate
from policy_db.claims import QUESTIONS
from policy_db.errors import NotFoundError
from policy_db.facts import ClaimStatus, Recording
from policy_db.message_facts import Transcript
from policy_db.transcriptions import TranscriptionState

VIEWS: Final[tuple[ClaimView, ...]] = get_args(ClaimView)
STATUSES: Final[tuple[ClaimStatus, ...]] = get_args(ClaimStatus)
DOCUMENTS: Final = CLAIM_DOCUMENTS
KINDS: Final = CLAIM_KINDS
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer in the caller's own voice, and what it says in writing where that is known."""

    recording: Recording
    transcript: Transcript | None
    state: TranscriptionState | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A question of the report and what was answered: a word or text, recordings, or nothing (yet)."""

    question: str
    value: str
    spoken: tuple[Spoken, ...]


def wanted_of(query: Mapping[str, str], user: str) -> ClaimFilter:
    """The filter in an address; words that are no filter are left out."""

    def word(name: str) -> str:
        return query.get(name, "").strip()[:_LONGEST]

    view, order = word("view"), word("order")
    return ClaimFilter(
        view=cast("Any", view if view in VIEWS else "open"),
        q=word("q"),
        status=word("status"),
        kind=word("kind"),
        adjuster=word("adjuster"),
        user=user,
        order=cast("Any", order if order in ("newest", "oldest") else "newest"),
    )


async def claim_for(parts: ConsoleParts, number: str) -> ClaimCase:
    """The claim. Raises NotFoundError."""
    found = await parts.database.claim_reviews.find(number)
    if found is None:
        raise NotFoundError("There is no claim of that number.")
    return found


async def answers_of(parts: ConsoleParts, case: ClaimCase) -> tuple[Answer, ...]:
    """The questions of the report in their order, each with what was answered."""
    record = await parts.database.claims.find(case.number)
    if record is None:
        return ()
    spoken: dict[str, list[Spoken]] = {}
    for question, recordings in record.recordings.items():
        for id_ in recordings:
            found = await parts.database.recordings.find(id_)
            if found is not None and found.state != "discarded":
                transcript = await parts.database.messages.transcript(id_)
                state = await parts.database.transcriptions.state_of(id_)
                spoken.setdefault(question, []).append(Spoken(found, transcript, state))
    return tuple(
        Answer(
            question, _readable(question, record.answers.get(question, "")), tuple(spoken.get(question, ()))
        )
        for question in QUESTIONS
    )


def _readable(question: str, value: str) -> str:
    return claim_kind(value) if question == "kind" and value else value


async def adjusters(parts: ConsoleParts) -> dict[str, str]:
    """Who may handle claims: user names and how they are called."""
    users = await parts.database.users.all()
    return {
        user.name: user.display
        for user in users
        if not user.disabled and {"reviewer", "manager"} & set(user.roles)
    }


async def duplicates_of(parts: ConsoleParts, case: ClaimCase) -> tuple[Duplicate, ...]:
    """Other claims that may be about the same loss."""
    return (await parts.database.claim_reviews.duplicates([case])).get(case.number, ())


def company_name(request: Request, parts: ConsoleParts, visitor: Any) -> str:
    """The company as it is called in the visitor's language."""
    company = parts.flows.current.hotline.company
    in_english = company.get("name_en") if language_of(request, visitor) == "en" else None
    return in_english or company.get("name", "")
