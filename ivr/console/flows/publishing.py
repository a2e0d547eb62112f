"""Flows put into use: checked and tested first, written whole, noted with who, when and why."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from ivr.bus import Bus
from ivr.errors import SettingError, StorageError
from ivr.flow import FlowLibrary, FlowStore, Manifest, Problem, examine
from ivr.testing.flowtest import TestResult, run_flow_tests
from policy_db.flow_versions import Action, FlowVersion, FlowVersions, file_hash

#: Files, names and size that a set of flows may have at most.
MOST_FILES: Final = 500
LARGEST_FILE: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Examined:
    """What there is to say about a set of flow files. Only one without errors and failed tests may be published."""

    problems: tuple[Problem, ...]
    failures: tuple[TestResult, ...] = ()
    tests: int = 0
    library: FlowLibrary | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being used."""
        return tuple(one for one in self.problems if one.severity == "error")

    @property
    def good(self) -> bool:
        """Whether it may be published."""
        return self.library is not None and not self.errors and not self.failures


class NotGoodError(Exception):
    """These flows may not be published; `examined` says why."""

    def __init__(self, examined: Examined) -> None:
        super().__init__("the flows are not good")
        self.examined = examined


class Publisher:
    """Publishes into `folder`; `store` is what takes calls now, `versions` its history."""

    def __init__(
        self, store: FlowStore, folder: Path, versions: FlowVersions, bus: Bus, *, today: date | None = None
    ) -> None:
        self._store = store
        self._folder = folder
        self._versions = versions
        self._bus = bus
        self._today = today
        self._turn = asyncio.Lock()

    @property
    def manifest(self) -> Manifest:
        """What flows may name."""
        return self._store.current.manifest

    def files(self) -> dict[str, str]:
        """The files that take calls now, by name."""
        return read_files(self._store.folder)

    async def noticed(self) -> FlowVersion:
        """The version that takes calls; noted as `found` where files were changed beside the console."""
        async with self._turn:
            await asyncio.to_thread(self._store.reload)
            newest = await self._versions.newest()
            current = self._store.current
            if newest is not None and newest.version == current.version:
                return newest
            files = await asyncio.to_thread(self.files)
            if newest is not None and {name: file_hash(text) for name, text in files.items()} == newest.files:
                return newest
            if any(one.severity == "error" for one in self._store.problems) and newest is not None:
                return newest  # what lies there is broken and takes no calls
            found = await self._versions.add(current.version, files, who="system", action="found")
            self._bus.publish("flow")
            return found

    async def examine(self, files: Mapping[str, str], *, tests: tuple[str, ...] | None = None) -> Examined:
        """Check a whole set of files, and run the tests that stand in them (of the flows named, if some are)."""
        return await asyncio.to_thread(examined, files, self.manifest, self._today, tests)

    async def publish(
        self,
        files: Mapping[str, str],
        *,
        who: str,
        message: str,
        after: int,
        action: Action = "published",
        origin: int | None = None,
    ) -> FlowVersion:
        """Put files into use for new calls. `after` is the version that whoever publishes has seen.

        Raises NotGoodError for flows that are wrong or fail their tests, ConflictError when another was published
        meanwhile, SettingError (H104) or StorageError (H305) when the folder cannot be written. The flows before stay.
        """
        found = await self.examine(files)
        if not found.good or found.library is None:
            raise NotGoodError(found)
        async with self._turn:
            await asyncio.to_thread(check_writable, self._folder)
            version = await self._versions.add(
                found.library.version,
                files,
                who=who,
                action=action,
                message=message,
                origin=origin,
                after=after,
            )
            try:
                await asyncio.to_thread(write_files, self._folder, files)
            except OSError as error:
                raise StorageError(
                    f"the flows were not written to {self._folder} ({error.strerror}), the ones before stay in use;"
                    " make room there and publish again",
                    code="H305",
                ) from error
            await asyncio.to_thread(self._store.reload)
        self._bus.publish("flow")
        return version


def read_files(folder: Path) -> dict[str, str]:
    """Every flow file of a folder by its name, with `/` between folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.yaml"))
        if path.is_file()
    }


def examined(
    files: Mapping[str, str], manifest: Manifest, today: date | None, tests: tuple[str, ...] | None
) -> Examined:
    """Check and test files as if they lay in a folder."""
    if problem := _out_of_bounds(files):
        return Examined((problem,))
    with tempfile.TemporaryDirectory(prefix="hotline-flows-") as place:
        folder = Path(place)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        library, problems = examine(folder, manifest, today)
    if library is None or any(one.severity == "error" for one in problems):
        return Examined(tuple(problems), library=library)
    report = run_flow_tests(library, tests)
    return Examined(tuple(problems), tuple(report.failures), len(report.results), library)


def check_writable(folder: Path) -> None:
    """Raises SettingError (H104) with what to do unless flows can be written to the folder."""
    parent = folder if folder.exists() else folder.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SettingError(
            f"flows cannot be written to {folder}; give the hotline the right to write there, or choose another"
            " folder with HOTLINE_FLOWS_DIR",
            code="H104",
        )


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder hold these flow files and no others.

    A new folder appears whole. In an old one each file is replaced in one step; a reader who comes in between sees
    a mixture, which a worker takes only if it is good, and looks again at once.
    """
    if not folder.exists():
        draft = Path(tempfile.mkdtemp(prefix=".flows-", dir=folder.parent))
        try:
            _write(draft, files)
            draft.replace(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return
    _write(folder, files)
    for path in folder.rglob("*.yaml"):
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        draft = path.with_suffix(".yaml.new")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def _out_of_bounds(files: Mapping[str, str]) -> Problem | None:
    """What makes these no set of flow files at all: names that lead elsewhere, too many, too large."""
    if len(files) > MOST_FILES:
        return Problem("hotline.yaml", 1, 1, "F101", f"there are more than {MOST_FILES} files")
    for name, text in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".yaml" or "\\" in name or "\0" in name:
            return Problem(name, 1, 1, "F101", "a flow file is named like claims.yaml or claims/report.yaml")
        if len(text.encode()) > LARGEST_FILE:
            return Problem(name, 1, 1, "F101", f"the file is larger than {LARGEST_FILE // 1024} KiB")
    return None
