"""`hotline call` and `hotline phone`: telephones on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.console import DatabaseUrl, DataDir, FlowsDir, PromptsDir
from ivr.logs import configure_logs
from ivr.settings import load_settings


def call(
    number: Annotated[str, typer.Option(help="The number you call from.")] = "13800138000",
    dialled: Annotated[str, typer.Option(help="The number you dial.")] = "4000001234",
    keys: Annotated[
        str | None,
        typer.Option(help="Lines to enter, separated by blanks, instead of typing them; virtual time."),
    ] = None,
    sound: Annotated[bool, typer.Option("--sound", help="Also play what is heard (needs aplay).")] = False,
    record: Annotated[
        Path | None, typer.Option(help="Write the call to this file as a test, ready to paste into a flow.")
    ] = None,
    seats: Annotated[
        bool,
        typer.Option("--seats", help="Suggest as if a seat with every licence were ready to sell."),
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
) -> None:
    """Call the hotline in this terminal: prompts as text, type keys or words.

    A line of digits, * and # is pressed; any other line is spoken; an empty line waits; Ctrl-D hangs up.
    """
    from ivr.terminal import place_call

    settings = load_settings(
        data_dir=data_dir, database_url=database_url, flows_dir=flows, prompts_dir=prompts
    )
    script = keys.split() if keys is not None else None
    raise typer.Exit(
        asyncio.run(
            place_call(
                settings,
                number=number,
                dialled=dialled,
                script=script,
                sound=sound,
                record=record,
                seats=seats,
            )
        )
    )


def phone(
    address: Annotated[str, typer.Argument(help="Whom to call, such as sip:hotline@127.0.0.1:5060.")],
    keys: Annotated[
        str, typer.Option(help="What to do: digits are pressed; wait:2, play:FILE, until-silence, hangup.")
    ] = "",
    play: Annotated[Path | None, typer.Option(help="A WAV file to speak once the call is answered.")] = None,
    save: Annotated[Path | None, typer.Option(help="A WAV file for what is heard.")] = None,
    caller: Annotated[str, typer.Option(help="The number to call from.")] = "13800138000",
    longest: Annotated[float, typer.Option(help="Hang up after this many seconds.")] = 300.0,
) -> None:
    """Dial a SIP address: hear, speak and press keys by script."""
    from ivr.lines.pjsua.phone import PhoneOptions, run_phone

    configure_logs("warning", "text")  # what happens in the call is printed by the telephone itself
    raise typer.Exit(
        run_phone(
            PhoneOptions(address=address, keys=keys, play=play, save=save, caller=caller, longest=longest)
        )
    )
