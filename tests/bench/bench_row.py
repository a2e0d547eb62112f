"""One figure of the bench, and the limit it has to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: `limit` is what it must not pass (or must reach, where `least`).

    Where nothing was measured, `why` says so in place of the figure.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: bool = False
    digits: int = 2
    why: str = ""

    @property
    def figure(self) -> str:
        """The value with its unit, or why there is none."""
        return self.why or f"{self.value:,.{self.digits}f} {self.unit}"

    @property
    def verdict(self) -> str:
        """Whether the limit is kept; what could not be measured keeps none."""
        if self.limit is None or self.why:
            return ""
        if math.isnan(self.value):
            return "NOT MEASURED"
        kept = self.value >= self.limit if self.least else self.value <= self.limit
        return "kept" if kept else "NOT KEPT"

    @property
    def bound(self) -> str:
        """The limit in words."""
        return "" if self.limit is None else f"{'≥' if self.least else '≤'} {self.limit:g} {self.unit}"
