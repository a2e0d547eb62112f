"""The composition root: builds the parts of a hotline from its settings."""

from __future__ import annotations

import asyncio
import errno
import importlib
import importlib.util
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import prometheus_client.values
from prometheus_client import CollectorRegistry

from ivr.bus import Bus, make_bus
from ivr.call.company_hours import CompanyHours
from ivr.call.engines import Engines
from ivr.call.hearing import Hears, HearsNothing, HearsSpeech
from ivr.call.journal import CallJournal
from ivr.call.metrics import CallMetrics
from ivr.call.recordings import RecordingVault
from ivr.call.recovery import Recovery
from ivr.call.session import CallParts
from ivr.call.talks import TalkTaping
from ivr.call.transfers import NoSeats, Transfers
from ivr.call.voicing import prompt_room, saying_names, voiced_languages
from ivr.clock import SystemClock
from ivr.errors import StorageError
from ivr.flow import FlowStore, Manifest
from ivr.flow.engine import OpenState
from ivr.flow.parsed import ParsedFolder
from ivr.flow.yaml_source import keep_parsed
from ivr.lines.base import Leg, Line
from ivr.lines.several import SeveralLines
from ivr.lines.stream import SEAT_TICKETS, SeatTickets, StreamLine, StreamSettings
from ivr.resources import chosen
from ivr.seats import Announcer, Changed, Desk, Manners, PortSound, SeatTransfers, Whisperer, open_by
from ivr.seats.outside import OutsideCalls
from ivr.seats.rooms import Meetings, SeatsAndRooms
from ivr.services import FaxRules, NoSuggestions, SendingRules, Suggests, hotline_registry, hotline_signatures
from ivr.settings import Settings, listed
from ivr.speech import PromptCatalogue, Speaker
from ivr.speech.hearing.models import usable_models
from ivr.worker import control
from ivr.worker.presence import Presence
from ivr.worker.punctual import be_punctual
from ivr.worker.worker import Worker
from policy_db import IdentityRules, Keys, PolicyDatabase
from policy_db.errors import WrongKeyError
from policy_db.workers import CONTROL

if TYPE_CHECKING:
    from cross_sell.call_facts import ServiceSide
    from cross_sell.rules import SellingRules
    from ivr.console.parts import ConsoleParts
    from ivr.lines.sip import SipLine
    from ivr.lines.twilio.line import TwilioLine
    from ivr.outreach.carrier import Carrier
    from ivr.outreach.placing import Placer
    from ivr.worker.worker import OutboundCall


@dataclass(frozen=True, slots=True)
class Content:
    """The company's flows and prompts, read and checked."""

    flows: FlowStore
    speaker: Speaker


def load_manifest(settings: Settings) -> tuple[Manifest, PromptCatalogue]:
    """What flows may name: the services and the prompts. Needs no database."""
    catalogue = PromptCatalogue.load(chosen(settings.prompts_dir, "prompts"))
    return Manifest(services=hotline_signatures(), prompts=catalogue.signatures()), catalogue


def load_content(settings: Settings, *, for_all: bool = False) -> Content:
    """Read flows and prompts; raises FlowErrors or a SpeechError that names every file and line.

    A process that was forked from one that has read them `for_all` takes those, and reads again what has changed.
    """
    folder = chosen(settings.prompts_dir, "prompts")
    key = (settings.flows_dir, settings.own_flows_dir, folder, settings.own_prompts_dir, _texts(folder))
    content = _read.get(key)
    if content is None:
        manifest, catalogue = load_manifest(settings)
        flows = FlowStore(lambda: flows_folder(settings), manifest)
        content = Content(
            flows,
            Speaker(
                catalogue,
                folder,
                own=settings.own_prompts_dir,
                placeholder=listed(settings.placeholder_voices),
            ),
        )
        if for_all:
            _read[key] = content
    else:
        content.flows.reload()
        content.speaker.look_again()
    return content


#: What this process, or the one it was forked from, has read for all.
_read: dict[tuple[Any, ...], Content] = {}


