"""What a hotline works with: its data folder and database, flows, prompts and speech."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from ivr.settings.group import Group


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/insurance-hotline`, else the same under `~/.local/share`."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "insurance-hotline"


class ContentSettings(Group):
    """What a hotline works with: its data folder and database, flows, prompts and speech."""

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Where the database, recordings, keys and downloaded voices live.",
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in the data folder. postgresql+psycopg://… for more.",
    )
    flows_dir: Path | None = Field(
        None,
        description=(
            "Folder of call flows; empty means `flows` in the data folder once something was published there, else"
            " those that come with it."
        ),
    )
    prompts_dir: Path | None = Field(
        None, description="Folder of prompts; empty means those that come with it."
    )
    prompt_recordings_dir: Path | None = Field(
        None,
        description="Folder of the company's own recordings of prompts, looked at first; empty means in the data folder.",
    )
    placeholder_voices: str = Field(
        "",
        description=(
            "Languages, parted by commas, that are offered with the placeholder voice where nothing better was recorded,"
            " such as zh-HK; to be heard, not to be put before customers."
        ),
    )
    speech_models: Path | None = Field(
        None,
        description=(
            "Folder of the recognisers' models, one folder a language (zh-CN, en); empty means `models/vosk` in the data"
            " folder."
        ),
    )
    speech: Literal["auto", "off"] = Field(
        "auto",
        description="Whether callers may speak: auto, in the languages that there are models of; off, never.",
    )
    free_text: Literal["auto", "off"] = Field(
        "auto",
        description=(
            "Whether names and other free text are said: `auto` where the voice is installed (`hotline models get"
            " voice`); else the part of the sentence they stand in is left out."
        ),
    )
    speech_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes that recognise speech; 0 means one for every two cores, and two at least.",
    )
    speech_at_once: int = Field(
        20,
        ge=1,
        le=500,
        description="Callers that each of them listens to at once; who comes beyond is asked to use the keys.",
    )
    speech_megabytes: int = Field(
        300,
        ge=20,
        le=10_000,
        description="By how much one of them may grow, in megabytes, before another takes its place.",
    )
    urgent_phrases: Path | None = Field(
        None,
        description=(
            "YAML file of what makes a message urgent when it is said; empty: the phrases that come with the hotline."
        ),
    )
    import_megabytes: int = Field(
        50, ge=1, le=2000, description="The largest CSV file that is taken for an import, in megabytes."
    )
    zone: str = Field("Asia/Shanghai", description="Time zone of the company.")

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

    @property
    def resolved_database_url(self) -> str:
        """The database URL, or that of the SQLite file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'hotline.db'}"

    @property
    def recordings_dir(self) -> Path:
        """Where callers' voices are kept, a folder a day."""
        return self.data_dir / "recordings"

    @property
    def own_flows_dir(self) -> Path:
        """Where flows of the company's own are, and where the console publishes them."""
        return self.flows_dir or self.data_dir / "flows"

    @property
    def own_prompts_dir(self) -> Path:
        """The company's own recordings of prompts."""
        return self.prompt_recordings_dir or self.data_dir / "prompts"

    @property
    def speech_models_dir(self) -> Path:
        """The recognisers' models, a folder a language."""
        return self.speech_models or self.data_dir / "models" / "vosk"

    @property
    def voice_socket(self) -> Path:
        """Where the process answers that says free text."""
        return self.run_dir / "voice.sock"

    @property
    def said_dir(self) -> Path:
        """Names and other free text that were said, sealed, for a month."""
        return self.data_dir / "said"

    @property
    def ears_dir(self) -> Path:
        """Where the recognisers' sockets are."""
        return self.run_dir / "ears"

    @property
    def imports_dir(self) -> Path:
        """Files between their dry run and their import."""
        return self.data_dir / "imports"

    @property
    def bus_dir(self) -> Path:
        """Where the processes of this machine hear of each other's changes."""
        return self.run_dir / "bus"

    @property
    def run_dir(self) -> Path:
        """Status files of running processes."""
        return self.data_dir / "run"
