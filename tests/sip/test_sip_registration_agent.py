"""A registration by way of the user agent, at a registrar that asks for digests as ours does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ivr.clock import VirtualClock
from ivr.sip.agent import UserAgent
from ivr.sip.digest import Credentials, DigestGate, Passed, Refused
from ivr.sip.message import Request, parse, respond
from ivr.sip.network import Flow
from ivr.sip.registration import Registration, RegistrationSettings
from ivr.sip.uri import NameAddr, Uri
from ivr.sip.users import AgentSettings
from tests.sip.fake_network import FakeNetwork

if TYPE_CHECKING:
    from ivr.sip.session import Session
    from ivr.sip.users import Headers

REGISTRAR = Flow("udp", "198.51.100.20", 5060)
SECRET = "open sesame"


class NobodyCalls:
    """An `AgentUser` of whom nothing is asked."""

    def invited(self, session: Session) -> None:
        raise AssertionError("nobody calls")

    def options(self) -> tuple[int, Headers]:
        return 200, ()

    def accepts(self) -> int:
        return 486

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        raise AssertionError(f"{what}: {detail}")


class Site:
    """A user agent, and a registrar 20 ms away."""

    def __init__(self, secret: str = SECRET) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.network = FakeNetwork(self.clock)
        self.network.names["insurer.example"] = [REGISTRAR]
        self.network.on_send = self._travel
        self.gate = DigestGate("insurer.example", {"95500": SECRET}.get, self.clock, b"k" * 16)
        self.bindings: list[tuple[str | None, int | None]] = []
        self.asked = 0
        self.alive = True
        numbers = itertools.count(1)
        self.agent = UserAgent(
            AgentSettings(),
            clock=self.clock,
            network=self.network,
            token=lambda: f"token{next(numbers)}",
            user=NobodyCalls(),
        )
        self.registration = Registration(
            RegistrationSettings(
                registrar=Uri.parse("sip:insurer.example"),
                account=NameAddr.parse("<sip:95500@insurer.example>"),
                credentials=Credentials("95500", secret),
            ),
            clock=self.clock,
            send=self.agent.send,
            token=lambda: f"token{next(numbers)}",
            chance=lambda: 0.0,
            on_change=lambda _state, _reason: None,
        )

    def _travel(self, data: bytes, _flow: Flow) -> None:
        if self.alive:
            self.clock.call_at(self.clock.time() + 0.02, lambda: self._register(data))

    def _register(self, data: bytes) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        self.asked += 1
        verdict = self.gate.check(request)
        if isinstance(verdict, Refused):
            response = respond(request, 401, to_tag="r", headers=self.gate.challenge(stale=verdict.stale))
        else:
            assert verdict == Passed("95500")
            self.bindings.append((request.get("Contact"), request.expires))
            headers = [("Contact", f"{request.get('Contact')};expires={request.expires}")]
            response = respond(request, 200, to_tag="r", headers=headers)
        self.clock.call_at(self.clock.time() + 0.02, lambda: self.agent.received(bytes(response), REGISTRAR))

    def advance(self, to: float) -> None:
        while (due := self.clock.next_timer()) is not None and due <= to:
            self.clock.advance_to_next()


CONTACT = "<sip:hotline@192.0.2.1:5060>"


def test_it_registers_refreshes_over_stale_nonces_and_unregisters() -> None:
    site = Site()
    site.registration.start()
    site.advance(1000.0)
    assert site.registration.state == "registered"
    assert site.bindings == [(CONTACT, 600)] * 2
    assert site.asked == 4  # the registrar's nonces live shorter than the registration
    site.registration.stop()
    site.advance(1100.0)
    assert site.bindings[-1] == (CONTACT, 0)
    assert not site.registration.registered
    site.advance(2000.0)
    assert (site.agent.transactions, site.clock.next_timer()) == (0, None)


def test_a_registrar_that_went_away_is_found_again() -> None:
    site = Site()
    site.registration.start()
    site.advance(100.0)
    site.alive = False
    site.advance(700.0)
    assert (site.registration.state, site.registration.registered) == ("waiting", False)
    site.alive = True
    site.advance(1000.0)
    assert site.registration.registered


def test_a_name_that_leads_nowhere_is_looked_up_again_later() -> None:
    site = Site()
    site.network.names.clear()
    site.registration.start()
    assert (site.registration.state, site.registration.reason) == ("waiting", "503 no answer")
    site.network.names["insurer.example"] = [REGISTRAR]
    site.advance(10.0)
    assert site.registration.registered


def test_a_wrong_secret_is_refused_after_two_requests() -> None:
    site = Site(secret="sesame open")
    site.registration.start()
    site.advance(60.0)
    assert (site.registration.state, site.asked) == ("refused", 2)
