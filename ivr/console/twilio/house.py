"""What this process keeps for Twilio."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter

from ivr.console.parts import ConsoleParts
from ivr.lines.twilio.access import TwilioAccess, access_of
from ivr.lines.twilio.signatures import Signatures
from ivr.lines.twilio.tickets import TICKETS, StreamTickets

log = structlog.get_logger("ivr.console.twilio")

T = TypeVar("T")

#: How a stream ended other than by a word: its worker was lost, or took no call.
Ending = Literal["lost", "refused"]

#: How often a call that lost its worker is brought to another.
MOST_RETURNS: Final = 2
#: Calls of which it is remembered how their stream ended.
_MOST: Final = 10_000


class _Metrics:
    def __init__(self) -> None:
        self.requests = Counter(
            "hotline_twilio_requests",
            "Requests at Twilio's addresses, by what came of them",
            ["what", "result"],
            registry=CollectorRegistry(),
        )


@dataclass(slots=True)
class TwilioHouse:
    """The account, and the streams of this process."""

    access: TwilioAccess
    signatures: Signatures
    tickets: StreamTickets
    #: The calls whose sound flows, each with what is its stream's alone.
    live: dict[str, str] = field(default_factory=dict)
    _endings: OrderedDict[str, Ending] = field(default_factory=OrderedDict)
    _returns: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _metrics: _Metrics = field(default_factory=_Metrics)

    def count(self, what: str, result: str) -> None:
        """Count a request; a refused one is logged, without what it said."""
        self._metrics.requests.labels(what, result).inc()
        if result != "ok":
            log.warning("twilio.refused", what=what, why=result)

    def left(self, call: str, stream: str) -> None:
        """A stream of a call is over, unless the call has another one by now. Harmless if repeated."""
        if self.live.get(call) == stream:
            del self.live[call]

    def ended(self, call: str, ending: Ending) -> None:
        """The stream of a call ended otherwise than by hanging up."""
        _remember(self._endings, call, ending)

    def ending_of(self, call: str) -> Ending | None:
        """How the last stream of a call ended, told once."""
        return self._endings.pop(call, None)

    def may_return(self, call: str) -> bool:
        """Whether a call that lost its worker may go to another; counted."""
        returns = self._returns.get(call, 0) + 1
        _remember(self._returns, call, returns)
        return returns <= MOST_RETURNS


def house_of(parts: ConsoleParts) -> TwilioHouse | None:
    """The house of this process; None where there is no account."""
    house = parts.shared.get("twilio")
    if house is None:
        access = access_of(parts.settings)
        if access is None:
            return None
        tickets = StreamTickets(parts.database.keys.token(TICKETS), parts.clock)
        house = parts.shared["twilio"] = TwilioHouse(access, Signatures(access), tickets)
    assert isinstance(house, TwilioHouse)  # noqa: S101 - nobody else uses the name
    return house


def _remember(kept: OrderedDict[str, T], call: str, what: T) -> None:
    kept[call] = what
    kept.move_to_end(call)
    while len(kept) > _MOST:
        kept.popitem(last=False)
