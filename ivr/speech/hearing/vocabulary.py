"""The words that a model can hear, and phrases split into such words.

A recogniser drops a word that its model does not know without a sound of complaint, so every phrase is taken apart
before it is given to one: `保单查询` becomes `保单 查询`, and what cannot be heard at all is told.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

#: The mark of a table of words in an OpenFst file (`kSymbolTableMagicNumber`).
_TABLE: Final = struct.pack("<i", 2125658996)
#: How far into a graph the table may begin, and how long a word may be.
_HEADER, _LONGEST = 4096, 200
_CJK: Final = re.compile(r"[\u3400-\u9fff]")
_APART: Final = re.compile(r"[^\w']+")


class Vocabulary:
    """The words of a model. `knows` answers for one word."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = lru_cache(maxsize=20_000)(knows)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and bool(word) and self._knows(word)

    @classmethod
    def of(cls, words: Iterable[str]) -> Vocabulary:
        """A vocabulary of just these words."""
        return cls(frozenset(words).__contains__)

    @classmethod
    def of_model(cls, find: Callable[[str], int]) -> Vocabulary:
        """The words of a loaded model: `find` is `vosk.Model.vosk_model_find_word`, below 0 for an unknown word."""
        return cls(lambda word: find(word) >= 0)

    @classmethod
    def read(cls, folder: Path) -> Vocabulary:
        """The words of the model in `folder`, without loading it. Raises OSError, or ValueError if there are none."""
        return cls.of(model_words(folder))


#: Knows every word: for phrases where no model is installed.
ANY_WORD: Final = Vocabulary(lambda _word: True)


def model_words(folder: Path) -> list[str]:
    """Every word of a Vosk model: from `graph/words.txt`, or from the table inside `graph/Gr.fst`."""
    listed = folder / "graph" / "words.txt"
    if listed.is_file():
        return [line.split()[0] for line in listed.read_text("utf-8").splitlines() if line.strip()]
    with (folder / "graph" / "Gr.fst").open("rb") as file:
        data = file.read(32_000_000)
    try:
        return _table(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"no table of words in {folder.name}/graph/Gr.fst") from error


def _table(data: bytes) -> list[str]:
    """The words of an OpenFst symbol table: magic, name, next key, size, then (length, text, key) each."""
    at = data.find(_TABLE, 0, _HEADER)
    if at < 0:
        raise ValueError("no table of words")
    (name,) = struct.unpack_from("<i", data, at + 4)
    at += 8 + name
    _, size = struct.unpack_from("<qq", data, at)
    at += 16
    if size <= 0:
        raise ValueError("an empty table of words")
    words = []
    for _ in range(size):
        (length,) = struct.unpack_from("<i", data, at)
        if not 0 <= length <= _LONGEST:
            raise ValueError("a damaged table of words")
        words.append(data[at + 4 : at + 4 + length].decode("utf-8"))
        at += 12 + length
    return words


@dataclass(frozen=True, slots=True)
class Split:
    """A phrase as words that the model knows, and those parts of it that cannot be heard."""

    words: tuple[str, ...]
    unheard: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words with spaces between them, as a grammar wants them."""
        return " ".join(self.words)


def spoken_words(phrase: str, vocabulary: Vocabulary) -> Split:
    """`phrase` in words of the vocabulary: as it stands, else in as few and long known words as there are."""
    words: list[str] = []
    unheard: list[str] = []
    for part in plain(phrase).split():
        found = (part,) if part in vocabulary else _known_parts(part, vocabulary)
        if found is None:
            unheard.append(part)
        else:
            words.extend(found)
    return Split(tuple(words), tuple(unheard))


def plain(phrase: str) -> str:
    """Small letters, no punctuation, single blanks; `twenty-first` is two words."""
    return " ".join(_APART.sub(" ", phrase.replace("〇", "零").lower()).split())


def _known_parts(part: str, vocabulary: Vocabulary) -> tuple[str, ...] | None:
    """The fewest known words that make up a Chinese word; None for other scripts, or where there are none."""
    if not _CJK.search(part):
        return None
    best: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(part) + 1):
        ways = [
            (*head, part[start:end])
            for start in reversed(range(end))
            if (head := best[start]) is not None and part[start:end] in vocabulary
        ]
        best.append(min(ways, key=len, default=None))
    return best[-1]