def _texts(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The prompts' texts as they are now: file, size, time."""
    files = sorted(folder.rglob("*.yaml"))
    return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def read_for_all(settings: Settings) -> None:
    """Import and read all that the processes of `hotline serve` will need: they are forked from this one."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.run_dir)
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    prometheus_client.values.ValueClass = prometheus_client.values.get_value_class()  # type: ignore[no-untyped-call]
    for module in (
        "cross_sell.adviser", "ivr.console.app", "ivr.services.advice", "ivr.worker.http", "uvicorn",
    ):  # fmt: skip
        importlib.import_module(module)
    load_line(settings)
    load_content(settings, for_all=True).speaker.preload()


def keep_what_is_read(settings: Settings) -> None:
    """Let the processes of this data folder read each flow, prompt and text once between them."""
    keep_parsed(ParsedFolder(settings.data_dir / "parsed"))


def flows_folder(settings: Settings) -> Path:
    """The flows that take calls: the company's own if there are any, else those that came with the hotline."""
    if settings.flows_dir is None and (settings.own_flows_dir / "hotline.yaml").is_file():
        return settings.own_flows_dir
    return chosen(settings.flows_dir, "flows")


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for its owner alone. Raises StorageError (H301) when it cannot be made or written."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StorageError(
            f"the data folder {folder} cannot be used ({error.strerror}); give the hotline the right to write"
            " there, or choose another with HOTLINE_DATA_DIR",
            code="H301",
        ) from None


def database_keys(settings: Settings) -> Keys:
    """The key of the data folder, made at the first start."""
    prepare_data_dir(settings)
    return Keys.from_file(key_file(settings))


def key_file(settings: Settings) -> Path:
    """Where the key of the database is."""
    return settings.data_dir / "database.key"


@asynccontextmanager
async def open_database(settings: Settings, *, migrate: bool = False) -> AsyncIterator[PolicyDatabase]:
    """The policy database of these settings, closed afterwards. Raises PolicyDatabaseError or StorageError."""
    rules = IdentityRules(tries=settings.lock_tries, window=timedelta(minutes=settings.lock_minutes))
    keys_before = key_file(settings).exists()
    keys = database_keys(settings)
    try:
        database = await PolicyDatabase.open(
            settings.resolved_database_url, keys=keys, rules=rules, migrate=migrate
        )
    except WrongKeyError:
        if not keys_before:  # the database is older: its key is missing, and a new one only hides that
            key_file(settings).unlink()
        raise
    try:
        yield database
    finally:
        await database.close()


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


def advising(
    settings: Settings,
    database: PolicyDatabase,
    tell: Callable[[str], None],
    note: Callable[..., None],
    side: Callable[[str], Awaitable[ServiceSide]] | None = None,
) -> Suggests:
    """What suggests something to the callers of a worker whose own matter is done.

    `side` says who is there to sell to callers of a language; the seats of the database if not given.
    """
    from cross_sell.adviser import Adviser
    from cross_sell.registry import Registry
    from ivr.seats.sellers import service_side
    from ivr.services.advice import Advice
    from ivr.services.crosssell import QUEUES

    now = SystemClock(settings.zone).now

    async def seated(language: str) -> ServiceSide:
        return service_side(await database.seats.snapshot(), language, QUEUES, now())

    rules = selling_rules(settings)
    adviser = Adviser(
        database,
        Registry(settings.data_dir / "models" / "cross_sell"),
        rules,
        clock=now,
        ids=lambda: f"s-{secrets.token_hex(10)}",
        salt=database.keys.digest("experiment", ""),
    )
    recording = settings.record_talks != "off"
    return Advice(
        database, adviser, rules, side or seated, recording=recording, clock=now, tell=tell, note=note
    )


def selling_rules(settings: Settings) -> SellingRules:
    """The company's rules for selling to callers."""
    from cross_sell.rules import SellingRules

    return SellingRules.of(settings)


def installation_id(settings: Settings) -> str:
    """The id of this data folder, made at the first start, before any worker asks for it.

    Machines that share a database must not take each other's workers for their own.
    """
    path = settings.data_dir / "installation"
    with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        file.write(secrets.token_hex(4))
    return path.read_text(encoding="ascii")


