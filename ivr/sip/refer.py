"""Transfers: REFER and the NOTIFYs that tell how they went (RFC 3515, 4488, 5589).

How a session hooks this, when it is asked to transfer (it gets a REFER):

- `parse_refer_to(request.all("Refer-To"))` gives the target or raises SipSyntaxError. After the user agreed:
  202, with ("Refer-Sub", "false") if `request.get("Refer-Sub")` is one that `wants_no_subscription` and
  Supported names "norefersub"; otherwise make a `Notifier`, call `start()` after the 202 is out, and give the
  user `notifier.progress` to report by. `notify(notice)` sends one NOTIFY with `notice.headers()` and
  `notice.body`; its outcome comes back by `notifier.delivered(status)` (408 for a timeout).
- The first REFER of a dialog may go without an id, every later one has its CSeq number (RFC 3515, section 2.4.6).

When it transfers its peer (it sends a REFER): one `Referral` with the REFER's CSeq number (or `sent(number)`
whenever it goes out) and `report`.

- The response: `referral.answered(status, response.get("Refer-Sub"))`.
- Every NOTIFY: `referral.concerns(request.get("Event"))` finds the one it is for (no other: 481), then
  `referral.notified(...)` gives the status to answer it with.
- Once `referral.over` it can be forgotten. `report(status)` gets every state of the new call, and exactly one
  final one (≥ 200): 2xx it stands, 202 for a peer that was told not to tell, 408 nothing was heard in time,
  487 our own session ended before.

`close()` both when the session ends: the subscription belongs to its dialog.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from ivr.clock import Clock, TimerHandle
from ivr.sip.message import REASONS
from ivr.sip.replaces import Place
from ivr.sip.uri import NameAddr, SipSyntaxError, Uri

CONTENT_TYPE = "message/sipfrag;version=2.0"
EXPIRES = 180
"""Seconds a transfer may take before its subscription ends."""

_FIRST_NOTIFY = (
    32.0  # seconds within which the first NOTIFY comes: 64*T1 (RFC 6665, section 4.1.2.4, timer N)
)
_GRACE = 32.0  # what the last NOTIFY may take beyond the expiry, repeated as it is over UDP
_STATUS_LINE = re.compile(rb"SIP/2\.0 +(\d{3})(?: [^\r\n]*)?(?:\r?\n|\Z)")
_EVENT = re.compile(r"\s*refer\s*(?:;\s*(.*))?", re.IGNORECASE | re.DOTALL)


class Target(NamedTuple):
    """Where a REFER sends us: a plain URI, and the value of the Replaces header to send with it ("" if none)."""

    uri: Uri
    replaces: str


def parse_refer_to(values: Sequence[str]) -> Target:
    """The target of a REFER's Refer-To headers. Raises SipSyntaxError: 400, or 501 for another method than INVITE.

    RFC 3515, section 2.4.2: exactly one Refer-To.
    """
    if len(values) != 1:
        raise SipSyntaxError("One Refer-To Is Needed")
    uri = NameAddr.parse(values[0]).uri
    if (uri.params.get("method") or "INVITE").upper() != "INVITE":
        raise SipSyntaxError("Only INVITE Can Be Referred To", 501)
    replaces = next((value for name, value in uri.headers.items() if name.lower() == "replaces"), "")
    # Read and written anew: what stands escaped in a URI may unfold to more than one header.
    return Target(uri.plain(), str(Place.parse(unquote(replaces, "latin-1"))) if replaces else "")


def refer_to(uri: Uri, escaped_replaces: str = "") -> str:
    """A Refer-To header's value; `escaped_replaces` as `Place.escaped()` gives it."""
    return f"<{uri.plain()}?Replaces={escaped_replaces}>" if escaped_replaces else f"<{uri.plain()}>"


def wants_no_subscription(refer_sub: str | None) -> bool:
    """Whether a Refer-Sub header says false (RFC 4488)."""
    return (refer_sub or "").split(";")[0].strip().lower() == "false"


def sipfrag(status: int, reason: str = "") -> bytes:
    """The body of a NOTIFY: a status line (RFC 3420)."""
    return (
        f"SIP/2.0 {status} {reason or REASONS.get(status, '')}".rstrip().encode("latin-1", "replace")
        + b"\r\n"
    )


def parse_sipfrag(body: bytes) -> int | None:
    """The status in a NOTIFY's body, 100…699; None if there is none."""
    found = _STATUS_LINE.match(body)
    return int(found[1]) if found and 100 <= int(found[1]) <= 699 else None


class Notice(NamedTuple):
    """One NOTIFY: its Event and Subscription-State headers, and its body of type `CONTENT_TYPE`."""

    event: str
    subscription_state: str
    body: bytes

    def headers(self) -> list[tuple[str, str]]:
        """Event and Subscription-State."""
        return [("Event", self.event), ("Subscription-State", self.subscription_state)]


