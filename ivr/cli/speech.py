"""`hotline speech`: how well callers are understood; and the process that writes recordings down."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.box import SIMPLE
from rich.table import Table

from ivr.cli.console import DataDir, progress_bar, screen
from ivr.errors import SettingError
from ivr.logs import configure_logs
from ivr.settings import listed, load_settings

if TYPE_CHECKING:
    from ivr.speech.hearing.evaluation.figures import Figures
    from ivr.speech.hearing.evaluation.slots import Outcome

#: Columns that the tables of an evaluation take.
_WIDE: Final = 170

app = typer.Typer(help="How well callers are understood.", no_args_is_help=True)


Folder = Annotated[
    Path,
    typer.Argument(
        help="Folder with transcripts.tsv (file, lang, transcript, kind), or NAME.wav and NAME.txt."
    ),
]


@app.command("evaluate")
def evaluate_command(
    folder: Folder,
    language: Annotated[str, typer.Option(help="Only this language; that of NAME.txt.")] = "",
    noise: Annotated[
        str, typer.Option(help="How much louder voices are than noise, in dB by comma.")
    ] = "20,10,5",
    strings: Annotated[
        int, typer.Option(min=0, help="Numbers put together of single digits, of each length.")
    ] = 30,
    seed: Annotated[int, typer.Option(help="The same seed makes the same noise and menus.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables for a page.")] = False,
    answers: Annotated[Path | None, typer.Option(help="Write every single answer to this CSV file.")] = None,
    data_dir: DataDir = None,
    models: Annotated[Path | None, typer.Option(help="Folder of models (HOTLINE_SPEECH_MODELS).")] = None,
) -> None:
    """Measure recognition on recordings: errors, answers in slots, wrong ones taken, time, CPU and memory."""
    from ivr.speech.hearing.evaluation import Evaluation, as_json, as_markdown, evaluate, read_folder
    from ivr.speech.hearing.models import usable_models

    settings = load_settings(data_dir=data_dir, speech_models=models)
    usable, wrong = usable_models(settings.speech_models_dir)
    if wrong:
        raise wrong[0]
    recordings = read_folder(folder, language)
    if not any(one.language in usable for one in recordings):
        raise SettingError(
            f"there is no recogniser in {settings.speech_models_dir} for these recordings; fetch them:"
            " hotline models get zh-CN en",
            code="H110",
        )
    plan = Evaluation(_levels(noise), strings, seed)
    with progress_bar("Listening") as progress, _each(answers) as each:
        figures = evaluate(recordings, usable, plan, progress=progress, each=each)
    if json or markdown:
        typer.echo(as_json(figures) if json else as_markdown(figures))
    else:
        _show(figures)


def _levels(noise: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in listed(noise))
    except ValueError:
        raise SettingError(f"{noise} are no levels; write them as 20,10,5", code="H109") from None


@contextmanager
def _each(path: Path | None) -> Iterator[Callable[[str, Outcome], None]]:
    """Writes every answer into a CSV file, if there is to be one."""
    if path is None:
        yield lambda line, outcome: None
        return
    with path.open("w", buffering=1, encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("line", "language", "answer", "recording", "verdict", "heard", "confidence", "late"))
        yield lambda line, one: rows.writerow((
            line, one.language, one.kind, one.name, one.verdict, one.heard, round(one.confidence, 3),
            "" if one.late is None else round(one.late, 3),
        ))  # fmt: skip


def _show(figures: Figures) -> None:
    from ivr.speech.hearing.evaluation.figures import tables

    screen.print(figures.made_of)
    for title, head, rows in tables(figures):
        if rows:
            table = Table(*head, title=title, box=SIMPLE)
            for row in rows:
                table.add_row(*row)
            screen.print(table, width=max(screen.width, _WIDE), no_wrap=True, crop=False)


def transcriber() -> None:
    """The process that writes down what callers left; `serve` starts it."""
    from ivr.app import keep_what_is_read, run_transcriber
    from ivr.speech.hearing.writing import NICE
    from ivr.worker.parent import end_with_parent

    end_with_parent()
    os.nice(NICE)
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    keep_what_is_read(settings)
    asyncio.run(run_transcriber(settings))
