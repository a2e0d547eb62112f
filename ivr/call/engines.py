"""The engine that new calls begin with: one for all calls of the same version of the flows."""

from __future__ import annotations

from threading import Lock

import structlog

from ivr.flow import Engine, FlowLibrary, FlowStore
from ivr.flow.engine import OpenState

log = structlog.get_logger(__name__)


class Engines:
    """Gives the engine of the store's current flows; a call keeps the one it was given.

    `open_state` says whether a calendar is open, where it is not the flows' file alone that does.
    May be asked from any thread: the one that reloads the flows asks at once, so that no call waits until the
    new engine is ready.
    """

    def __init__(self, flows: FlowStore, open_state: OpenState | None = None) -> None:
        self._flows = flows
        self._open_state = open_state
        self._lock = Lock()
        self._seen = flows.current
        self._engine = self._ready(self._seen)

    def current(self) -> Engine:
        """The engine of the newest good flows; while it is being made, other threads get the one before."""
        if self._seen is not self._flows.current and self._lock.acquire(blocking=False):
            try:
                self._seen = self._flows.current
                self._engine = self._ready(self._seen)
            except Exception:
                log.exception(
                    "no engine for the new flows, the last good ones stay", version=self._seen.version
                )
            finally:
                self._lock.release()
        return self._engine

    def _ready(self, library: FlowLibrary) -> Engine:
        """An engine with every plan made."""
        engine = Engine(library) if self._open_state is None else Engine(library, self._open_state)
        for name in library.flows:
            engine.plan(name)
        return engine