def worker_name(settings: Settings, index: int) -> str:
    """The name a worker has in the database: the same after a restart, another on another machine."""
    return f"{installation_id(settings)}-{index}"


def new_call_id(zone: str, index: int) -> str:
    """A call's id: when it came, which worker took it, and what makes it unique."""
    now = datetime.now(ZoneInfo(zone))
    return f"{now:%Y%m%d-%H%M%S}-{index}-{secrets.token_hex(4)}"


def make_line(settings: Settings, index: int) -> Line:
    """The telephone line of worker `index`: its SIP ports and RTP range follow its number."""
    common: dict[str, Any] = {
        "host": settings.sip_address,
        "port": settings.sip_port + index if settings.sip_port else 0,
        "public_address": settings.public_address,
        "rtp_port": settings.rtp_port + index * settings.rtp_ports,
        "rtp_ports": settings.rtp_ports,
        "registrar": settings.sip_registrar,
        "user": settings.sip_user or "hotline",
        "secret": settings.sip_secret.get_secret_value(),
        "proxy": settings.sip_proxy,
        "session_timers": settings.session_timers,
        "session_expires": settings.session_expires,
        "inband_keys": settings.inband_keys,
        "peers": listed(settings.sip_peers),
    }
    if settings.line == "pjsua":
        from ivr.lines.pjsua import PjsuaLine, PjsuaSettings

        return PjsuaLine(PjsuaSettings(**common))
    from ivr.lines.sip import SipLine, SipMetrics, SipSettings

    return SipLine(
        SipSettings(
            **common,
            transports=listed(settings.sip_transports),
            tls_port=settings.sip_tls_port + index if settings.sip_tls_port else 0,
            tls_certificate=settings.sip_tls_certificate,
            tls_key=settings.sip_tls_key,
            tls_ca=settings.sip_tls_ca,
            symmetric_rtp=settings.symmetric_rtp,
            srtp=settings.srtp,
            most_calls=settings.max_calls,
            calls_per_second=settings.calls_per_second,
            ban_seconds=settings.ban_seconds,
            accept_user=settings.sip_accept_user,
            accept_secret=settings.sip_accept_secret.get_secret_value(),
            dead_media_seconds=settings.dead_media_seconds,
        ),
        metrics=SipMetrics(CollectorRegistry()),
    )


def make_stream(settings: Settings, trunk: Line, keys: Keys) -> StreamLine:
    """The line of browsers beside a trunk, on the same media clock where the trunk's is the loop's."""
    from ivr.lines.sip import SipLine

    return StreamLine(
        StreamSettings(
            most_calls=settings.stream_calls,
            dead_media_seconds=settings.dead_media_seconds,
            inband_keys=settings.inband_keys,
        ),
        media_clock=(lambda: trunk.media_clock) if isinstance(trunk, SipLine) else None,
        seat_of=SeatTickets(keys.token(SEAT_TICKETS)).seat_of,
    )


def make_twilio(settings: Settings, trunk: Line, keys: Keys, worker: str) -> TwilioLine | None:
    """The line of calls over Twilio beside a trunk, where there is an account."""
    from ivr.lines.sip import SipLine
    from ivr.lines.twilio.access import access_of

    access = access_of(settings)
    if access is None:
        return None
    from ivr.lines.twilio.line import TwilioLine
    from ivr.lines.twilio.rest import TwilioRest
    from ivr.lines.twilio.tickets import TICKETS, StreamTickets

    now = SystemClock(settings.zone).now
    return TwilioLine(
        StreamSettings(
            name="twilio",
            most_calls=settings.twilio_calls,
            dead_media_seconds=settings.dead_media_seconds,
        ),
        TwilioRest(access),
        StreamTickets(keys.token(TICKETS), now),
        worker=worker,
        now=now,
        media_clock=(lambda: trunk.media_clock) if isinstance(trunk, SipLine) else None,
    )


def twilio_word(line: TwilioLine | None) -> Callable[[Mapping[str, Any]], bool]:
    """What takes Twilio's words of calls that this worker has asked for."""

    def told(said: Mapping[str, Any]) -> bool:
        from ivr.lines.twilio.words import Word

        try:
            return line is not None and line.told(Word(**said))
        except TypeError:
            return False

    return told


