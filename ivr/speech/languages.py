"""The languages whose values can be spoken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.speech.values import SpokenValues
from ivr.speech.values_en import English
from ivr.speech.values_zh import Mandarin

_BY_LANGUAGE: Final[Mapping[str, SpokenValues]] = {"zh-CN": Mandarin(), "en": English()}


def spoken_values(language: str) -> SpokenValues:
    """How a language says values: of the tag itself, else of its first part (`en-GB` → `en`); KeyError if none."""
    if language in _BY_LANGUAGE:
        return _BY_LANGUAGE[language]
    return _BY_LANGUAGE[language.partition("-")[0]]
