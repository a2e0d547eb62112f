"""What tests of commands share."""

from __future__ import annotations

from collections.abc import Callable

#: `hotline WORDS…` in this process: its exit status, what it printed, what it complained.
Run = Callable[..., tuple[int, str, str]]
