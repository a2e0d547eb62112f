"""One call on the SIP line, as the hotline sees it: a session's signalling and a stream's sound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Literal, Protocol
from weakref import ref

from ivr.clock import Clock
from ivr.errors import LineError
from ivr.lines.base import LegInfo, TransferAsked
from ivr.lines.port_leg import PortLeg
from ivr.lines.sip.media import LegMedia
from ivr.media.keys import KEYS, key_from_info
from ivr.media.port import AudioPort, Post
from ivr.media.writer import RecordingWriter
from ivr.sip.network import Flow
from ivr.sip.sdp import SdpError
from ivr.sip.session import Session
from ivr.sip.uri import Uri

_log = logging.getLogger(__name__)

By = Literal["caller", "us", "line"]
#: Takes the statuses of a call that was asked for by REFER.
Report = Callable[[int], None]

_RELAY = "application/dtmf-relay"


class LegKeeper(Protocol):
    """The line, as its legs see it."""

    def leg_ended(self, leg: SipLeg) -> None:
        """The leg's signalling is over; its recordings may still be closed."""

    def leg_answered(self, leg: SipLeg, flow: Flow) -> None:
        """The other side, at the end of this flow, has proved to be somebody who calls."""

    def refer_asked(self, leg: SipLeg, to: Uri, replaces: str, referred_by: str, report: Report) -> int:
        """The other side asks that `leg` be taken elsewhere; 202, or the status of the refusal."""

    def take_over(self, leg: SipLeg, to: Uri, replaces: str, report: Report) -> None:
        """Call `to`; when that is answered, the leg goes on with it."""


class LegSession:
    """What a session tells its leg. A leg may change its session: what the old one says counts no more."""

    __slots__ = ("_leg", "session")

    def __init__(self, leg: SipLeg) -> None:
        # Weak, so that a call that is over is gone at once and leaves the garbage collector nothing to find.
        self._leg = ref(leg)
        #: The session; None until it is made.
        self.session: Session | None = None

    @property
    def leg(self) -> SipLeg:
        """The leg, which lives for as long as its call does."""
        leg = self._leg()
        assert leg is not None  # noqa: S101 - the line holds it until the session has told its end
        return leg

    @property
    def counts(self) -> bool:
        """Whether the leg listens to this session."""
        leg = self._leg()
        return leg is not None and leg.link is self

    def ringing(self, status: int, sdp: bytes) -> None:
        """The other side rings; nobody hears its early sound."""

    def offered(self, sdp: bytes) -> bytes | None:
        """A new description of the other side's media; None refuses it, and all stays as it was."""
        return self.leg.media_offered(sdp) if self.counts else None

    def offer_wanted(self) -> bytes:
        """The other side wants ours."""
        return self.leg.media.offer()

    def answered(self, sdp: bytes) -> None:
        """The other side's answer to our offer."""
        if self.counts:
            self.leg.media_answered(sdp)

    def established(self) -> None:
        """Both sides know that the call is answered."""
        if self.counts:
            self.leg.connected()

    def info(self, content_type: str, body: bytes) -> bool:
        """A key by INFO, or something else."""
        return self.counts and self.leg.info_received(content_type, body)

    def referred(self, to: Uri, replaces: str, referred_by: str, report: Report) -> int:
        """The other side asks that we call somebody."""
        return self.leg.referred(to, replaces, referred_by, report) if self.counts else 603

    def flow_changed(self, flow: Flow) -> None:
        """The other side's signalling comes from elsewhere."""
        if self.counts:
            self.leg.media.signalled_from(flow)

    def ended(self, by: By, status: int, reason: str) -> None:
        """The session is over, and let go."""
        if self.counts:
            self.leg.session_ended(by, status, reason)
        self.session = None


