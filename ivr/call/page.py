"""One call's page of the journal: what is not in the database yet, and the file it is put into."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from policy_db.facts import TimelineEntry

#: The prompt by which flows say that they are sorry for a late answer.
APOLOGY = "late_answer"


class Page:
    """What is to be written of one call.

    `call` are the arguments of `calls.begin`; `entries` and `news` (language, level, policy) are what the
    database has not been told; `outcome` is set when the call has ended. `now` is the call's own time (seconds).
    """

    def __init__(self, call_id: str, call: dict[str, Any], now: Callable[[], float] = lambda: 0.0) -> None:
        self.id = call_id
        self.now = now
        self.call = call
        self.entries: list[TimelineEntry] = []
        #: How many entries the call has had; the next one's number.
        self.count = 0
        #: How often the caller was not understood or silent, and what went wrong on our side.
        self.missed = self.faults = 0
        self.news: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self.outcome: str | None = None
        self.ended_at: float | None = None
        self.begun = False
        self.closed = False
        self.full = False
        self.changed = asyncio.Event()
        #: Set when the writer should not wait for company.
        self.hurry = asyncio.Event()
        self.changed.set()

    def add(self, at: float, kind: str, data: dict[str, Any]) -> None:
        """One more entry."""
        self.entries.append(TimelineEntry(self.count, at, kind, data))
        self.count += 1
        self._gather(at, kind, data)
        self.changed.set()

    def _gather(self, at: float, kind: str, data: Mapping[str, Any]) -> None:
        """What the call's row tells of the entry, so that boards and reports need not read timelines."""
        match kind:
            case "step_entered":
                self.know({"step": f"{data['flow']}.{data['step']}", "step_at": at})
            case "transfer_asked":
                self.know({"asked": True})
                self.hurry.set()  # a person looks at it in a moment
            case "said" if APOLOGY in data["prompts"]:
                self.know({"apologised": True})
            case "missed":
                self.missed += 1
                self.know({"missed": self.missed})
            case "fault":
                self.faults += 1
                self.know({"faults": self.faults})

    def know(self, facts: Mapping[str, Any]) -> None:
        """What has become known; only what is new is written."""
        fresh = {
            name: value for name, value in facts.items() if self.news.get(name, self._told.get(name)) != value
        }
        if fresh:
            self.news.update(fresh)
            self.changed.set()

    def said(self, news: Mapping[str, Any]) -> None:
        """The database was told this; what changed meanwhile stays news."""
        self._told.update(news)
        self.news = {name: value for name, value in self.news.items() if self._told.get(name) != value}

    def end(self, outcome: str) -> None:
        """The call is over."""
        self.outcome = outcome
        self.ended_at = time.monotonic()
        self.wake()

    def wake(self) -> None:
        """Let the writer look at once."""
        self.hurry.set()
        self.changed.set()

    async def pause(self, seconds: float) -> None:
        """Wait before another try, shorter when there is reason to hurry."""
        hurried = self.hurry.is_set()
        with suppress(TimeoutError):
            if hurried:
                await asyncio.sleep(seconds)
            else:
                await asyncio.wait_for(self.hurry.wait(), seconds)
        self.changed.set()

    @property
    def seconds_since_end(self) -> float:
        """How long ago the call ended; 0 while it runs."""
        return 0.0 if self.ended_at is None else time.monotonic() - self.ended_at

    @property
    def written(self) -> bool:
        """Whether the database knows everything that is known here."""
        return self.begun and not self.entries and not self.news and (self.outcome is None or self.closed)

    # The file

    def write(self, folder: Path) -> None:
        """Put the page into a file of `folder`, in one step. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {
            "id": self.id,
            "call": self.call,
            "entries": [[one.seq, one.at, one.kind, one.data] for one in self.entries],
            "news": self.news,
            "outcome": self.outcome,
        }
        draft = folder / f"{self.id}.tmp"
        try:
            draft.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")
            os.replace(draft, folder / f"{self.id}.json")  # noqa: PTH105 - atomic by name
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    @classmethod
    def read(cls, path: Path) -> Self:
        """The page that `write` put into a file. Raises OSError, ValueError, TypeError or KeyError."""
        plain = json.loads(path.read_text(encoding="utf-8"))
        page = cls(plain["id"], plain["call"])
        page.entries = [TimelineEntry(*entry) for entry in plain["entries"]]
        page.news = plain["news"]
        page.outcome = plain["outcome"]
        return page


def find_pages(folder: Path) -> list[Path]:
    """The files that `write` made, the oldest call first."""
    return sorted(folder.glob("*.json"))
