"""The studio and the voice of a hotline, put together from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from ivr.call.prompt_room import PromptRoom
from ivr.resources import chosen
from ivr.settings import Settings
from ivr.speech import PromptCatalogue, Speaker
from ivr.speech.models import voice_installed
from ivr.speech.own import OwnRecordings
from ivr.speech.saying import SaidClips, Voiced
from ivr.speech.studio import Studio
from ivr.speech.voice_kokoro import VOICES
from policy_db import Keys


def prompt_room(
    settings: Settings, catalogue: PromptCatalogue, changed: Callable[[str, str], None] | None
) -> PromptRoom:
    """Where people of the company record prompts by telephone; `changed` hears of what was put in place."""
    studio = prompt_studio(settings, catalogue)
    return PromptRoom(
        studio, settings.recordings_dir, lambda name: changed("prompt", name) if changed else None
    )


def prompt_studio(settings: Settings, catalogue: PromptCatalogue) -> Studio:
    """What there is to record of a catalogue, and what was recorded of it."""
    return Studio(catalogue, chosen(settings.prompts_dir, "prompts"), OwnRecordings(settings.own_prompts_dir))


@asynccontextmanager
async def saying_names(settings: Settings, speaker: Speaker, keys: Keys) -> AsyncIterator[None]:
    """Let a worker's calls say names and other free text, where the voice process runs."""
    languages = voiced_languages(settings)
    if not languages:
        yield
        return
    speaker.saying = voiced = Voiced(settings.voice_socket, languages, SaidClips(settings.said_dir, keys))
    try:
        yield
    finally:
        await voiced.close()


def voiced_languages(settings: Settings) -> frozenset[str]:
    """The languages that free text is said in: those of the voice, where it is installed and wanted."""
    ready = voice_installed(settings.data_dir) and find_spec("onnxruntime") is not None
    return frozenset(VOICES) if settings.free_text == "auto" and ready else frozenset()
