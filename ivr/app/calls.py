"""What every call of a worker shares."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from ivr.app.content import Content
from ivr.app.documents import sending_rules
from ivr.app.faxes import fax_rules
from ivr.call.engines import Engines
from ivr.call.journal import CallJournal
from ivr.call.metrics import CallMetrics
from ivr.call.parts import CallParts
from ivr.call.recordings import RecordingVault
from ivr.call.transfers import NoSeats, Transfers
from ivr.call.voicing import prompt_room
from ivr.flow.engine import OpenState
from ivr.services import NoSuggestions, Suggests, hotline_registry
from ivr.settings import Settings
from policy_db import PolicyDatabase


def call_parts(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    worker: str,
    transfers: Transfers | None = None,
    tell: Callable[[str], None] = lambda call_id: None,
    left: Callable[[str, str], None] | None = None,
    open_state: OpenState | None = None,
    advice: Suggests | None = None,
) -> CallParts:
    """What every call of a worker shares; without `transfers` there are no seats, without `advice` no suggestions.

    `tell` hears of calls with news, `left` of messages and claims whose words have been kept.
    """
    suggests = advice or NoSuggestions()
    return CallParts(
        engine=Engines(content.flows, open_state).current,
        speaker=content.speaker,
        services=hotline_registry(
            database,
            suggests,
            prompt_room(settings, content.speaker.catalogue, left),
            sending_rules(settings),
            fax_rules(settings),
        ),
        journal=CallJournal(database, worker, settings.data_dir / "unwritten", tell=tell),
        vault=RecordingVault(settings.recordings_dir, database, worker, tell=left),
        transfers=transfers or NoSeats(),
        metrics=CallMetrics(CollectorRegistry()),
        advice=suggests,
        late_after=settings.apologise_after,
    )
