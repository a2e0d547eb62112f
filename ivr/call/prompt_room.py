"""The studio as callers of the company reach it: what disks and sounds take is done in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ivr.services.prompts import Placed, Recordable, Unfit
from ivr.speech.errors import ClipError
from ivr.speech.speaker import NOW, TAKE
from ivr.speech.studio import Studio

#: The words of a flow for what is wrong with a recording, by the code of the error.
_UNFIT: Final[Mapping[str, Unfit]] = {
    "P301": "broken", "P304": "silent", "P305": "quiet", "P306": "overdriven", "P307": "short", "P308": "long",
}  # fmt: skip


class PromptRoom:
    """A studio for calls. `recordings` is the folder of callers' recordings; `changed` hears what was put in place."""

    def __init__(
        self, studio: Studio, recordings: Path, changed: Callable[[str], None] = lambda name: None
    ) -> None:
        self._studio = studio
        self._recordings = recordings
        self._changed = changed

    async def find(self, number: str, now: datetime) -> Recordable | None:
        """See `RecordsPrompts.find`."""
        return await asyncio.to_thread(self._find, number, now)

    async def wanting(self, language: str, after: str, now: datetime) -> Recordable | None:
        """See `RecordsPrompts.wanting`."""
        unit = await asyncio.to_thread(self._studio.next_wanting, language, after, now)
        return None if unit is None else await self.find(unit.number, now)

    async def take(self, call: str, number: str, file: str, now: datetime) -> str | Unfit:
        """See `RecordsPrompts.take`."""
        return await asyncio.to_thread(self._take, call, number, file, now)

    async def keep(self, call: str, number: str, now: datetime) -> Placed | None:
        """See `RecordsPrompts.keep`."""
        return await asyncio.to_thread(self._keep, call, number, now)

    async def drop(self, call: str) -> None:
        """See `RecordsPrompts.drop`."""
        await asyncio.to_thread(self._studio.drop, call)

    def _find(self, number: str, now: datetime) -> Recordable | None:
        unit = self._studio.units.by_number(number)
        if unit is None:
            return None
        state = self._studio.look(unit.language, now).state(unit)
        return Recordable(unit.number, unit.language, f"{NOW}{unit.language}/{unit.name}", state)

    def _take(self, call: str, number: str, file: str, now: datetime) -> str | Unfit:
        unit = self._studio.units.by_number(number)
        if unit is None:
            return "broken"
        try:
            self._studio.take(call, unit, self._recordings / file, now)
        except ClipError as error:
            return _UNFIT.get(error.code, "broken")
        return TAKE + call

    def _keep(self, call: str, number: str, now: datetime) -> Placed | None:
        unit = self._studio.units.by_number(number)
        placed = None if unit is None else self._studio.keep(call, unit, now.astimezone(UTC))
        if unit is None or placed is None:
            return None
        self._changed(unit.name)
        return Placed(unit.about, placed.seconds)
