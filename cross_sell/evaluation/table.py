"""What an evaluation tells: rows of methods, columns of figures, as text, Markdown or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

#: Told while an evaluation runs: what is being done, and the share that is done (0 to 1).
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Table:
    """A title, the names of the figures, one row a method, and what must be known to read it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Mapping[str, float]]]
    notes: Sequence[str] = field(default_factory=tuple)

    def value(self, method: str, column: str) -> float:
        """One figure; raises KeyError where it was not measured."""
        return dict(self.rows)[method][column]

    def cells(self) -> list[list[str]]:
        """The table as text, its head first."""
        head = ["method", *self.columns]
        return [
            head,
            *([name, *(_shown(figures.get(one)) for one in self.columns)] for name, figures in self.rows),
        ]

    def markdown(self) -> str:
        """The table as Markdown, notes below."""
        head, *body = self.cells()
        lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in body)]
        return (
            "\n".join([f"**{self.title}**", "", *(f"| {line} |" for line in lines), "", *self.notes]).rstrip()
            + "\n"
        )

    def csv(self) -> str:
        """The table as CSV."""
        text = io.StringIO()
        csv.writer(text).writerows(self.cells())
        return text.getvalue()


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if abs(value) >= 20 else f"{value:.4f}"
