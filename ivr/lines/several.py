"""One line made of several: calls come by any of them, and go out by the one that an address names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.lines.base import Leg, Line


class SeveralLines:
    """A `Line` that is a first one and, by the beginning of the addresses that they serve, others."""

    def __init__(self, first: Line, others: Mapping[str, Line]) -> None:
        self.first = first
        self._others = dict(others)
        self._lines = (first, *dict.fromkeys(self._others.values()))

    @property
    def name(self) -> str:
        """The names of all, for logs."""
        return "+".join(line.name for line in self._lines)

    @property
    def capacity(self) -> int:
        """How many calls they carry at once, together."""
        return sum(line.capacity for line in self._lines)

    @property
    def active(self) -> int:
        """How many they carry now."""
        return sum(line.active for line in self._lines)

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Start all, the first one first. Raises LineError when one cannot start; then none is left started."""
        try:
            for line in self._lines:
                await line.start(on_call)
        except BaseException:
            await self.stop()
            raise

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:  # noqa: ASYNC109  # ringing
        """Call by the line of the address; what none of the others serves is the first one's."""
        return await self._line_of(to).dial(to, caller=caller, timeout=timeout)

    def drain(self) -> None:
        """Take no new calls on any."""
        for line in self._lines:
            line.drain()

    async def stop(self) -> None:
        """End every call on all, the last one first; a fault of one does not keep the others from it."""
        faults: list[Exception] = []
        for line in reversed(self._lines):
            try:
                await line.stop()
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def _line_of(self, address: str) -> Line:
        wanted = address.strip()
        return next((line for prefix, line in self._others.items() if wanted.startswith(prefix)), self.first)
