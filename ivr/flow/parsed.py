"""YAML that has been read once, kept in a folder for the processes that come after.

Reading a hotline's flows with the place of every key takes a processor about a second, and each worker does it at its
start. What is kept is found by the hash of the file's whole content and of the program that read it, so it is never
used for another content; it begins with its own hash, so what was cut off or changed on the disk is not used either.
Only what was good is kept: a broken file is read, and told of, every time.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

#: More files than that are not kept; the oldest go first.
MOST_KEPT: Final = 400

#: A node and all below it: line, column, and a scalar, a list of nodes, or of each key its line, column and node.
Node = list[Any]
_numbers = count()


class ParsedFolder:
    """The folder; nothing that goes wrong with it is an error, the files are read as if it were not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Node | None:
        """What was kept under the key, or None."""
        try:
            promised, _, kept = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        if promised != _digest(kept):
            return None
        node: Node = json.loads(kept)
        return node

    def keep(self, key: str, node: Node) -> None:
        """Keep it; a reader sees the whole of it or nothing."""
        kept = json.dumps(node, ensure_ascii=False, separators=(",", ":")).encode()
        half = self._folder / f"{key}.{os.getpid()}-{next(_numbers)}.half"
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            half.write_bytes(_digest(kept) + b"\n" + kept)
            half.replace(self._path(key))
            self._tidy()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _tidy(self) -> None:
        kept = list(self._folder.iterdir())
        if len(kept) > MOST_KEPT:
            for path in sorted(kept, key=lambda path: path.stat().st_mtime)[: len(kept) - MOST_KEPT]:
                path.unlink(missing_ok=True)


def _digest(kept: bytes) -> bytes:
    return sha256(kept).hexdigest().encode()
