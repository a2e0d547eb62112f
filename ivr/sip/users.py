"""What a user of the core gives it and gets from it: the settings, and the calls in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from ivr.sip.digest import DigestGate
    from ivr.sip.network import Flow
    from ivr.sip.session import Session
    from ivr.sip.uri import Uri

EndedBy = Literal["caller", "us", "line"]
State = Literal["early", "answered", "established", "ended"]
Usage = Literal["off", "offered", "required"]
TimerUsage = Literal["off", "offered", "always"]

#: Header fields as names and texts, in their order.
Headers = Sequence[tuple[str, str]]

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")


def nobody_is_trusted(_host: str) -> bool:
    """The allow-list of a site that has none."""
    return False


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How a user agent behaves. Times are in seconds."""

    #: For User-Agent and Server; empty: neither is sent.
    user_agent: str = "hotline"
    #: The user part of our Contact.
    contact_user: str = "hotline"
    #: The methods we carry out; others are answered 405.
    allow: tuple[str, ...] = METHODS
    #: The interval of session timers that we ask for, and the least that we bear (RFC 4028).
    session_expires: int = 1800
    session_least: int = 90
    #: `always`: we refresh by ourselves even where the other side knows nothing of session timers.
    session_timers: TimerUsage = "offered"
    #: New calls are refused with 503 while so many sessions live.
    most_sessions: int = 1000
    #: Provisional responses sent reliably (RFC 3262): never, where the caller knows how, or only so.
    reliable: Usage = "offered"
    #: Goes with every 503.
    retry_after: int = 30
    #: A call that nobody answers or refuses for so long is given up.
    unanswered_seconds: float = 300.0
    #: Requests within a dialog go to where its packets come from when its Contact is elsewhere and no proxy
    #: asked to stay on the path: for telephones behind address translation.
    symmetric_signalling: bool = False
    #: Asked of whoever begins something with us and is not trusted; None: nobody is asked.
    gate: DigestGate | None = field(default=None, repr=False)
    #: Whether a host (numeric address) is on the allow-list.
    trusted: Callable[[str], bool] = nobody_is_trusted


class AgentUser(Protocol):
    """Who answers the calls. An exception out of `invited` refuses that one call with 500."""

    def invited(self, session: Session) -> None:
        """A new call. Sets `session.user`; may ring, answer or refuse at once, or later."""

    def options(self) -> tuple[int, Headers]:
        """The answer to OPTIONS: 200, or 503 while no calls are taken; and header fields to go with it."""

    def accepts(self) -> int:
        """0, or the status with which new calls are refused at present, such as 486 or 503."""

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        """Something for the audit and the metrics, by a short stable name.

        `malformed`, `unauthorised`, `forbidden` (a method we do not carry out), `no_dialog`, `merged`,
        `refused` (extension, scheme, body or hops), `overload`, `user_error` (a callback raised), `error`.
        """


class SessionUser(Protocol):
    """Who uses one session. An exception out of any of these ends that session and no other."""

    def ringing(self, status: int, sdp: bytes) -> None:
        """Outgoing: a response 101…199. `sdp`, if any, describes early media; `answered` makes it final."""

    def offered(self, sdp: bytes) -> bytes | None:
        """The other side offers (re-INVITE, UPDATE, PRACK, or the response to an INVITE of ours without
        one). Returns the answer, or None to leave things as they are (488)."""

    def offer_wanted(self) -> bytes:
        """A complete offer of ours: the other side sent a re-INVITE without one, or the session is refreshed."""

    def answered(self, sdp: bytes) -> None:
        """The other side's answer to our offer, from whatever message it came in."""

    def established(self) -> None:
        """Incoming: our 200 is acknowledged. Outgoing: the other side's 200 is there, and our ACK sent."""

    def info(self, content_type: str, body: bytes) -> bool:
        """An INFO. Returns whether it was understood (200), or not (415)."""

    def referred(self, to: Uri, replaces: str, referred_by: str, report: Callable[[int], None]) -> int:
        """The other side asks us to call `to` (with that Replaces, "" if none).

        Returns 202 to go on, after which `report` takes the statuses of the new call (100…699, the first
        final one is the last), or the status of a refusal, such as 603.
        """

    def flow_changed(self, flow: Flow) -> None:
        """The other side's signalling comes from elsewhere now."""

    def ended(self, by: EndedBy, status: int, reason: str) -> None:
        """It is over: exactly once, and last. `by`: `caller` is the other side, whichever side called."""
