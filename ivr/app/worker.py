"""One worker process: its lines, its calls, and what the console reaches it by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace

from ivr.app.calls import call_parts
from ivr.app.content import Content
from ivr.app.faxes import faxing_to_numbers, with_faxes
from ivr.app.ids import new_call_id, worker_name
from ivr.app.lines import join_lines, make_line, make_stream
from ivr.app.outreach import placing_calls
from ivr.app.place import Place
from ivr.app.seats import with_people
from ivr.app.selling import advising
from ivr.app.speech import hearing_speech
from ivr.app.storage import open_storage
from ivr.app.twilio import make_twilio, twilio_word
from ivr.call.company_hours import CompanyHours
from ivr.call.hearing import Hears
from ivr.call.parts import CallParts
from ivr.call.recovery import Recovery
from ivr.call.voicing import saying_names
from ivr.lines.stream import StreamLine
from ivr.seats import SeatTransfers
from ivr.settings import Settings
from ivr.worker import control
from ivr.worker.presence import Presence
from ivr.worker.punctual import be_punctual
from ivr.worker.status import WorkerStatus
from ivr.worker.worker import Worker
from policy_db.workers import CONTROL


async def run_worker(settings: Settings, index: int, content: Content) -> None:
    """One worker process, from its start to SIGTERM."""
    name = worker_name(settings, index)
    trunk = make_line(settings, index)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database, bus = await enter(open_storage(settings))
        stream = make_stream(settings, trunk, database.keys)
        twilio = make_twilio(settings, trunk, database.keys, name)
        line = join_lines(trunk, stream, twilio)
        company = CompanyHours(database)
        place = Place(settings, content, database, bus, index, name, line, twilio, company)
        await enter(company.kept(bus, content.speaker.look_again))
        await enter(saying_names(settings, content.speaker, database.keys))
        hearing = await enter(hearing_speech(settings))
        parts, transfers = await enter(with_people(place, _parts_of_calls(place, hearing)))
        parts = with_faxes(place, parts)
        placer = placing_calls(place, lambda: worker)
        stack.push_async_callback(placer.close)
        url = await enter(_reachable(place, stream, transfers, placer, lambda: worker))
        presence = await enter(Presence(database.workers, name, url, now=database.clock).kept())
        worker = _worker(place, parts, presence.tell)
        be_punctual()
        async with faxing_to_numbers(place, worker):
            await worker.run()


def _parts_of_calls(place: Place, hearing: Hears) -> CallParts:
    """What every call of the worker shares, as long as nobody is there to bring callers to."""
    settings, database, bus = place.settings, place.database, place.bus
    parts = call_parts(
        settings, place.content, database, place.name,
        tell=lambda call_id: bus.publish("call", call_id), left=bus.publish, open_state=place.company.open_state,
        advice=advising(
            settings, database, lambda call_id: bus.publish("call", call_id),
            lambda call_id, kind, **details: parts.journal.note(call_id, kind, **details),
        ),
    )  # fmt: skip
    return replace(parts, hearing=hearing, facts={**parts.facts, "speech": hearing.hears})


def _reachable(
    place: Place,
    stream: StreamLine,
    transfers: SeatTransfers | None,
    placing: control.Placing,
    worker: Callable[[], Worker],
) -> AbstractAsyncContextManager[str]:
    """The worker's own address, for streams and for what the console asks; `worker` gives it once it is made."""
    settings = place.settings
    return control.listening(
        settings.stream_address,
        settings.stream_port + place.index if settings.stream_port else 0,
        token=place.database.keys.token(CONTROL),
        stream=stream,
        calls=lambda: worker().running(),
        control=transfers or control.NoControl(),
        placing=placing,
        twilio=place.twilio,
        word=twilio_word(place.twilio),
    )


def _worker(place: Place, parts: CallParts, tell: Callable[[WorkerStatus], None]) -> Worker:
    """What takes the calls; `tell` hears how it is."""
    settings, index = place.settings, place.index
    return Worker(
        index,
        place.line,
        parts,
        place.content.flows,
        recover=Recovery(place.database, parts.journal, parts.vault, place.name),
        new_call_id=lambda: new_call_id(settings.zone, index),
        run_dir=settings.run_dir,
        address=f"{settings.sip_address}:{settings.sip_port + index}",
        reload_seconds=settings.reload_seconds,
        drain_seconds=settings.drain_seconds,
        tell=tell,
    )
