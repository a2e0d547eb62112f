"""The flows in use: read again when their files change, and only when the new ones are good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Lock

from ivr.flow.errors import FlowErrors, Problem
from ivr.flow.library import FlowLibrary
from ivr.flow.loader import examine
from ivr.flow.manifest import Manifest


class FlowStore:
    """Holds the library that new calls begin with. A running call keeps the `FlowLibrary` it began with.

    `folder` may be a function, where the flows may come to live elsewhere (a company's first published ones).
    Raises `FlowErrors` when the flows are bad at the very beginning. `reload` may be called from any thread;
    `current` is one reference, swapped whole.
    """

    def __init__(self, folder: Path | Callable[[], Path], manifest: Manifest) -> None:
        self._where = folder if callable(folder) else lambda: folder
        self._manifest = replace(manifest, by_sound=False)
        self._lock = Lock()
        self._seen = self._fingerprint()
        library, problems = examine(self.folder, self._manifest)
        errors = [problem for problem in problems if problem.severity == "error"]
        if library is None or errors:
            raise FlowErrors(errors)
        self._current = library
        self._problems: list[Problem] = problems

    @property
    def folder(self) -> Path:
        """Where the files are now."""
        return self._where()

    @property
    def current(self) -> FlowLibrary:
        """The last good library."""
        return self._current

    @property
    def problems(self) -> list[Problem]:
        """What was found when the files were last read; errors in it mean that an older library is in use."""
        return list(self._problems)

    def changed(self) -> bool:
        """Whether a file's content is another than when they were last read."""
        return self._fingerprint() != self._seen

    def reload(self, manifest: Manifest | None = None) -> list[Problem]:
        """Read the files again if they changed (or `manifest` is new); a bad set leaves `current` as it is.

        Returns everything found, or an empty list when nothing had changed.
        """
        with self._lock:
            fingerprint = self._fingerprint()
            if fingerprint == self._seen and manifest is None:
                return []
            if manifest is not None:
                self._manifest = replace(manifest, by_sound=False)
            library, problems = examine(self.folder, self._manifest)
            self._seen, self._problems = fingerprint, problems
            if library is not None and not any(problem.severity == "error" for problem in problems):
                self._current = library
            return list(problems)

    def _fingerprint(self) -> Mapping[str, str]:
        found = {}
        folder = self.folder
        for path in sorted(folder.rglob("*.yaml")):
            try:
                found[path.relative_to(folder).as_posix()] = sha256(path.read_bytes()).hexdigest()
            except OSError:
                found[path.relative_to(folder).as_posix()] = "unreadable"
        return found
