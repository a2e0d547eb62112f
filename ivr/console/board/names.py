"""What flows, steps and queues are called in a reader's language, and telephone numbers that are not shown whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.flow import FlowLibrary


@dataclass(frozen=True, slots=True)
class Names:
    """Titles as the flows have them; what has none is told by its name, in words."""

    library: FlowLibrary
    language: str
    #: Titles of queues by name, as their rows have them.
    queues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def flow(self, name: str) -> str:
        """A flow's title."""
        loaded = self.library.flows.get(name)
        return self.text(loaded.flow.title, _words(name)) if loaded is not None else _words(name)

    def step(self, flow: str, step: str) -> str:
        """A step's title."""
        loaded = self.library.flows.get(flow)
        found = None if loaded is None else loaded.flow.steps.get(step)
        return _words(step) if found is None else self.text(found.title, _words(step))

    def place(self, dotted: str) -> tuple[str, str]:
        """Titles of flow and step of a `flow.step`; two empty texts for a call that is at none yet."""
        flow, _, step = dotted.partition(".")
        return (self.flow(flow), self.step(flow, step)) if step else ("", "")

    def queue(self, name: str) -> str:
        """A queue's title: its own row's, else the flows'."""
        queue = self.library.hotline.queues.get(name)
        return self.text(self.queues.get(name) or ({} if queue is None else queue.title), name)

    def text(self, texts: Mapping[str, str], otherwise: str = "") -> str:
        """The text in the reader's language, else in any."""
        return texts.get(self.language) or next(iter(texts.values()), "") or otherwise


def masked(number: str) -> str:
    """A telephone number of which only the last four digits are shown."""
    return f"•••• {number[-4:]}" if len(number) > 4 else number


def _words(name: str) -> str:
    return name.replace("_", " ")