async def check_line(settings: Settings) -> None:
    """Raises LineError for settings with which no worker could open its line, before any is started.

    SettingError where there is a Twilio account, and not what speaks with Twilio.
    """
    from ivr.lines.sip import SipLine
    from ivr.lines.twilio.access import check_installed

    check_installed(settings)
    line = make_line(settings, 0)
    if isinstance(line, SipLine):
        await line.check()


def load_line(settings: Settings) -> None:
    """Import what the line needs."""
    importlib.import_module(f"ivr.lines.{settings.line}")
    if settings.twilio_account_sid and importlib.util.find_spec("twilio") is not None:
        importlib.import_module("twilio.rest")


@asynccontextmanager
async def bringing_people(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    line: SeveralLines,
    worker: str,
    parts: CallParts,
    notify: Callable[[str, str], None],
    company: CompanyHours,
) -> AsyncIterator[SeatTransfers | None]:
    """What brings this worker's callers to seats, tended meanwhile; no seats on a line that cannot join two legs."""
    from ivr.lines.sip import SipLine

    trunk = line.first
    if not isinstance(trunk, SipLine):
        yield None
        return
    taping = talk_taping(settings, content, database, parts, trunk, worker)
    transfers = SeatTransfers(
        database.seats,
        worker=worker,
        line=line,
        sound=PortSound(lambda: trunk.media_clock),
        whisper=Whisperer(content.speaker),
        clock=SystemClock(settings.zone),
        is_open=open_by(company.of_queues(content.flows)),
        taping=taping,
        words=Announcer(content.speaker),
        note=noting(parts),
        notify=notify,
        records=parts.journal,
        manners=Manners(
            pop_lead=settings.pop_lead_seconds,
            lost=settings.seat_lost,
            numbers=settings.call_back_numbers,
            refer_out=settings.refer_out,
            apology_after=settings.apologise_after,
        ),
    )
    async with taping.kept(), transfers.tended():
        yield transfers


def noting(parts: CallParts) -> Callable[..., None]:
    """Notes what happens on the way to a person: into the timeline, and for whoever made a suggestion."""

    def note(call_id: str, kind: str, **details: Any) -> None:
        parts.journal.note(call_id, kind, **details)
        parts.advice.noted(call_id, kind, **details)

    return note


def talk_taping(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    parts: CallParts,
    trunk: SipLine,
    worker: str,
) -> TalkTaping:
    """What records a worker's talks with seats."""
    return TalkTaping(
        settings.record_talks,
        vault=parts.vault,
        journal=parts.journal,
        database=database,
        worker=worker,
        speaker=content.speaker,
        media_clock=lambda: trunk.media_clock,
    )


def meeting_rooms(
    settings: Settings, content: Content, database: PolicyDatabase, trunk: Line, parts: CallParts, worker: str
) -> Meetings:
    """The meet-me rooms of a worker whose line can join legs."""
    return Meetings(
        database.rooms,
        worker=worker,
        sound=PortSound(lambda: cast("SipLine", trunk).media_clock),
        words=Announcer(content.speaker),
        clock=SystemClock(settings.zone),
        note=parts.journal.note,
    )


def outside_calls(
    settings: Settings,
    content: Content,
    database: PolicyDatabase,
    line: SeveralLines,
    trunk: Line,
    parts: CallParts,
) -> OutsideCalls:
    """What puts callers through to salespeople, and salespeople to who left them a message."""
    return OutsideCalls(
        database.salespeople,
        database.messages,
        line=line,
        sound=PortSound(lambda: cast("SipLine", trunk).media_clock),
        words=Announcer(content.speaker),
        numbers=settings.call_back_numbers,
        shows=settings.put_through_shows,
        note=parts.journal.note,
    )


