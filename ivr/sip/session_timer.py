"""Session timers (RFC 4028): a call whose other side has vanished does not stay up for ever.

How a session hooks this: one `SessionTimer` for each session, made with the agent's `TimerPolicy`.

- Every request that refreshes the session (INVITE, re-INVITE, UPDATE) which we send carries
  `timer.request_headers()`, made anew each time, and "timer" in Supported unless `policy.mode` is "off".
- Its 2xx: `timer.answered(response.get("Session-Expires"))`. Its 422: if `timer.too_brief(min_se)`
  gives True, the request goes out once more with new `request_headers()`; otherwise it has failed.
- A refresh that failed in a way that does not end the call (not 408, 481 or a timeout, which do):
  `timer.refresh_failed()`.
- Every such request which we receive: `timer.refusal(...)` first; headers in return mean: answer 422 with them.
  With its 2xx go the headers of `timer.accept(...)`, which also starts the timer.
- `refresh()` is called when it is for us to refresh: by UPDATE without SDP where `refresh_method` says so, by
  re-INVITE with the present SDP otherwise. `expire()` is called when the session was not refreshed in time: BYE.
- `timer.stop()` when the session ends, whatever the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from ivr.clock import Clock, TimerHandle

Mode = Literal["off", "offered", "always"]

LEAST = 90
"""The smallest session interval there is, in seconds (RFC 4028, section 4)."""

_SANE_LEAST = (
    30  # a peer that breaks the rule above is obeyed down to this, so that it cannot drive our timers
)
_SANE_MOST = 86_400
_FIRST_RETRY = 5.0  # seconds until a refresh that was refused is tried again, at least
_VALUE = re.compile(r"\s*(\d{1,10})\s*(?:;(.*))?", re.DOTALL)
_REFRESHER = re.compile(r"\s*refresher\s*=\s*\"?(uac|uas)\"?\s*", re.IGNORECASE)


class TimerPolicy(NamedTuple):
    """What we want. `expires` and `least` are in seconds, `least` is never taken as less than 90.

    "off": we know nothing of session timers. "offered": they run when both sides know them. "always": also
    with a peer that does not, by refreshing the session ourselves.
    """

    mode: Mode = "offered"
    expires: int = 1800
    least: int = LEAST


class SessionExpires(NamedTuple):
    """A Session-Expires header: the interval in seconds, and who refreshes ("" if it is left open)."""

    seconds: int
    refresher: Literal["uac", "uas", ""] = ""

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


def parse_session_expires(text: str | None) -> SessionExpires | None:
    """The header's value; None if there is none, or none that can be understood (it is then as if absent)."""
    found = _VALUE.fullmatch(text or "")
    if found is None:
        return None
    for param in (found[2] or "").split(";"):
        if refresher := _REFRESHER.fullmatch(param):
            return SessionExpires(int(found[1]), "uac" if refresher[1].lower() == "uac" else "uas")
    return SessionExpires(int(found[1]))


def refresh_method(peer_allows: Collection[str]) -> Literal["UPDATE", "INVITE"]:
    """By which method to refresh: UPDATE if the peer's Allow names it, as section 7.4 recommends."""
    return "UPDATE" if "UPDATE" in peer_allows else "INVITE"


