"""The engine that new calls begin with: one for all calls of the same version of the flows."""

from __future__ import annotations

from ivr.flow import Engine, FlowStore


class Engines:
    """Gives the engine of the store's current flows; a call keeps the one it was given."""

    def __init__(self, flows: FlowStore) -> None:
        self._flows = flows
        self._engine = _ready(flows)

    def current(self) -> Engine:
        """The engine of the newest good flows."""
        if self._engine.library is not self._flows.current:
            self._engine = _ready(self._flows)
        return self._engine


def _ready(flows: FlowStore) -> Engine:
    """An engine with every plan made, so that no caller waits for one."""
    engine = Engine(flows.current)
    for name in engine.library.flows:
        engine.plan(name)
    return engine
