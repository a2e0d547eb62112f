"""The parts of a sentence as they are played: fixed text, spoken values, breaths, names, callers' recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

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


#: A breath of at least this many seconds parts two clauses; shorter ones stand inside a spoken value too.
_BETWEEN_CLAUSES: Final = 0.2


def clauses_around(pieces: Sequence[Piece], places: Iterable[int]) -> set[int]:
    """The places of the clauses in which these pieces stand, each with one of the breaths beside it.

    So a sentence whose name cannot be said says nothing of it, rather than breaking off in the middle. A clip behind
    it that goes on with another clause is still heard: it may say what to do.
    """
    ends = [-1, *(at for at, piece in enumerate(pieces) if piece.seconds >= _BETWEEN_CLAUSES), len(pieces)]
    gone: set[int] = set()
    for place in places:
        before = max(end for end in ends if end < place)
        after = min(end for end in ends if end > place)
        said = {at for at in range(place + 1, after) if _goes_on(pieces[at])}
        gone |= set(range(before + 1, after)) - said
        if not said:
            gone.add(before if before >= 0 else min(after, len(pieces) - 1))
    return gone


def _goes_on(piece: Piece) -> bool:
    """Whether a clip holds the end of one clause and another."""
    return piece.kind == "fixed" and any(PAUSES.get(char, 0.0) >= _BETWEEN_CLAUSES for char in piece.text)
