"""What a hotline's machines, workers and calls are told apart by."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.settings import Settings


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
