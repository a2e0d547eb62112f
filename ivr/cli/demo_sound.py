"""The sound of the demonstration's messages: words of the prompt catalogue, written as recordings of callers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from ivr.app import Content
from ivr.flow.instructions import Phrase
from ivr.media.clip import Clip
from ivr.media.g711 import Law
from ivr.media.wav import HEADER_SIZE, write_g711
from ivr.settings import Settings
from policy_db.demo.messages import DemoSound, Speak

_FOLDER = "demonstration"


def speaking(settings: Settings, content: Content) -> Speak:
    """What writes the demonstration's recordings into the recordings folder."""
    return partial(_speak, settings, content)


def _speak(
    settings: Settings, content: Content, name: str, say: Sequence[Mapping[str, str]], language: str
) -> DemoSound:
    phrases = [
        Phrase(one["prompt"], language, {slot: value for slot, value in one.items() if slot != "prompt"})
        for one in say
    ]
    rendered = content.speaker.render(phrases)
    audio = Clip.joined(rendered.clips).frames(Law.MU)
    path = settings.recordings_dir / _FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_g711(path, audio, Law.MU)
    return DemoSound(
        f"{_FOLDER}/{name}", round(len(audio) / 8000, 2), len(audio) + HEADER_SIZE, rendered.text
    )
