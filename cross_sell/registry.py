"""A folder of models: each version with the hash of its data and its figures, one in use, and a way back.

    registry = Registry(folder)
    version = registry.add("101", model)          # kept, not in use yet
    registry.promote("101", version)              # in use from now on; what was in use is remembered
    registry.roll_back("101")                     # what was in use before
    registry.current("101")                       # Model | None
    registry.belief("101", prior)                 # until there is one: the prior, moved by the answers so far

`folder/NAME/VERSION.json` are the models, `folder/NAME/index.json` says which are in use. Every file is replaced whole,
so that who reads while another writes sees the old or the new. Processes that hold a model notice a promotion at the next
`current`, by the index's time of change.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cross_sell.beliefs import Beliefs
from cross_sell.errors import ModelError
from cross_sell.limits import Prior
from cross_sell.model import Model

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a model: when it was added, what it was trained on, its figures, and whether it is in use."""

    name: str
    version: str
    added: datetime
    data: str
    figures: Mapping[str, Any]
    in_use: bool


class Registry:
    """Models by name (a product's code) and version, in a folder."""

    def __init__(
        self, folder: str | Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder = Path(folder)
        self._clock = clock
        self._held: dict[str, tuple[tuple[int, int], Model | None]] = {}
        self.beliefs = Beliefs(self._folder)

    def names(self) -> list[str]:
        """Every name that has a model."""
        return sorted(path.parent.name for path in self._folder.glob("*/index.json"))

    def add(self, name: str, model: Model) -> str:
        """Keep a model and return its version: the day, a number, and the hash of its data."""
        index = self._index(name)
        data = str(model.figures.get("data", ""))[:8] or "unknown"
        number = 1 + max((int(one["number"]) for one in index["versions"]), default=0)
        added = self._clock()
        version = f"{added:%Y%m%d}-{number}-{data}"
        model.version = version
        model.save(self._path(name, version))
        index["versions"].append(
            {
                "version": version,
                "number": number,
                "added": added.isoformat(),
                "data": model.figures.get("data", ""),
                "figures": {key: value for key, value in model.figures.items() if key != "losses"},
            }
        )
        self._write(name, index)
        return version

    def entries(self, name: str) -> list[Entry]:
        """Every version of a name, the latest first."""
        index = self._index(name)
        used = index["used"][-1] if index["used"] else None
        return [
            Entry(
                name,
                one["version"],
                datetime.fromisoformat(one["added"]),
                one["data"],
                one["figures"],
                one["version"] == used,
            )
            for one in reversed(index["versions"])
        ]

    def promote(self, name: str, version: str) -> Entry:
        """Put a version to use; raises ModelError where there is none of that name, or its file is damaged."""
        index = self._index(name)
        if version not in {one["version"] for one in index["versions"]}:
            raise ModelError(f"{name} has no version {version!r}.", "See `hotline crosssell models list`.")
        Model.load(self._path(name, version))
        if not index["used"] or index["used"][-1] != version:
            index["used"].append(version)
            self._write(name, index)
        return next(one for one in self.entries(name) if one.in_use)

    def roll_back(self, name: str) -> Entry | None:
        """Put to use again what was in use before; None where that was no model. Raises ModelError if none is."""
        index = self._index(name)
        if not index["used"]:
            raise ModelError(f"No version of {name} is in use.", "Promote one.")
        index["used"].pop()
        self._write(name, index)
        return next((one for one in self.entries(name) if one.in_use), None)

    def current(self, name: str, /) -> Model | None:
        """The model in use, held in memory until another is; None where there is none, or it cannot be read."""
        try:
            status = self._path(name, "index").stat()
        except (OSError, ModelError):
            return None
        mark = (status.st_mtime_ns, status.st_size)
        held = self._held.get(name)
        if held is None or held[0] != mark:
            held = self._held[name] = (mark, self._read(name))
        return held[1]

    def belief(self, name: str, given: Prior, /) -> Prior:
        """What is believed of a product without a model: what the catalogue gives, moved by the answers so far."""
        return self.beliefs.prior(name, given)

    def load(self, name: str, version: str) -> Model:
        """One version; raises ModelError where it is missing or damaged."""
        return Model.load(self._path(name, version))

    def save(self, name: str, model: Model) -> None:
        """Write the version again that this model is of, with what it has learnt of later outcomes."""
        if not model.version:
            raise ModelError("The model has no version.", "Add it first.")
        model.save(self._path(name, model.version))
        self._write(name, self._index(name))

    def _read(self, name: str) -> Model | None:
        try:
            used = self._index(name)["used"]
            return Model.load(self._path(name, used[-1])) if used else None
        except ModelError:
            return None

    def _path(self, name: str, version: str) -> Path:
        if not _NAME.match(name) or not _NAME.match(version):
            raise ModelError(
                f"{name!r} cannot be the name of a model.", "Use letters, digits, `_`, `.` and `-`."
            )
        return self._folder / name / f"{version}.json"

    def _index(self, name: str) -> dict[str, Any]:
        path = self._path(name, "index")
        if not path.exists():
            return {"versions": [], "used": []}
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
            return {"versions": list(index["versions"]), "used": list(index["used"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is damaged ({error}).", "Restore it from a backup.") from error

    def _write(self, name: str, index: Mapping[str, Any]) -> None:
        path = self._path(name, "index")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".index.{os.getpid()}")
        beside.write_text(json.dumps(index, ensure_ascii=False, indent=1), encoding="utf-8")
        beside.replace(path)
