"""What came of a run of the call generator: counts, percentiles, and what failed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.testing.load.caller import CallResult


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All calls of a run; `seconds` is how long it took."""

    calls: tuple[CallResult, ...]
    seconds: float
    at_once: int

    @property
    def failed(self) -> int:
        """Calls with anything wrong."""
        return sum(not call.good for call in self.calls)

    def failures(self) -> list[tuple[str, int]]:
        """What was wrong and how often, most frequent first."""
        return Counter(failure for call in self.calls for failure in call.failures).most_common()

    def figures(self) -> dict[str, float]:
        """Every figure by name; times in seconds, shares 0…1. What was never measured is left out."""
        figures: dict[str, float] = {
            "calls": len(self.calls),
            "failed": self.failed,
            "most at once": self.at_once,
            "seconds": self.seconds,
            "calls a second": len(self.calls) / self.seconds if self.seconds else 0.0,
        }
        for name, values in (
            ("answer", [call.setup for call in self.calls if call.setup is not None]),
            ("first sound", [call.first_sound for call in self.calls if call.first_sound is not None]),
            ("key to sound", [reaction for call in self.calls for reaction in call.reactions]),
        ):
            for share in (0.5, 0.95, 0.99):
                if values:
                    figures[f"{name} p{share * 100:.0f}"] = percentile(values, share)
        figures.update(self._media())
        return figures

    def _media(self) -> dict[str, float]:
        """What arrived and how well, over all calls that have it."""
        received, lost = self._sum("packets_received"), self._sum("lost")
        if not received:
            return {}
        return {
            "packets received": received,
            "packets lost": lost,
            "loss": lost / (received + lost),
            "jitter p99, ms": percentile(self._all("jitter_ms"), 0.99),
            "MOS p1": percentile(self._all("mos"), 0.01),
        }

    def _all(self, name: str) -> list[float]:
        return [value for call in self.calls if (value := call.quality.get(name)) is not None]

    def _sum(self, name: str) -> float:
        return sum(self._all(name))


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of them do not pass; the nearest rank. Raises ValueError for no values."""
    ordered: Sequence[float] = sorted(values)
    if not ordered:
        raise ValueError("no values, no percentile")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
