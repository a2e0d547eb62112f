"""One worker process: its lines, its calls, and what the console reaches it by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

from ivr.app.calls import call_parts
from ivr.app.content import Content
from ivr.app.faxes import faxing_to_numbers, with_faxes
from ivr.app.ids import new_call_id, worker_name
from ivr.app.lines import join_lines, make_line, make_stream
from ivr.app.outreach import placing_calls
from ivr.app.seats import with_people
from ivr.app.selling import advising
from ivr.app.speech import hearing_speech
from ivr.app.storage import open_storage
from ivr.app.twilio import make_twilio, twilio_word
from ivr.bus import Bus
from ivr.call.company_hours import CompanyHours
from ivr.call.hearing import Hears
from ivr.call.parts import CallParts
from ivr.call.recovery import Recovery
from ivr.call.voicing import saying_names
from ivr.lines.base import Line
from ivr.settings import Settings
from ivr.worker import control
from ivr.worker.presence import Presence
from ivr.worker.punctual import be_punctual
from ivr.worker.status import WorkerStatus
from ivr.worker.worker import Worker
from policy_db import PolicyDatabase
from policy_db.workers import CONTROL


async def run_worker(settings: Settings, index: int, content: Content) -> None:
    """One worker process, from its start to SIGTERM."""
    name = worker_name(settings, index)
    trunk = make_line(settings, index)
    async with AsyncExitStack() as stack:
        database, bus = await stack.enter_async_context(open_storage(settings))
        stream = make_stream(settings, trunk, database.keys)
        twilio = make_twilio(settings, trunk, database.keys, name)
        line = join_lines(trunk, stream, twilio)
        company = CompanyHours(database)
        await stack.enter_async_context(company.kept(bus, content.speaker.look_again))
        await stack.enter_async_context(saying_names(settings, content.speaker, database.keys))
        hearing = await stack.enter_async_context(hearing_speech(settings))
        alone = _parts_of_calls(settings, content, database, bus, name, company, hearing)
        parts, transfers = await stack.enter_async_context(
            with_people(settings, content, database, line, name, alone, bus.publish, company)
        )
        parts = with_faxes(settings, content, database, parts, name)
        placer = placing_calls(settings, database, trunk, name, index, bus.publish, lambda: worker, twilio)
        stack.push_async_callback(placer.close)
        url = await stack.enter_async_context(
            control.listening(
                settings.stream_address,
                settings.stream_port + index if settings.stream_port else 0,
                token=database.keys.token(CONTROL),
                stream=stream,
                calls=lambda: worker.running(),
                control=transfers or control.NoControl(),
                placing=placer,
                twilio=twilio,
                word=twilio_word(twilio),
            )
        )
        presence = await stack.enter_async_context(
            Presence(database.workers, name, url, now=database.clock).kept()
        )
        recovery = Recovery(database, parts.journal, parts.vault, name)
        worker = _worker(settings, index, line, parts, content, recovery, presence.tell)
        be_punctual()
        async with faxing_to_numbers(settings, content, database, trunk, name, worker):
            await worker.run()


def _parts_of_calls(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    bus: Bus,
    name: str,
    company: CompanyHours,
    hearing: Hears,
) -> CallParts:
    """What every call of the worker shares, as long as nobody is there to bring callers to."""
    parts = call_parts(
        settings, content, database, name,
        tell=lambda call_id: bus.publish("call", call_id), left=bus.publish, open_state=company.open_state,
        advice=advising(
            settings, database, lambda call_id: bus.publish("call", call_id),
            lambda call_id, kind, **details: parts.journal.note(call_id, kind, **details),
        ),
    )  # fmt: skip
    return replace(parts, hearing=hearing, facts={**parts.facts, "speech": hearing.hears})


def _worker(
    settings: Settings,
    index: int,
    line: Line,
    parts: CallParts,
    content: Content,
    recovery: Recovery,
    tell: Callable[[WorkerStatus], None],
) -> Worker:
    """What takes the calls; `tell` hears how it is."""
    return Worker(
        index,
        line,
        parts,
        content.flows,
        recover=recovery,
        new_call_id=lambda: new_call_id(settings.zone, index),
        run_dir=settings.run_dir,
        address=f"{settings.sip_address}:{settings.sip_port + index}",
        reload_seconds=settings.reload_seconds,
        drain_seconds=settings.drain_seconds,
        tell=tell,
    )
