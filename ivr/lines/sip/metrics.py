"""What a SIP line counts, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from ivr.clock import Clock, TimerHandle
from ivr.media.clock import EDGES

#: Seconds between two looks at the line's figures.
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """A line's figures since its start, and how things stand."""

    #: Signalling messages by what became of them: `in` and `out` by direction, the rest by reason.
    messages: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    #: New calls not taken, by status, and notices of the core by name.
    refused: Mapping[str, int] = field(default_factory=dict)
    notices: Mapping[str, int] = field(default_factory=dict)
    #: Sources shut out since the start, and at the moment.
    shut_out: int = 0
    shut_out_now: int = 0
    sessions: int = 0
    transactions: int = 0
    #: RTP packets: `received` and `sent`; and those dropped unheard, by reason.
    packets: Mapping[str, int] = field(default_factory=dict)
    packets_dropped: Mapping[str, int] = field(default_factory=dict)
    #: How many quarters of the media clock began within each of its edges, and beyond the last.
    lateness: tuple[int, ...] = ()


class SipMetrics:
    """Counters, gauges and the media clock's lateness. Labels are reasons and statuses, never numbers."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, multiprocess_mode="livesum", registry=registry)

        self._messages = counter("hotline_sip_messages", "SIP messages, by direction", "direction")
        self._dropped = counter("hotline_sip_dropped", "Packets dropped before they were read", "reason")
        self._refused = counter("hotline_sip_refused", "New calls refused by the line", "status")
        self._notices = counter("hotline_sip_notices", "What the SIP core found amiss", "notice")
        self._shut_out = counter("hotline_sip_shut_out", "Sources that were shut out")
        self._shut_out_now = gauge("hotline_sip_shut_out_now", "Sources that are shut out")
        self._sessions = gauge("hotline_sip_sessions", "SIP sessions")
        self._transactions = gauge("hotline_sip_transactions", "SIP transactions")
        self._packets = counter("hotline_rtp_packets", "RTP packets, by direction", "direction")
        self._packets_dropped = counter("hotline_rtp_dropped", "RTP packets dropped unheard", "reason")
        self._lateness = Histogram(
            "hotline_media_late_seconds",
            "How late the media clock's quarters began",
            buckets=EDGES,
            registry=registry,
        )
        self._last = Figures()

    def take(self, now: Figures) -> None:
        """Bring the metrics to these figures."""
        last, self._last = self._last, now
        for metric, before, after in (
            (self._messages, last.messages, now.messages),
            (self._dropped, last.dropped, now.dropped),
            (self._refused, last.refused, now.refused),
            (self._notices, last.notices, now.notices),
            (self._packets, last.packets, now.packets),
            (self._packets_dropped, last.packets_dropped, now.packets_dropped),
        ):
            _add(metric, before, after)
        self._shut_out.inc(max(0, now.shut_out - last.shut_out))
        self._shut_out_now.set(now.shut_out_now)
        self._sessions.set(now.sessions)
        self._transactions.set(now.transactions)
        self._add_lateness(last.lateness, now.lateness)

    def _add_lateness(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        beyond = (*EDGES, 2 * EDGES[-1])
        for at, count in enumerate(after):
            for _ in range(count - (before[at] if before else 0)):
                self._lateness.observe(beyond[at])


def _add(metric: Counter, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    for name, count in after.items():
        if count > before.get(name, 0):
            metric.labels(name).inc(count - before.get(name, 0))


class MetricsWatch:
    """Looks at a line's figures every second until `stop`."""

    def __init__(self, metrics: SipMetrics, figures: Callable[[], Figures], clock: Clock) -> None:
        self._metrics = metrics
        self._figures = figures
        self._clock = clock
        self._timer: TimerHandle | None = None

    def start(self) -> None:
        """Look now, and again each second."""
        self._metrics.take(self._figures())
        self._timer = self._clock.call_at(self._clock.time() + LOOK_SECONDS, self.start)

    def stop(self) -> None:
        """Look once more, and then no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._metrics.take(self._figures())
