"""What is written down of sources that are shut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.guard_sources import Ban

_log = structlog.get_logger("ivr.lines.sip")

#: So many sources are named within so many seconds; of the others, only how many there were.
MOST: Final = 100
SECONDS: Final = 600.0


class BanLog:
    """One audit line for each source: for `Guard`'s `on_ban`.

    Who forges addresses could have thousands shut out in a second, and must not fill the disk so.
    """

    __slots__ = ("_clock", "_named", "_since", "_unnamed")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = float("-inf")
        self._named = 0
        self._unnamed = 0

    def __call__(self, ban: Ban) -> None:
        """A source was shut out."""
        now = self._clock.time()
        if now - self._since >= SECONDS:
            if self._unnamed:
                _log.warning("more sip sources shut out", sources=self._unnamed)
            self._since, self._named, self._unnamed = now, 0, 0
        if self._named < MOST:
            self._named += 1
            _log.warning("sip source shut out", address=ban.source, why=ban.why, seconds=ban.seconds)
            return
        if not self._unnamed:
            _log.warning("too many sip sources are shut out to name them; see hotline_sip_shut_out_total")
        self._unnamed += 1
