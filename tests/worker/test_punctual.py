"""What makes a call process punctual, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SEEN = """
import gc, sys
from ivr.worker.punctual import be_punctual
kept = [[number] for number in range(10_000)]
before = gc.get_freeze_count()
be_punctual()
print(gc.get_freeze_count() - before > 10_000, len(gc.get_objects()) < 1_000, sys.getswitchinterval() < 0.001)
print(gc.isenabled(), gc.get_threshold()[0] > 700)
"""


def test_what_is_loaded_is_never_looked_through_again_and_threads_take_short_turns() -> None:
    seen = subprocess.run([sys.executable, "-c", SEEN], capture_output=True, text=True, check=True)
    assert seen.stdout.split() == ["True"] * 5