async def run_worker(settings: Settings, index: int, content: Content) -> None:
    """One worker process, from its start to SIGTERM."""
    name = worker_name(settings, index)
    trunk = make_line(settings, index)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings))
        bus = open_bus(settings)
        stack.callback(bus.close)
        stream = make_stream(settings, trunk, database.keys)
        twilio = make_twilio(settings, trunk, database.keys, name)
        others: dict[str, Line] = {"browser:": stream}
        line = SeveralLines(trunk, others if twilio is None else {**others, "twilio:": twilio})
        company = CompanyHours(database)
        await stack.enter_async_context(company.kept(bus, content.speaker.look_again))
        await stack.enter_async_context(saying_names(settings, content.speaker, database.keys))
        parts = call_parts(
            settings, content, database, name,
            tell=lambda call_id: bus.publish("call", call_id), left=bus.publish, open_state=company.open_state,
            advice=advising(
                settings, database, lambda call_id: bus.publish("call", call_id),
                lambda call_id, kind, **details: parts.journal.note(call_id, kind, **details),
            ),
        )  # fmt: skip
        hearing = await stack.enter_async_context(hearing_speech(settings))
        parts = replace(parts, hearing=hearing, facts={**parts.facts, "speech": hearing.hears})
        transfers = await stack.enter_async_context(
            bringing_people(settings, content, database, line, name, parts, bus.publish, company)
        )
        if transfers is not None:
            meetings = await stack.enter_async_context(
                meeting_rooms(settings, content, database, trunk, parts, name).tended()
            )
            outside = outside_calls(settings, content, database, line, trunk, parts)
            parts = replace(parts, transfers=SeatsAndRooms(transfers, meetings, outside))
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
        worker = Worker(
            index,
            line,
            parts,
            content.flows,
            recover=Recovery(database, parts.journal, parts.vault, name),
            new_call_id=lambda: new_call_id(settings.zone, index),
            run_dir=settings.run_dir,
            address=f"{settings.sip_address}:{settings.sip_port + index}",
            reload_seconds=settings.reload_seconds,
            drain_seconds=settings.drain_seconds,
            tell=presence.tell,
        )
        be_punctual()
        async with faxing_to_numbers(settings, content, database, trunk, name, worker):
            await worker.run()


def placing_calls(
    settings: Settings,
    database: PolicyDatabase,
    trunk: Line,
    name: str,
    index: int,
    notify: Callable[[str, str], None],
    worker: Callable[[], Worker],
    twilio: TwilioLine | None = None,
) -> Placer:
    """What places the calls of campaigns in a worker; `worker` gives it once it is made."""
    from ivr.call.outbound import Outbound
    from ivr.outreach.placing import Opening, Placer

    def begin(leg: Leg, opening: Opening) -> OutboundCall:
        start = Outbound(opening.flow, opening.language, opening.facts)
        return worker().begin(leg, opening.call_id, start)

    return Placer(
        database,
        carriers_of(settings, trunk, twilio),
        holder=f"{name}/{secrets.token_hex(6)}",
        begin=begin,
        room=lambda: worker().has_room,
        stopping=lambda: worker().stopping,
        new_call_id=lambda: new_call_id(settings.zone, index),
        clock=SystemClock(settings.zone).now,
        notify=notify,
    )


def carriers_of(settings: Settings, trunk: Line, twilio: TwilioLine | None = None) -> dict[str, Carrier]:
    """Who places calls of campaigns, by the line that a campaign names."""
    from ivr.lines.sip import SipLine
    from ivr.outreach.carrier import SipCarrier

    carriers: dict[str, Carrier] = {}
    if isinstance(trunk, SipLine):
        carriers["sip"] = SipCarrier(trunk, settings.outreach_address)
    if twilio is not None:
        from ivr.outreach.twilio import TwilioCarrier

        carriers["twilio"] = TwilioCarrier(twilio)
    return carriers


def sending_rules(settings: Settings) -> SendingRules:
    """By which channels documents go out: those that there is a provider, a mail server or a post room for."""
    linked = bool(settings.public_url)
    channels = {
        "sms": linked and bool(settings.twilio_account_sid),
        "email": linked and bool(settings.smtp_host),
        "post": settings.post_letters,
    }
    there = frozenset(name for name, is_there in channels.items() if is_there)
    return SendingRules(there, timedelta(hours=settings.link_hours))


