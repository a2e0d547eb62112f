"""`hotline flow`: check, test, fuzz and draw call flows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from ivr.app import flows_folder, load_manifest
from ivr.cli.console import DatabaseUrl, DataDir, FlowsDir, PromptsDir, errors, progress_bar, screen
from ivr.cli.on_database import on_database
from ivr.errors import SettingError
from ivr.flow import FlowLibrary, Problem, check_flows, draw_flow, flow_schema_text, load_flows
from ivr.flow.manifest import Unheard
from ivr.settings import Settings, load_settings
from ivr.speech.hearing.models import find_models
from ivr.speech.hearing.vocabulary import Vocabulary, spoken_words

app = typer.Typer(help="Check, test, fuzz and draw call flows.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Flows by name; all if none is given.")]


@app.command()
def check(flows: FlowsDir = None, prompts: PromptsDir = None) -> None:
    """Check every flow: each finding as file:line:column, code, and what to write instead."""
    settings = load_settings(flows_dir=flows, prompts_dir=prompts)
    manifest, _ = load_manifest(settings)
    manifest = replace(manifest, unheard=_vocabularies(settings))
    folder = flows_folder(settings)
    problems = check_flows(folder, manifest, today=datetime.now(ZoneInfo(settings.zone)).date())
    for problem in problems:
        _tell(problem)
    wrong = sum(problem.severity == "error" for problem in problems)
    if wrong:
        errors.print(f"{wrong} to put right in {folder}")
        raise typer.Exit(1)
    screen.print(f"{len(_library(settings).flows)} flows are good.")


@app.command("test")
def run_tests(
    names: Names = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
    least: Annotated[
        float, typer.Option(help="Fail when a flow's coverage is below this many per cent.")
    ] = 0.0,
) -> None:
    """Run the tests written in the flows; report coverage by step and branch."""
    from ivr.testing.flowtest import run_flow_tests

    library = _library(load_settings(flows_dir=flows, prompts_dir=prompts))
    _require_known(names, library)
    report = run_flow_tests(library, names)
    for failure in report.failures:
        errors.print(str(failure), markup=False, soft_wrap=True)
    table = Table(title="Coverage")
    for column in ("Flow", "Steps", "Branches", "Handlers", "Reached"):
        table.add_column(column, justify="left" if column == "Flow" else "right")
    for row in report.rows():
        if not names or row[0] in names:
            table.add_row(*row)
    screen.print(table)
    covered = [one for one in report.coverage if not names or one.flow in names]
    for one in covered:
        for place in one.missing:
            screen.print(f"not reached: {place}", markup=False, soft_wrap=True)
    passed = len(report.results) - len(report.failures)
    screen.print(f"{passed} passed, {len(report.failures)} failed")
    if report.failures or any(one.percent < least for one in covered):
        raise typer.Exit(1)


@app.command()
def fuzz(
    calls: Annotated[int, typer.Option(help="How many random callers.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same callers.")] = 1,
    processes: Annotated[int, typer.Option(help="Processes that share the work.")] = 1,
    choices: Annotated[int, typer.Option(help="A person or a mailbox is within so many choices.")] = 4,
    flow: Annotated[str | None, typer.Option(help="Another flow than the main one.")] = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
) -> None:
    """Dial with random callers; a call that fails is printed as a test ready to paste."""
    from ivr.testing.fuzz import fuzz as run_fuzz

    library = _library(load_settings(flows_dir=flows, prompts_dir=prompts))
    _require_known([flow] if flow else None, library)
    with progress_bar("Calls") as progress:
        report = run_fuzz(
            library,
            calls,
            seed,
            flow=flow,
            processes=processes,
            choices=choices,
            progress=lambda done: progress(done, calls),
        )
    for failure in report.failures:
        errors.print(str(failure), markup=False, soft_wrap=True)
    for far in report.far:
        errors.print(str(far), markup=False, soft_wrap=True)
    table = Table(title="Random callers")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    for row in report.rows():
        table.add_row(*row)
    screen.print(table)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def draw(
    name: Annotated[str, typer.Argument(help="The flow to draw.")],
    kind: Annotated[
        Literal["svg", "mermaid"], typer.Option(help="A picture, or text for Markdown.")
    ] = "mermaid",
    output: Annotated[Path | None, typer.Option(help="A file; standard output if not given.")] = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
) -> None:
    """Draw a flow as Mermaid text or as an SVG picture."""
    library = _library(load_settings(flows_dir=flows, prompts_dir=prompts))
    _require_known([name], library)
    _write(draw_flow(library.flows[name], kind), output)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option(help="A file; standard output if not given.")] = None,
) -> None:
    """Print the JSON Schema of a flow file, for editors."""
    _write(flow_schema_text(), output)


@app.command()
def retell(
    call_id: Annotated[str, typer.Argument(help="The id of a call in the database.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    flows: FlowsDir = None,
    prompts: PromptsDir = None,
) -> None:
    """Print a call that took place as a test, ready to paste into a flow."""
    from ivr.terminal import recorded_test

    settings = load_settings(
        data_dir=data_dir, database_url=database_url, flows_dir=flows, prompts_dir=prompts
    )
    library = _library(settings)
    test = on_database(settings, lambda database: recorded_test(database, library, call_id, settings.zone))
    _write(test, None)


def _vocabularies(settings: Settings) -> Unheard:
    """The words of a phrase that the recognisers installed here do not know."""
    vocabularies = {}
    for language, model in find_models(settings.speech_models_dir).items():
        with suppress(OSError, ValueError):  # `hotline models` tells what is wrong with a model
            vocabularies[language] = Vocabulary.read(model)

    def unheard(language: str, phrase: str) -> Sequence[str]:
        vocabulary = vocabularies.get(language)
        return () if vocabulary is None else spoken_words(phrase, vocabulary).unheard

    return unheard


def _library(settings: Settings) -> FlowLibrary:
    manifest, _ = load_manifest(settings)
    return load_flows(flows_folder(settings), manifest)


def _require_known(names: list[str] | None, library: FlowLibrary) -> None:
    for name in names or ():
        if name not in library.flows:
            raise SettingError(
                f"there is no flow {name}; there is {', '.join(sorted(library.flows))}", code="H107"
            )


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        output.write_text(text, encoding="utf-8")


def _tell(problem: Problem) -> None:
    note = "" if problem.severity == "error" else f" ({problem.severity})"
    errors.print(f"{problem}{note}", markup=False, soft_wrap=True)
