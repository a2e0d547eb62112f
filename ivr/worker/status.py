"""What each worker says of itself: a small file that is replaced every second."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["starting", "ready", "draining", "stopped"]

#: A status older than this many seconds is that of a process which hangs or is gone.
STALE_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker's state at `at` (seconds since the epoch)."""

    worker: int
    pid: int
    state: State
    calls: int
    capacity: int
    address: str
    flows: str
    at: float
    #: What is wrong with the newest flows on disk, if they were refused.
    problems: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether the worker said so lately."""
        return time.time() - self.at < STALE_AFTER


def write_status(folder: Path, status: WorkerStatus) -> None:
    """Replace the worker's file in one step, so that a reader never sees half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"worker-{status.worker}.json"
    draft = path.with_suffix(f".{status.pid}.tmp")
    draft.write_text(json.dumps(asdict(status), ensure_ascii=False), encoding="utf-8")
    os.replace(draft, path)  # noqa: PTH105 - atomic by name


def read_statuses(folder: Path) -> list[WorkerStatus]:
    """Every worker's last word, by number; unreadable files are left out."""
    found = []
    for path in sorted(folder.glob("worker-*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            found.append(WorkerStatus(**{**data, "problems": tuple(data.get("problems", ()))}))
        except (OSError, ValueError, TypeError):
            continue
    return sorted(found, key=lambda status: status.worker)


def remove_status(folder: Path, worker: int) -> None:
    """The worker ended in order."""
    (folder / f"worker-{worker}.json").unlink(missing_ok=True)
