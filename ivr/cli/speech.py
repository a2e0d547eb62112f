"""`hotline speech`: how well callers are understood; and the process that writes recordings down."""

from __future__ import annotations

import asyncio
import os

import typer

from ivr.logs import configure_logs
from ivr.settings import load_settings

app = typer.Typer(help="How well callers are understood.", no_args_is_help=True)


def transcriber() -> None:
    """The process that writes down what callers left; `serve` starts it."""
    from ivr.app import keep_what_is_read, run_transcriber
    from ivr.speech.hearing.writing import NICE
    from ivr.worker.parent import end_with_parent

    end_with_parent()
    os.nice(NICE)
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    keep_what_is_read(settings)
    asyncio.run(run_transcriber(settings))
