"""Every setting of the hotline, read from options, the environment (`HOTLINE_…`) or a `.env` file."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.errors import SettingError


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/insurance-hotline`, else the same under `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "insurance-hotline"


class Settings(BaseSettings):
    """The hotline's settings; each field is `HOTLINE_` and its name in capitals in the environment."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Where the database, recordings, keys and downloaded voices live.",
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in the data folder. postgresql+psycopg://… for more.",
    )
    flows_dir: Path | None = Field(
        None, description="Folder of call flows; empty means those that come with it."
    )
    prompts_dir: Path | None = Field(
        None, description="Folder of prompts; empty means those that come with it."
    )
    zone: str = Field("Asia/Shanghai", description="Time zone of the company.")

    workers: int = Field(
        1, ge=1, le=64, description="Worker processes; worker N listens on the SIP port plus N."
    )
    line: Literal["pjsua"] = Field("pjsua", description="Which telephone line a worker opens.")
    sip_address: str = Field("127.0.0.1", description="Address the SIP line listens on; 0.0.0.0 for all.")
    sip_port: int = Field(5060, ge=0, le=65535, description="UDP port of the first worker's SIP line.")
    rtp_port: int = Field(
        10000, ge=1024, le=64000, description="First RTP port; each worker takes 200 from here."
    )
    public_address: str = Field("", description="Address to tell the other side, behind a NAT.")
    sip_registrar: str = Field("", description="PBX or trunk to register with, such as sip:pbx.example.com.")
    sip_user: str = Field("", description="User name for the registrar.")
    sip_secret: SecretStr = Field(SecretStr(""), description="Secret for the registrar.")
    sip_proxy: str = Field("", description="Outbound proxy, such as sip:proxy.example.com;lr.")
    sip_peers: str = Field(
        "",
        description="Networks that SIP may come from, such as 192.0.2.0/24, by comma; empty means anywhere.",
    )
    inband_keys: bool = Field(
        False, description="Also listen for key tones in the audio (a trunk that sends no events)."
    )

    http_address: str = Field("127.0.0.1", description="Address of the HTTP process.")
    http_port: int = Field(8080, ge=0, le=65535, description="Port for health, readiness and metrics.")

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

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("zone", mode="after")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; write one such as Asia/Shanghai") from None
        return value

    @field_validator("sip_peers", mode="after")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in filter(None, (part.strip() for part in value.split(","))):
            try:
                ipaddress.IPv4Network(part)
            except ValueError:
                raise ValueError(f"{part} is no IPv4 network; write it as 192.0.2.0/24") from None
        return value

    @model_validator(mode="after")
    def _can_register(self) -> Settings:
        if self.sip_registrar and not self.sip_secret.get_secret_value():
            raise ValueError("a registration needs HOTLINE_SIP_SECRET")
        return self

    @property
    def resolved_database_url(self) -> str:
        """The database URL, or that of the SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'hotline.db'}"

    @property
    def recordings_dir(self) -> Path:
        """Where callers' voices are kept, a folder a day."""
        return self.data_dir / "recordings"

    @property
    def run_dir(self) -> Path:
        """Status files of running processes."""
        return self.data_dir / "run"


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
