"""Who we are to the world: a local address, or an account at a PBX or trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pjsua2 as pj
import structlog

from ivr.lines.pjsua.config import PjsuaSettings, SessionTimers

if TYPE_CHECKING:
    from ivr.lines.pjsua.station import Station

log = structlog.get_logger(__name__)

_TIMERS: dict[SessionTimers, int] = {
    "off": pj.PJSUA_SIP_TIMER_INACTIVE,
    "offered": pj.PJSUA_SIP_TIMER_OPTIONAL,
    "always": pj.PJSUA_SIP_TIMER_ALWAYS,
}
#: A lost registration is tried again after so many seconds.
_RETRY = 15


class PjAccount(pj.Account):  # type: ignore[misc]  # the library has no types
    """The endpoint's only account; every call comes in through it."""

    def __init__(self, station: Station) -> None:
        super().__init__()
        self._station = station
        self.registered = False

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        """A call has come."""
        data = prm.rdata
        try:
            self._station.incoming(int(prm.callId), str(data.wholeMsg), str(data.srcAddress))
        except Exception:
            # Raised here it would be printed and forgotten; the library then refuses the call itself.
            log.exception("line.incoming_failed")

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        """The registrar answered, or did not."""
        self.registered = int(prm.code) // 100 == 2 and int(prm.expiration) > 0
        log.info("line.registration", status=int(prm.code), seconds=int(prm.expiration))

    def onIncomingSubscribe(self, prm: pj.OnIncomingSubscribeParam) -> None:  # noqa: N802
        """Nobody may watch a hotline's presence."""
        prm.code = 403


def opened(station: Station, settings: PjsuaSettings, transport: int, port: int) -> PjAccount:
    """Make the account, and begin to register if there is a registrar. Raises pj.Error."""
    config = pj.AccountConfig()
    if settings.registrar:
        host = settings.registrar.partition(":")[2].partition(";")[0]
        config.idUri = f"sip:{settings.user}@{host}"
        config.regConfig.registrarUri = settings.registrar
        config.regConfig.timeoutSec = settings.register_for
        config.regConfig.retryIntervalSec = config.regConfig.firstRetryIntervalSec = _RETRY
        config.sipConfig.authCreds.append(
            pj.AuthCredInfo("digest", settings.realm, settings.user, 0, settings.secret)
        )
    else:
        config.idUri = f"sip:{settings.user}@{settings.public_address or _shown(settings.host)}:{port}"
    if settings.proxy:
        config.sipConfig.proxies.append(settings.proxy)
    config.sipConfig.transportId = transport
    config.callConfig.timerUse = _TIMERS[settings.session_timers]
    config.callConfig.timerSessExpiresSec = settings.session_expires
    config.callConfig.timerMinSESec = settings.session_least
    media = config.mediaConfig.transportConfig
    media.boundAddress = settings.host
    media.publicAddress = settings.public_address
    # The library's range has its last port in it, and needs the one after that for RTCP.
    media.port, media.portRange = settings.rtp_port, settings.rtp_ports - 2 if settings.rtp_port else 0
    # Callers of a process that died go on sending; the library answers whoever sends first, so a port of
    # theirs that is used again would give one caller's words to another.
    media.randomizePort = True
    account = PjAccount(station)
    account.create(config)
    return account


def _shown(host: str) -> str:
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
