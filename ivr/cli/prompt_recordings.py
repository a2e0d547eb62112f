"""`hotline prompts record | import | history | restore | phone`: the company's own recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ivr.app import load_manifest, open_bus
from ivr.call.voicing import prompt_studio
from ivr.cli.console import DatabaseUrl, DataDir, PromptsDir, errors, screen
from ivr.cli.on_database import on_database
from ivr.errors import SettingError
from ivr.settings import Settings, load_settings
from ivr.speech.clips import SOUND_FILES
from ivr.speech.errors import ClipError
from ivr.speech.studio import Studio
from ivr.speech.units import Unit
from policy_db import PolicyDatabase

Language = Annotated[str, typer.Argument(help="The language, such as zh-CN.")]
Name = Annotated[
    str, typer.Argument(help="The prompt's name, or its number on the telephone; premium_due.1 for a part.")
]


def add_to(app: typer.Typer) -> None:
    """The commands of this module."""
    for name, command in (
        ("record", record), ("import", import_folder), ("history", history), ("restore", restore), ("phone", phone),
    ):  # fmt: skip
        app.command(name)(command)


def record(
    language: Language,
    name: Name,
    file: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG, MP3 or AIFF, of any rate.", dir_okay=False)],
    prompts: PromptsDir = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Put a sound file in place of a prompt; the recording before it is kept."""
    settings, studio = _studio(prompts, data_dir, database_url)
    unit = _unit(studio, language, name)
    _place(settings, studio, [(unit, file)])
    screen.print(f"{unit.name} is in place in {language}; running workers take it within seconds.")


def import_folder(
    folder: Annotated[
        Path, typer.Argument(help="Sound files named after prompts or their numbers.", file_okay=False)
    ],
    language: Annotated[
        str, typer.Option(help="The language of files that are named after prompts.")
    ] = "zh-CN",
    prompts: PromptsDir = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Put every sound file of a folder in place; what cannot be taken is told, and the rest goes on."""
    settings, studio = _studio(prompts, data_dir, database_url)
    found: list[tuple[Unit, Path]] = []
    wrong = 0
    for path in sorted(one for one in folder.rglob("*") if one.suffix.lower() in SOUND_FILES):
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            found.append((_unit(studio, language, name), path))
        except SettingError as error:
            wrong += 1
            errors.print(f"{path}: {error}", markup=False, soft_wrap=True)
    refused = _place(settings, studio, found, go_on=True)
    screen.print(f"{len(found) - refused} recordings are in place, {wrong + refused} could not be taken.")
    if wrong + refused:
        raise typer.Exit(1)


def history(language: Language, name: Name, prompts: PromptsDir = None, data_dir: DataDir = None) -> None:
    """The recording in place and those before it."""
    _, studio = _studio(prompts, data_dir, None)
    unit = _unit(studio, language, name)
    table = Table("Recording", "Made", "Seconds")
    now = studio.own.current(language).get(unit.name)
    if now is not None:
        table.add_row("in place", f"{now.made_at:%Y-%m-%d %H:%M} UTC", f"{now.seconds:.1f}")
    for one in studio.own.earlier(language, unit.name):
        table.add_row(one.id, f"{one.made_at:%Y-%m-%d %H:%M} UTC", f"{one.seconds:.1f}")
    if not table.row_count:
        screen.print(f"There is no recording of {unit.name} in {language}; its number is {unit.number}.")
        return
    screen.print(table)


def restore(
    language: Language,
    name: Name,
    which: Annotated[
        str, typer.Argument(help="The earlier recording, as `history` names it; the latest if left out.")
    ] = "",
    prompts: PromptsDir = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Put an earlier recording in place again."""
    settings, studio = _studio(prompts, data_dir, database_url)
    unit = _unit(studio, language, name)
    latest = next((one.id for one in studio.own.earlier(language, unit.name)), "")
    if not studio.own.restore(language, unit.name, which or latest, now=datetime.now(UTC)):
        raise SettingError(
            f"there is no earlier recording {which or 'of it'}; see `hotline prompts history {language} {unit.name}`",
            code="H108",
        )
    _tell(settings, [("restored_prompt", unit, {})])
    screen.print(f"{unit.name} is what it was before.")


def phone(
    user: Annotated[str, typer.Argument(help="A user of the console who is an administrator.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """A number and PIN for recording prompts by telephone: dial the hotline, press 97."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)

    async def issue(database: PolicyDatabase) -> Any:
        made = await database.prompt_pins.issue(user)
        await database.audit.add("system", "issued_prompt_pin", f"user:{user}"[:100])
        return made

    made = on_database(settings, issue)
    screen.print(f"Number {made.number}, PIN {made.pin}, good until {made.expires_at:%Y-%m-%d %H:%M} UTC.")


def _studio(prompts: Path | None, data_dir: Path | None, database_url: str | None) -> tuple[Settings, Studio]:
    settings = load_settings(prompts_dir=prompts, data_dir=data_dir, database_url=database_url)
    return settings, prompt_studio(settings, load_manifest(settings)[1])


def _unit(studio: Studio, language: str, name: str) -> Unit:
    unit = studio.units.find(language, name) or studio.units.by_number(name)
    if unit is None:
        raise SettingError(
            f"{name} is no prompt of {language}; the console's page Prompts has their names and numbers",
            code="H108",
        )
    return unit


def _place(settings: Settings, studio: Studio, files: list[tuple[Unit, Path]], *, go_on: bool = False) -> int:
    """Put files in place and tell everybody; how many could not be taken."""
    done: list[tuple[str, Unit, dict[str, object]]] = []
    for unit, path in files:
        try:
            placed = studio.own.place(unit.language, unit.name, path, now=datetime.now(UTC), text=unit.text)
        except ClipError as error:
            if not go_on:
                raise
            errors.print(f"{path}: {error}", markup=False, soft_wrap=True)
            continue
        done.append(("recorded_prompt", unit, {"seconds": round(placed.seconds, 1), "by": "file"}))
    _tell(settings, done)
    return len(files) - len(done)


def _tell(settings: Settings, done: list[tuple[str, Unit, dict[str, object]]]) -> None:
    """Audit what was done, and let the workers hear of it."""

    async def write(database: PolicyDatabase) -> None:
        for action, unit, details in done:
            await database.audit.add("system", action, unit.about, details)

    on_database(settings, write)
    bus = open_bus(settings)
    try:
        for _, unit, _ in done:
            bus.publish("prompt", unit.name)
    finally:
        bus.close()
