"""`hotline crosssell`: learning who would buy what, and judging what was learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ivr.cli import crosssell_catalogue, crosssell_proof
from ivr.cli.console import DataDir, errors, progress_bar, screen
from ivr.settings import load_settings

if TYPE_CHECKING:
    from cross_sell.registry import Registry

app = typer.Typer(help="Which caller a person should speak to, about which product.", no_args_is_help=True)
models = typer.Typer(help="Trained models: which there are, and which are in use.", no_args_is_help=True)
app.add_typer(models, name="models")
app.command("catalogue")(crosssell_catalogue.catalogue)
app.command("simulate")(crosssell_proof.simulate)
app.command("report")(crosssell_proof.report)
app.command("refit")(crosssell_proof.refit)

Name = Annotated[str, typer.Argument(help="The model's name: its product's code.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]


@app.command("evaluate")
def evaluate_command(
    name: Annotated[str, typer.Argument(help="coil2000, health_cross_sell, bank_marketing, zimnat or tryg.")],
    folder: Annotated[Path, typer.Argument(help="The folder that holds the set's files.")],
    seed: Seed = 0,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """Judge the learner on public data, beside simpler ones, on rows that it has not seen."""
    from cross_sell.evaluation import run

    with _telling("Evaluating") as tell:
        table = run(name, folder, seed, tell)
    if markdown:
        typer.echo(table.markdown())
        return
    head, *body = table.cells()
    shown = Table(title=table.title)
    for index, column in enumerate(head):
        shown.add_column(column, justify="right" if index else "left")
    for row in body:
        shown.add_row(*row)
    screen.print(shown)
    for note in table.notes:
        screen.print(note)


@app.command("train")
def train_command(
    source: Annotated[Path, typer.Argument(metavar="CSV", help="A table with a head, gzipped or not.")],
    target: Annotated[str, typer.Option("--target", help="The column to learn: yes/no, true/false or 1/0.")],
    schema: Annotated[
        Path | None, typer.Option("--schema", help="JSON: what is known of the columns; else it is inferred.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the model to this file.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Add it to the registry under this name.")
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Put it to use at once.")] = False,
    seed: Seed = 0,
    data_dir: DataDir = None,
) -> None:
    """Learn a model from a table and tell its figures, which are of rows it had not seen."""
    import json

    from cross_sell import fit
    from cross_sell.errors import SchemaError
    from cross_sell.evaluation.data import read_table

    known = None
    if schema is not None:
        try:
            known = json.loads(schema.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SchemaError(f"{schema} cannot be read ({error}).", "Give a JSON file.") from error
    frame = read_table(source)
    with _telling("Training") as tell:
        model = fit(frame, target, known, seed=seed, progress=lambda one: tell(one.doing, one.share))
    for key, value in model.figures.items():
        if key != "losses":
            screen.print(f"{key.replace('_', ' ')}: {value}")
    if out is not None:
        screen.print(f"Written: {model.save(out)}")
    if name is not None:
        registry = _registry(data_dir)
        version = registry.add(name, model)
        if promote:
            registry.promote(name, version)
        screen.print(f"Added: {name} {version}{', in use' if promote else ''}")


@models.command("list")
def list_command(data_dir: DataDir = None) -> None:
    """Every model of every name, the latest first."""
    registry = _registry(data_dir)
    if not registry.names():
        screen.print("No model has been learnt yet; the catalogue's prior speaks for each product.")
        return
    table = Table()
    for column in ("Name", "Version", "Added", "Rows", "Chosen", "AUC", "Calibration error", "In use"):
        table.add_column(column)
    for name in registry.names():
        for one in registry.entries(name):
            figures = [
                str(one.figures.get(key, "")) for key in ("rows", "chosen", "auc", "calibration_error")
            ]
            table.add_row(
                name, one.version, f"{one.added:%Y-%m-%d %H:%M}", *figures, "yes" if one.in_use else ""
            )
    screen.print(table)


@models.command("promote")
def promote_command(
    name: Name, version: Annotated[str, typer.Argument(help="As listed.")], data_dir: DataDir = None
) -> None:
    """Put a version to use."""
    screen.print(f"In use: {name} {_registry(data_dir).promote(name, version).version}")


@models.command("roll-back")
def roll_back_command(name: Name, data_dir: DataDir = None) -> None:
    """Put to use again what was in use before."""
    entry = _registry(data_dir).roll_back(name)
    screen.print(f"In use: {name} {entry.version}" if entry else f"No model of {name} is in use now.")


def _registry(data_dir: Path | None) -> Registry:
    from cross_sell.registry import Registry

    return Registry(load_settings(data_dir=data_dir).data_dir / "models" / "cross_sell")


@contextmanager
def _telling(title: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on a terminal, a line a step elsewhere."""
    if errors.is_terminal:
        with progress_bar(title) as bar:
            yield lambda _doing, share: bar(round(100 * share), 100)
        return
    told: list[str] = []

    def tell(doing: str, share: float) -> None:
        kind = (
            doing.rstrip("0123456789").removesuffix(" of ").rstrip("0123456789")
        )  # “day 3 of 62” is one of many
        if kind not in told:
            told.append(kind)
            errors.print(f"{title}: {doing} ({share:.0%})")

    yield tell
