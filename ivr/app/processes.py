"""What processes of `hotline serve` have in common: what was read before, their settings, and how they are stopped."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal

import prometheus_client.values

from ivr.app.content import load_content
from ivr.app.lines import load_line
from ivr.settings import Settings


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


def until_stopped() -> asyncio.Event:
    """What SIGTERM and Ctrl-C set in the loop that runs."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
