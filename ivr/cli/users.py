"""`hotline users`: who may use the console. Passwords are asked on the terminal or made and shown once."""

from __future__ import annotations

import sys
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.errors import SettingError
from ivr.settings import load_settings
from policy_db import PolicyDatabase
from policy_db.users import ROLES, User

app = typer.Typer(help="Who may use the console.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The user name.")]
Made = Annotated[
    bool, typer.Option("--make-password", help="Make a password and show it, instead of asking for one.")
]
#: The demonstration's users: name, role, seat.
_DEMO: Final = (
    ("seat", "seat", "seat1"),
    ("reviewer", "reviewer", None),
    ("manager", "manager", None),
    ("administrator", "administrator", None),
)


@app.command("list")
def list_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Every user: roles, seat, whether they may sign in, and when they last did."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    users = on_database(settings, lambda database: database.users.all())
    if not users:
        screen.print("There are no users; make one with `hotline users add NAME --role administrator`.")
        return
    screen.print(_table(users, ZoneInfo(settings.zone)))


@app.command("add")
def add_command(
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option(help=f"What they may do: {', '.join(ROLES)}; may be repeated.")
    ] = None,
    display: Annotated[str, typer.Option(help="How they are called on the console.")] = "",
    seat: Annotated[
        str | None, typer.Option(help="The seat they sit at, as `hotline seats list` has it.")
    ] = None,
    email: Annotated[str, typer.Option(help="Their e-mail.")] = "",
    make_password: Made = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a user."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    password, made = _new_password(make_password)

    async def add(database: PolicyDatabase) -> User:
        user = await database.users.add(
            name, password=password, roles=tuple(role or ()), display=display, seat=seat, email=email,
            must_change=made,
        )  # fmt: skip
        await database.audit.add("system", "added_user", f"user:{user.name}", {"roles": list(user.roles)})
        return user

    user = on_database(settings, add)
    screen.print(f"{escape(user.name)} may use the console as {', '.join(user.roles) or 'nobody yet'}.")
    _show(password, made)


@app.command("password")
def password_command(
    name: Name, make_password: Made = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Give a user a new password; their sessions and tokens end, and they may try again at once."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    on_database(settings, lambda database: _known(database, name))
    password, made = _new_password(make_password)

    async def change(database: PolicyDatabase) -> None:
        user = await _known(database, name)
        await database.users.set_password(name, password, must_change=made)
        await database.audit.add("system", "reset_password", f"user:{user.name}")

    on_database(settings, change)
    screen.print(f"{escape(name)} has a new password, and is signed out everywhere.")
    _show(password, made)


@app.command("disable")
def disable_command(name: Name, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Let a user sign in no more; their sessions and tokens end at once."""
    _switch(name, data_dir, database_url, disabled=True)
    screen.print(f"{escape(name)} may not sign in any more; `hotline users enable` undoes it.")


@app.command("enable")
def enable_command(name: Name, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Let a user who was disabled sign in again."""
    _switch(name, data_dir, database_url, disabled=False)
    screen.print(f"{escape(name)} may sign in again.")


def _switch(name: str, data_dir: DataDir, database_url: DatabaseUrl, *, disabled: bool) -> None:
    async def change(database: PolicyDatabase) -> None:
        user = await _known(database, name)
        await database.users.change(name, disabled=disabled)
        action = "disabled_user" if disabled else "enabled_user"
        await database.audit.add("system", action, f"user:{user.name}")

    on_database(load_settings(data_dir=data_dir, database_url=database_url), change)


async def add_demo_users(database: PolicyDatabase) -> str:
    """One user of each role for a demonstration that has none; the password of all.

    It follows from the database's key, so that it can be shown again without being kept anywhere.
    """
    text = database.keys.token("demonstration password")
    password = "-".join(text[start : start + 4] for start in (0, 4, 8, 12))
    if not await database.users.count():
        seats = {seat.id for seat in await database.seats.all_seats()}
        for name, role, seat in _DEMO:
            await database.users.add(
                name, password=password, roles=(role,), seat=seat if seat in seats else None
            )
    return password


def demo_users() -> list[str]:
    """Their names."""
    return [name for name, _, _ in _DEMO]


def _new_password(make: bool) -> tuple[str, bool]:
    """A password that was typed twice, or one that was made; and which of the two it is."""
    from ivr.console.account.people import new_password

    if make or not sys.stdin.isatty():
        return new_password(), True
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True), False


def _show(password: str, made: bool) -> None:
    if made:
        screen.print(f"Password: [bold]{password}[/bold]")
        screen.print("It is not shown again, and must be changed at the first sign-in.")


async def _known(database: PolicyDatabase, name: str) -> User:
    user = await database.users.find(name)
    if user is None:
        raise SettingError(f"there is no user {name}; see `hotline users list`", code="H108")
    return user


def _table(users: tuple[User, ...], zone: ZoneInfo) -> Table:
    table = Table()
    for column in ("User", "Name", "Roles", "Seat", "State", "Last sign-in"):
        table.add_column(column, overflow="fold")
    for user in users:
        last = "" if user.signed_in_at is None else f"{user.signed_in_at.astimezone(zone):%Y-%m-%d %H:%M}"
        state = "disabled" if user.disabled else "must change password" if user.must_change else "active"
        cells = (user.name, user.display, ", ".join(user.roles), user.seat or "", state, last)
        table.add_row(*(escape(cell) for cell in cells))
    return table
