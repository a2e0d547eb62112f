"""What the endpoint's thread owns: the account, the calls and their audio ports.

All methods are called in that thread, except the few properties said to be readable from the loop.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial

import pjsua2 as pj
import structlog

from ivr.lines.identity import parties_of
from ivr.lines.pjsua import account, sources
from ivr.lines.pjsua.calls import PjCall
from ivr.lines.pjsua.config import PjsuaSettings
from ivr.lines.pjsua.frames import FramePort
from ivr.lines.pjsua.notices import Gone, Notice, Ringing
from ivr.lines.pjsua.pace import Pace
from ivr.lines.pjsua.stale import StalePorts
from ivr.media.port import AudioPort

log = structlog.get_logger(__name__)

Notify = Callable[[int, Notice], None]
#: Has the thread run something on the station after the present callback.
Later = Callable[[Callable[["Station"], None]], None]


class Station:
    """The calls of one endpoint, each known by a key of its own: the library gives its slots anew."""

    def __init__(
        self, settings: PjsuaSettings, *, transport: int, port: int, capacity: int, post: Notify, later: Later
    ) -> None:
        self.settings = settings
        #: The SIP port in use; readable from the loop.
        self.port = port
        #: How many calls the library carries; readable from the loop.
        self.capacity = capacity
        #: Calls refused while draining, for want of a place, or as unreadable; readable from the loop.
        self.refused = 0
        #: Take no new calls. Set from the loop.
        self.draining = False
        #: Media ports that are kept from the library, because callers of an earlier process send to them.
        self.stale: StalePorts | None = None
        self.post = post
        self._later = later
        #: Whether new calls come too fast for the library.
        self.pace = Pace(capacity)
        self._transport = transport
        self._keys = itertools.count(1)
        self._calls: dict[int, PjCall] = {}
        self._ports: list[FramePort] = []
        self._account: account.PjAccount | None = None

    # Life of the station.

    def open(self) -> None:
        """Make the account, and one audio port for every call the library can carry. Raises pj.Error.

        The ports live as long as the library: its media clock calls into them from a thread of its own, and
        one that is dropped while it is being called takes the process down.
        """
        self._account = account.opened(self, self.settings, self._transport, self.port)
        self._ports = [FramePort(f"leg{number}") for number in range(self.capacity)]

    def close(self) -> None:
        """Drop every object of the library; nothing may use the station afterwards."""
        self._calls.clear()
        self._ports.clear()
        if self.stale is not None:
            self.stale.close()
        if self._account is not None:
            self._account.shutdown()
            self._account = None

    @property
    def idle(self) -> bool:
        """Whether no call is left."""
        return not self._calls

    @property
    def active(self) -> int:
        """How many calls there are; readable from the loop."""
        return len(self._calls)

    @property
    def registered(self) -> bool:
        """Whether the registrar knows us at present; readable from the loop."""
        return self._account is not None and self._account.registered

    def end_registration(self) -> None:
        """Ask the registrar to forget us."""
        if self._account is not None and self._account.registered:
            self._account.setRegistration(False)

    def count_refused(self, status: int) -> None:
        """The library refused a call by itself."""
        self.refused += 1
        log.info("line.refused", status=status)

    # Calls that come.

    def incoming(self, call_id: int, message: str, source: str) -> None:
        """A call has come: offer it, or refuse it politely when the line is being drained."""
        self.pace.call_came(time.monotonic())
        call = PjCall(self, self._account, next(self._keys), call_id, source)
        self._calls[call.key] = call
        if self.draining:
            self.refused += 1
            call.silent = True
            # Not here: a refusal sent while the library still takes the call in loses its headers.
            retry = {"Retry-After": str(self.settings.retry_after)}
            self._later(partial(Station.end, key=call.key, status=503, headers=retry))
            return
        self.post(call.key, Ringing(parties_of(message), source))

    def dial(self, key: int, uri: str, audio: AudioPort, headers: dict[str, str], caller: str) -> None:
        """Place a call under a key given by `next_key`; a failure is told as `Gone`."""
        call = PjCall(self, self._account, key, pj.PJSUA_INVALID_ID, "")
        call.audio = audio
        self._calls[key] = call
        try:
            call.dial(uri, headers, caller)
        except pj.Error as error:
            self._calls.pop(key, None)
            self.post(key, Gone("line", int(error.status), str(error.reason)))

    def next_key(self) -> int:
        """A key for a call to be placed; may be called from the loop."""
        return next(self._keys)

    # Commands for a call; all of them harmless when it is gone.

    def ring(self, key: int) -> None:
        """Say 180."""
        self._answer(key, 180)

    def answer(self, key: int, audio: AudioPort) -> None:
        """Say 200 and join the call's audio to `audio`."""
        call = self._calls.get(key)
        if call is not None:
            call.audio = audio
            self._answer(key, 200)

    def _answer(self, key: int, status: int) -> None:
        call = self._calls.get(key)
        if call is None or not call.isActive():
            return
        try:
            call.say(status)
        except pj.Error as error:
            log.warning("line.answer_failed", status=status, reason=str(error.reason))
            call.end(500)

    def end(self, key: int, status: int = 0, headers: dict[str, str] | None = None) -> None:
        """Hang up, or refuse with a status."""
        call = self._calls.get(key)
        if call is not None:
            call.end(status, headers)

    def press(self, key: int, keys: str, milliseconds: int, *, info: bool = False) -> None:
        """Send keys to the other side."""
        call = self._calls.get(key)
        if call is not None:
            call.press(keys, milliseconds, info=info)

    def hold(self, key: int, on: bool) -> None:
        """Put the other side on hold, or take it back."""
        call = self._calls.get(key)
        if call is not None:
            call.hold(on)

    def hang_up_all(self) -> None:
        """End every call."""
        for call in list(self._calls.values()):
            call.end(503 if call.unanswered else 0)

    # For calls.

    def frame_port(self) -> FramePort | None:
        """A free audio port."""
        return self._ports.pop() if self._ports else None

    def give_back(self, port: FramePort) -> None:
        """It is free again."""
        port.audio = None
        self._ports.append(port)

    def forget(self, key: int) -> None:
        """The call is disconnected; dropping it here is what frees its slot in the library."""
        self._calls.pop(key, None)

    def only_from(self, rtp_port: int, addresses: set[str]) -> None:
        """Let only these addresses send RTP and RTCP to a call's ports, where that is wanted."""
        if not self.settings.check_media_source:
            return
        for port in (rtp_port, rtp_port + 1):
            if not sources.restrict(port, addresses):
                log.warning("line.media_source_unchecked", port=port)
