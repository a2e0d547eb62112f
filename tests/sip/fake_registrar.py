"""A registrar that is asked by function call: what a `Registration` sends, and answers to choose."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ivr.clock import VirtualClock
from ivr.sip.digest import Credentials
from ivr.sip.message import Request, respond
from ivr.sip.registration import Registration, RegistrationSettings
from ivr.sip.uri import NameAddr, Uri

if TYPE_CHECKING:
    from ivr.sip.dialog import Draft
    from ivr.sip.message import Response

REGISTRAR = Uri.parse("sip:insurer.example")
ACCOUNT = NameAddr.parse("Hotline <sip:95500@insurer.example>")
CONTACT = "<sip:hotline@192.0.2.1:5060>"
SECRET = "open sesame"

Headers = Sequence[tuple[str, str]]


class FakeRegistrar:
    """Stands where the user agent sends. Answers with `script` in its order, or holds the request back.

    An entry is a status, a status with header fields, or None: no answer at all.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.requests: list[Request] = []
        self.times: list[float] = []
        self.hops: list[str] = []
        self.script: list[int | tuple[int, Headers] | None] = []
        self.holds = False
        self.held: list[Callable[[], None]] = []

    def send(
        self, draft: Draft, number: Callable[[], int], done: Callable[[int, Response | None], None]
    ) -> None:
        request = draft.request(number())
        request.add("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKregister")
        self.requests.append(request)
        self.times.append(self.clock.time())
        self.hops.append(str(draft.hop))
        if self.holds:
            self.held.append(lambda: self._answer(request, done))
        else:
            self._answer(request, done)

    def release(self) -> None:
        """Answer what was held back."""
        held, self.held = self.held, []
        self.holds = False
        for answer in held:
            answer()

    def _answer(self, request: Request, done: Callable[[int, Response | None], None]) -> None:
        entry = self.script.pop(0) if self.script else 200
        if entry is None:
            done(408, None)
            return
        status, headers = entry if isinstance(entry, tuple) else (entry, self._granted(request, entry))
        done(status, respond(request, status, to_tag="registrar", headers=headers))

    @staticmethod
    def _granted(request: Request, status: int) -> Headers:
        """What was asked for."""
        return [("Expires", request.get("Expires") or "")] if status == 200 else []


class RegistrationBench:
    """One registration with its registrar, and the states it went through."""

    def __init__(
        self, *, secret: str = SECRET, chance: Callable[[], float] = lambda: 0.0, **settings: object
    ) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.registrar = FakeRegistrar(self.clock)
        self.changes: list[tuple[float, str, str]] = []
        numbers = itertools.count(1)
        values: dict[str, object] = {
            "registrar": REGISTRAR,
            "account": ACCOUNT,
            "credentials": Credentials("95500", secret) if secret else None,
            "contact": CONTACT,
        } | settings
        self.registration = Registration(
            RegistrationSettings(**values),  # type: ignore[arg-type]
            clock=self.clock,
            send=self.registrar.send,
            token=lambda: f"token{next(numbers)}",
            chance=chance,
            on_change=self._changed,
        )

    def _changed(self, state: str, reason: str) -> None:
        self.changes.append((self.clock.time(), state, reason))

    def advance(self, to: float) -> None:
        """Live until that moment, with the timers that are due at it."""
        while (due := self.clock.next_timer()) is not None and due <= to:
            self.clock.advance_to_next()
        self.clock.call_at(to, lambda: None)
        self.clock.advance_to_next()

    @property
    def states(self) -> list[str]:
        """The states it went through."""
        return [state for _, state, _ in self.changes]
