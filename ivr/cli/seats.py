"""`hotline seats`: the people who take calls, and what they are doing."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from ivr.cli.console import DatabaseUrl, DataDir, screen
from ivr.cli.on_database import on_database
from ivr.errors import SeatError
from ivr.seats import Desk, Result
from ivr.settings import Settings, load_settings
from policy_db.seat_facts import Seat
from policy_db.seats import Seats

app = typer.Typer(help="The people who take calls.", no_args_is_help=True)

SeatId = Annotated[str, typer.Argument(help="The seat, as `hotline seats list` has it.")]
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_T = TypeVar("_T")


@app.command("list")
def list_command(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Every seat: who, where, and what they are doing now."""
    settings = load_settings(data_dir=data_dir, database_url=database_url)
    seats = _on(settings, lambda store: store.all_seats())
    if not seats:
        screen.print("There are no seats; make one with `hotline seats add`.")
        return
    screen.print(_table(seats, ZoneInfo(settings.zone)))


@app.command("add")
def add_command(
    seat: Annotated[str, typer.Argument(help="A short name of letters and digits, such as seat4.")],
    address: Annotated[
        str, typer.Option(help="Where it rings: browser, sip:anna@192.0.2.7, or a number of the PBX.")
    ],
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    language: Annotated[
        list[str] | None, typer.Option(help="A language they speak; may be repeated (zh-CN if not given).")
    ] = None,
    skill: Annotated[
        list[str] | None, typer.Option(help="A skill and its level, such as claims=3; may be repeated.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a seat; it takes calls once it is signed in."""
    if not _ID.fullmatch(seat):
        raise SeatError(
            f"{seat!r} is no name for a seat; take letters, digits, dots, hyphens, at most 64", code="H603"
        )
    new = Seat(seat, name or seat, _address(address), tuple(language or ["zh-CN"]), _skills(skill or ()))

    async def add(store: Seats) -> None:
        if any(known.id == seat for known in await store.all_seats()):
            raise SeatError(f"there is a seat {seat} already; choose another name", code="H602")
        await store.add(seats=[new])

    _on(load_settings(data_dir=data_dir, database_url=database_url), add)
    screen.print(f"{seat} is made; `hotline seats sign-in {seat}` lets it take calls.")


@app.command("remove")
def remove_command(seat: SeatId, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Delete a seat that is signed out and has never served a caller."""

    async def remove(store: Seats) -> None:
        if await store.remove(seat):
            return
        found = next((one for one in await store.all_seats() if one.id == seat), None)
        if found is None:
            _unknown(seat)
        if found.state != "offline":
            raise SeatError(f"{seat} is {_state(found)}; sign it out first", code="H604")
        raise SeatError(
            f"{seat} has served callers, and their records name it; it takes no calls while it is signed out",
            code="H604",
        )

    _on(load_settings(data_dir=data_dir, database_url=database_url), remove)
    screen.print(f"{seat} is removed.")


@app.command("sign-in")
def sign_in_command(seat: SeatId, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """The seat is there and takes calls, until it is signed out."""
    _ask(seat, lambda desk: desk.sign_in(seat, console=False), data_dir, database_url)


@app.command("sign-out")
def sign_out_command(seat: SeatId, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """The seat goes home; during a call, when that is over."""
    _ask(seat, lambda desk: desk.sign_out(seat), data_dir, database_url)


@app.command("pause")
def pause_command(
    seat: SeatId,
    reason: Annotated[str, typer.Option(help="Why, such as lunch.")] = "break",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """The seat takes no calls for a while; during a call, from its end on."""
    _ask(seat, lambda desk: desk.pause(seat, reason), data_dir, database_url)


@app.command("resume")
def resume_command(seat: SeatId, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """The seat takes calls again, after a pause or before its wrap-up is over."""
    _ask(seat, lambda desk: desk.resume(seat), data_dir, database_url)


def _on(settings: Settings, work: Callable[[Seats], Awaitable[_T]]) -> _T:
    """What the seats of the database answer."""
    return on_database(settings, lambda database: work(database.seats))


def _ask(seat: str, wish: Callable[[Desk], Awaitable[Result]], data_dir: DataDir, url: DatabaseUrl) -> None:
    """Ask the desk something for a seat, and say how the seat stands. Raises SeatError when it cannot be."""

    async def work(store: Seats) -> Seat:
        result = await wish(Desk(store))
        if result.why == "unknown":
            _unknown(seat)
        if result.why == "offline":
            raise SeatError(f"{seat} is not signed in; do `hotline seats sign-in {seat}`", code="H605")
        if not result:
            raise SeatError(f"{seat} is changing all the time ({result.why}); try again", code="H606")
        return next(one for one in await store.all_seats() if one.id == seat)

    found = _on(load_settings(data_dir=data_dir, database_url=url), work)
    later = f", and {found.afterwards.replace('_', ' ')} after its call" if found.afterwards else ""
    screen.print(f"{escape(found.name)} ({seat}) is {escape(_state(found))}{later}.")


def _unknown(seat: str) -> NoReturn:
    raise SeatError(f"there is no seat {seat!r}; `hotline seats list` shows them all", code="H601")


def _address(text: str) -> str:
    """A SIP address, a number, or `browser`: the seat's own page. Raises SeatError (H603)."""
    if text == "browser" or re.fullmatch(r"(sips?:[^\s@<>]+(@[^\s@<>]+)?|\+?[0-9*#]{2,32})", text):
        return text
    raise SeatError(
        f"{text!r} cannot be rung; write browser, sip:name@host, or a number of the PBX that the line is registered with",
        code="H603",
    )


def _skills(given: Sequence[str]) -> dict[str, int]:
    """Levels by skill. Raises SeatError (H603)."""
    skills = {}
    for one in given:
        name, _, level = one.partition("=")
        if not name or not level.isdecimal():
            raise SeatError(f"{one!r} is no skill; write it as claims=3", code="H603")
        skills[name] = int(level)
    return skills


def _state(seat: Seat) -> str:
    words = seat.state.replace("_", " ")
    return f"{words} ({seat.reason})" if seat.reason else words


def _table(seats: Sequence[Seat], zone: ZoneInfo) -> Table:
    table = Table(title="Seats")
    for column in ("Seat", "Name", "Rings", "Languages", "Skills", "State", "Since", "Call"):
        table.add_column(column, overflow="fold")
    for seat in seats:
        since = "" if seat.since is None else f"{seat.since.astimezone(zone):%m-%d %H:%M}"
        skills = ", ".join(f"{name} {level}" for name, level in sorted(seat.skills.items()))
        cells = (seat.id, seat.name, seat.address, ", ".join(seat.languages), skills, _state(seat))
        table.add_row(*map(escape, cells), since, seat.call_id or "")
    return table
