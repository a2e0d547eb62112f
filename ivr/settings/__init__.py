"""Every setting of the hotline, read from options, the environment (`HOTLINE_…`) or a `.env` file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import SettingError
from ivr.settings.console import ConsoleSettings
from ivr.settings.content import ContentSettings, default_data_dir
from ivr.settings.group import listed
from ivr.settings.lines import LineSettings
from ivr.settings.people import PeopleSettings
from ivr.settings.reaching import ReachingSettings
from ivr.settings.selling import SellingSettings

__all__ = ["Settings", "default_data_dir", "listed", "load_settings"]


class Settings(
    ReachingSettings, SellingSettings, ConsoleSettings, PeopleSettings, LineSettings, ContentSettings, BaseSettings
):  # fmt: skip
    """The hotline's settings; each field is `HOTLINE_` and its name in capitals in the environment.

    A group a concern; pydantic lists the fields of the last group first.
    """

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", env_file=".env", extra="ignore", frozen=True, defer_build=False
    )

    drain_seconds: float = Field(
        30.0, ge=0, le=3600, description="How long running calls may go on after SIGTERM."
    )
    lock_tries: int = Field(3, ge=1, le=10, description="Wrong identity answers before a lock.")
    lock_minutes: int = Field(15, ge=1, le=1440, description="How long an identity lock lasts.")
    reload_seconds: float = Field(2.0, ge=0.1, le=60, description="How often changed flows are looked for.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Form of the log lines on standard error."
    )


def load_settings(**options: object) -> Settings:
    """The settings, options given first; raises SettingError that names the variable and what it wants."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingError("; ".join(map(_told, error.errors()))) from None


def _told(item: ErrorDetails) -> str:
    """One mistake; what concerns several settings shows no value, because one of them may be secret."""
    what = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:
        return what
    name = "_".join(str(part) for part in item["loc"]).upper()
    return f"HOTLINE_{name}: {what} (got {item['input']!r})"
