"""One leg's RTCP: what to report and when, and what the other side reports. No socket; nothing raises."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ivr.media import rtcp
from ivr.media.g711 import RATE
from ivr.media.reception import Reception
from ivr.media.rtcp import Compound, ReportBlock, SenderInfo
from ivr.media.rtp_sender import RtpSender

#: A round trip beyond this (seconds) is a wrong figure rather than a network.
LONGEST_ROUND_TRIP = 30.0
#: Own reports that the other side may still refer to.
_REMEMBERED = 4


class RtcpLink:
    """Reports on a sender and a reception, and remembers what the other side says of us."""

    __slots__ = (
        "_cname",
        "_heard",
        "_heard_at",
        "_packets_before",
        "_random",
        "_reception",
        "_sender",
        "_sent",
        "_unix",
        "due",
        "remote_jitter",
        "remote_loss",
        "remote_lost",
        "round_trip",
    )

    def __init__(
        self,
        sender: RtpSender,
        reception: Reception,
        *,
        cname: str,
        random: Callable[[], float],
        now: float,
        unix: float,
    ) -> None:
        """`now` and `unix` are the same moment on the monotonic clock and in Unix seconds."""
        self._sender = sender
        self._reception = reception
        self._cname = cname
        self._random = random
        self._unix = unix - now
        self._packets_before = 0
        self._sent: deque[int] = deque(maxlen=_REMEMBERED)
        self._heard: SenderInfo | None = None
        self._heard_at = 0.0
        #: When the next report is due (monotonic seconds).
        self.due = now + rtcp.interval(random, first=True)
        #: Seconds there and back, when last measured.
        self.round_trip: float | None = None
        #: What the other side lost of what we sent: the share since its last report, and the packets in all.
        self.remote_loss: float | None = None
        self.remote_lost: int | None = None
        #: The jitter (seconds) of what we sent, as the other side sees it.
        self.remote_jitter: float | None = None

    def report(self, now: float) -> bytes:
        """The report that is due now; a sender report if anything was sent since the last but one."""
        sender = None
        if self._sender.packets != self._packets_before:
            ntp = rtcp.ntp_time(self._unix + now)
            sender = SenderInfo(ntp, self._sender.timestamp, self._sender.packets, self._sender.octets)
            self._sent.append(sender.middle)
        self._packets_before = self._sender.packets
        self.due = now + rtcp.interval(self._random)
        return rtcp.report(self._sender.source, self._cname, sender, self._blocks(now))

    def goodbye(self, now: float) -> bytes:
        """The last report, with a BYE."""
        return self.report(now) + rtcp.goodbye(self._sender.source)

    def packet(self, packet: bytes, now: float) -> bool:
        """Take a packet that came at `now`; False if it is not RTCP.

        Figures of another source than the sound's do not count.
        """
        compound = rtcp.parse(packet)
        if compound is None:
            return False
        known = self._reception.source
        if known is None or compound.source == known:
            if compound.sender is not None:
                self._heard, self._heard_at = compound.sender, now
            self._read(compound, now)
        return True

    def _blocks(self, now: float) -> tuple[ReportBlock, ...]:
        source = self._reception.source
        if source is None:
            return ()
        losses = self._reception.report()
        last, delay = 0, 0
        if self._heard is not None:
            last = self._heard.middle
            delay = min(0xFFFFFFFF, round((now - self._heard_at) * 65536))
        jitter = int(self._reception.jitter)
        return (ReportBlock(source, losses.fraction, losses.lost, losses.highest, jitter, last, delay),)

    def _read(self, compound: Compound, now: float) -> None:
        for block in compound.blocks:
            if block.source == self._sender.source:
                self.remote_loss = block.fraction / 256
                self.remote_lost = block.lost
                self.remote_jitter = block.jitter / RATE
                self._measure(block, now)

    def _measure(self, block: ReportBlock, now: float) -> None:
        """The round trip, from a report of ours that the other side refers to (section 6.4.1)."""
        if block.last_report in self._sent:
            middle = rtcp.ntp_time(self._unix + now) >> 16 & 0xFFFFFFFF
            passed = ((middle - block.last_report - block.delay) & 0xFFFFFFFF) / 65536
            if passed <= LONGEST_ROUND_TRIP:
                self.round_trip = passed
