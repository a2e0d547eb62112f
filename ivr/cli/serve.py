"""`hotline serve`, `demo`, `init`, and the processes that serve starts."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from ivr.cli.console import DatabaseUrl, DataDir, FlowsDir, PromptsDir, screen
from ivr.cli.database import build_portfolio, print_demo_table
from ivr.cli.models import fetch_for_demo
from ivr.cli.on_database import on_database
from ivr.errors import SettingError
from ivr.logs import configure_logs
from ivr.resources import bundled
from ivr.settings import Settings, load_settings

if TYPE_CHECKING:
    from ivr.worker.nursery import Nursery
    from ivr.worker.supervisor import ProcessPlan
    from policy_db import PolicyDatabase

log = structlog.get_logger(__name__)

SipPort = Annotated[
    int | None, typer.Option("--sip-port", help="UDP port of the SIP line (HOTLINE_SIP_PORT).")
]
SipAddress = Annotated[
    str | None,
    typer.Option("--sip-address", help="Address of the SIP line; 0.0.0.0 for all (HOTLINE_SIP_ADDRESS)."),
]
HttpPort = Annotated[
    int | None, typer.Option("--http-port", help="Port of health, readiness and metrics (HOTLINE_HTTP_PORT).")
]
Workers = Annotated[int | None, typer.Option("--workers", help="Worker processes (HOTLINE_WORKERS).")]
Drain = Annotated[
    float | None,
    typer.Option("--drain-seconds", help="How long calls may go on after SIGTERM (HOTLINE_DRAIN_SECONDS)."),
]


def serve(
    sip_port: SipPort = None,
    sip_address: SipAddress = None,
    http_port: HttpPort = None,
    workers: Workers = None,
    drain_seconds: Drain = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
) -> None:
    """Answer the telephone: keep the workers and the HTTP process up until told to stop."""
    settings = load_settings(
        sip_port=sip_port,
        sip_address=sip_address,
        http_port=http_port,
        workers=workers,
        drain_seconds=drain_seconds,
        data_dir=data_dir,
        database_url=database_url,
        flows_dir=flows,
        prompts_dir=prompts,
    )
    raise typer.Exit(_serve(settings))


def demo(
    customers: Annotated[int, typer.Option(help="How many customers the portfolio has.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed makes the same portfolio.")] = 7,
    sip_port: SipPort = None,
    sip_address: SipAddress = None,
    http_port: HttpPort = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Build the demonstration portfolio if there is none, show what to dial, and serve."""
    settings = load_settings(
        sip_port=sip_port,
        sip_address=sip_address,
        http_port=http_port,
        data_dir=data_dir,
        database_url=database_url,
    )
    if (
        "crosssell_holdout" not in settings.model_fields_set
    ):  # who tries the demonstration is to hear an offer
        settings = settings.model_copy(update={"crosssell_holdout": 0.0})
    asyncio.run(build_portfolio(settings, customers, seed, messages=True))
    fetch_for_demo(settings)
    _tell_how_to_dial(settings)
    _tell_who_may_sign_in(settings)
    raise typer.Exit(_serve(settings))


def worker(index: Annotated[int, typer.Option(help="The worker's number, from 0.")]) -> None:
    """One call worker; `serve` starts it."""
    from ivr.app import keep_what_is_read, load_content, load_line, run_worker
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    keep_what_is_read(settings)
    content = load_content(settings)
    load_line(settings)
    content.speaker.preload()
    asyncio.run(run_worker(settings, index, content))


def dialler() -> None:
    """The process that plans the calls of campaigns; `serve` starts it."""
    from ivr.app import run_dialler
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_dialler(settings))


def sender() -> None:
    """The process that sends documents and messages; `serve` starts it."""
    from ivr.app import run_sender
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_sender(settings))


def http() -> None:
    """The HTTP process: the console, health and metrics; `serve` starts it."""
    import uvicorn

    from ivr.app import keep_what_is_read, open_console
    from ivr.console.app import create_console
    from ivr.lines.stream.asgi import socket_options
    from ivr.worker.http import health_router
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    keep_what_is_read(settings)
    app = create_console(lambda: open_console(settings))
    app.include_router(health_router(settings.run_dir, settings.workers))
    uvicorn.run(
        app,
        host=settings.http_address,
        port=settings.http_port,
        log_level="warning",
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=2,
        **socket_options(),
    )


def voice() -> None:
    """The process that says free text; `serve` starts it where the voice is installed."""
    from ivr.app import run_voice_process
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_voice_process(settings))


def ears() -> None:
    """The recognisers' parent; `serve` starts it where there are models."""
    from ivr.app import run_recognisers
    from ivr.worker.supervisor import end_with_parent

    end_with_parent()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    run_recognisers(settings)


