"""What one area of the console brings to the whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

from ivr.console.parts import ConsoleParts


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation: where it leads, the key of its text, and who sees it (empty: everybody)."""

    path: str
    text: str
    roles: tuple[str, ...] = ()
    order: int = 50


@dataclass(frozen=True, slots=True)
class Area:
    """An area: its package's folder holds `templates/`, `texts/` and `static/`, each if it has any.

    `pages` answers HTML, `api` JSON under /api. `background` is entered when the console starts, and left when it
    ends.
    """

    name: str
    folder: Path
    pages: APIRouter | None = None
    api: APIRouter | None = None
    entries: tuple[Entry, ...] = ()
    background: Callable[[ConsoleParts], AbstractAsyncContextManager[None]] | None = None
