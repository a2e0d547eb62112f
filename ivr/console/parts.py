"""What the console's pages work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from ivr.bus import Bus
from ivr.flow import FlowStore
from ivr.seats import Desk
from ivr.settings import Settings
from ivr.speech import PromptCatalogue
from policy_db import PolicyDatabase
from policy_db.clock import Clock, utc_now


@dataclass(slots=True)
class ConsoleParts:
    """The parts of one console process; areas may keep what they share in `shared`, by their name."""

    settings: Settings
    database: PolicyDatabase
    desk: Desk
    bus: Bus
    flows: FlowStore
    catalogue: PromptCatalogue
    #: Where flows are published to; it need not exist yet.
    flows_dir: Path
    prompts_dir: Path
    clock: Clock = utc_now
    shared: dict[str, Any] = field(default_factory=dict)


def parts_of(connection: HTTPConnection) -> ConsoleParts:
    """The parts of the application that a request or WebSocket came to."""
    parts = connection.app.state.parts
    assert isinstance(parts, ConsoleParts)  # noqa: S101 - set when the application was built
    return parts


Parts = Annotated[ConsoleParts, Depends(parts_of)]
