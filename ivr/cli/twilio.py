"""`hotline twilio`: is the account as it must be, let its number ring here, and the document for when we are down."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.console import DataDir, screen
from ivr.errors import SettingError
from ivr.lines.twilio.access import TwilioAccess, access_of, check_installed
from ivr.lines.twilio.faults import TwilioError
from ivr.settings import load_settings

app = typer.Typer(help="The Twilio line: its account, its number, and its fallback.", no_args_is_help=True)


@app.command()
def check(data_dir: DataDir = None) -> None:
    """Ask Twilio whether the account, the token and the number are good, and whether the number rings here."""
    access = _access(data_dir)
    wrong = asyncio.run(_problems(access))
    for one in wrong:
        screen.print(f"[red]wrong[/red] {one}", soft_wrap=True)
    if wrong:
        raise typer.Exit(1)
    screen.print(f"{access.number} rings at {access.url('/twilio/voice')}.", soft_wrap=True)


@app.command()
def connect(
    fallback: Annotated[
        str, typer.Option(help="Where the fallback document is, on another server than ours.")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Let calls to the number come to this hotline, and to the fallback document when it does not answer."""
    access = _access(data_dir)
    asyncio.run(_connect(access, fallback))
    screen.print(f"{access.number} rings at {access.url('/twilio/voice')}.", soft_wrap=True)


@app.command()
def fallback(
    folder: Annotated[Path, typer.Argument(help="Where the two files are written.")],
    thanks_url: Annotated[
        str, typer.Option(help="Where thanks.xml will be, if it is not beside fallback.xml.")
    ] = "thanks.xml",
) -> None:
    """Write the document that takes a message when we are down: two files for any other web server."""
    from ivr.lines.twilio import twiml

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fallback.xml").write_text(twiml.take_message(then=thanks_url), encoding="utf-8")
    (folder / "thanks.xml").write_text(twiml.thanks(), encoding="utf-8")
    screen.print(
        f"Put {folder}/fallback.xml and {folder}/thanks.xml on another server, and tell Twilio:",
        soft_wrap=True,
    )
    screen.print("  hotline twilio connect --fallback https://other.example.com/fallback.xml", soft_wrap=True)


def _access(data_dir: Path | None) -> TwilioAccess:
    settings = load_settings(data_dir=data_dir)
    access = access_of(settings)
    if access is None:
        raise SettingError(
            "there is no Twilio account; set HOTLINE_TWILIO_ACCOUNT_SID, HOTLINE_TWILIO_AUTH_TOKEN,"
            " HOTLINE_TWILIO_NUMBER and HOTLINE_PUBLIC_URL",
            code="H112",
        )
    check_installed(settings)
    return access


async def _problems(access: TwilioAccess) -> list[str]:
    """What is not as it must be."""
    from ivr.lines.twilio.rest import TwilioRest

    rest = TwilioRest(access)
    try:
        status = await rest.account_status()
        if status != "active":
            return [f"the account is {status}"]
        number = await rest.number()
        if number is None:
            return [f"{access.number} is no number of this account; correct HOTLINE_TWILIO_NUMBER"]
        wanted = access.url("/twilio/voice")
        if number["voice_url"] != wanted:
            return [f"{access.number} does not ring at {wanted}; run hotline twilio connect"]
        return []
    except TwilioError as error:
        return [str(error)]
    finally:
        await rest.close()


async def _connect(access: TwilioAccess, fallback: str) -> None:
    from ivr.lines.twilio.rest import TwilioRest

    rest = TwilioRest(access)
    try:
        number = await rest.number()
        if number is None:
            raise SettingError(
                f"{access.number} is no number of this account; correct HOTLINE_TWILIO_NUMBER", code="H112"
            )
        await rest.connect_number(number["sid"], fallback_url=fallback)
    finally:
        await rest.close()
