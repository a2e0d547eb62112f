"""`hotline models`: the voice that renders prompts, and the models that recognise what callers say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.cli.console import DataDir, errors, screen
from ivr.errors import SettingError
from ivr.settings import Settings, load_settings
from ivr.speech.hearing.fetching import SOURCES, Patience, get_models
from ivr.speech.hearing.models import find_models, usable_models
from ivr.speech.models import get_voice

app = typer.Typer(help="Voices and recognisers that are fetched when they are needed.", no_args_is_help=True)

Into = Annotated[
    Path | None, typer.Option("--into", help="Folder of the recognisers' models (HOTLINE_SPEECH_MODELS).")
]
#: How long the demonstration waits for a server that does not answer.
_NOT_LONG = Patience(seconds=4, tries=1)


@app.command("get")
def get(
    names: Annotated[
        list[str],
        typer.Argument(help="`voice`: what renders prompts; `zh-CN`, `en`: what recognises a language."),
    ],
    data_dir: DataDir = None,
    into: Into = None,
) -> None:
    """Fetch voices and recognisers; run again, it goes on where it stopped."""
    known = ("voice", *SOURCES.official)
    for name in names:
        if name not in known:
            there = ", ".join(known)
            raise SettingError(f"there is nothing called {name} to fetch; there are {there}", code="H108")
    settings = load_settings(data_dir=data_dir, speech_models=into)
    if "voice" in names:
        folder = get_voice(settings.data_dir, lambda line: errors.print(line, markup=False))
        screen.print(f"The voice is in {folder}.", soft_wrap=True)
    languages = tuple(dict.fromkeys(name for name in names if name != "voice"))
    if languages:
        for language, model in fetch(settings, languages).items():
            screen.print(f"What recognises {language} is in {model}.", soft_wrap=True)


@app.command("check")
def check(data_dir: DataDir = None, into: Into = None) -> None:
    """Say which recognisers are there, and what is wrong with those that cannot be used."""
    settings = load_settings(data_dir=data_dir, speech_models=into)
    usable, wrong = usable_models(settings.speech_models_dir)
    for language, model in usable.items():
        screen.print(f"{language}: {model}", soft_wrap=True)
    for error in wrong:
        errors.print(str(error), markup=False, soft_wrap=True)
    if not usable and not wrong:
        screen.print("There are none: callers are served by keys. Fetch them: hotline models get zh-CN en")
    if wrong:
        raise typer.Exit(1)


def fetch(settings: Settings, languages: tuple[str, ...], patience: Patience = Patience()) -> dict[str, Path]:  # noqa: B008 - frozen
    """Fetch recognisers, with a bar on the terminal. Raises ModelError."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=errors, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("Fetching", total=None)
        return get_models(
            settings.speech_models_dir,
            languages,
            say=lambda line: bar.console.print(line, markup=False, soft_wrap=True),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            patience=patience,
            sources=SOURCES,
        )


def fetch_for_demo(settings: Settings) -> None:
    """Fetch what is missing at the first start of a demonstration; without a network it goes on at once."""
    from ivr.speech.errors import ModelError

    missing = tuple(name for name in SOURCES.official if name not in find_models(settings.speech_models_dir))
    if not missing:
        return
    size = sum(SOURCES.official[name].size for name in missing)
    screen.print(f"Fetching what recognises speech ({size / 1e6:.0f} MB, once)…")
    try:
        fetch(settings, missing, _NOT_LONG)
    except ModelError as error:
        errors.print(f"{error}", markup=False, soft_wrap=True)
