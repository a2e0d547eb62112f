"""What keeps a call process punctual: the interpreter's own pauses, made short and rare."""

from __future__ import annotations

import gc
import sys

#: How long (seconds) another thread may compute before the media clock's gets its turn. With a thread that
#: computes without end, half of the clock's quarters were up to 10 ms late at the default of 5 ms, and up to
#: 2 ms at this.
SWITCH_SECONDS = 0.0002
#: Objects made before the youngest are looked through, and how many such looks make one at the next older
#: ones. A call leaves no cycles to speak of, so there is little to find.
GC_THRESHOLDS = (10_000, 20, 50)


def be_punctual() -> None:
    """To be called once everything is loaded, before the first call.

    What is there by then (flows, prompts, the libraries) stays for good and is never looked through again: to
    look through all of it takes 100 ms, in which no packet would leave.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
