"""The lines of a worker: its trunk, that of browsers beside it, and all of them as one."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from prometheus_client import CollectorRegistry

from ivr.lines.base import Line
from ivr.lines.several import SeveralLines
from ivr.lines.stream import SEAT_TICKETS, SeatTickets, StreamLine, StreamSettings
from ivr.settings import Settings, listed
from policy_db import Keys


def make_line(settings: Settings, index: int) -> Line:
    """The telephone line of worker `index`: its SIP ports and RTP range follow its number."""
    common: dict[str, Any] = {
        "host": settings.sip_address,
        "port": settings.sip_port + index if settings.sip_port else 0,
        "public_address": settings.public_address,
        "rtp_port": settings.rtp_port + index * settings.rtp_ports,
        "rtp_ports": settings.rtp_ports,
        "registrar": settings.sip_registrar,
        "user": settings.sip_user or "hotline",
        "secret": settings.sip_secret.get_secret_value(),
        "proxy": settings.sip_proxy,
        "session_timers": settings.session_timers,
        "session_expires": settings.session_expires,
        "inband_keys": settings.inband_keys,
        "peers": listed(settings.sip_peers),
    }
    if settings.line == "pjsua":
        from ivr.lines.pjsua import PjsuaLine, PjsuaSettings

        return PjsuaLine(PjsuaSettings(**common))
    from ivr.lines.sip import SipLine, SipMetrics, SipSettings

    return SipLine(
        SipSettings(
            **common,
            transports=listed(settings.sip_transports),
            tls_port=settings.sip_tls_port + index if settings.sip_tls_port else 0,
            tls_certificate=settings.sip_tls_certificate,
            tls_key=settings.sip_tls_key,
            tls_ca=settings.sip_tls_ca,
            symmetric_rtp=settings.symmetric_rtp,
            srtp=settings.srtp,
            most_calls=settings.max_calls,
            calls_per_second=settings.calls_per_second,
            ban_seconds=settings.ban_seconds,
            accept_user=settings.sip_accept_user,
            accept_secret=settings.sip_accept_secret.get_secret_value(),
            dead_media_seconds=settings.dead_media_seconds,
        ),
        metrics=SipMetrics(CollectorRegistry()),
    )


def make_stream(settings: Settings, trunk: Line, keys: Keys) -> StreamLine:
    """The line of browsers beside a trunk, on the same media clock where the trunk's is the loop's."""
    from ivr.lines.sip import SipLine

    return StreamLine(
        StreamSettings(
            most_calls=settings.stream_calls,
            dead_media_seconds=settings.dead_media_seconds,
            inband_keys=settings.inband_keys,
        ),
        media_clock=(lambda: trunk.media_clock) if isinstance(trunk, SipLine) else None,
        seat_of=SeatTickets(keys.token(SEAT_TICKETS)).seat_of,
    )


def join_lines(trunk: Line, stream: StreamLine, twilio: StreamLine | None) -> SeveralLines:
    """One line of them all: calls go out by the trunk, but for addresses that begin as a browser's or Twilio's do."""
    others: dict[str, Line] = {"browser:": stream}
    return SeveralLines(trunk, others if twilio is None else {**others, "twilio:": twilio})


async def check_line(settings: Settings) -> None:
    """Raises LineError for settings with which no worker could open its line, before any is started.

    SettingError where there is a Twilio account, and not what speaks with Twilio.
    """
    from ivr.lines.sip import SipLine
    from ivr.lines.twilio.access import check_installed

    check_installed(settings)
    line = make_line(settings, 0)
    if isinstance(line, SipLine):
        await line.check()


def load_line(settings: Settings) -> None:
    """Import what the line needs."""
    importlib.import_module(f"ivr.lines.{settings.line}")
    if settings.twilio_account_sid and importlib.util.find_spec("twilio") is not None:
        importlib.import_module("twilio.rest")
