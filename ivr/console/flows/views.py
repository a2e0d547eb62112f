"""What the pages and the API say about flows: figures of steps, of whole flows, and what troubles callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ivr.console.flows.diagram import Marks
from ivr.console.parts import ConsoleParts
from ivr.flow import FlowLibrary, LoadedFlow
from ivr.flow.model import step_kind
from policy_db.flow_counts import StepCounts

#: Periods that can be chosen, in days; 1 is today.
PERIODS: Final = (1, 7, 30, 90)
#: A step troubles callers when this share of those who come meets silence, an error, or a hang-up.
TROUBLE: Final = 0.1
_LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with what calls did there; shares are of the calls that entered it, None where none did."""

    name: str
    kind: str
    line: int
    counts: StepCounts
    here: int

    def share(self, number: int) -> float | None:
        """Of those who came."""
        return number / self.counts.entered if self.counts.entered else None

    @property
    def trouble(self) -> str:
        """The worst that befalls many here: `no_input`, `no_match`, `fault`, `hung_up`, or nothing."""
        if self.counts.entered < _LEAST:
            return ""
        figures = {
            word: getattr(self.counts, word) / self.counts.entered
            for word in ("fault", "hung_up", "no_match", "no_input")
        }
        worst = max(figures, key=figures.__getitem__)
        ends_here = worst == "hung_up" and self.kind in ("hangup", "return")
        return worst if figures[worst] >= TROUBLE and not ends_here else ""


@dataclass(frozen=True, slots=True)
class FlowView:
    """A flow with its steps, for a period."""

    loaded: LoadedFlow
    steps: tuple[StepView, ...]

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.loaded.name

    @property
    def entered(self) -> int:
        """How often calls came into the flow: into its first step."""
        return next((one.counts.entered for one in self.steps if one.name == self.loaded.flow.entry), 0)

    @property
    def here(self) -> int:
        """Calls that are in it now."""
        return sum(one.here for one in self.steps)

    @property
    def troubled(self) -> tuple[StepView, ...]:
        """Steps where many fall silent, err or hang up."""
        return tuple(one for one in self.steps if one.trouble)

    def title(self, language: str) -> str:
        """The flow's title in a language, or its name."""
        titles = self.loaded.flow.title or {}
        return titles.get(language) or next(iter(titles.values()), self.name)

    def marks(self, words: Mapping[str, str]) -> Marks:
        """What is written on its picture; `words` say each trouble in the reader's language."""
        return Marks(
            entered={one.name: one.counts.entered for one in self.steps},
            ways={
                (one.name, target): count for one in self.steps for target, count in one.counts.left.items()
            },
            here={one.name: one.here for one in self.steps if one.here},
            trouble={one.name: words[one.trouble] for one in self.steps if one.trouble},
        )


async def flow_views(parts: ConsoleParts, days: int, only: str = "") -> tuple[FlowView, ...]:
    """All flows in use (or one), by name, with the calls that ended in the last `days` days."""
    until = parts.clock().astimezone(ZoneInfo(parts.settings.zone)).date()
    counts = await parts.database.flow_counts.of(since(until, days), until, only)
    here = await parts.database.flow_counts.here_now()
    library = parts.flows.current
    names = [only] if only else sorted(library.flows)
    return tuple(_view(library, name, counts.get(name, {}), here) for name in names)


def since(until: date, days: int) -> date:
    """The first day of a period of `days` days."""
    return until - timedelta(days=max(1, days) - 1)


def period(wanted: int) -> int:
    """One of the periods."""
    return wanted if wanted in PERIODS else PERIODS[1]


def _view(
    library: FlowLibrary,
    name: str,
    counts: Mapping[str, StepCounts],
    here: Mapping[tuple[str, str], int],
) -> FlowView:
    loaded = library.flows[name]
    steps = tuple(
        StepView(
            step,
            step_kind(model) or "",
            loaded.position(step)[0],
            counts.get(step, StepCounts()),
            here.get((name, step), 0),
        )
        for step, model in loaded.flow.steps.items()
    )
    return FlowView(loaded, steps)
