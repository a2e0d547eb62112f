"""A stand-in for a worker process: says how it is, and does what its first argument names.

    python child_process.py DEED RUN_DIR [NUMBER]

`serve` says `ready` until SIGTERM; `hang` says it once and no more; `stubborn` ignores SIGTERM; `die` ends at
once; `http` says nothing. Each appends a line to
`RUN_DIR/log` when it begins and when it ends by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from ivr.worker.status import WorkerStatus, write_status

DEED, RUN_DIR = sys.argv[1], Path(sys.argv[2])


def note(what: str) -> None:
    """Tell the test."""
    with (RUN_DIR / "log").open("a") as file:
        file.write(f"{what}\n")


def main() -> None:
    """Do the deed."""
    number = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    stopped = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, signal.SIG_IGN if DEED == "stubborn" else stop)
    signal.signal(signal.SIGHUP, lambda *_: note("hangup"))
    note(f"{DEED} {number} {os.getpid()}")
    if DEED == "die":
        sys.exit(3)
    said = False
    while not stopped:
        if DEED not in ("hang", "http") or (DEED == "hang" and not said):
            write_status(RUN_DIR, WorkerStatus(number, os.getpid(), "ready", 0, 4, "", "v"))
            said = True
        time.sleep(0.02)
    note(f"ended {DEED} {number}")


main()
