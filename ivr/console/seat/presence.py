"""Which tab of a seat works: the first, until it is closed, silent, or another is told to take over.

Only the working tab keeps the seat's lease, so that a browser that is gone frees its seat. Kept in memory: after a
restart of the console the first tab that beats is the one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.console.parts import ConsoleParts

#: A tab that has not beaten for so long is no longer the one; tabs beat every three seconds.
SILENT: Final = timedelta(seconds=9)
_KEY: Final = "seat.tabs"


@dataclass(frozen=True, slots=True)
class Tab:
    """The tab that works, and when it last said so."""

    id: str
    at: datetime


class Tabs:
    """The working tab of each seat."""

    def __init__(self) -> None:
        self._tabs: dict[str, Tab] = {}

    def beat(self, seat: str, tab: str, now: datetime, *, take: bool = False) -> bool:
        """A tab lives; whether it is the one that works. With `take` it is from now on."""
        there = self._tabs.get(seat)
        if there is not None and there.id != tab and not take and now - there.at < SILENT:
            return False
        self._tabs[seat] = Tab(tab, now)
        return True

    def leave(self, seat: str, tab: str) -> None:
        """A tab is closed; another may be the one at once."""
        there = self._tabs.get(seat)
        if there is not None and there.id == tab:
            del self._tabs[seat]


def tabs_of(parts: ConsoleParts) -> Tabs:
    """The tabs of this console."""
    tabs = parts.shared.setdefault(_KEY, Tabs())
    assert isinstance(tabs, Tabs)  # noqa: S101 - set here alone
    return tabs
