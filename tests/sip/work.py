"""Whether work grows too fast with its input: told by comparing two lengths in one run, not by a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import TypeVar

Text = TypeVar("Text", bytes, str)

#: Seconds of CPU below which nobody cares how work grows.
_NOTHING = 0.02
#: Tries before growth is believed to be slow, and before it is believed to be fast: beside other processes a processor
#: is at times several times slower, which makes a try look worse than it is, never better.
_TRIES, _MOST_TRIES = 5, 50


def grows_too_fast(read: Callable[[Text], object], hostile: Text) -> bool:
    """Whether four times the input costs more than ten times the CPU (linear: 4, quadratic: 16)."""
    whole = quarter = inf
    for tries in range(1, _MOST_TRIES + 1):
        whole = min(whole, _cost(read, hostile))
        if whole <= _NOTHING:
            return False
        quarter = min(quarter, _cost(read, hostile[: len(hostile) // 4]))
        if tries >= _TRIES and whole <= 10 * quarter:
            return False
    return True


def _cost(read: Callable[[Text], object], text: Text) -> float:
    began = time.process_time()
    read(text)
    return time.process_time() - began
