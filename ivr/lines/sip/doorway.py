"""How many calls may stand in the door: answered or ringing, and not acknowledged yet.

A caller who never acknowledges costs a place for 32 seconds (RFC 3261, section 13.3.1.4), and his address may be
forged. So no one source gets more than a share of the places that way, and when the house is full, those who
have been in the door for longest make room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ivr.sip.guard_sources import source_key

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.lines.sip.leg import SipLeg
    from ivr.sip.network import Flow

#: What part of all places one source may hold so; and so many in any case.
_SHARE: Final = 4
_LEAST: Final = 8
#: Seconds after which a place is taken from who has not acknowledged: the answer was sent three times by then.
PATIENCE: Final = 2.0


class Doorway:
    """The calls that are not acknowledged, the oldest first."""

    __slots__ = ("_clock", "_legs", "_most", "_sources", "_trusts")

    def __init__(self, places: int, *, clock: Clock, trusts: Callable[[str], bool]) -> None:
        """`trusts` says of a numeric address whether it is on the site's own list: its calls are not counted."""
        self._clock = clock
        self._trusts = trusts
        self._most = max(_LEAST, places // _SHARE)
        self._legs: dict[SipLeg, tuple[str, float]] = {}
        self._sources: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._legs)

    def admits(self, flow: Flow) -> bool:
        """Whether one more from there may come in."""
        return self._sources[source_key(flow.host, flow.port)] < self._most or self._trusts(flow.host)

    def enter(self, leg: SipLeg, flow: Flow) -> None:
        """A new call."""
        if not self._trusts(flow.host):
            key = source_key(flow.host, flow.port)
            self._legs[leg] = key, self._clock.time()
            self._sources[key] += 1

    def leave(self, leg: SipLeg) -> None:
        """It is acknowledged, or over. Harmless if it is not there."""
        key, _ = self._legs.pop(leg, ("", 0.0))
        if key:
            self._sources[key] -= 1
            if not self._sources[key]:
                del self._sources[key]

    def overdue(self) -> SipLeg | None:
        """The call whose place another may have: the oldest that was answered long enough ago; None if none was."""
        latest = self._clock.time() - PATIENCE
        for leg, (_, since) in self._legs.items():
            if since > latest:
                return None
            if leg.unheeded:
                return leg
        return None
