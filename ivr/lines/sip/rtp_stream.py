"""One leg's sound on the wire: sockets, packets both ways, keys, RTCP, SRTP, quality.

The hot path: for each packet that comes, one `recv` and one walk through `RtpReceiver`; for each beat, one
`send`. No task, timer or object is made for a packet.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random, SystemRandom

from ivr.clock import Clock
from ivr.lines.sip.rtp_path import PACKET, RtpPath, open_to
from ivr.lines.sip.rtp_poller import RtpPoller
from ivr.lines.sip.rtp_ports import RtpSockets
from ivr.lines.sip.rtp_terms import RtpTerms, Symmetric
from ivr.lines.sip.srtp import Srtp
from ivr.media import quality
from ivr.media.clock import Beat, MediaClock
from ivr.media.g711 import RATE
from ivr.media.port import AudioPort
from ivr.media.quality import MediaQuality
from ivr.media.rtcp_link import RtcpLink
from ivr.media.rtp import is_rtcp
from ivr.media.rtp_receiver import RtpReceiver
from ivr.media.rtp_sender import RtpSender

#: Beats between looks at what is seldom due: reports, dead media (0.5 s).
CHORES = 25
#: Seconds without a packet after which a leg's media is dead.
DEAD_AFTER = 60.0
#: Seconds for which the old source of a sound that was moved is not believed to be the new one.
STALE = 3.0

_system_random = SystemRandom()


class RtpStream:
    """One leg's media, from `agree` until `close`. Used in the loop's thread."""

    __slots__ = (
        "_alive",
        "_beat",
        "_chores_in",
        "_clock",
        "_closed",
        "_dead_after",
        "_dropped",
        "_link",
        "_media_clock",
        "_mux",
        "_on_dead",
        "_on_failed",
        "_on_media",
        "_packets_in",
        "_packets_told",
        "_poller",
        "_port",
        "_receiver",
        "_recv",
        "_rtcp",
        "_rtp",
        "_send",
        "_sender",
        "_skipped",
        "_sockets",
        "_srtp",
        "_symmetric",
        "_terms",
    )

    def __init__(
        self,
        port: AudioPort,
        *,
        sockets: RtpSockets,
        poller: RtpPoller,
        clock: Clock,
        media_clock: MediaClock,
        on_key: Callable[[str], None],
        on_dead: Callable[[], None],
        on_failed: Callable[[Exception], None] | None = None,
        on_media: Callable[[], None] | None = None,
        symmetric: Symmetric = "off",
        dead_after: float = DEAD_AFTER,
        random: Random = _system_random,
    ) -> None:
        """Nothing is sent or heard before `agree`.

        `on_dead` runs once, after `dead_after` seconds (0: never) without RTP or RTCP while both sides should
        send; `on_media` once, at the first packet; `on_failed` (default: `on_dead`) when a fault in the
        leg's own sources has stopped it.
        """
        self._port = port
        self._sockets = sockets
        self._poller = poller
        self._clock = clock
        self._media_clock = media_clock
        self._on_dead: Callable[[], None] | None = on_dead
        self._on_failed = on_failed
        self._on_media = on_media
        self._symmetric = symmetric
        self._dead_after = dead_after
        self._rtp = RtpPath(sockets.rtp)
        self._rtcp = RtpPath(sockets.rtcp)
        self._recv = sockets.rtp.recv
        self._send: Callable[[bytes], object] | None = None
        self._receiver = RtpReceiver(port, on_key=on_key, dropped=poller.dropped)
        self._sender = RtpSender(random)
        now = clock.time()
        self._link = RtcpLink(
            self._sender,
            self._receiver.reception,
            cname=base64.b64encode(random.randbytes(12)).decode(),  # RFC 7022: says nothing of who we are
            random=random.random,
            now=now,
            unix=clock.now().timestamp(),
        )
        self._terms: RtpTerms | None = None
        self._srtp: Srtp | None = None
        self._mux = False
        self._beat: Beat | None = None
        self._chores_in = CHORES
        self._skipped = media_clock.skipped
        self._alive = now
        self._packets_in = 0
        self._packets_told = (0, 0)
        self._dropped = 0
        self._closed = False

    @property
    def local_port(self) -> int:
        """Our RTP port; RTCP is on the next."""
        return self._sockets.port

    def agree(self, terms: RtpTerms) -> None:
        """Start, or go on under other terms. Harmless once closed.

        Raises LineError (H231, H232) when SRTP was agreed that cannot be done; then nothing has changed.
        """
        if self._closed:
            return
        before, srtp = self._terms, self._srtp
        if before is None or (before.local_key, before.remote_key) != (terms.local_key, terms.remote_key):
            srtp = Srtp(terms.local_key, terms.remote_key) if terms.local_key and terms.remote_key else None
        self._terms, self._srtp = terms, srtp
        self._port.law = terms.law
        self._receiver.agree(
            terms.law, terms.payload_type, terms.events, hears=terms.receives, either=terms.either
        )
        self._sender.agree(terms.payload_type, terms.events)
        if before is None or _ways(before) != _ways(terms):
            moved = before is not None and (before.address, before.port) != (terms.address, terms.port)
            self._point(terms, moved=moved)
        self._send = self._rtp.send if terms.sends else None
        self._alive = self._clock.time()
        if self._beat is None:
            self._beat = self._media_clock.add(self._tick, self._failed)

    def press(self, keys: str, milliseconds: int = 100) -> bool:
        """Send keys as telephone events, after those that wait; False if none were agreed, or too many wait.

        Raises KeyError for what is no key.
        """
        return self._sender.press(keys, milliseconds)

    def report(self) -> MediaQuality:
        """The figures so far; also after `close`."""
        reception, link, sender = self._receiver.reception, self._link, self._sender
        heard_of = reception.expected
        unheard = reception.lost + reception.late
        jitter_ms = reception.jitter * 1000 / RATE
        there_and_back = 0.0 if link.round_trip is None else link.round_trip * 1000
        return MediaQuality(
            packets_sent=sender.packets,
            octets_sent=sender.octets,
            packets_received=reception.received,
            octets_received=self._receiver.octets,
            lost=reception.lost,
            loss=reception.lost / heard_of if heard_of else 0.0,
            jitter_ms=jitter_ms,
            max_jitter_ms=reception.max_jitter * 1000 / RATE,
            round_trip_ms=None if link.round_trip is None else there_and_back,
            remote_loss=self._remote_loss(),
            remote_jitter_ms=None if link.remote_jitter is None else link.remote_jitter * 1000,
            mos=quality.mean_opinion(
                unheard / heard_of,
                # Half the way there and back, a packet's own length, and what a buffer for this jitter holds.
                there_and_back / 2 + self._ptime() + 2 * jitter_ms,
                burst_ratio=quality.burst_ratio(unheard, reception.bursts, heard_of),
            )
            if heard_of
            else None,
            duplicates=reception.duplicates,
            late=reception.late,
            dropped=self._dropped,
        )

    def close(self) -> None:
        """Say goodbye by RTCP and give the sockets back. Harmless if it was done."""
        if self._closed:
            return
        self._closed = True
        if self._beat is not None:
            self._media_clock.remove(self._beat)
            self._beat = None
            self._send_rtcp(self._link.goodbye(self._clock.time()))
        self._send = None
        self._poller.forget(self._sockets.rtp)
        self._poller.forget(self._sockets.rtcp)
        self._count()
        self._sockets.close()

    # Ways.

    def _point(self, terms: RtpTerms, *, moved: bool) -> None:
        """Connect both sockets to what was agreed, or open them to where it may come from."""
        hosts = open_to(terms, self._symmetric)
        self._mux = terms.rtcp_mux
        self._receiver.reception.forget_source()
        if hosts and (self._rtp.settled or self._rtcp.settled):
            self._renew(moved=moved)
        self._rtp.point(terms.address, terms.port, hosts)
        self._watch(self._rtp, self._rtp_readable, self._rtp_knock)
        if terms.rtcp_mux:
            self._poller.forget(self._rtcp.sock)
        else:
            self._rtcp.point(terms.address, terms.rtcp_port, hosts)
            self._watch(self._rtcp, self._rtcp_readable, self._rtcp_knock)

    def _renew(self, *, moved: bool) -> None:
        """A connected socket hears one address for ever: take new ones on the same ports.

        Where the sound moves elsewhere, its old source may go on for a moment, and must not be taken for the new.
        """
        until = self._clock.time() + STALE if moved else 0.0
        rtp, rtcp = self._rtp.remote, self._rtcp.remote
        self._poller.forget(self._sockets.rtp)
        self._poller.forget(self._sockets.rtcp)
        self._sockets.renew()
        self._rtp = RtpPath(self._sockets.rtp, rtp, until)
        self._rtcp = RtpPath(self._sockets.rtcp, rtcp, until)
        self._recv = self._sockets.rtp.recv

    def _watch(
        self, path: RtpPath, readable: Callable[[float], None], knock: Callable[[float], None]
    ) -> None:
        if path.settled:
            self._poller.watch(path.sock, readable)
        elif path.hosts:
            self._poller.watch(path.sock, knock)
        else:  # nowhere to send, nobody to hear: what strangers send stays in the kernel
            self._poller.forget(path.sock)

    # Packets coming in.

    def _rtp_readable(self, now: float) -> None:
        try:
            packet = self._recv(PACKET)
        except OSError:
            self._poller.counts["receive_errors"] += 1
            return
        self._take(packet, now)

    def _rtp_knock(self, now: float) -> None:
        """The first packet may come from several: the one that proves right settles it."""
        self._knocked(self._rtp, self._take, self._rtp_readable, now)

    def _take(self, packet: bytes, now: float) -> bool:
        if self._mux and is_rtcp(packet):
            return self._take_rtcp(packet, now)
        if self._srtp is not None:
            clear = self._srtp.unprotect(packet)
            if clear is None:
                return self._drop("srtp")
            packet = clear
        if not self._receiver.packet(packet, now):
            self._dropped += 1
            return False
        self._packets_in += 1
        self._alive = now
        if self._on_media is not None:
            self._first_media()
        return True

    def _rtcp_readable(self, now: float) -> None:
        try:
            packet = self._rtcp.sock.recv(PACKET)
        except OSError:
            self._poller.counts["receive_errors"] += 1
            return
        self._take_rtcp(packet, now)

    def _rtcp_knock(self, now: float) -> None:
        self._knocked(self._rtcp, self._take_rtcp, self._rtcp_readable, now)

    def _take_rtcp(self, packet: bytes, now: float) -> bool:
        if self._srtp is not None:
            clear = self._srtp.unprotect_rtcp(packet)
            if clear is None:
                return self._drop("srtp")
            packet = clear
        if not self._link.packet(packet, now):
            return self._drop("rtcp")
        self._alive = now
        return True

    def _knocked(
        self,
        path: RtpPath,
        take: Callable[[bytes, float], bool],
        readable: Callable[[float], None],
        now: float,
    ) -> None:
        try:
            packet, remote = path.sock.recvfrom(PACKET)
        except OSError:
            self._poller.counts["receive_errors"] += 1
            return
        if not path.may_be(remote[:2], now):
            self._drop("address")
        elif take(packet, now) and not self._closed and path.settle(remote[:2]):
            self._poller.watch(path.sock, readable)
            if path is self._rtp and self._terms is not None and self._terms.sends:
                self._send = path.send

    def _drop(self, reason: str) -> bool:
        self._poller.dropped[reason] += 1
        self._dropped += 1
        return False

    def _first_media(self) -> None:
        told, self._on_media = self._on_media, None
        if told is not None:
            told()

    # Packets going out.

    def _tick(self) -> None:
        """Each 20 ms: one frame from the port to the wire."""
        self._receiver.beat()
        frame = self._port.next_frame()
        if self._skipped != self._media_clock.skipped:
            self._sender.pause(self._media_clock.skipped - self._skipped)
            self._skipped = self._media_clock.skipped
        send = self._send
        if send is None:
            self._sender.pause()
        else:
            packet = self._sender.packet(frame)
            if self._srtp is not None:
                packet = self._srtp.protect(packet)
            try:
                send(packet)
            except OSError:
                self._poller.counts["send_errors"] += 1
        self._chores_in -= 1
        if not self._chores_in:
            self._chores_in = CHORES
            self._do_chores()

    def _count(self) -> None:
        """Add this stream's packets to those of the process."""
        received, sent = self._packets_told
        self._packets_told = (self._packets_in, self._sender.packets)
        self._poller.counts["received"] += self._packets_in - received
        self._poller.counts["sent"] += self._sender.packets - sent

    def _do_chores(self) -> None:
        self._count()
        now = self._clock.time()
        if now >= self._link.due:
            self._send_rtcp(self._link.report(now))
        terms = self._terms
        if terms is None or not (terms.sends and terms.receives):  # on hold nobody need send
            self._alive = now
        elif self._dead_after and now - self._alive >= self._dead_after and self._on_dead is not None:
            told, self._on_dead = self._on_dead, None
            told()

    def _send_rtcp(self, packet: bytes) -> None:
        send = (self._rtp if self._mux else self._rtcp).send
        if send is None:
            return
        try:
            send(packet if self._srtp is None else self._srtp.protect_rtcp(packet))
        except OSError:
            self._poller.counts["send_errors"] += 1

    def _failed(self, error: Exception) -> None:
        """The clock has stopped our beat because of a fault."""
        self._beat = None
        if self._on_failed is not None:
            self._on_failed(error)
        elif self._on_dead is not None:
            self._on_dead()

    def _ptime(self) -> int:
        return 20 if self._terms is None else self._terms.ptime

    def _remote_loss(self) -> float | None:
        """The share of all we sent that the other side says it lost."""
        lost, sent = self._link.remote_lost, self._sender.packets
        return None if lost is None or not sent else min(1.0, max(0.0, lost / sent))


def _ways(terms: RtpTerms) -> tuple[object, ...]:
    """What decides where packets go and whence they may come."""
    return (terms.address, terms.port, terms.rtcp_port, terms.rtcp_mux, terms.signalling)
