"""Who started a process, and that it ends with it."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from typing import Final

#: The variable by which a process knows who started it.
PARENT: Final = "HOTLINE_PARENT"


class Born(BaseException):
    """Unwinds a nursery in its new child, up to the command line, which runs `words` there."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(*words)
        self.words = list(words)


def end_with_parent() -> None:
    """Ask the kernel to send this process SIGTERM when the process that started it is gone (Linux).

    Raises SystemExit if it is gone already.
    """
    end_with(int(os.environ.get(PARENT, os.getppid())))


def end_with(parent: int) -> None:
    """The same, of a parent that is known by its number."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the hotline that started this process is gone")
