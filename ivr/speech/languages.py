"""The languages whose values come with the hotline; those of others are in their folder (`values.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ivr.flow.values import Value
from ivr.speech.values import ALONE, Carrier, NotSpeakableError, SpokenValues
from ivr.speech.values_en import English
from ivr.speech.values_zh import Mandarin

_BY_LANGUAGE: Final[Mapping[str, SpokenValues]] = {"zh-CN": Mandarin(), "en": English()}


def spoken_values(language: str) -> SpokenValues:
    """How a language says values: of the tag itself, else of its first part (`en-GB` → `en`); KeyError if none."""
    if language in _BY_LANGUAGE:
        return _BY_LANGUAGE[language]
    return _BY_LANGUAGE[language.partition("-")[0]]


@dataclass(frozen=True)
class Unspoken:
    """`SpokenValues` of a language whose rules cannot be read: it says nothing, so that the rest can be checked."""

    language: str
    units: tuple[str, ...] = ()
    carrier: Carrier = ALONE
    short: int = 0

    def say(self, kind: str, value: Value, unit: str = "") -> list[str]:
        """See `SpokenValues.say`."""
        raise NotSpeakableError(f"{self.language} has no rules for values")

    def write(self, kind: str, value: Value) -> str:
        """See `SpokenValues.write`."""
        return str(value)

    def inventory(self) -> Mapping[str, Carrier]:
        """See `SpokenValues.inventory`."""
        return {}
