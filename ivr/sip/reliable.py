"""Provisional responses that are known to have arrived (RFC 3262): 100rel, RSeq, RAck, PRACK.

How a session hooks this, as server: `reliably(...)` says whether its 18x go this way. If so, one
`ReliableSender` for each INVITE, with `send=transaction.respond` and a first number from the agent's random
source.

- An 18x is given to `sender.push(response)` instead of to the transaction: Require and RSeq are put on it, and
  it is sent again until its PRACK is there.
- A PRACK: `sender.acknowledged(prack.get("RAck"))`; True: answer it 200 (with the SDP answer, if it brought an
  offer), False: 481.
- A 2xx must wait while an 18x with SDP is not acknowledged: `sender.when_free(answer_now)` calls at once if
  nothing stands in the way. Any other final response may go out at any time.
- `sender.stop()` before the final response is sent and when the session ends; a PRACK that comes later is
  still known.
- `failed()` is called when no PRACK came within 64*T1: the INVITE is then refused with a 5xx (504).

As client: one `ReliableReceiver` for each early dialog (each To tag). Every 101…199 that is `is_reliable`
goes through `receiver.take(rseq, invite's cseq)`: a text is the RAck of the PRACK to send, and the response is
worked on; None means that the response is dropped without a word (a repeated one, or one out of order).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Literal

from ivr.clock import Clock, TimerHandle

if TYPE_CHECKING:
    from ivr.sip.message import Response

Policy = Literal["off", "offered", "required"]

LAST_RSEQ = 2**31 - 1
"""The largest number of a first reliable response (RFC 3262, section 3)."""

_RACK = re.compile(r"\s*(\d{1,10})\s+(\d{1,10})\s+(\S+)\s*")


def reliably(policy: Policy, *, required: bool, supported: bool) -> bool:
    """Whether the 18x to an INVITE go reliably; the INVITE's Require and Supported are asked for "100rel".

    Wherever the caller can, unless it is "off". ("off" means that the agent does not know the extension: it
    refuses a caller who requires it with 420. "required": it refuses one who cannot with 421.)
    """
    return policy != "off" and (required or supported)


def is_reliable(status: int, require: Collection[str], rseq: int | None) -> bool:
    """Whether a response wants a PRACK (section 4): never a 100, and only with Require and RSeq."""
    return 100 < status < 200 and "100rel" in require and rseq is not None


def parse_rack(text: str | None) -> tuple[int, int, str] | None:
    """A RAck header's response number, CSeq number and method; None if it is missing or malformed."""
    found = _RACK.fullmatch(text or "")
    return (int(found[1]), int(found[2]), found[3]) if found else None


class ReliableSender:
    """The server's side of one INVITE: one 18x at a time, each repeated until its PRACK comes.

    `t1` is in seconds; repeats go out over TCP too, because a proxy on the way may change the transport.
    """

    __slots__ = (
        "_clock",
        "_cseq",
        "_current",
        "_deadline",
        "_failed",
        "_free",
        "_handle",
        "_next",
        "_queue",
        "_send",
        "_t1",
        "_wait",
    )

    def __init__(
        self,
        cseq: int,
        *,
        clock: Clock,
        first: int,
        send: Callable[[Response], None],
        failed: Callable[[], None],
        t1: float = 0.5,
    ) -> None:
        self._cseq = cseq
        self._clock = clock
        self._next = first
        self._send = send
        self._failed = failed
        self._t1 = t1
        self._current: tuple[int, Response] | None = None
        self._queue: deque[Response] = deque()
        self._free: Callable[[], None] | None = None
        self._handle: TimerHandle | None = None
        self._wait = 0.0
        self._deadline = 0.0

    @property
    def pending(self) -> bool:
        """Whether a PRACK is being waited for."""
        return self._current is not None

    @property
    def pending_sdp(self) -> bool:
        """Whether SDP is under way that is not acknowledged yet: no 2xx before it is (section 3)."""
        return (self._current is not None and bool(self._current[1].body)) or any(r.body for r in self._queue)

    def push(self, response: Response) -> None:
        """Send this 18x reliably, after those before it."""
        self._queue.append(response)
        if self._current is None:
            self._send_next()

    def acknowledged(self, rack: str | None) -> bool:
        """A PRACK came with this RAck. Whether it belongs to the response that waits for one."""
        if self._current is None or parse_rack(rack) != (self._current[0], self._cseq, "INVITE"):
            return False
        self._current = None
        self._cancel()
        self._send_next()
        self._tell_if_free()
        return True

    def when_free(self, call: Callable[[], None]) -> None:
        """Run `call` as soon as a 2xx may be sent: at once, or when the SDP under way is acknowledged."""
        self._free = call
        self._tell_if_free()

    def stop(self) -> None:
        """The final response goes out, or the session ended: repeat nothing, send nothing that is queued."""
        self._cancel()
        self._queue.clear()
        self._free = None

    def _tell_if_free(self) -> None:
        if self._free is not None and not self.pending_sdp:
            call, self._free = self._free, None
            call()

    def _send_next(self) -> None:
        if not self._queue:
            return
        response = self._queue.popleft()
        response.set("Require", "100rel")
        response.set("RSeq", str(self._next))
        self._current = (self._next, response)
        self._next += 1
        self._wait = self._t1
        self._deadline = self._clock.time() + 64 * self._t1
        self._repeat_later()
        self._send(response)

    def _repeat(self) -> None:
        if self._current is None:
            return
        if self._clock.time() >= self._deadline:
            self.stop()
            self._current = None
            self._failed()
            return
        self._wait *= 2
        self._repeat_later()
        self._send(self._current[1])

    def _repeat_later(self) -> None:
        """The wait doubles without a limit until 64*T1 have passed (section 3)."""
        self._handle = self._clock.call_at(min(self._clock.time() + self._wait, self._deadline), self._repeat)

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class ReliableReceiver:
    """The client's side of one early dialog: takes reliable responses in their order, each once."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def take(self, rseq: int | None, cseq: int) -> str | None:
        """The RAck of the PRACK for a response with this RSeq to our INVITE number `cseq`; None: drop it."""
        if not rseq or (self._last is not None and rseq != self._last + 1):
            return None
        self._last = rseq
        return f"{rseq} {cseq} INVITE"
