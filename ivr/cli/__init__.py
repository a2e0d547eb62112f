"""The command line: `hotline`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

import typer
from setproctitle import setproctitle

from ivr.worker.parent import Born

#: Every command with the module of this package and the name in it; `main` reads the module of the one it runs alone.
COMMANDS: Final = {
    "serve": "serve:serve",
    "demo": "serve:demo",
    "worker": "serve:worker",
    "http": "serve:http",
    "dialler": "serve:dialler",
    "sender": "serve:sender",
    "transcriber": "speech:transcriber",
    "ears": "serve:ears",
    "voice": "serve:voice",
    "call": "talk:call",
    "phone": "talk:phone",
    "load": "load:load",
    "init": "serve:init",
    "import": "imports:import_command",
    "flow": "flow:app",
    "prompts": "prompts:app",
    "models": "models:app",
    "speech": "speech:app",
    "db": "database:app",
    "seats": "seats:app",
    "rooms": "rooms:app",
    "users": "users:app",
    "retention": "retention:app",
    "crosssell": "crosssell:app",
    "campaign": "campaign:app",
    "twilio": "twilio:app",
}
#: Commands that `serve` runs, not people.
_HIDDEN: Final = frozenset({"worker", "http", "dialler", "sender", "transcriber", "ears", "voice"})


def commands(*names: str) -> typer.Typer:
    """The program with the commands of these names, or with all of them."""
    program = typer.Typer(
        name="hotline", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )
    program.callback(help="A self-service telephone hotline for insurers.")(lambda: None)
    for name in names or COMMANDS:
        command = _found(COMMANDS[name])
        if isinstance(command, typer.Typer):
            program.add_typer(command, name=name)
        else:
            program.command(name, hidden=name in _HIDDEN)(command)
    return program


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"ivr.cli.{module}"), name)


def main() -> None:
    """Run a command; what a person must put right is one line on standard error, without a traceback."""
    os.umask(0o077)  # what callers say and what the insurer knows of them is for this user alone
    while True:
        try:
            return _run()
        except Born as born:  # this is a new process of `serve`, and its words are others
            sys.argv[1:] = born.words
            setproctitle(" ".join(["hotline", *born.words]))  # `ps` and `top` tell them apart


def _run() -> None:
    wanted = sys.argv[1:2]
    try:
        commands(*(name for name in wanted if name in COMMANDS))()
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        sys.stderr.write(f"{told}\n")
        raise SystemExit(1) from None


def _told(error: Exception) -> str | None:
    """What a person is told of the error; None if it is a mistake of the program."""
    from cross_sell.errors import CrossSellError
    from ivr.errors import HotlineError
    from ivr.flow import FlowErrors
    from ivr.speech import SpeechError
    from policy_db import PolicyDatabaseError

    if isinstance(error, PolicyDatabaseError | CrossSellError):
        return f"{error.code} {error}"
    return str(error) if isinstance(error, HotlineError | FlowErrors | SpeechError) else None
