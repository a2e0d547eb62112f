"""`hotline rooms`: meet-me rooms and their PINs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.settings import load_settings
from policy_db.errors import NotFoundError
from policy_db.rooms import Room, Rooms

app = typer.Typer(help="Meet-me rooms, in which callers meet.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The room's number, 3 to 12 digits.")]
Pin = Annotated[str, typer.Option(help="Six digits that let a caller in.", prompt=True, hide_input=True)]
ModeratorPin = Annotated[
    str, typer.Option(help="Six other digits, for the moderator.", prompt=True, hide_input=True)
]
_T = TypeVar("_T")


@app.command("list")
def list_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Every room, its rules, and how many are in it now."""
    rooms = _on(data_dir, database_url, lambda store: store.all())
    if not rooms:
        screen.print("There are no rooms; make one with `hotline rooms add`.")
        return
    table = Table("Room", "Title", "Takes", "Waits for moderator", "Ends with moderator", "There now")
    for room in rooms:
        waits, ends = ("yes" if one else "no" for one in (room.waits, room.ends))
        table.add_row(room.number, room.title, str(room.capacity), waits, ends, str(room.present))
    screen.print(table)


@app.command("add")
def add_command(
    number: Number,
    pin: Pin,
    moderator_pin: ModeratorPin,
    title: Annotated[str, typer.Option(help="What it is for.")] = "",
    capacity: Annotated[int, typer.Option(help="How many it takes, the moderator counted.")] = 20,
    waits: Annotated[bool, typer.Option(help="Whether callers wait until the moderator comes.")] = True,
    ends: Annotated[bool, typer.Option(help="Whether the meeting ends when the moderator leaves.")] = True,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a room."""
    room = Room(number, title, capacity, waits, ends)
    _on(data_dir, database_url, lambda store: store.add(room, pin=pin, moderator_pin=moderator_pin))
    screen.print(f"Room {number} is made.")


@app.command("pins")
def pins_command(
    number: Number,
    pin: Pin,
    moderator_pin: ModeratorPin,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Give a room new PINs."""
    _on(data_dir, database_url, lambda store: store.set_pins(number, pin=pin, moderator_pin=moderator_pin))
    screen.print(f"Room {number} has new PINs.")


@app.command("remove")
def remove_command(number: Number, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Take a room away."""
    if not _on(data_dir, database_url, lambda store: store.remove(number)):
        raise NotFoundError(f"There is no room {number}.", "`hotline rooms list` shows those there are.")
    screen.print(f"Room {number} is gone.")


def _on(data_dir: DataDir, database_url: DatabaseUrl, work: Callable[[Rooms], Awaitable[_T]]) -> _T:
    """Do something with the rooms of the database."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    return on_database(settings, lambda database: work(database.rooms))
