"""What may go wrong between Twilio and a hotline, on request."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class RestFault:
    """What the next request of a kind comes to.

    `status` and `code` are answered (`retry_after` in seconds with them); with `status` 0 there is no answer at all.
    `done`: the request was carried out none the less.
    """

    status: int = 0
    code: int = 0
    retry_after: int | None = None
    done: bool = False


@dataclass(slots=True)
class Faults:
    """How callbacks go astray, and what requests come to.

    `doubled` is how often each callback comes in addition, `lost` the statuses whose callbacks never come, `delay` the
    shortest and the longest time, in seconds, that one takes, each by itself: so they overtake each other. `refused`
    is how numbers are refused, by number: HTTP status and Twilio's code. `account` refuses everything.
    """

    doubled: int = 0
    lost: frozenset[str] = frozenset()
    delay: tuple[float, float] = (0.0, 0.0)
    refused: dict[str, tuple[int, int]] = field(default_factory=dict)
    account: tuple[int, int] | None = None
    #: Calls and messages a second, each; of more, Twilio answers 429 (20429). 0: any number.
    per_second: int = 0
    rest: dict[Literal["call", "message", "look"], deque[RestFault]] = field(default_factory=dict)

    def next(self, what: Literal["call", "message", "look"], *faults: RestFault) -> None:
        """The next requests of a kind (asking for a call, for a message; looking at any) come to these."""
        self.rest.setdefault(what, deque()).extend(faults)

    def take(self, what: Literal["call", "message", "look"]) -> RestFault | None:
        """What this request comes to."""
        waiting = self.rest.get(what)
        return waiting.popleft() if waiting else None
