"""Whether work grows too fast with its input: told by comparing two lengths in one run, not by a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Text = TypeVar("Text", bytes, str)

#: Seconds of CPU below which nobody cares how work grows.
_NOTHING = 0.02
_TRIES = 5


def grows_too_fast(read: Callable[[Text], object], hostile: Text) -> bool:
    """Whether four times the input costs more than ten times the CPU (linear: 4, quadratic: 16)."""
    whole = min(_cost(read, hostile) for _ in range(_TRIES))
    return whole > _NOTHING and whole > 10 * min(
        _cost(read, hostile[: len(hostile) // 4]) for _ in range(_TRIES)
    )


def _cost(read: Callable[[Text], object], text: Text) -> float:
    began = time.process_time()
    read(text)
    return time.process_time() - began