class SipLeg(PortLeg):
    """A leg whose signalling is a session of the SIP core, and whose sound is an RTP stream."""

    __slots__ = ("__weakref__", "_keeper", "_why", "link", "media", "transfer")

    def __init__(
        self,
        info: LegInfo,
        keeper: LegKeeper,
        *,
        clock: Clock,
        port: AudioPort,
        media: LegMedia,
        writer: RecordingWriter,
        post: Post,
        inband_keys: bool = False,
    ) -> None:
        super().__init__(info, clock=clock, port=port, writer=writer, post=post, inband_keys=inband_keys)
        self._keeper = keeper
        self.media = media
        #: The session that counts.
        self.link = LegSession(self)
        #: The session that is to take over when it is answered, while a transfer is under way.
        self.transfer: LegSession | None = None
        #: Why the line itself ended the call, if it did.
        self._why = ""

    @property
    def over(self) -> bool:
        """Whether `Ended` has been told: nothing of the leg is open any more."""
        return self._desk.ended

    @property
    def unheeded(self) -> bool:
        """Whether a call that came was answered, and neither an ACK nor sound has come since."""
        session = self.link.session
        return (
            session is not None
            and session.incoming
            and session.state == "answered"
            and not self._answered_once
        )

    @property
    def connected_once(self) -> bool:
        """Whether the call was ever answered."""
        return self._answered_once

    # What the hotline asks.

    def ring(self) -> None:
        """Say 180."""
        session = self._session
        if session is not None and session.state == "early":
            session.ring()

    def answer(self) -> None:
        """Say 200; `Answered` follows when the caller has acknowledged it, or its sound arrives."""
        session = self._session
        if session is None or session.state != "early":
            return
        try:
            offer = session.remote_offer
            sdp = self.media.answer(offer) if offer else self.media.offer()
        except SdpError as error:
            _log.info("a call cannot be answered: %s", error)
            session.refuse(488)
        except LineError as error:
            _log.error("a call cannot be answered: %s", error)
            session.refuse(503)
        else:
            self.port.pause(True)  # what is played begins when the caller can hear it
            self._follow_media()
            session.answer(sdp)

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        """Refuse an unanswered call; `Ended` follows. `retry_after` is in seconds."""
        session = self._session
        if session is not None and session.state == "early":
            session.refuse(status, headers=() if retry_after is None else [("Retry-After", str(retry_after))])
        else:
            self.hang_up()

    def hang_up(self, reason: str = "normal") -> None:
        """End the call; `Ended` follows. Harmless if it has ended."""
        if self.link.session is not None and not self.ended:
            self.link.session.hang_up()

    def press(self, keys: str, *, seconds: float = 0.1, info: bool = False) -> None:
        """Send keys to the other side, by RFC 4733 or by SIP INFO. Raises LineError (H214) for no key."""
        if not all(key in KEYS for key in keys):
            raise LineError("there is no such key; press 0-9, *, #, A-D", code="H214")
        session = self._session
        if session is None:
            return
        milliseconds = round(seconds * 1000)
        if not info and self.media.press(keys, milliseconds):
            return
        for key in keys:
            session.info(_RELAY, f"Signal={key}\r\nDuration={milliseconds}\r\n".encode())

    def hold(self, on: bool = True) -> None:
        """Put the other side on hold (it hears what is played to it, and is not heard), or take it back."""
        session = self._session
        if session is not None:
            session.offer(self.media.offer(hold=on))

    def refer(self, to: str, *, replaces: SipLeg | None = None, report: Report | None = None) -> None:
        """Ask the other side to call somebody else (RFC 3515), in the place of `replaces` if given.

        `report` takes the statuses of that call. Raises LineError (H212) for an address that is none.
        """
        session, other = self._session, None if replaces is None else replaces.link.session
        if session is None:
            return
        try:
            uri = Uri.parse(to)
        except ValueError:
            raise LineError(f"{to!r} is no address to refer to; write sip:number@host", code="H212") from None
        session.refer(uri, replaces=other, report=report or _ignore)

    async def send_away(self, to: str) -> int:
        """Ask the other side to call somebody else instead of us; the final status of that (200: it stands).

        A plain number is one of the other side's own host. 487 where our call has ended meanwhile. Raises LineError
        (H212) for an address that is none.
        """
        host = self.info.remote_address.rsplit(":", 1)[0] or "invalid"
        final: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def report(status: int) -> None:
            if status >= 200 and not final.done():
                final.set_result(status)

        if self._session is None:
            return 487
        self.refer(to if to.startswith(("sip:", "sips:")) else f"sip:{to}@{host}", report=report)
        return await final

    def take_over(self, asked: TransferAsked) -> None:
        """Do what the other side has asked: the leg goes on with whoever it named, once they have answered."""
        self._keeper.take_over(self, Uri.parse(asked.to), asked.replaces, asked.report)

    def quality(self) -> Mapping[str, float | int | None]:
        """How it is heard, by the names of `ivr.media.quality.MediaQuality`; empty before there is sound."""
        report = self.media.report()
        return {} if report is None else asdict(report)

    # What the session reports.

    @property
    def _session(self) -> Session | None:
        """The session while something can be asked of it."""
        return None if self.ended else self.link.session

    def media_offered(self, sdp: bytes) -> bytes | None:
        """Answer a new offer; None when it cannot be answered."""
        try:
            answer = self.media.answer(sdp)
        except (SdpError, LineError) as error:
            _log.info("an offer was refused: %s", error)
            return None
        self._follow_media()
        return answer

    def media_answered(self, sdp: bytes) -> None:
        """Take the answer to our offer; one that cannot be is the end of the call."""
        try:
            self.media.take_answer(sdp)
        except SdpError as error:
            _log.info("an answer was refused: %s", error)
            self.end_by_line("no common media")
            return
        self._follow_media()

    def connected(self) -> None:
        """The call is answered and acknowledged."""
        if self._answered_once:
            return
        if self.media.agreed is None:
            self.end_by_line("no media agreed")
            return
        self.port.pause(False)
        self._answered()
        self._follow_media()
        session = self._session
        if session is not None:
            self._keeper.leg_answered(self, session.flow)

    def info_received(self, content_type: str, body: bytes) -> bool:
        """A key by INFO; False for anything else."""
        key = key_from_info(content_type, body.decode("latin-1"))
        if key is not None:
            self._key_down(key, "info")
        return key is not None

    def referred(self, to: Uri, replaces: str, referred_by: str, report: Report) -> int:
        """Ask whoever has the call, or the line, whether the other side may have us call somebody; one at a time."""
        if self.transfer is not None:
            return 491
        if self.hears_transfers:
            self._desk.emit(TransferAsked(str(to), replaces, report))
            return 202
        return self._keeper.refer_asked(self, to, replaces, referred_by, report)

    def session_ended(self, by: By, status: int, reason: str) -> None:
        """The call is over."""
        if self._why:
            by, reason = "line", self._why
        if self.transfer is not None and self.transfer.session is not None:
            self.transfer.session.hang_up()
        self.media.close()
        self._gone(by, status, reason)
        self._keeper.leg_ended(self)

    # What the stream reports.

    def key_arrived(self, key: str) -> None:
        """A key in RTP."""
        self._key_down(key, "rfc4733")

    def sound_arrived(self) -> None:
        """The first packet: the caller has our 200, even if its ACK was lost."""
        session = self._session
        if session is not None and session.incoming and session.state == "answered":
            self.connected()

    def sound_died(self) -> None:
        """No packet for too long."""
        self.end_by_line("no media")

    def sound_failed(self, error: Exception) -> None:
        """A fault of ours has stopped the sound."""
        _log.error("a call lost its sound: %s", type(error).__name__)
        self.end_by_line("media failed")

    # Inside.

    def end_by_line(self, why: str) -> None:
        """Hang up for a reason of the line's own."""
        if not self.ended and not self._why:
            self._why = why
            self.hang_up()

    def abandon(self) -> None:
        """End a call that is unheeded, without a word: nobody listens, and its place is wanted."""
        if self.unheeded and self.link.session is not None:
            self.link.session.abandon()

    def taken_over(self, session: Session) -> None:
        """An INVITE in the place of this leg's session (RFC 3891): the call goes on with it."""
        link = LegSession(self)
        link.session, session.user = session, link
        self.media.signalled_from(session.flow)
        try:
            sdp = self.media.answer(session.remote_offer) if session.remote_offer else self.media.offer()
        except (SdpError, LineError) as error:
            _log.info("a call could not be taken over: %s", error)
            if self.link.session is not None:
                self.media.signalled_from(self.link.session.flow)
            session.refuse(488)
            return
        self.change_session(link)
        self._follow_media()
        session.answer(sdp)

    def change_session(self, link: LegSession) -> None:
        """Another session takes over; the old one is ended, and the call does not notice."""
        old, self.link = self.link.session, link
        if old is not None:
            old.hang_up()

    def _follow_media(self) -> None:
        """Bring the leg to what was agreed: law, and hold once the call is answered."""
        if self.media.changed:
            self._renegotiated(self.media.law)
        if self._answered_once:
            self._held(self.media.held)

    def _quality(self) -> Mapping[str, float | int | None]:
        return self.quality()


def _ignore(_status: int) -> None:
    """Nobody wants to know."""
