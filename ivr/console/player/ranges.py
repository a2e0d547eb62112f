"""Parts of a file as browsers ask for them (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_MOST_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` up to, not including, `end`."""

    start: int
    end: int


class NoSuchPartError(Exception):
    """The range lies outside the file (416)."""


def asked_part(header: str | None, size: int) -> Part | None:
    """The part that a Range header asks for; None for the whole (no header, several parts, or nonsense).

    Raises NoSuchPartError.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None:
        return None
    first, last = match.groups()
    if not (first or last) or len(first) > _MOST_DIGITS or len(last) > _MOST_DIGITS:
        return None
    if not first:
        part = Part(max(0, size - int(last)), size)
    else:
        if last and int(last) < int(first):
            return None
        part = Part(int(first), min(size, int(last) + 1) if last else size)
    if part.start >= part.end:
        raise NoSuchPartError
    return part