def init(folder: Annotated[Path, typer.Argument(help="A folder that is made, or is empty.")]) -> None:
    """Copy the flows and prompts that come with the hotline, for a company to make its own."""
    if folder.exists() and any(folder.iterdir()):
        raise SettingError(
            f"{folder} is not empty; name a new folder, nothing of yours is overwritten", code="H103"
        )
    for name in ("flows", "prompts"):
        shutil.copytree(bundled(name), folder / name)
    screen.print(f"Flows and prompts are in {folder}. Change them, check them, and serve them:")
    screen.print(f"  hotline flow check --flows {folder}/flows --prompts {folder}/prompts")
    screen.print(f"  hotline serve --flows {folder}/flows --prompts {folder}/prompts")


def _serve(settings: Settings) -> int:
    from ivr.app import keep_what_is_read, prepare_data_dir, read_for_all
    from ivr.worker.nursery import open_nursery

    configure_logs(settings.log_level, settings.log_format)
    prepare_data_dir(settings)
    keep_what_is_read(settings)
    read_for_all(settings)  # a broken flow or prompt is told here, before anything answers
    return asyncio.run(_supervise(settings, open_nursery()))


async def _supervise(settings: Settings, nursery: Nursery) -> int:
    from ivr.app import check_line, child_environment, installation_id, open_database
    from ivr.worker.ears import forget_notes
    from ivr.worker.preflight import alone, check_ports, wait_for_earlier
    from ivr.worker.supervisor import STOP_GRACE, Supervisor, clear_run_dir

    installation_id(settings)
    await check_line(settings)
    with alone(settings.run_dir):
        await wait_for_earlier(settings.run_dir, settings.drain_seconds + STOP_GRACE)
        check_ports(
            (settings.sip_address, _ports(settings, settings.sip_port)),
            (settings.http_address, settings.http_port),
            streams=_stream_ports(settings),
            workers=(settings.stream_address, _ports(settings, settings.stream_port)),
        )
        async with open_database(settings, migrate=True):
            pass  # a database that cannot be used is told here as well
        clear_run_dir(settings.run_dir)
        forget_notes(settings.ears_dir)
        supervisor = Supervisor(
            _processes(settings),
            environment=child_environment(settings),
            nursery=nursery,
            run_dir=settings.run_dir,
            drain_seconds=settings.drain_seconds,
        )
        return await supervisor.run()


def _ports(settings: Settings, first: int) -> range:
    """The ports of all workers; of any port, one try."""
    return range(first, first + settings.workers) if first else range(1)


def _stream_ports(settings: Settings) -> list[int]:
    """The TCP and TLS ports of all workers; the other line brings its own and is not asked for them."""
    if settings.line != "sip":
        return []
    plain = _ports(settings, settings.sip_port) if "tcp" in settings.sip_transports else ()
    secure = _ports(settings, settings.sip_tls_port) if settings.sip_tls_port else ()
    return [*plain, *secure]


def _processes(settings: Settings) -> list[ProcessPlan]:
    from ivr.call.voicing import voiced_languages
    from ivr.worker.supervisor import ProcessPlan, own_command

    workers = [
        ProcessPlan(f"worker-{index}", own_command("worker", "--index", str(index)), index)
        for index in range(settings.workers)
    ]
    others = [ProcessPlan(name, own_command(name)) for name in ("http", "sender")]
    if settings.outreach:
        others.append(ProcessPlan("dialler", own_command("dialler")))
    if _may_speak(settings):
        others += [ProcessPlan(name, own_command(name)) for name in ("ears", "transcriber")]
    if voiced_languages(settings):
        others.append(ProcessPlan("voice", own_command("voice")))
    return [*workers, *others]


def _may_speak(settings: Settings) -> bool:
    """Whether there is anything to hear callers with; if not, or not all of it, that is told here once."""
    from ivr.app import speech_models

    models, wrong = speech_models(settings)
    for told in wrong:
        log.warning(told)
    return bool(models)


def _tell_who_may_sign_in(settings: Settings) -> None:
    """The console's address, and the demonstration's users where they are still its only ones."""
    from ivr.cli.users import add_demo_users, demo_users

    async def add(database: PolicyDatabase) -> tuple[str, set[str]]:
        return await add_demo_users(database), {user.name for user in await database.users.all()}

    password, there = on_database(settings, add)
    screen.print(f"Console: [bold]http://{settings.http_address}:{settings.http_port}/[/bold]")
    if there >= set(demo_users()):
        names = ", ".join(demo_users())
        screen.print(
            f"  Sign in as {names}; the password of each is [bold]{password}[/bold] until they change it."
        )
    screen.print("  People at seats are there at any time here; /admin/hours has the company's own hours.")
    screen.print("Ctrl-C stops it; running calls may finish first.")


def _tell_how_to_dial(settings: Settings) -> None:
    print_demo_table()
    address = f"sip:hotline@{settings.sip_address}:{settings.sip_port}"
    program = shlex.quote(os.path.relpath(sys.argv[0]))
    screen.print(f"Dial [bold]{address}[/bold] with any SIP telephone, or from another terminal:")
    screen.print(f"  {program} call", "[dim]# by text[/dim]", soft_wrap=True)
    screen.print(
        f"  {program} phone {address}", "[dim]# a telephone on the command line[/dim]", soft_wrap=True
    )
    screen.print(f"Health and metrics: http://{settings.http_address}:{settings.http_port}/ready")
