"""What a worker counts about its calls, as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from ivr.flow.trace import TraceEntry

_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)

_SPOKEN = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)


class CallMetrics:
    """Counters of calls, faults and services; labels are names of flows and services, never numbers."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._active = Gauge(
            "hotline_calls_active", "Calls now", multiprocess_mode="livesum", registry=registry
        )
        self._calls = Counter("hotline_calls", "Calls ended, by outcome", ["outcome"], registry=registry)
        self._length = Histogram(
            "hotline_call_seconds",
            "Length of calls",
            buckets=(5, 15, 30, 60, 120, 300, 600, 1800),
            registry=registry,
        )
        self._answer = Histogram(
            "hotline_key_to_prompt_seconds", "Key to prompt", buckets=_SECONDS, registry=registry
        )
        self._spoken = Histogram(
            "hotline_speech_answer_seconds",
            "From the end of speech to the prompt that answers it",
            buckets=_SPOKEN,
            registry=registry,
        )
        self._services = Counter(
            "hotline_services", "Services asked", ["service", "outcome"], registry=registry
        )
        self._service_seconds = Histogram(
            "hotline_service_seconds", "Time services took", ["service"], buckets=_SECONDS, registry=registry
        )
        self._faults = Counter("hotline_flow_faults", "Flow faults", ["code"], registry=registry)

    def call_began(self) -> None:
        """A call was offered and taken."""
        self._active.inc()

    def call_ended(self, outcome: str, seconds: float) -> None:
        """A call is over."""
        self._active.dec()
        self._calls.labels(outcome).inc()
        self._length.observe(seconds)

    def key_answered(self, seconds: float) -> None:
        """From a key's arrival to the next prompt given to the line."""
        self._answer.observe(seconds)

    def speech_answered(self, seconds: float) -> None:
        """From the end of what a caller said to the next prompt given to the line."""
        self._spoken.observe(seconds)

    def traced(self, trace: Sequence[TraceEntry]) -> None:
        """Count what a turn's trace says of services and faults."""
        for entry in trace:
            data = entry.to_json()
            if entry.kind == "service_answered":
                self._services.labels(data["service"], data["outcome"]).inc()
                self._service_seconds.labels(data["service"]).observe(data["ms"] / 1000)
            elif entry.kind == "fault":
                self._faults.labels(data["code"]).inc()
