"""The line's registration with a PBX or trunk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

import structlog

from ivr.clock import Clock
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.dialling import registrar_of, route_of, sender_of
from ivr.sip.digest import Credentials
from ivr.sip.network import Flow
from ivr.sip.registration import Registration, RegistrationSettings, RegistrationState
from ivr.sip.uri import Uri

if TYPE_CHECKING:
    from ivr.sip.agent import UserAgent

log = structlog.get_logger("ivr.lines.sip")


def credentials_of(settings: SipSettings) -> Credentials | None:
    """Whom we are to registrar and proxy; None where no secret is known."""
    return Credentials(settings.user, settings.secret) if settings.secret else None


class Account:
    """Keeps the line registered from `start` to `stop`."""

    def __init__(
        self,
        settings: SipSettings,
        agent: UserAgent,
        *,
        clock: Clock,
        token: Callable[[], str],
        random: Random,
        locate: Callable[[Uri, Callable[[Sequence[Flow]], None]], None],
        known: Callable[[Flow], None],
    ) -> None:
        """`known` is told each flow of the registrar that has taken us, found by `locate`.

        Raises LineError (H201) for a registrar or proxy that is no address.
        """
        self._registrar = settings.registrar
        self._hop = next(iter(route_of(settings)), None) or registrar_of(settings)
        self._locate = locate
        self._known = known
        self._flows: set[Flow] = set()
        self._registration = Registration(
            RegistrationSettings(
                registrar=registrar_of(settings),
                account=sender_of("", settings, ""),
                credentials=credentials_of(settings),
                proxy=next(iter(route_of(settings)), None),
                expires=settings.register_for,
            ),
            clock=clock,
            send=agent.send,
            token=token,
            chance=random.random,
            on_change=self._changed,
        )

    @property
    def registered(self) -> bool:
        """Whether the registrar knows us at present."""
        return self._registration.registered

    def start(self) -> None:
        """Register."""
        self._registration.start()

    def failed(self, flow: Flow) -> None:
        """A flow broke: if it was the registrar's, it is to know us anew."""
        if flow in self._flows:
            self._flows.discard(flow)
            self._registration.lost()

    async def stop(self) -> None:
        """Have the registrar forget us; it is given a moment to do so."""
        left = asyncio.Event()
        self._registration.stop(left.set)
        await left.wait()

    def _changed(self, state: RegistrationState, reason: str) -> None:
        tell = log.warning if state in ("refused", "waiting") else log.info
        if state == "registered":
            self._locate(self._hop, self._located)
        tell("line.registration", registrar=self._registrar, state=state, reason=reason)

    def _located(self, flows: Sequence[Flow]) -> None:
        for flow in flows:
            if flow not in self._flows:
                self._flows.add(flow)
                self._known(flow)
