"""A 2xx to an INVITE, sent again until its ACK is there (RFC 3261, section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.clock import TimerHandle
    from ivr.sip.core import Core
    from ivr.sip.message import Response
    from ivr.sip.transactions.server import ServerTransaction


class Delivery:
    """One 2xx on its way: after T1, then twice as long each time up to T2, for 64*T1 in all.

    It is repeated over TCP too, as the RFC wants: a proxy further on may speak UDP.
    """

    __slots__ = ("_core", "_deadline", "_handle", "_lost", "_response", "_transaction", "_wait")

    def __init__(
        self, core: Core, transaction: ServerTransaction, response: Response, lost: Callable[[], None]
    ) -> None:
        """Send it. `lost`: no ACK came in all that time."""
        self._core = core
        self._transaction = transaction
        self._response = response
        self._lost = lost
        self._wait = core.timers.t1
        self._deadline = core.clock.time() + core.timers.whole
        self._handle: TimerHandle | None = core.after(self._wait, self._again)
        transaction.respond(response)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _again(self) -> None:
        left = self._deadline - self._core.clock.time()
        if left <= 0:
            self._handle = None
            self._lost()
            return
        self._wait = min(2 * self._wait, self._core.timers.t2)
        self._handle = self._core.after(min(self._wait, left), self._again)
        self._transaction.respond(self._response)
