"""What is different between two sets of flows: step by step in words' order, and line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ivr.flow.errors import FlowErrors
from ivr.flow.yaml_source import parse_source

LineKind = Literal["same", "added", "removed", "skip"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something in a flow that is there, gone, or another; `path` is where, from the step on."""

    kind: Literal["added", "removed", "changed"]
    path: tuple[str, ...]
    before: str = ""
    after: str = ""

    @property
    def where(self) -> str:
        """The place, as one reads it in the file."""
        return " › ".join(self.path)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the comparison, with its numbers in the old and the new file (0: not there)."""

    kind: LineKind
    text: str
    old: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file: whether it is new or gone, what has changed in its steps, and its lines."""

    file: str
    kind: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...]
    lines: tuple[Line, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        kinds = [line.kind for line in self.lines]
        return kinds.count("added"), kinds.count("removed")


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FileDifference, ...]:
    """Every file that is not the same, by name."""
    names = sorted({*before, *after})
    return tuple(
        _file(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _file(name: str, before: str | None, after: str | None) -> FileDifference:
    kind: Literal["added", "removed", "changed"] = (
        "added" if before is None else "removed" if after is None else "changed"
    )
    old, new = _data(name, before or ""), _data(name, after or "")
    changes = tuple(_changes(old, new, ())) if kind == "changed" else ()
    return FileDifference(name, kind, changes, tuple(_lines(before or "", after or "")))


def _data(name: str, text: str) -> Any:
    try:
        return parse_source(name, text.encode()).data if text.strip() else {}
    except FlowErrors:
        return {}  # a draft that cannot be read: its lines tell


def _changes(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[Change]:
    """From the top down, as deep as both sides are maps."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            here = (*path, str(key))
            if key not in new:
                yield Change("removed", here, _shown(old[key]))
            elif key not in old:
                yield Change("added", here, "", _shown(new[key]))
            elif old[key] != new[key]:
                yield from _changes(old[key], new[key], here)
    elif old != new:
        yield Change("changed", path, _shown(old), _shown(new))


def _shown(value: Any, most: int = 120) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {_shown(one, 60)}" for key, one in value.items()) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(_shown(one, 60) for one in value) + "]"
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _lines(before: str, after: str, around: int = 3) -> Iterator[Line]:
    """Changed lines with some of their neighbours; what is left out between is one `skip`."""
    old, new = before.splitlines(), after.splitlines()
    first = True
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(around):
        if not first or group[0][1] > 0:
            yield Line("skip", "")
        first = False
        for what, i1, i2, j1, j2 in group:
            if what == "equal":
                for offset in range(i2 - i1):
                    yield Line("same", old[i1 + offset], i1 + offset + 1, j1 + offset + 1)
                continue
            yield from (Line("removed", old[i], old=i + 1) for i in range(i1, i2))
            yield from (Line("added", new[j], new=j + 1) for j in range(j1, j2))
