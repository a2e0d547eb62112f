"""`python -m tests.bench spoken`: a million values as independent spellers say them, understood as themselves."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "speech"))

from bench_row import Row
from spellers import KINDS, heard, spelled

from ivr.speech.hearing.understanding import understand

VALUES = 1_000_000
#: How many a process takes at a time.
SHARE = 20_000


def misunderstood(seed: int) -> tuple[int, float, list[str]]:
    """How many of a share come out as something else, the CPU seconds of understanding them, and some of those."""
    wrong, seconds = [], 0.0
    for one in spelled(SHARE, seed):
        began = time.process_time()
        meaning = understand(one.expectation(), [heard(one.said)]).meaning
        seconds += time.process_time() - began
        if meaning != one.keys:
            wrong.append(f"{one.expect} {one.said}: {meaning}, not {one.keys}")
    return len(wrong), seconds, wrong[:3]


def rows() -> Iterator[Row]:
    """All kinds together; what was misunderstood is printed."""
    with multiprocessing.get_context("spawn").Pool() as pool:
        found = pool.map(misunderstood, range(VALUES // SHARE), chunksize=1)
    for _, _, examples in found:
        for example in examples:
            print(example, file=sys.stderr)
    yield Row(
        f"{VALUES:,} spoken values of {len(KINDS)} kinds, understood as another",
        sum(one[0] for one in found),
        "values",
        0,
        digits=0,
    )
    yield Row("… understanding one", sum(one[1] for one in found) / VALUES * 1e6, "µs CPU")
