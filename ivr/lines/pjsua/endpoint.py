"""The one thread that touches pjsua2.

PJSIP is told to make no threads of its own for signalling; this thread polls it, and every object of the
library is made, used and dropped here. Commands come in by a deque, between two polls; what happens goes out
by `loop.call_soon_threadsafe`. A process may start and stop an endpoint as often as it likes, but has one at
a time: the library is a singleton.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections import deque
from collections.abc import Callable

import pjsua2 as pj
import structlog

from ivr.errors import LineError
from ivr.lines.pjsua import library, sources
from ivr.lines.pjsua.config import PjsuaSettings
from ivr.lines.pjsua.notices import Notice
from ivr.lines.pjsua.stale import StalePorts
from ivr.lines.pjsua.station import Later, Notify, Station

log = structlog.get_logger(__name__)

#: Milliseconds of one poll: the longest that a command waits.
_POLL = 10
#: Seconds that calls are given to end, and a registration to be taken back, when the endpoint stops.
_FAREWELL = 2.0
#: One library, one endpoint.
_in_use = threading.Lock()

Command = Callable[[Station], None]


class EndpointThread:
    """Runs the library. `notify` is called in the loop's thread with a call's key and what happened to it."""

    def __init__(self, settings: PjsuaSettings, notify: Notify) -> None:
        self._settings = settings
        self._notify = notify
        self._commands: deque[Command] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._done: asyncio.Future[None] | None = None

    async def start(self) -> Station:
        """Start the thread and the library in it; its station may be read from the loop.

        Raises LineError: H202 when the address is taken, H203 when another endpoint runs in this process,
        H204 for anything else the library objects to.
        """
        if not _in_use.acquire(blocking=False):
            raise LineError("this process already runs a pjsua2 endpoint; use another worker", code="H203")
        self._stopping.clear()
        self._commands.clear()
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[Station] = loop.create_future()
        self._done = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(loop, ready, self._done), name="pjsua2")
        self._thread.start()
        try:
            return await asyncio.shield(ready)
        except BaseException:
            await self.stop()
            raise

    def do(self, command: Command) -> None:
        """Have the thread run a command soon; commands are run in order. Harmless after the end."""
        self._commands.append(command)

    async def stop(self) -> None:
        """End every call, take back the registration, and give back the library. Harmless if repeated."""
        self._stopping.set()
        if self._thread is None or self._done is None:
            return
        await self._done
        self._thread.join()
        self._thread = None
        _in_use.release()

    def _run(
        self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[Station], done: asyncio.Future[None]
    ) -> None:
        def tell(callback: Callable[..., object], *arguments: object) -> None:
            # A loop that was closed without stopping the line has nobody left to be told.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(callback, *arguments)

        def post(key: int, notice: Notice) -> None:
            tell(self._notify, key, notice)

        try:
            endpoint, station = _opened(self._settings, post, self.do)
        except LineError as error:
            tell(ready.set_exception, error)
        else:
            tell(ready.set_result, station)
            self._poll(endpoint, station, loop)
            _close(endpoint, station)
            del endpoint, station
        gc.collect()
        tell(done.set_result, None)

    def _poll(self, endpoint: pj.Endpoint, station: Station, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.is_set() and not loop.is_closed():
            while self._commands:
                command = self._commands.popleft()
                try:
                    command(station)
                except Exception:
                    # A command that fails must not take the thread, and with it the other calls.
                    log.exception("line.command_failed")
            rest = station.pace.rest(time.monotonic())
            if rest:
                time.sleep(min(rest, _POLL / 1000))
            else:
                endpoint.libHandleEvents(_POLL)


class _Endpoint(pj.Endpoint):  # type: ignore[misc]  # the library has no types
    """The library, counting what it refused by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.station: Station | None = None

    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:  # noqa: N802
        """A call it had no place for (486), or could not read."""
        if self.station is not None:
            self.station.count_refused(int(prm.statusCode))


def _opened(settings: PjsuaSettings, post: Notify, later: Later) -> tuple[pj.Endpoint, Station]:
    """A running library and its station. Raises LineError, with everything given back."""
    library.hush()
    endpoint = _Endpoint()
    endpoint.libCreate()
    try:
        return endpoint, _started(endpoint, settings, post, later)
    except pj.Error as error:
        reason = str(error.reason)
    endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
    # The error is raised when the library's own is forgotten and the endpoint dropped: a traceback that kept
    # either alive would keep the library from ever starting again in this process.
    del endpoint
    raise LineError(
        f"pjsua2 cannot start on {settings.host}:{settings.port}: {reason}; check the line's settings",
        code="H202" if "in use" in reason else "H204",
    )


def _started(endpoint: _Endpoint, settings: PjsuaSettings, post: Notify, later: Later) -> Station:
    """Initialise the library and open the station. Raises pj.Error."""
    endpoint.libInit(_endpoint_config(settings))
    _choose_codecs(endpoint, settings)
    transport, port = _listen(endpoint, settings)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    capacity = library.most_calls()
    station = Station(settings, transport=transport, port=port, capacity=capacity, post=post, later=later)
    station.open()
    station.stale = _stale_ports(settings)
    endpoint.station = station
    return station


def _stale_ports(settings: PjsuaSettings) -> StalePorts:
    stale = StalePorts(settings.host, settings.rtp_port, settings.rtp_ports if settings.rtp_port else 0)
    if stale.ports:
        log.warning("line.stale_media", ports=stale.ports)
    return stale


def _endpoint_config(settings: PjsuaSettings) -> pj.EpConfig:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = library.ASKED_CALLS if library.can_tell_most_calls() else library.DEFAULT_CALLS
    config.uaConfig.userAgent = settings.user_agent
    # SIP messages carry callers' numbers and, in INFO, their keys: the library writes nothing anywhere.
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.logConfig.msgLogging = 0
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    config.medConfig.noVad = True
    config.medConfig.sndAutoCloseTime = -1
    return config


def _choose_codecs(endpoint: pj.Endpoint, settings: PjsuaSettings) -> None:
    codecs = endpoint.codecEnum2()
    for index in range(len(codecs)):
        name = codecs[index].codecId
        chosen = name.split("/")[0]
        place = settings.codecs.index(chosen) if chosen in settings.codecs else None
        endpoint.codecSetPriority(name, 0 if place is None else 250 - place)


def _listen(endpoint: pj.Endpoint, settings: PjsuaSettings) -> tuple[int, int]:
    """Open the UDP transport; its id and its port. A LineError for a taken port comes from `_opened`."""
    config = pj.TransportConfig()
    config.port = settings.port
    config.boundAddress = settings.host
    config.publicAddress = settings.public_address
    transport = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config)
    info = endpoint.transportGetInfo(transport)
    port = int(str(info.localAddress).rpartition(":")[2])
    sources.restrict(port, settings.peers)
    return int(transport), port


def _close(endpoint: pj.Endpoint, station: Station) -> None:
    """Leave in the order that the library survives: calls, registration, ports, account, library."""
    station.hang_up_all()
    limit = time.monotonic() + _FAREWELL
    while not station.idle and time.monotonic() < limit:
        endpoint.libHandleEvents(_POLL)
    station.end_registration()
    while station.registered and time.monotonic() < limit:
        endpoint.libHandleEvents(_POLL)
    # The media clock's thread ends here; after it nothing calls into the ports that are dropped next.
    endpoint.audDevManager().setNoDev()
    station.close()
    endpoint.station = None
    gc.collect()
    endpoint.libHandleEvents(_POLL)
    endpoint.libDestroy(pj.PJSUA_DESTROY_NO_NETWORK)
