"""What a seat's page shows, read in a handful of queries: the seat, its call, the caller, who waits, who is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Request

from ivr.console.access import Visitor
from ivr.console.audit import looked_at
from ivr.console.pages import Templates, language_of
from ivr.console.parts import ConsoleParts
from ivr.console.seat.hint import Hint, NoHint, hint_of
from ivr.console.seat.story import Story, story_of
from ivr.console.seat.talk import TalkState, talk_state
from ivr.console.texts import Texts
from ivr.seats.choose import fits
from policy_db.caller_facts import CallerPicture
from policy_db.outreach_facts import Promise
from policy_db.seat_facts import QueueCall, Scene, Seat, Snapshot

#: States in which the seat's last call is still to be noted.
_NOTING: Final = frozenset({"talking", "wrap_up"})
_MOST_WAITING: Final = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Callers that this seat could serve: how many, how long the first has waited, and those who come next."""

    count: int
    first: QueueCall | None
    next: tuple[QueueCall, ...]


@dataclass(frozen=True, slots=True)
class Mine:
    """One seat's page at one moment. `noting` is the call that notes are kept for now, empty if none."""

    now: datetime
    seat: Seat
    scene: Scene
    noting: str
    picture: CallerPicture | None
    story: Story | None
    hint: Hint | NoHint | None
    talk: TalkState | None
    waiting: Waiting
    seats: tuple[Seat, ...]
    queues: dict[str, str]
    #: Open promises to pay, by policy.
    promises: Mapping[str, Promise]

    @property
    def in_person(self) -> bool:
        """Whether the telephone of the seat is the page itself."""
        return self.seat.address == "browser"


class Spoken:
    """Texts in one language, as the story wants them."""

    def __init__(self, texts: Texts, language: str) -> None:
        self._keys = texts.keys
        self.language = language
        self.get = partial(texts.get, language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key."""
        return self.get(key, **values)

    def known(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._keys


def today_of(parts: ConsoleParts) -> date:
    """The company's day."""
    return parts.clock().astimezone(ZoneInfo(parts.settings.zone)).date()


def words_of(request: Request, visitor: Visitor) -> Spoken:
    """The visitor's texts."""
    templates: Templates = request.app.state.templates
    return Spoken(templates.texts, language_of(request, visitor))


async def mine_of(request: Request, parts: ConsoleParts, visitor: Visitor) -> Mine | None:
    """The page of the visitor's seat as it stands; None if they have none. A look at a caller is audited."""
    if visitor.seat is None:
        return None
    seats, words = parts.database.seats, words_of(request, visitor)
    scene, snapshot = await asyncio.gather(seats.scene(seat=visitor.seat), seats.snapshot())
    if scene.seat is None:
        return None
    seat = scene.seat
    noting = await noting_of(parts, seat)
    call = seat.call_id or noting or None
    picture, hint = await asyncio.gather(
        picture_of(parts, visitor, call), _hint_of(parts, call, words.language)
    )
    engaged = picture is not None and seat.call_id is not None
    return Mine(
        now=parts.clock(),
        seat=seat,
        scene=scene,
        noting=noting,
        picture=picture,
        story=None if picture is None else _story(parts, picture, words),
        hint=None if picture is None else hint,
        talk=talk_state(picture.timeline, scene.call, scene.at, seat.id) if engaged and picture else None,
        waiting=_waiting(snapshot, seat),
        seats=snapshot.seats,
        queues={
            name: queue.titles.get(words.language) or name for name, queue in sorted(snapshot.queues.items())
        },
        promises=await _promises(parts, picture),
    )


async def _promises(parts: ConsoleParts, picture: CallerPicture | None) -> dict[str, Promise]:
    policies = () if picture is None else tuple(one.policy.number for one in picture.policies)
    found = await parts.database.promises.page(policies=policies, state="open") if policies else ()
    return {one.policy: one for one in found}


async def _hint_of(parts: ConsoleParts, call: str | None, language: str) -> Hint | NoHint | None:
    return None if call is None else await hint_of(parts, call, language)


async def picture_of(parts: ConsoleParts, visitor: Visitor, call: str | None) -> CallerPicture | None:
    """The picture of a call's caller, whose look is audited; None without a call."""
    if call is None:
        return None
    picture = await parts.database.callers.picture(call, today_of(parts))
    if picture is not None:
        await looked_at(parts, visitor, "call", call)
        if picture.customer is not None:
            await looked_at(parts, visitor, "customer", picture.customer.number)
    return picture


async def noting_of(parts: ConsoleParts, seat: Seat) -> str:
    """The call that the seat keeps notes for: the one it talks in, or that its wrap-up is of."""
    if seat.state not in _NOTING or seat.part in ("consult", "supervisor"):
        return ""
    if seat.call_id is not None:
        return seat.call_id
    moves = await parts.database.seats.history(seat.id, limit=5)
    return next((one.call_id for one in moves if one.after == "wrap_up" and one.call_id), "")


def _story(parts: ConsoleParts, picture: CallerPicture, words: Spoken) -> Story:
    return story_of(picture.timeline, parts.flows.current, words.language, words)


def _waiting(snapshot: Snapshot, seat: Seat) -> Waiting:
    found = [
        call
        for call in snapshot.calls
        if call.state == "waiting"
        and call.queue in snapshot.queues
        and fits(call, snapshot.queues[call.queue], seat)
    ]
    found.sort(key=lambda call: call.entered_at)
    return Waiting(len(found), found[0] if found else None, tuple(found[:_MOST_WAITING]))


def masked(number: str) -> str:
    """A telephone number of which the middle is hidden: enough to recognise it, not to read it out."""
    digits = number.strip()
    if len(digits) < 7:
        return digits
    head = 6 if digits.startswith("+86") else 3
    return f"{digits[:head]}{'•' * (len(digits) - head - 4)}{digits[-4:]}"


def colleagues(seats: Sequence[Seat], me: str) -> list[Seat]:
    """Other seats that are there, those that are ready first."""
    return sorted((one for one in seats if one.id != me), key=lambda one: (one.state != "ready", one.name))