class Notifier:
    """Tells who sent us a REFER how the new call goes: one NOTIFY at a time, the last one terminated."""

    __slots__ = (
        "_busy",
        "_clock",
        "_ended",
        "_expiry",
        "_handle",
        "_id",
        "_next",
        "_notify",
        "_started",
        "over",
    )

    def __init__(
        self,
        refer_cseq: int | None,
        *,
        clock: Clock,
        notify: Callable[[Notice], None],
        ended: Callable[[], None],
        expires: int = EXPIRES,
    ) -> None:
        """`refer_cseq`: the id in Event, None for the first REFER of a dialog. `ended()`: forget me."""
        self._id = refer_cseq
        self._clock = clock
        self._notify = notify
        self._ended = ended
        self._expiry = clock.time() + expires
        self._handle: TimerHandle | None = clock.call_at(self._expiry, self._expired)
        self._busy = False
        self._started = False
        self._next: tuple[int, str] | None = None
        self.over = False
        """Whether the last NOTIFY is out, or nothing can be told any more."""

    def start(self) -> None:
        """The first NOTIFY, sent at once (RFC 3515, section 2.4.4), unless one is out already."""
        if not self._started:
            self.progress(100)

    def progress(self, status: int, reason: str = "") -> None:
        """The new call got this response. What comes while a NOTIFY is under way is told afterwards: the latest."""
        if self.over or (self._next is not None and self._next[0] >= 200):
            return
        self._next = (status, reason)
        self._send_next()

    def delivered(self, status: int) -> None:
        """The outcome of the NOTIFY that was sent last; a refusal ends the subscription (RFC 6665, section 4.2.2)."""
        self._busy = False
        if self.over:
            self._ended()
        elif status >= 300:
            self.close()
            self._ended()
        else:
            self._send_next()

    def close(self) -> None:
        """The session ended: tell nothing more."""
        self.over = True
        self._next = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _expired(self) -> None:
        self._handle = None
        self._next = self._next or (100, "")
        self._send_next()

    def _send_next(self) -> None:
        if self._busy or self._next is None:
            return
        status, reason = self._next
        self._next = None
        self._busy = self._started = True
        left = round(self._expiry - self._clock.time())
        state = f"active;expires={left}" if left > 0 else "terminated;reason=timeout"
        if status >= 200:
            state = "terminated;reason=noresource"
        if not state.startswith("active"):
            self.close()
        event = "refer" if self._id is None else f"refer;id={self._id}"
        self._notify(Notice(event, state, sipfrag(status, reason)))


class Referral:
    """A REFER of ours: gathers its response and NOTIFYs into reports of a status, the final one exactly once."""

    __slots__ = ("_clock", "_cseq", "_handle", "_last", "_report", "over")

    def __init__(self, refer_cseq: int = 0, *, clock: Clock, report: Callable[[int], None]) -> None:
        """`refer_cseq`: 0 where the number is not known yet; then `sent` tells it."""
        self._cseq = refer_cseq
        self._clock = clock
        self._report = report
        self._handle: TimerHandle | None = None
        self._last = 0
        self.over = False
        """Whether the final status has been reported."""

    def sent(self, refer_cseq: int) -> None:
        """The REFER goes out with this number; again, with another, when credentials are asked for."""
        self._cseq = refer_cseq

    def answered(self, status: int, refer_sub: str | None = None) -> None:
        """The REFER's final response; 408 if none came."""
        if self.over or status < 200:
            return
        if status >= 300:
            self._finish(status)
        elif wants_no_subscription(refer_sub):
            self._finish(202)
        elif self._handle is None:  # a NOTIFY may overtake the response
            self._wait(_FIRST_NOTIFY)

    def concerns(self, event: str | None) -> bool:
        """Whether a NOTIFY with this Event is for us: without an id it is for any REFER (RFC 3515, section 2.4.6)."""
        found = _EVENT.fullmatch(event or "")
        if self.over or found is None:
            return False
        for param in (found[1] or "").split(";"):
            name, _, value = (side.strip() for side in param.partition("="))
            if name.lower() == "id":
                return value == str(self._cseq)
        return True

    def notified(self, subscription_state: str | None, content_type: str, body: bytes) -> int:
        """A NOTIFY of ours came. The status to answer it with."""
        if self.over:
            return 481
        state, _, params = (subscription_state or "").partition(";")
        state = state.strip().lower()
        if state not in {"active", "pending", "terminated"}:
            return 400
        status = parse_sipfrag(body)
        if body and state != "terminated":
            if content_type.split(";")[0].strip().lower() not in {"message/sipfrag", ""}:
                return 415
            if status is None:
                return 400
        self._told(status or 0, state, params)
        return 200

    def _told(self, status: int, state: str, params: str) -> None:
        if status >= 200:
            self._finish(status)
        elif state == "terminated":
            self._finish(408)  # it ended without an outcome
        else:
            self._wait(_expires(params) + _GRACE)
            if status > self._last:
                self._last = status
                self._report(status)

    def close(self) -> None:
        """Our session ended: nothing will be heard any more."""
        self._finish(487)

    def _wait(self, seconds: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._clock.call_at(self._clock.time() + seconds, self._unheard)

    def _unheard(self) -> None:
        self._finish(408)

    def _finish(self, status: int) -> None:
        if self.over:
            return
        self.over = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._report(status)


def _expires(params: str) -> int:
    """Seconds until the subscription ends, 1…3600; `EXPIRES` where it does not say."""
    found = re.search(r"(?:^|;)\s*expires\s*=\s*(\d{1,10})", params, re.IGNORECASE)
    return min(max(int(found[1]), 1), 3_600) if found else EXPIRES
