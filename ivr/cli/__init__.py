"""The command line: `hotline`."""

from __future__ import annotations

import os
import sys

import typer

from ivr.cli import database, flow, imports, load, prompts, retention, rooms, seats, serve, talk, users
from ivr.errors import HotlineError
from ivr.flow import FlowErrors
from ivr.speech import SpeechError
from policy_db import PolicyDatabaseError

app = typer.Typer(
    name="hotline",
    help="A self-service telephone hotline for insurers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("serve")(serve.serve)
app.command("demo")(serve.demo)
app.command("worker", hidden=True)(serve.worker)
app.command("http", hidden=True)(serve.http)
app.command("call")(talk.call)
app.command("phone")(talk.phone)
app.command("load")(load.load)
app.command("init")(serve.init)
app.command("import")(imports.import_command)
app.add_typer(flow.app, name="flow")
app.add_typer(prompts.app, name="prompts")
app.add_typer(prompts.models, name="models")
app.add_typer(database.app, name="db")
app.add_typer(seats.app, name="seats")
app.add_typer(rooms.app, name="rooms")
app.add_typer(users.app, name="users")
app.add_typer(retention.app, name="retention")


def main() -> None:
    """Run a command; what a person must put right is one line on standard error, without a traceback."""
    os.umask(0o077)  # what callers say and what the insurer knows of them is for this user alone
    try:
        app()
    except PolicyDatabaseError as error:
        sys.stderr.write(f"{error.code} {error}\n")
        raise SystemExit(1) from None
    except (HotlineError, FlowErrors, SpeechError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
