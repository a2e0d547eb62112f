"""The company's flows and prompts: read, checked, and read but once for all processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.flow import FlowStore, Manifest
from ivr.flow.parsed import ParsedFolder
from ivr.flow.yaml_source import keep_parsed
from ivr.resources import chosen
from ivr.services import hotline_signatures
from ivr.settings import Settings, listed
from ivr.speech import PromptCatalogue, Speaker


@dataclass(frozen=True, slots=True)
class Content:
    """The company's flows and prompts, read and checked."""

    flows: FlowStore
    speaker: Speaker


def load_manifest(settings: Settings) -> tuple[Manifest, PromptCatalogue]:
    """What flows may name: the services and the prompts. Needs no database."""
    catalogue = PromptCatalogue.load(chosen(settings.prompts_dir, "prompts"))
    return Manifest(services=hotline_signatures(), prompts=catalogue.signatures()), catalogue


def load_content(settings: Settings, *, for_all: bool = False) -> Content:
    """Read flows and prompts; raises FlowErrors or a SpeechError that names every file and line.

    A process that was forked from one that has read them `for_all` takes those, and reads again what has changed.
    """
    folder = chosen(settings.prompts_dir, "prompts")
    key = (settings.flows_dir, settings.own_flows_dir, folder, settings.own_prompts_dir, _texts(folder))
    content = _read.get(key)
    if content is None:
        manifest, catalogue = load_manifest(settings)
        flows = FlowStore(lambda: flows_folder(settings), manifest)
        content = Content(
            flows,
            Speaker(
                catalogue,
                folder,
                own=settings.own_prompts_dir,
                placeholder=listed(settings.placeholder_voices),
            ),
        )
        if for_all:
            _read[key] = content
    else:
        content.flows.reload()
        content.speaker.look_again()
    return content


#: What this process, or the one it was forked from, has read for all.
_read: dict[tuple[Any, ...], Content] = {}


def _texts(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The prompts' texts as they are now: file, size, time."""
    files = sorted(folder.rglob("*.yaml"))
    return tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def keep_what_is_read(settings: Settings) -> None:
    """Let the processes of this data folder read each flow, prompt and text once between them."""
    keep_parsed(ParsedFolder(settings.data_dir / "parsed"))


def flows_folder(settings: Settings) -> Path:
    """The flows that take calls: the company's own if there are any, else those that came with the hotline."""
    if settings.flows_dir is None and (settings.own_flows_dir / "hotline.yaml").is_file():
        return settings.own_flows_dir
    return chosen(settings.flows_dir, "flows")