class SessionTimer:
    """One session's timer, in whichever role. Never more than one timer of the clock is pending."""

    __slots__ = (
        "_asked",
        "_clock",
        "_expire",
        "_expiry",
        "_handle",
        "_least",
        "_policy",
        "_refresh",
        "interval",
        "refresher",
    )

    def __init__(
        self,
        policy: TimerPolicy,
        *,
        clock: Clock,
        refresh: Callable[[], None],
        expire: Callable[[], None],
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._refresh = refresh
        self._expire = expire
        self._handle: TimerHandle | None = None
        self._expiry = 0.0
        self._asked = max(policy.expires, policy.least, LEAST)
        self._least = LEAST  # the largest Min-SE the other side has told us of
        self.interval = 0
        """The agreed interval in seconds; 0 while no timer runs."""
        self.refresher: Literal["us", "them", ""] = ""
        """Who refreshes; "" while no timer runs."""

    # --- we send the request -------------------------------------------------------------------------

    def request_headers(self) -> list[tuple[str, str]]:
        """Headers for a refreshing request of ours (sections 7.1 and 7.4)."""
        if self._policy.mode == "off":
            return []
        who: Literal["uac", "uas", ""] = ""
        if self.refresher:
            who = "uac" if self.refresher == "us" else "uas"
        wanted = SessionExpires(max(self.interval or self._asked, self._least), who)
        headers = [("Session-Expires", str(wanted))]
        least = max(self._least, self._policy.least)
        if least > LEAST:
            headers.append(("Min-SE", str(min(least, wanted.seconds))))
        return headers

    def too_brief(self, min_se: int | None) -> bool:
        """A 422 with this Min-SE came to our request. Whether to send it again with new headers (section 7.3)."""
        if min_se is None or not self._least < min_se <= _SANE_MOST or self._policy.mode == "off":
            return False
        self._least = min_se
        return True

    def answered(self, session_expires: str | None) -> None:
        """A 2xx came to a refreshing request of ours, with this Session-Expires (section 7.2)."""
        if self._policy.mode == "off":
            return
        agreed = parse_session_expires(session_expires)
        if agreed is not None:
            # Without a refresher the answer breaks the rule; whoever asked does it then.
            self._start(agreed.seconds, "them" if agreed.refresher == "uas" else "us")
        elif self._policy.mode == "always":
            self._start(max(self.interval or self._asked, self._least), "us")
        else:
            self._clear()  # section 7.2: an answer without the header turns the timer off

    def refresh_failed(self) -> None:
        """Our refresh was refused without ending the call: try again while there is time, else let it expire."""
        if self.refresher != "us":
            return
        again = self._clock.time() + max(_FIRST_RETRY, (self._expiry - self._clock.time()) / 2)
        if again < self._expiry:
            self._set(again, self._due)

    # --- we answer the request -----------------------------------------------------------------------

    def refusal(self, session_expires: str | None, *, supported: bool) -> list[tuple[str, str]]:
        """The headers of a 422 if the other side wants a shorter interval than we stand, else nothing.

        `supported`: whether the request's Supported names "timer"; without it a 422 would not be understood.
        """
        asked = parse_session_expires(session_expires)
        least = max(self._policy.least, LEAST)
        if self._policy.mode == "off" or not supported or asked is None or asked.seconds >= least:
            return []
        return [("Min-SE", str(least))]

    def accept(
        self, session_expires: str | None, min_se: int | None, *, supported: bool
    ) -> list[tuple[str, str]]:
        """Start the timer for a refreshing request that we answer with 2xx; the headers of that 2xx (section 9)."""
        if self._policy.mode == "off":
            return []
        self._least = max(self._least, min(min_se or 0, _SANE_MOST))
        asked = parse_session_expires(session_expires)
        if asked is not None and asked.seconds < LEAST:
            asked = None  # no such interval exists; only a proxy before an old caller gets this far
        if asked is None and not supported and self._policy.mode != "always":
            self._clear()
            return []
        refresher: Literal["uac", "uas"] = "uas"
        if supported:
            refresher = (asked.refresher if asked else self._present_role()) or "uac"
        seconds = self._granted(asked)
        self._start(seconds, "us" if refresher == "uas" else "them")
        headers = [("Session-Expires", str(SessionExpires(seconds, refresher)))]
        if supported:
            headers.append(("Require", "timer"))
        return headers

    def _present_role(self) -> Literal["uac", "uas", ""]:
        """The refresher of the running timer, in the words of an answer from us."""
        if not self.refresher:
            return ""
        return "uas" if self.refresher == "us" else "uac"

    def _granted(self, asked: SessionExpires | None) -> int:
        """Never more than was asked, never less than the other side's Min-SE (section 9)."""
        ours = max(self.interval or self._asked, self._least)
        return ours if asked is None else min(asked.seconds, ours)

    # --- time ----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The session is over: nothing runs any more, and whose it was is let go."""
        self._clear()
        self._refresh = self._expire = _nothing

    def _start(self, seconds: int, refresher: Literal["us", "them"]) -> None:
        self.interval = seconds = min(max(seconds, _SANE_LEAST), _SANE_MOST)
        self.refresher = refresher
        now = self._clock.time()
        # Section 10: the BYE leaves slightly before the end.
        self._expiry = now + seconds - min(32.0, seconds / 3)
        if refresher == "us":
            self._set(now + seconds / 2, self._due)
        else:
            self._set(self._expiry, self._over)

    def _due(self) -> None:
        self._set(self._expiry, self._over)
        self._refresh()

    def _over(self) -> None:
        self._clear()
        self._expire()

    def _set(self, when: float, callback: Callable[[], None]) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._clock.call_at(when, callback)

    def _clear(self) -> None:
        self.interval = 0
        self.refresher = ""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def _nothing() -> None:
    """What the timer of a session that is over calls."""
