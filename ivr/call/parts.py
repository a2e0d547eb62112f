"""What every call of a worker shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ivr.call.hearing import Hears, HearsNothing
from ivr.call.journal import CallJournal
from ivr.call.metrics import CallMetrics
from ivr.call.recordings import RecordingVault
from ivr.call.transfers import Transfers
from ivr.flow import Engine
from ivr.services import ServiceRegistry
from ivr.services.suggesting import NoSuggestions, Suggests
from ivr.speech import Speaker
from ivr.speech.stretch import Stretcher

HANG_UP_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class CallParts:
    """What every call of a worker shares."""

    engine: Callable[[], Engine]
    speaker: Speaker
    services: ServiceRegistry
    journal: CallJournal
    vault: RecordingVault
    transfers: Transfers
    metrics: CallMetrics
    #: Facts of the place, readable by flows as `call.NAME`.
    facts: dict[str, Any] = field(default_factory=dict)
    #: What suggests something to callers whose own matter is done.
    advice: Suggests = field(default_factory=NoSuggestions)
    #: What makes clips slower, for all calls.
    stretcher: Stretcher = field(default_factory=Stretcher)
    #: What listens to callers who speak.
    hearing: Hears = field(default_factory=HearsNothing)
    #: Seconds of ringing after which flows apologise (`call.late`); 0: never.
    late_after: float = 20.0
    #: Seconds that the other side may take to confirm our hang-up, and running services to end after the call.
    grace: float = HANG_UP_GRACE
