"""What happens on a caller's way to a person, in the order in which it is told: one mailbox, one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ivr.errors import LineError, SeatError
from ivr.flow.instructions import Transfer
from ivr.lines.base import KeyDown, Leg, LegEvent, PlayEnded
from ivr.seats.line import Offer

if TYPE_CHECKING:
    from ivr.seats.ring import Ring


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller has hung up, or the call is over."""


@dataclass(frozen=True, slots=True)
class CallerTold:
    """What the caller's telephone tells: a key, or that something was heard to its end."""

    event: KeyDown | PlayEnded = field(repr=False)


@dataclass(frozen=True, slots=True)
class CallerBack:
    """A caller who was sent to self-service asks for a person again; `level` is their assurance (0 to 2)."""

    request: Transfer
    policy: str
    level: int


@dataclass(frozen=True, slots=True)
class PlaceLost:
    """The desk has given the call's place up, as if its worker were dead."""


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The caller has waited for as long as the flow allows."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that was due at a time may be due now."""


@dataclass(frozen=True, slots=True)
class PickedUp:
    """A telephone that rang was answered."""

    ring: Ring
    leg: Leg


@dataclass(frozen=True, slots=True)
class NotPickedUp:
    """A telephone that rang was not answered."""

    ring: Ring
    error: LineError


@dataclass(frozen=True, slots=True)
class LegTold:
    """What somebody's telephone tells who is not the caller."""

    leg: Leg
    event: LegEvent = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """Something that a seat's console, or a supervisor, asks of the call. Whoever reads it answers it."""

    name: str
    seat: str
    by: str
    arguments: Mapping[str, Any]
    answer: asyncio.Future[Mapping[str, Any]] = field(repr=False)

    def done(self, facts: Mapping[str, Any]) -> None:
        """It is done, and these are the facts."""
        if not self.answer.done():
            self.answer.set_result(facts)

    def refuse(self, error: Exception) -> None:
        """It cannot be done."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def word(self, name: str) -> str:
        """An argument as text; empty if it is not given."""
        value = self.arguments.get(name)
        return "" if value is None else str(value).strip()


News = (
    Offer
    | CallerGone
    | CallerTold
    | CallerBack
    | PlaceLost
    | TimeUp
    | Tick
    | PickedUp
    | NotPickedUp
    | LegTold
    | Command
)


def not_yet() -> SeatError:
    """Why a command must wait."""
    return SeatError("nobody talks with the caller now; ask again when they are joined", code="H602")


_N = TypeVar("_N")


class Mailbox:
    """News in their order. A telephone that is answered when nobody wants it any more is hung up here."""

    def __init__(self) -> None:
        self._news: deque[News] = deque()
        self._bell = asyncio.Event()
        self._closed = False

    def post(self, news: News) -> None:
        """Tell of something; once closed, nobody hears it."""
        if self._closed:
            _turn_away(news)
            return
        self._news.append(news)
        self._bell.set()

    async def next(self) -> News:
        """The next piece of news."""
        while True:
            while not self._news:
                self._bell.clear()
                await self._bell.wait()
            news = self._news.popleft()
            if not _is_stale(news):
                return news
            _turn_away(news)

    def first(self, kind: type[_N]) -> _N | None:
        """The first piece of news of a kind, taken out; None if there is none."""
        found = next((news for news in self._news if isinstance(news, kind)), None)
        if found is not None:
            self._news.remove(found)
        return found

    def put_back(self, news: News) -> None:
        """Let whoever reads next read this first."""
        self._news.appendleft(news)
        self._bell.set()

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed = True
        while self._news:
            _turn_away(self._news.popleft())


def _is_stale(news: News) -> bool:
    return isinstance(news, PickedUp | NotPickedUp) and not news.ring.live


def _turn_away(news: News) -> None:
    if isinstance(news, PickedUp):
        news.leg.hang_up()
    elif isinstance(news, Command):
        news.refuse(SeatError("the call is over; nothing is left to do", code="H640"))