async def run_sender(settings: Settings) -> None:
    """The process that sends what waits in the outbox, from its start to SIGTERM."""
    from ivr.outreach.documents.sending import open_sender

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    content = load_content(settings)
    async with open_database(settings) as database:
        bus = open_bus(settings)
        try:
            async with open_sender(
                settings, database, content.flows, content.speaker.catalogue, bus
            ) as sender:
                await sender.run(stop)
        finally:
            bus.close()


def fax_rules(settings: Settings) -> FaxRules:
    """Whether documents go out by fax, and to which numbers."""
    return FaxRules(settings.fax, listed(settings.fax_numbers))


def fax_paper(
    settings: Settings, content: Content, database: PolicyDatabase
) -> Callable[[str], Awaitable[bytes]]:
    """What gives a document as a PDF; what makes them is imported with the first one."""

    async def paper(document: str) -> bytes:
        from ivr.outreach.documents.sending import maker_of

        return await maker_of(settings, database, content.flows, content.speaker.catalogue).pdf(document)

    return paper


def with_faxes(
    settings: Settings, content: Content, database: PolicyDatabase, parts: CallParts, name: str
) -> CallParts:
    """The parts of calls, where callers can be sent a fax in their call."""
    if not fax_rules(settings).possible:
        return parts
    from ivr.call.faxing import FaxDesk, WithFaxes
    from ivr.lines.fax import Station

    desk = FaxDesk(
        database.faxes,
        paper=fax_paper(settings, content, database),
        folder=settings.run_dir / "faxes",
        holder=f"{name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        note=parts.journal.note,
    )
    return replace(parts, transfers=WithFaxes(parts.transfers, desk))


@asynccontextmanager
async def faxing_to_numbers(
    settings: Settings, content: Content, database: PolicyDatabase, trunk: Line, name: str, worker: Worker
) -> AsyncIterator[None]:
    """Sends faxes that are due to numbers, meanwhile; nothing where no fax can be sent, or the line is not ours."""
    carrier = carriers_of(settings, trunk).get("sip")
    if carrier is None or not fax_rules(settings).possible:
        yield
        return
    from ivr.lines.fax import Station
    from ivr.outreach.faxing import FaxSender

    sender = FaxSender(
        database.faxes,
        carrier,
        paper=fax_paper(settings, content, database),
        folder=settings.run_dir / "faxes",
        holder=f"{name}/{secrets.token_hex(6)}",
        station=Station(settings.fax_station),
        room=lambda: worker.has_room,
        stopping=lambda: worker.stopping,
        clock=SystemClock(settings.zone).now,
    )
    async with sender.kept():
        yield


async def run_dialler(settings: Settings) -> None:
    """The process that plans the calls of campaigns, from its start to SIGTERM."""
    from ivr.outreach.dialler import Dialler
    from ivr.outreach.workers import Workers

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock(settings.zone)
    async with open_database(settings) as database:
        bus = open_bus(settings)
        try:
            await Dialler(
                database,
                Workers(database, clock.now),
                holder=f"{installation_id(settings)}-dialler/{secrets.token_hex(6)}",
                clock=clock.now,
                steady=time.monotonic,
                ids=lambda: f"a-{secrets.token_hex(10)}",
                notify=bus.publish,
            ).run(stop)
        finally:
            bus.close()


async def run_voice_process(settings: Settings) -> None:
    """The process that says free text, until SIGTERM."""
    from ivr.speech.saying_process import run_voice
    from ivr.speech.voice_kokoro import KokoroVoices

    lexicon = load_manifest(settings)[1].lexicon
    languages = sorted(voiced_languages(settings))
    await run_voice(KokoroVoices(settings.data_dir, lexicon), languages, settings.voice_socket)


@asynccontextmanager
async def hearing_speech(settings: Settings) -> AsyncIterator[Hears]:
    """What hears the callers of a worker: the recognisers of this machine, if there are any."""
    languages = frozenset(speech_models(settings)[0])
    if not languages:
        yield HearsNothing()
        return
    from ivr.speech.hearing.metrics import SpeechMetrics
    from ivr.speech.hearing.pool import RecogniserPool

    metrics = SpeechMetrics(CollectorRegistry())
    async with RecogniserPool(settings.ears_dir, languages, metrics).kept() as pool:
        yield HearsSpeech(pool, metrics)


