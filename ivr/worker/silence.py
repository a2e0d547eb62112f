"""Noticing which worker has fallen silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class SilenceWatch:
    """Tells for how long each process has said nothing new, by the watcher's own clock.

    The time in a status file only serves to see that it is another one than before: when the wall clock jumps,
    nobody is silent for that. All times are seconds.
    """

    def __init__(self, *, silence: float, start: float) -> None:
        #: How long a process that has spoken may be silent, and how long one may take to speak first.
        self._silence = silence
        self._start = start
        self._heard: dict[int, tuple[float | None, float]] = {}

    def silent(self, running: Iterable[int], said_at: Mapping[int, float], now: float) -> list[int]:
        """The pids of `running` that must be taken for hung; `said_at` is when each spoke last, if it did."""
        before, self._heard = self._heard, {}
        hung = []
        for pid in running:
            latest = said_at.get(pid)
            known, since = before.get(pid, (None, now))
            if latest != known:
                since = now
            self._heard[pid] = (latest, since)
            if now - since > (self._start if latest is None else self._silence):
                hung.append(pid)
        return hung
