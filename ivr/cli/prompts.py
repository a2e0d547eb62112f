"""`hotline prompts`: what callers hear."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ivr.app import flows_folder, load_manifest
from ivr.cli import prompt_recordings
from ivr.cli.console import DataDir, FlowsDir, PromptsDir, errors, progress_bar, screen
from ivr.flow import FlowLibrary, load_flows
from ivr.flow.walk import step_prompts
from ivr.resources import chosen
from ivr.services.words import SPOKEN_GROUPS
from ivr.settings import listed, load_settings
from ivr.speech import PromptCatalogue, Voices, build, check
from ivr.speech.build import spoken_languages
from ivr.speech.clips import CLIPS, PLACEHOLDER
from ivr.speech.voice_kokoro import KokoroVoices
from ivr.speech.voice_placeholder import PlaceholderVoices

app = typer.Typer(help="What callers hear: texts, clips, own recordings.", no_args_is_help=True)
prompt_recordings.add_to(app)

Languages = Annotated[
    list[str] | None, typer.Option("--language", help="Only this language; may be repeated.")
]


@app.command("build")
def build_clips(
    language: Languages = None,
    prompts: PromptsDir = None,
    data_dir: DataDir = None,
) -> None:
    """Render the clips of texts that changed; what is there already is kept.

    Languages that no voice speaks are left out, except those of HOTLINE_PLACEHOLDER_VOICES.
    """
    settings = load_settings(prompts_dir=prompts, data_dir=data_dir)
    _, catalogue = load_manifest(settings)
    folder = chosen(settings.prompts_dir, "prompts")
    stand_ins = [one for one in listed(settings.placeholder_voices) if not language or one in language]
    told = _voices_of(catalogue)
    voices = KokoroVoices(settings.data_dir, catalogue.lexicon, told=told)
    spoken, silent = spoken_languages(catalogue, voices)
    wanted = [one for one in language or spoken if one not in stand_ins]
    if wanted:
        _render(folder, catalogue, voices, wanted, CLIPS)
    if stand_ins:
        errors.print(f"{', '.join(stand_ins)}: the placeholder voice, to be heard by the company alone")
        _render(settings.own_prompts_dir, catalogue, PlaceholderVoices(told), stand_ins, PLACEHOLDER)
    for one in silent if not language else ():
        if one not in stand_ins:
            screen.print(f"{one}: no voice speaks it; its sounds are recorded (docs/languages.md)")


def _voices_of(catalogue: PromptCatalogue) -> Callable[[str], Mapping[str, str]]:
    return lambda language: catalogue.about(language).voice


def _render(
    folder: Path, catalogue: PromptCatalogue, voices: Voices, languages: Sequence[str], clips: str
) -> None:
    with progress_bar("Rendering") as progress:
        report = build(
            folder,
            catalogue,
            voices,
            languages=languages,
            progress=lambda done, total, _text: progress(done, total),
            clips=clips,
        )
    screen.print(
        f"{report.rendered} clips rendered, {report.kept} kept, {report.removed} removed; "
        f"{report.size / 1e6:.1f} MB in all"
    )


@app.command("check")
def check_prompts(language: Languages = None, flows: FlowsDir = None, prompts: PromptsDir = None) -> None:
    """Find missing texts and clips, unused ones, and clips that are too loud or too quiet."""
    settings = load_settings(flows_dir=flows, prompts_dir=prompts)
    manifest, catalogue = load_manifest(settings)
    library = load_flows(flows_folder(settings), manifest)
    folder = chosen(settings.prompts_dir, "prompts")
    languages = language or library.hotline.languages
    problems = check(
        folder,
        catalogue,
        used=used_prompts(library),
        languages=languages,
        own=settings.own_prompts_dir,
        placeholder=listed(settings.placeholder_voices),
    )
    for problem in problems:
        note = "" if problem.severity == "error" else f" ({problem.severity})"
        errors.print(f"{problem}{note}", markup=False, soft_wrap=True)
    wrong = sum(problem.severity == "error" for problem in problems)
    if wrong:
        errors.print(f"{wrong} to put right in {folder}")
        raise typer.Exit(1)
    screen.print(f"The prompts of {', '.join(languages)} are good.")


def used_prompts(library: FlowLibrary) -> set[str]:
    """The prompts that the flows and the hotline name, and those that services name by value."""
    used = set(library.hotline.prompts.values())
    used.update(name for name in library.manifest.prompts if name.partition(".")[0] in SPOKEN_GROUPS)
    for loaded in library.flows.values():
        for name, step in loaded.flow.steps.items():
            used.update(used_prompt.prompt for used_prompt in step_prompts(name, step))
        for defaults in (loaded.flow.defaults, library.hotline.defaults):
            if defaults.filler is not None:
                used.add(defaults.filler.say)
    return used
