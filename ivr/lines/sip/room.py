"""Where all calls of a line have their sound: one media clock, one look at all sockets, one range of ports."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random, SystemRandom

from ivr.clock import Clock
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.rtp_poller import RtpPoller
from ivr.lines.sip.rtp_ports import RtpPorts, RtpSockets, raise_file_limit
from ivr.lines.sip.rtp_stream import RtpStream
from ivr.media.clock import MediaClock
from ivr.media.port import AudioPort

#: Where a line without a range of its own takes its ports: somewhere here.
_ANYWHERE = range(16_384, 60_000)
#: For how many seconds ports are listened at before the line starts (two packets), and how many pairs at once.
_LISTEN = 0.045
_AT_ONCE = 300


class MediaRoom:
    """Opens streams. Made when the line starts; `close` gives everything back."""

    def __init__(self, settings: SipSettings, *, clock: Clock, random: Random | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random or SystemRandom()
        #: The clock that all legs of the line live by.
        self.media_clock = MediaClock(clock)
        self._poller = RtpPoller(clock, self.media_clock)
        raise_file_limit()
        last = _ANYWHERE.stop - settings.rtp_ports
        first = settings.rtp_port or self._random.randrange(_ANYWHERE.start, max(_ANYWHERE.start + 1, last))
        self._ports = RtpPorts(first, settings.rtp_ports, settings.host)

    async def find_stale(self) -> int:
        """Put ports at which something comes already at the end of the row, and tell how many they are.

        The callers of a process that died go on speaking for a while, and must not be put through to new ones.
        """
        stale: list[RtpSockets] = []
        opened: list[RtpSockets] = []
        try:
            for left in range(self._ports.size, 0, -_AT_ONCE):
                opened = self._ports.listen(min(_AT_ONCE, left))
                await asyncio.sleep(_LISTEN)
                stale += [pair for pair in opened if not pair.quiet]
                for pair in opened:
                    if pair not in stale:
                        pair.close()
        finally:
            for pair in (*opened, *stale):
                pair.close()
        return len(stale)

    @property
    def streams(self) -> int:
        """How many pairs of ports are in use."""
        return self._ports.used

    @property
    def counts(self) -> Counter[str]:
        """Packets `received` and `sent` by streams that have ended, and errors of sockets."""
        return self._poller.counts

    @property
    def dropped(self) -> Counter[str]:
        """Packets dropped unheard, by reason."""
        return self._poller.dropped

    def open(
        self,
        port: AudioPort,
        *,
        on_key: Callable[[str], None],
        on_media: Callable[[], None],
        on_dead: Callable[[], None],
        on_failed: Callable[[Exception], None],
    ) -> RtpStream:
        """A stream for one leg. Raises LineError (H230) when no port is free."""
        return RtpStream(
            port,
            sockets=self._ports.take(),
            poller=self._poller,
            clock=self._clock,
            media_clock=self.media_clock,
            on_key=on_key,
            on_media=on_media,
            on_dead=on_dead,
            on_failed=on_failed,
            symmetric=self._settings.symmetric_rtp,
            dead_after=self._settings.dead_media_seconds,
            random=self._random,
        )

    def close(self) -> None:
        """Stand still and watch nothing more. Streams are closed before."""
        self.media_clock.close()
        self._poller.close()
