"""Who answers the SIP core's calls: makes a leg of each, within what the line carries, and hands it on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import structlog

from ivr.clock import Clock
from ivr.errors import LineError
from ivr.lines.base import Leg, LegInfo
from ivr.lines.identity import Parties, parties_named
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.doorway import Doorway
from ivr.lines.sip.leg import LegSession, Report, SipLeg
from ivr.lines.sip.media import LegMedia
from ivr.lines.sip.room import MediaRoom
from ivr.media.g711 import Law
from ivr.media.port import AudioPort, Post
from ivr.media.writer import RecordingWriter
from ivr.sip.guard import Guard
from ivr.sip.message import Request
from ivr.sip.network import Flow
from ivr.sip.sdp import SdpError
from ivr.sip.session import Session
from ivr.sip.uri import Uri

log = structlog.get_logger("ivr.lines.sip")

#: Says whether a party on the line may have us call an address in its place (REFER).
OnRefer = Callable[[SipLeg, str], bool]
#: Carries out a transfer that was allowed: leg, address, Replaces, Referred-By, and who is told how it goes.
Transfer = Callable[[SipLeg, Uri, str, str, Report], None]

#: How many things of one kind are written to the log before the rest is only counted.
_MOST_TOLD = 100
#: After that, one in so many.
_THEN_EACH = 1000


class Switchboard:
    """The `AgentUser` of a line, and the keeper of its legs."""

    def __init__(
        self,
        settings: SipSettings,
        *,
        clock: Clock,
        writer: RecordingWriter,
        room: MediaRoom,
        guard: Guard,
        ids: Callable[[], str],
        post: Post,
        random: Random,
        here: Callable[[Flow], str],
        on_call: Callable[[Leg], None],
    ) -> None:
        """`here` is the numeric address by which the other end of a flow reaches us."""
        self._settings = settings
        self._clock = clock
        self._writer = writer
        self._room = room
        self._guard = guard
        self._ids = ids
        self._post = post
        self._random = random
        self._here = here
        self._on_call = on_call
        #: Legs whose signalling is alive, and those whose recordings are being closed.
        self.legs: set[SipLeg] = set()
        self.closing: set[SipLeg] = set()
        self.draining = False
        self._doorway = Doorway(settings.most_calls, clock=clock, trusts=guard.trusts)
        #: Allows a transfer that the other side asks for; None: nobody may. And who carries it out.
        self.on_refer: OnRefer | None = None
        self.transfer: Transfer | None = None
        #: New calls not taken, by status; what the core found amiss, by name.
        self.refused: Counter[str] = Counter()
        self.notices: Counter[str] = Counter()

    # What the core asks (AgentUser).

    def invited(self, session: Session) -> None:
        """A new call, or one that is to stand for another."""
        if session.replaces is not None:
            self._take_over(session, session.replaces)
            return
        if not self._doorway.admits(session.flow):
            self.notice("unacknowledged", session.flow, "one more call of a source that acknowledges none")
            self._refuse(session, 486)
            return
        parties = parties_of(session.invite)
        leg = self.new_leg(self._info(parties, session), session.flow)
        leg.link.session = session
        session.user = (
            leg.link
        )  # from here on, whatever goes wrong, the leg hears of the end and closes itself
        self.legs.add(leg)
        self._doorway.enter(leg, session.flow)
        try:
            leg.media.consider(session.remote_offer)
        except SdpError as error:
            self._refuse(session, error.status)
        except LineError as error:
            log.error("line.no_media", reason=str(error))
            self._refuse(session, 503)
        else:
            self._on_call(leg)

    def options(self) -> tuple[int, Sequence[tuple[str, str]]]:
        """Whether calls are taken: balancers ask so. A line that is full is well all the same."""
        if self.draining:
            return 503, [("Retry-After", str(self._settings.retry_after))]
        return 200, ()

    def accepts(self) -> int:
        """0, or 503 while draining, or 486 when every place is taken (a 503 would stop all of a trunk's calls)."""
        full = len(self.legs) >= self._settings.most_calls and not self._made_room()
        status = 503 if self.draining else 486 if full else 0
        if status:
            self.refused[str(status)] += 1
        return status

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        """Something was amiss: counted, held against its source, and told."""
        self.notices[what] += 1
        self._guard.strike(flow, what)
        if self.notices[what] > _MOST_TOLD and self.notices[what] % _THEN_EACH:
            return
        if what in ("user_error", "error"):
            log.error("line.fault", what=what, detail=detail, count=self.notices[what])
        else:
            log.info("line.notice", what=what, address=flow.host, detail=detail, count=self.notices[what])

    # What legs ask (LegKeeper).

    def leg_ended(self, leg: SipLeg) -> None:
        """A place is free."""
        self.legs.discard(leg)
        self._doorway.leave(leg)
        self.closing = {one for one in self.closing if not one.over}
        if not leg.over:
            self.closing.add(leg)

    def leg_answered(self, leg: SipLeg, flow: Flow) -> None:
        """An honest caller: its address gets more patience."""
        self._doorway.leave(leg)
        self._guard.vouch(flow)

    def refer_asked(self, leg: SipLeg, to: Uri, replaces: str, referred_by: str, report: Report) -> int:
        """Toll fraud begins with a REFER: refused unless the site's own hook allows it."""
        if self.on_refer is None or self.transfer is None or not self.on_refer(leg, str(to)):
            return 603
        self.transfer(leg, to, replaces, referred_by, report)
        return 202

    def take_over(self, leg: SipLeg, to: Uri, replaces: str, report: Report) -> None:
        """A transfer that whoever has the call has allowed."""
        if self.transfer is None:
            report(503)
        else:
            self.transfer(leg, to, replaces, "", report)

    # Legs.

    def new_leg(self, info: LegInfo, flow: Flow) -> SipLeg:
        """A leg without a session yet; `flow` is the way to its other side."""
        port = AudioPort(Law.A, post=self._post)
        media = LegMedia(
            port, self._settings, room=self._room, address=partial(self._here, flow), random=self._random
        )
        media.signalled_from(flow)
        leg = SipLeg(
            info,
            self,
            clock=self._clock,
            port=port,
            media=media,
            writer=self._writer,
            post=self._post,
            inband_keys=self._settings.inband_keys,
        )
        media.tell(leg)
        return leg

    def new_info(self, *, caller: str, called: str) -> LegInfo:
        """Who and what a call of ours is."""
        return LegInfo(leg_id=self._ids(), line=self._settings.name, caller=caller, called=called)

    def _info(self, parties: Parties, session: Session) -> LegInfo:
        return LegInfo(
            leg_id=self._ids(),
            line=self._settings.name,
            caller=parties.caller,
            called=parties.called,
            display_name=parties.display_name,
            remote_id=parties.call_id,
            remote_address=f"{session.flow.host}:{session.flow.port}",
            headers=parties.headers,
        )

    def _take_over(self, session: Session, old: Session) -> None:
        """An INVITE with Replaces: its session gets the leg of the old one; the call does not notice."""
        before = old.user
        if not isinstance(before, LegSession) or before.leg.link is not before:
            self._refuse(session, 481)
            return
        before.leg.taken_over(session)

    def _made_room(self) -> bool:
        """Take the place of somebody who has not acknowledged for long, when there is no other."""
        leg = None if self.draining else self._doorway.overdue()
        if leg is None:
            return False
        leg.abandon()
        return len(self.legs) < self._settings.most_calls

    def _refuse(self, session: Session, status: int) -> None:
        self.refused[str(status)] += 1
        session.refuse(status)


def parties_of(invite: Request) -> Parties:
    """The two ends of a call as its INVITE names them."""
    headers: dict[str, list[str]] = {}
    for name, value in invite.headers:
        headers.setdefault(name.lower(), []).append(_octets_kept(value))
    return parties_named(_octets_kept(invite.uri_text), headers)


def _octets_kept(text: str) -> str:
    """Header text with octets that are no UTF-8 as surrogate escapes."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")
