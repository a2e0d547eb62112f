"""One call, as the library's thread sees it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, ParamSpec

import pjsua2 as pj
import structlog

from ivr.lines.pjsua.frames import FramePort
from ivr.lines.pjsua.keys import KeyPresses, key_of
from ivr.lines.pjsua.notices import Connected, Gone, KeyPressed, MediaChanged
from ivr.lines.pjsua.sources import ipv4
from ivr.media.g711 import Law
from ivr.media.port import AudioPort

if TYPE_CHECKING:
    from ivr.lines.pjsua.account import PjAccount
    from ivr.lines.pjsua.station import Station

log = structlog.get_logger(__name__)

P = ParamSpec("P")

_JOINED = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
#: Statuses that the library itself gives a call that died: a timeout, a lost transport, an error of its own.
_LINE_TROUBLE = (408, 500, 503)


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """Log what a callback raises: the library would print it, and go on as if nothing had happened."""

    @functools.wraps(callback)
    def run(*arguments: P.args, **names: P.kwargs) -> None:
        try:
            callback(*arguments, **names)
        except Exception:
            log.exception("line.callback_failed", callback=callback.__name__)

    return run


class PjCall(pj.Call):  # type: ignore[misc]  # the library has no types
    """A call in the library. The station's table holds the only reference to it.

    When the library says DISCONNECTED it is dropped at once: kept, it would keep the number of its slot, and
    hang up whatever call has that slot when it is dropped later.
    """

    def __init__(
        self, station: Station, account: PjAccount | None, key: int, call_id: int, source: str
    ) -> None:
        super().__init__(account, call_id)
        self.key = key
        self.audio: AudioPort | None = None
        #: Tell the loop nothing: the call was refused before it heard of it.
        self.silent = False
        self.unanswered = True
        self._station = station
        self._source = ipv4(source)[0]
        self._port: FramePort | None = None
        self._presses = KeyPresses()
        self._media_up = self._confirmed = self._told = self._ours = False

    # Commands, from the station.

    def dial(self, uri: str, headers: dict[str, str], caller: str) -> None:
        """Place the call. Raises pj.Error."""
        options = pj.CallOpParam(True)
        if caller:
            options.txOption.localUri = caller
        _add_headers(options, headers)
        self.makeCall(uri, options)

    def say(self, status: int) -> None:
        """Answer with 180 or 200. Raises pj.Error."""
        options = pj.CallOpParam()
        options.statusCode = status
        self.answer(options)

    def end(self, status: int = 0, headers: dict[str, str] | None = None) -> None:
        """Hang up; if it is not answered yet, refuse with a status. Harmless when it is ending already."""
        self._ours = True
        options = pj.CallOpParam()
        options.statusCode = status if self.unanswered else 0
        _add_headers(options, headers or {})
        try:
            self.hangup(options)
        except pj.Error as error:
            log.debug("line.hang_up_failed", reason=str(error.reason))

    def press(self, keys: str, milliseconds: int, *, info: bool) -> None:
        """Send keys by RFC 4733, or by SIP INFO."""
        how = pj.CallSendDtmfParam()
        how.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if info else pj.PJSUA_DTMF_METHOD_RFC2833
        how.duration = milliseconds
        how.digits = keys
        try:
            self.sendDtmf(how)
        except pj.Error as error:
            log.warning("line.press_failed", reason=str(error.reason))

    def hold(self, on: bool) -> None:
        """Put the other side on hold, or take it back."""
        options = pj.CallOpParam(True)
        try:
            if on:
                self.setHold(options)
            else:
                options.opt.flag |= pj.PJSUA_CALL_UNHOLD
                self.reinvite(options)
        except pj.Error as error:
            log.warning("line.hold_failed", reason=str(error.reason))

    # Callbacks, from the library in its one thread.

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        """The signalling moved on."""
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.unanswered = False
            self._confirmed = True
            self._tell_connected()
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._gone(int(info.lastStatusCode), str(info.lastReason))

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        """Media was negotiated, at first or anew."""
        info = self.getInfo()  # kept: its list of media dies with it
        for index in range(len(info.media)):
            media = info.media[index]
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in _JOINED:
                self._join(index, held=media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
                return

    @guarded
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:  # noqa: N802
        """News of a key in RTP: the first packet of a press, the next ones, its end."""
        if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO:
            return  # read in `onCallTsxState`: here `Signal=10`, which is *, would come as 1
        key = str(prm.digit).upper()
        if self._presses.take(key, int(prm.timestamp), int(prm.duration), int(prm.flags)):
            self._station.post(self.key, KeyPressed(key, "rfc4733"))

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        """A request inside the call; of these, a key by INFO is ours.

        The library answers `application/dtmf-relay` with 200. It knows no `application/dtmf` and says 500,
        and lets nobody answer in its place; the key counts all the same.
        """
        state = prm.e.body.tsxState
        received = state.type == pj.PJSIP_EVENT_RX_MSG and state.tsx.role == pj.PJSIP_ROLE_UAS
        if not received or state.tsx.method != "INFO":
            return
        key = key_of(str(state.src.rdata.wholeMsg))
        if key is not None:
            self._station.post(self.key, KeyPressed(key, "info"))

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """A caller may not have us call others (REFER): toll fraud begins so."""
        prm.statusCode = 403

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        """A stranger may not take over a caller's call (Replaces)."""
        prm.statusCode = 403

    # Inside.

    def _join(self, index: int, *, held: bool) -> None:
        """Join the stream to our port; a renegotiated stream is a new one."""
        if self._port is None:
            self._port = self._station.frame_port()
        if self._port is None:
            self.end(500)
            return
        stream = self.getAudioMedia(index)
        stream.startTransmit(self._port)
        self._port.startTransmit(stream)
        self._port.audio = self.audio
        self._guard(index)
        law = Law.A if "PCMA" in str(self.getStreamInfo(index).codecName).upper() else Law.MU
        self._station.post(self.key, MediaChanged(law, held))
        self._media_up = True
        self._tell_connected()

    def _guard(self, index: int) -> None:
        """Take RTP only from where the caller says its media is, or from where its signalling comes."""
        local = ipv4(str(self.getMedTransportInfo(index).localRtpName))[1]
        remote = ipv4(str(self.getStreamInfo(index).remoteRtpAddress))[0]
        addresses = {address for address in (remote, self._source) if address}
        if local and addresses:
            self._station.only_from(local, addresses)

    def _tell_connected(self) -> None:
        """Once, when the caller has our answer and audio flows: earlier, the first words would be lost."""
        if self._media_up and self._confirmed and not self._told:
            self._told = True
            self._station.post(self.key, Connected())

    def _gone(self, status: int, text: str) -> None:
        by: Literal["caller", "us", "line"] = "us" if self._ours else "caller"
        if not self._ours and status in _LINE_TROUBLE:
            by = "line"
        if self._port is not None:
            self._station.give_back(self._port)
            self._port = None
        self._station.forget(self.key)
        if not self.silent:
            self._station.post(self.key, Gone(by, status, text))


def _add_headers(options: pj.CallOpParam, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        options.txOption.headers.append(header)
