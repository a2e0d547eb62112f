"""What is known of one RTP source: its sequence numbers, losses and jitter (RFC 3550, appendices A.1, A.3, A.8)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from ivr.media.g711 import RATE
from ivr.media.rtp import SEQUENCES, TIMESTAMPS

#: Packets that may be missing at once; a larger step forward is not believed at first.
MOST_MISSING = 3000
#: Packets by which one may come too late; an older one is not believed at first.
MOST_LATE = 100
#: Packets in a row that a new source, or an unbelievable sequence number, must show before it counts.
PROBATION = 3

_WINDOW = (1 << 128) - 1
_MIDDLE = TIMESTAMPS // 2
#: Timestamp steps (10 s) that are still time passing rather than a jump.
_LONGEST = 10 * RATE


class Place(IntEnum):
    """How a packet stands to those before it."""

    NEXT = 0
    #: The first of a source: nothing before it counts any more.
    FIRST = 1
    #: Older than one that came; not seen before.
    LATE = 2
    DUPLICATE = 3
    #: Of another source, or out of all order, and not proven yet: it must not be heard.
    STRANGE = 4


class Losses(NamedTuple):
    """A source's figures since a moment, or for an RTCP report block."""

    #: Lost since the last time it was asked, as a fraction of 256.
    fraction: int
    #: Packets expected less packets received; negative where duplicates came.
    lost: int
    #: The highest sequence number, with the count of wraps above it.
    highest: int


class Reception:
    """Follows one source, and changes to another one only after it has proven itself.

    The first source is believed at its first packet (the socket knows the sender's address already). Another
    source, or a sequence number that is out of all order, counts after PROBATION packets in a row, with none
    of the present source between them: an injected packet is nothing.
    """

    __slots__ = (
        "_arrival",
        "_asked",
        "_base",
        "_highest",
        "_past_expected",
        "_suspect",
        "_suspect_next",
        "_suspect_seen",
        "_timestamp",
        "_window",
        "bursts",
        "duplicates",
        "jitter",
        "late",
        "max_jitter",
        "received",
        "received_now",
        "source",
    )

    def __init__(self) -> None:
        #: The source (SSRC) that counts, or None before the first packet.
        self.source: int | None = None
        #: Packets that counted, late ones too, duplicates not; of all sources, and of the present one.
        self.received = 0
        self.received_now = 0
        self.duplicates = 0
        self.late = 0
        #: How many times packets went missing, however many at once.
        self.bursts = 0
        #: Interarrival jitter in timestamp units, as A.8 has it, and the largest.
        self.jitter = 0.0
        self.max_jitter = 0.0
        self._base = self._highest = 0
        self._past_expected = 0
        self._window = 0
        self._arrival = -1.0
        self._timestamp = 0
        self._asked = (0, 0)
        #: Who might be the next source, its next sequence number, and how many came in a row.
        self._suspect = self._suspect_next = -1
        self._suspect_seen = 0

    @property
    def expected(self) -> int:
        """Packets that should have come, of all sources."""
        now = self._highest - self._base + 1 if self.source is not None else 0
        return self._past_expected + now

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return max(0, self.expected - self.received)

    def take(self, sequence: int, source: int) -> Place:
        """Count a packet and say what it is."""
        if source != self.source:
            return self._suspected(sequence, source)
        step = (sequence - self._highest) & 0xFFFF
        if step == 1:
            self._highest += 1
            self._window = (self._window << 1 | 1) & _WINDOW
        elif 0 < step <= MOST_MISSING:
            self._highest += step
            self._window = (self._window << step | 1) & _WINDOW if step < 128 else 1
            self.bursts += 1
        elif step == 0 or step >= SEQUENCES - MOST_LATE:
            return self._older(-step % SEQUENCES)
        else:
            return self._suspected(sequence, source)
        self.received += 1
        self.received_now += 1
        self._suspect_seen = 0
        return Place.NEXT

    def timing(self, timestamp: int, arrival: float) -> None:
        """Take a sound packet's timestamp and its arrival (seconds) into the jitter."""
        if self._arrival >= 0.0:
            apart = ((timestamp - self._timestamp + _MIDDLE) & 0xFFFFFFFF) - _MIDDLE
            if -_LONGEST < apart < _LONGEST:
                difference = (arrival - self._arrival) * RATE - apart
                if difference < 0.0:
                    difference = -difference
                jitter = self.jitter
                self.jitter = jitter = jitter + (difference - jitter) * 0.0625
                if jitter > self.max_jitter:
                    self.max_jitter = jitter
        self._arrival = arrival
        self._timestamp = timestamp

    def report(self) -> Losses:
        """The figures for a report block; the fraction is since the last call."""
        expected = self._highest - self._base + 1 if self.source is not None else 0
        received = self.received_now
        expected_before, received_before = self._asked
        self._asked = (expected, received)
        due = expected - expected_before
        missing = due - (received - received_before)
        fraction = min(255, missing * 256 // due) if due > 0 and missing > 0 else 0
        return Losses(fraction, expected - received, self._highest & 0xFFFFFFFF)

    def forget_source(self) -> None:
        """The other side's address has changed: believe the next source at its first packet."""
        self._past_expected = self.expected
        self.source = None
        self._forget_suspect()

    def _older(self, behind: int) -> Place:
        seen = 1 << behind
        if self._window & seen:
            self.duplicates += 1
            return Place.DUPLICATE
        self._window |= seen
        self._base = min(self._base, self._highest - behind)  # the very first may have been overtaken
        self.received += 1
        self.received_now += 1
        self.late += 1
        self._suspect_seen = 0
        return Place.LATE

    def _suspected(self, sequence: int, source: int) -> Place:
        """A packet that is not believed yet, unless it is the last of enough in a row, or the very first."""
        if self.source is None:
            return self._begin(sequence, source)
        in_row = source == self._suspect and sequence == self._suspect_next and self._suspect_seen
        self._suspect_seen = self._suspect_seen + 1 if in_row else 1
        self._suspect, self._suspect_next = source, (sequence + 1) & 0xFFFF
        return self._begin(sequence, source) if self._suspect_seen >= PROBATION else Place.STRANGE

    def _begin(self, sequence: int, source: int) -> Place:
        self._past_expected = self.expected
        self.source = source
        self._base = self._highest = sequence
        self._window = 1
        self._asked = (0, 0)
        self._arrival = -1.0
        self.received += 1
        self.received_now = 1
        self._forget_suspect()
        return Place.FIRST

    def _forget_suspect(self) -> None:
        self._suspect = self._suspect_next = -1
        self._suspect_seen = 0
