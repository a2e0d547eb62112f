"""What all sessions of one user agent share: its settings, clock, network, tables and fences."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.sip.network import Flow
from ivr.sip.transactions.keys import COOKIE
from ivr.sip.transactions.stamp import via_text
from ivr.sip.uri import host_port

if TYPE_CHECKING:
    from ivr.clock import Clock, TimerHandle
    from ivr.sip.message import Message, Request
    from ivr.sip.network import Network
    from ivr.sip.session import Session
    from ivr.sip.transactions.layer import Transactions
    from ivr.sip.transactions.timers import Timers
    from ivr.sip.users import AgentSettings, AgentUser, Headers

_log = logging.getLogger(__name__)

#: The flow of a call of ours before it has one.
NOWHERE = Flow("udp", "", 0)


def where(error: BaseException) -> str:
    """An exception's type and the place it was raised: what can be told without telling its text.

    The text may hold what a caller typed.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{type(error).__name__} in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"


def allows_update(message: Message) -> bool:
    """Whether the other side says that it takes UPDATE."""
    return any(value.strip().upper() == "UPDATE" for value in message.all("Allow"))


class Core:
    """The common ground of a user agent's parts."""

    __slots__ = (
        "chance",
        "clock",
        "network",
        "sessions",
        "settings",
        "timers",
        "token",
        "transactions",
        "user",
    )

    transactions: Transactions

    def __init__(
        self,
        settings: AgentSettings,
        *,
        clock: Clock,
        network: Network,
        token: Callable[[], str],
        chance: Callable[[], float],
        user: AgentUser,
        timers: Timers,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.network = network
        self.token = token
        #: A random number, 0 ≤ x < 1.
        self.chance = chance
        self.user = user
        self.timers = timers
        #: Every session until its last transaction is done, by Call-ID and our tag.
        self.sessions: dict[tuple[str, str], Session] = {}

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        """Tell the user for its audit; nothing it raises goes further."""
        try:
            self.user.notice(what, flow, detail)
        except Exception as error:
            _log.error("notice of %s failed: %s", what, where(error))

    def caught(self, error: Exception, what: str, flow: Flow = NOWHERE) -> None:
        """Something raised: a user's callback (`user_error`) or the core itself (`error`)."""
        told = where(error)
        _log.error("%s: %s", what, told)
        self.notice(what, flow, told)

    def after(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        """A timer whose callback cannot hurt others."""

        def fenced() -> None:
            try:
                callback()
            except Exception as error:
                self.caught(error, "error")

        return self.clock.call_at(self.clock.time() + seconds, fenced)

    def contact(self, flow: Flow, scheme: str = "sip") -> str:
        """Our Contact for somebody at the other end of the flow."""
        address = host_port(*self.network.sent_by(flow))
        transport = "" if flow.transport == "udp" else f";transport={flow.transport}"
        return f"<{scheme}:{self.settings.contact_user}@{address}{transport}>"

    def named(self, header: str) -> list[tuple[str, str]]:
        """User-Agent or Server, if we say who we are."""
        return [(header, self.settings.user_agent)] if self.settings.user_agent else []

    def allows(self) -> tuple[str, str]:
        """The Allow field."""
        return ("Allow", ", ".join(self.settings.allow))

    def extensions(self) -> list[str]:
        """The option tags we carry out."""
        tags = ["replaces", "norefersub"]
        if self.settings.session_timers != "off":
            tags.append("timer")
        if self.settings.reliable != "off":
            tags.append("100rel")
        return tags

    def abilities(self, *, without: str = "") -> list[tuple[str, str]]:
        """Allow and Supported (but for one): what goes with INVITE and its 2xx, and with OPTIONS."""
        tags = [tag for tag in self.extensions() if tag != without]
        return [self.allows(), ("Supported", ", ".join(tags))]

    def with_retry_after(self, status: int, headers: Headers) -> list[tuple[str, str]]:
        """The header fields of a refusal; those of a 503 say when to come again."""
        if status != 503 or any(name.lower() == "retry-after" for name, _ in headers):
            return [*headers]
        return [("Retry-After", str(self.settings.retry_after)), *headers]

    def send_ack(self, request: Request, flow: Flow) -> bytes:
        """Send the ACK of a 2xx, which is no transaction; its octets, to be sent again."""
        branch = COOKIE + self.token()
        request.insert_first("Via", via_text(flow, self.network.sent_by(flow), branch))
        data = bytes(request)
        self.network.send(data, flow)
        return data
