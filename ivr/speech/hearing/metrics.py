"""What a worker counts about speech, as Prometheus metrics; never what was said."""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)


class SpeechMetrics:
    """Counters of utterances and of what became of them."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._utterances = Counter(
            "hotline_speech_utterances",
            "Utterances, by outcome: understood, not_understood, dismissed (a noise)",
            ["outcome"],
            registry=registry,
        )
        self._recognised = Histogram(
            "hotline_speech_recognised_seconds",
            "From the end of speech to what was understood",
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_use = Gauge(
            "hotline_speech_in_use", "Callers listened to now", multiprocess_mode="livesum", registry=registry
        )
        self._lost = Counter(
            "hotline_speech_lost",
            "Steps in which speech could not be heard, by why",
            ["why"],
            registry=registry,
        )
        self._dropped = Counter(
            "hotline_speech_frames_dropped", "Frames that no recogniser took in time", registry=registry
        )

    def utterance(self, outcome: str) -> None:
        """Somebody said something, or seemed to."""
        self._utterances.labels(outcome).inc()

    def recognised(self, seconds: float) -> None:
        """What was said is known, so long after its end."""
        self._recognised.observe(seconds)

    def in_use(self, count: int) -> None:
        """Callers of this worker that are listened to."""
        self._in_use.set(count)

    def lost(self, why: str) -> None:
        """A step goes on with keys alone."""
        self._lost.labels(why).inc()

    def dropped(self, frames: int) -> None:
        """Frames were thrown away."""
        self._dropped.inc(frames)