def speech_models(settings: Settings) -> tuple[dict[str, Path], list[str]]:
    """The models that speech is recognised with, by language; and what is wrong, where there could be more."""
    if settings.speech == "off":
        return {}, []
    if importlib.util.find_spec("vosk") is None:
        return {}, ["the recogniser is not installed (pip install vosk): callers use the keys alone"]
    usable, wrong = usable_models(settings.speech_models_dir)
    told = [str(error) for error in wrong]
    if not usable and not told:
        told = ["no recogniser's model is here (hotline models get zh-CN en): callers use the keys alone"]
    return usable, told


def run_recognisers(settings: Settings) -> None:
    """The parent of the recogniser processes, until SIGTERM."""
    from ivr.speech.hearing.process import Limits
    from ivr.worker.ears import RecogniserParent, listen_by, load_models

    models = load_models(speech_models(settings)[0], settings.ears_dir)
    cores = os.cpu_count() or 1
    RecogniserParent(
        settings.ears_dir,
        listen_by(models),
        tuple(models),
        count=settings.speech_processes or max(2, cores // 2),
        limits=Limits(
            at_once=settings.speech_at_once,
            threads=min(4, cores),
            most_megabytes=settings.speech_megabytes,
        ),
    ).run()


async def run_transcriber(settings: Settings) -> None:
    """The process that writes down what callers left, from its start to SIGTERM."""
    from ivr.call.transcribing import Surroundings, Transcriber
    from ivr.console.voicemail.due import clock_of
    from ivr.speech.hearing.models import find_models
    from ivr.speech.hearing.urgency import UrgentPhrases
    from ivr.speech.hearing.writer import Writer
    from policy_db.message_facts import Due

    flows = load_content(settings).flows
    machine = f"{installation_id(settings)}-"
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_database(settings) as database:
        bus = open_bus(settings)

        async def due() -> Due:
            flows.reload()
            return await clock_of(database, flows.current.hotline, database.clock())

        around = Surroundings(
            settings.recordings_dir,
            lambda: find_models(settings.speech_models_dir),
            UrgentPhrases.load(settings.urgent_phrases),
            due,
        )
        holder = f"{machine}{os.getpid()}"
        try:
            await Transcriber(database, bus, Writer(), around, machine=machine, holder=holder).run(stop)
        finally:
            bus.close()


def open_bus(settings: Settings) -> Bus:
    """Where nudges go: within this machine, or through PostgreSQL to all that share it."""
    return make_bus(settings.bus_dir, settings.database_url)


@asynccontextmanager
async def open_console(settings: Settings) -> AsyncIterator[ConsoleParts]:
    """What the console's pages work with, closed afterwards."""
    from ivr.console.parts import (
        ConsoleParts,
    )  # workers have no pages, and start sooner without their libraries

    content = load_content(settings)
    bus = open_bus(settings)
    async with open_database(settings) as database:
        try:
            yield ConsoleParts(
                settings=settings,
                database=database,
                desk=Desk(
                    database.seats,
                    listener=lambda change: publish_seats(bus, change),
                ),
                bus=bus,
                flows=content.flows,
                catalogue=content.speaker.catalogue,
                flows_dir=settings.own_flows_dir,
                prompts_dir=chosen(settings.prompts_dir, "prompts"),
            )
        finally:
            bus.close()


def publish_seats(bus: Bus, change: Changed) -> None:
    """Tell of seats and calls that the desk has changed."""
    for seat in change.seats:
        bus.publish("seat", seat.id)
    for call in change.calls:
        bus.publish("call", call.call_id)
        bus.publish("queue", call.queue)


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of worker and HTTP processes: the settings as they were resolved here."""
    environment = dict(os.environ)
    for name in Settings.model_fields:
        value = getattr(settings, name)
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        if plain is None:
            environment.pop(f"HOTLINE_{name.upper()}", None)
        else:
            environment[f"HOTLINE_{name.upper()}"] = str(plain)
    environment["PROMETHEUS_MULTIPROC_DIR"] = str(settings.run_dir)
    return environment
