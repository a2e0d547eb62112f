"""What each worker says of itself: a small file that is replaced every second.

The file's own time says when: a disk that is too full for a new file still takes a new time on the old one.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

State = Literal["starting", "ready", "draining", "stopped"]

#: A status older than this many seconds is that of a process which hangs or is gone.
STALE_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker's state."""

    worker: int
    pid: int
    state: State
    calls: int
    capacity: int
    address: str
    flows: str
    #: What is wrong with the newest flows on disk, if they were refused.
    problems: tuple[str, ...] = ()
    #: When it was said, in seconds since the epoch; filled in when it is read.
    at: float = 0.0

    @property
    def fresh(self) -> bool:
        """Whether the worker said so lately."""
        return time.time() - self.at < STALE_AFTER


def write_status(folder: Path, status: WorkerStatus) -> None:
    """Replace the worker's file in one step, so that a reader never sees half of it.

    Raises OSError when the disk will not take it; the file that was there is then marked as said again now.
    """
    path = _path(folder, status.worker)
    draft = path.with_suffix(f".{status.pid}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(status), ensure_ascii=False), encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - atomic by name
    except OSError:
        with suppress(OSError):
            os.utime(path)
        with suppress(OSError):
            draft.unlink()
        raise


def read_statuses(folder: Path) -> list[WorkerStatus]:
    """Every worker's last word, by number; unreadable files are left out."""
    found = []
    for path in folder.glob("worker-*.json"):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            status = WorkerStatus(**{**data, "problems": tuple(data.get("problems", ()))})
            found.append(replace(status, at=path.stat().st_mtime))
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return sorted(found, key=lambda status: status.worker)


def remove_status(folder: Path, worker: int) -> None:
    """The worker ended in order."""
    _path(folder, worker).unlink(missing_ok=True)


def _path(folder: Path, worker: int) -> Path:
    return folder / f"worker-{worker}.json"
