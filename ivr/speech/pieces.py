"""The parts of a sentence as they are played: fixed text, spoken values, breaths, names, callers' recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.speech.values import ALONE, PAUSES, Carrier

#: `fixed`: text of the catalogue; `value`: from a language's closed inventory; `breath`: a mark's silence;
#: `free`: text known only in the call; `recording`: what a caller said, `text` being its id.
Kind = Literal["fixed", "value", "breath", "free", "recording"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a sentence. `own` is the file name, without ending, that a company's recording of it has."""

    kind: Kind
    text: str
    language: str
    carrier: Carrier = ALONE
    own: str = ""

    @property
    def seconds(self) -> float:
        """How long a breath lasts; 0 for the rest."""
        return PAUSES.get(self.text, 0.0) if self.kind == "breath" else 0.0
