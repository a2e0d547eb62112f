"""The settings of a line's parts, from those of the line."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from ivr.clock import Clock, SystemClock
from ivr.errors import LineError
from ivr.lines.sip import srtp
from ivr.lines.sip.addresses import family
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.dialling import registrar_of, route_of
from ivr.lines.sip.tls import client_context, server_context
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.sip.digest import DigestGate
from ivr.sip.guard import GuardSettings
from ivr.sip.users import AgentSettings

#: Sessions beyond the line's calls: those whose last transaction is not over.
_SESSIONS_A_CALL = 4
#: How much of the new calls one source may have: the rest is for others.
_SHARE = 0.8
#: How many addresses it is remembered of whether they are on the list.
_REMEMBERED = 1024


def transport_settings(settings: SipSettings) -> TransportSettings:
    """Where SIP is taken."""
    return TransportSettings(
        host=settings.host,
        port=settings.port,
        udp="udp" in settings.transports,
        tcp="tcp" in settings.transports,
        tls=bool(settings.tls_port),
        tls_port=settings.tls_port,
        tls_certificate=_path(settings.tls_certificate),
        tls_key=_path(settings.tls_key),
        tls_authorities=_path(settings.tls_ca),
        public_address=settings.public_address,
        udp_keep_alive=bool(settings.registrar),
    )


def guard_settings(settings: SipSettings) -> GuardSettings:
    """Who may speak to us, and how much."""
    return GuardSettings(
        networks=settings.peers,
        strangers=bool(settings.accept_user),
        calls_per_second=settings.calls_per_second,
        call_burst=2 * settings.calls_per_second,
        source_calls=_SHARE * settings.calls_per_second,
        source_call_burst=2 * _SHARE * settings.calls_per_second,
        ban_seconds=settings.ban_seconds,
    )


def agent_settings(settings: SipSettings, clock: Clock) -> AgentSettings:
    """How the core behaves. Raises LineError (H231) for encryption that is demanded and not installed."""
    if settings.srtp == "required" and not srtp.available():
        raise LineError("encrypted audio needs libsrtp; install insurance-hotline[srtp]", code="H231")
    gate = None
    if settings.accept_user:
        gate = DigestGate(settings.realm, _secrets(settings).get, clock, secrets.token_bytes(32))
    return AgentSettings(
        user_agent=settings.user_agent,
        contact_user=settings.user,
        session_expires=settings.session_expires,
        session_least=settings.session_least,
        session_timers=settings.session_timers,
        most_sessions=settings.most_calls * _SESSIONS_A_CALL,
        retry_after=settings.retry_after,
        symmetric_signalling=settings.symmetric_rtp != "off",
        gate=gate,
        trusted=_within(settings.peers),
    )


async def check(settings: SipSettings) -> None:
    """Whether a line could start with these settings, as far as that is seen without opening anything.

    Raises LineError: H201 a setting cannot be, H205 a certificate cannot be used, H231 encryption is demanded
    and not installed.
    """
    transports = transport_settings(settings)
    if transports.tls:
        server_context(transports)
    client_context(transports)
    agent_settings(settings, SystemClock())
    route_of(settings)
    if settings.registrar:
        registrar_of(settings)
    await public_address(settings)


async def public_address(settings: SipSettings) -> str:
    """The numeric form of the address to show to the world; empty if there is none.

    Raises LineError (H201) for a name that leads nowhere.
    """
    name = settings.public_address
    if not name or family(name) is not None:
        return name
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise LineError(
            f"the public address {name!r} is not known ({error.strerror}); write its number", code="H201"
        ) from None
    return str(found[0][4][0])


def _within(networks: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a numeric address lies in one of the networks."""
    known = tuple(ip_network(network) for network in networks)

    @lru_cache(_REMEMBERED)
    def listed(host: str) -> bool:
        address = ip_address(host)
        return any(address in network for network in known)

    return listed


def _secrets(settings: SipSettings) -> dict[str, str]:
    return {settings.accept_user: settings.accept_secret}


def _path(text: str) -> Path | None:
    return Path(text) if text else None
