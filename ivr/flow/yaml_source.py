"""Flow files as plain data with the place of every key and value (YAML 1.2, by ruamel.yaml).

The node graph is read here rather than the library's mappings: it knows the place of everything, shows
duplicate keys with both places, and lets nothing through but mappings, lists and plain scalars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any, Final

from ruamel.yaml import YAML, __version__
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ivr.flow.errors import FlowErrors, Problem
from ivr.flow.parsed import Node as KeptNode
from ivr.flow.parsed import ParsedFolder

#: The largest file that is read, in bytes, and the most nodes after anchors are resolved.
LARGEST_FILE: Final = 512 * 1024
MOST_NODES: Final = 50_000
MOST_DEPTH: Final = 40

Path = tuple[str | int, ...]
_TAG: Final = "tag:yaml.org,2002:"
#: Whatever could read a file otherwise: this module and the library.
_READER: Final = sha256(FilePath(__file__).read_bytes() + __version__.encode()).digest()
_kept: ParsedFolder | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of something in a file, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed file: its data, its content hash, and where every key and value stands."""

    file: str
    data: Any
    version: str
    keys: Mapping[Path, Place] = field(repr=False)
    values: Mapping[Path, Place] = field(repr=False)

    def key_place(self, path: Path) -> Place:
        """Where the key of `path` is written, or its nearest ancestor that is."""
        return self._nearest(self.keys, path)

    def value_place(self, path: Path) -> Place:
        """Where the value of `path` begins, or that of its nearest ancestor."""
        return self._nearest(self.values, path)

    @staticmethod
    def _nearest(places: Mapping[Path, Place], path: Path) -> Place:
        for length in range(len(path), -1, -1):
            if path[:length] in places:
                return places[path[:length]]
        return Place(1, 1)

    def problem(self, path: Path, code: str, message: str, at_key: bool = False) -> Problem:
        """A problem at a path of this file."""
        place = self.key_place(path) if at_key else self.value_place(path)
        return Problem(self.file, place.line, place.column, code, message)


def keep_parsed(folder: ParsedFolder | None) -> None:
    """From now on in this process, look into the folder before a file is read, and keep there what was read."""
    global _kept
    _kept = folder


@contextmanager
def reading_into(folder: ParsedFolder) -> Iterator[None]:
    """`keep_parsed` for the length of the block; every file read in it is kept, whatever was read before."""
    before = _kept
    _parse.cache_clear()
    keep_parsed(folder)
    try:
        yield
    finally:
        keep_parsed(before)


def parse_source(file: str, content: bytes) -> Source:
    """Read one file's content; raises `FlowErrors` with F1xx problems. Cached by content."""
    return _parse(file, content)


@lru_cache(maxsize=256)
def _parse(file: str, content: bytes) -> Source:
    if _kept is None:
        return _read(file, content)
    key = sha256(_READER + content).hexdigest()
    node = _kept.find(key)
    if node is not None:
        return _Unpacker().source(file, node, _version(content))
    source = _read(file, content)
    _kept.keep(key, _packed(source, (), source.data))
    return source


def _version(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _packed(source: Source, path: Path, value: Any) -> KeptNode:
    """A value and all below it with their places, as it is kept."""
    place = source.values[path]
    if isinstance(value, dict):
        value = {
            key: [
                source.keys[*path, key].line,
                source.keys[*path, key].column,
                _packed(source, (*path, key), one),
            ]
            for key, one in value.items()
        }
    elif isinstance(value, list):
        value = [_packed(source, (*path, at), one) for at, one in enumerate(value)]
    return [place.line, place.column, value]


class _Unpacker:
    """Makes a source of what was kept of it."""

    def __init__(self) -> None:
        self._keys: dict[Path, Place] = {}
        self._values: dict[Path, Place] = {}

    def source(self, file: str, node: KeptNode, version: str) -> Source:
        return Source(file, self._value((), node), version, self._keys, self._values)

    def _value(self, path: Path, node: KeptNode) -> Any:
        line, column, value = node
        self._values[path] = Place(line, column)
        if isinstance(value, list):
            return [self._item((*path, at), one) for at, one in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._field((*path, key), *one) for key, one in value.items()}
        return value

    def _item(self, path: Path, node: KeptNode) -> Any:
        value = self._value(path, node)
        self._keys[path] = self._values[path]
        return value

    def _field(self, path: Path, line: int, column: int, node: KeptNode) -> Any:
        self._keys[path] = Place(line, column)
        return self._value(path, node)


def _read(file: str, content: bytes) -> Source:
    text = _decode(file, content)
    reader = YAML(typ="rt", pure=True)
    try:
        root = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
        raise _refusal(file, place, "F102", _yaml_remedy(error)) from None
    except RecursionError:
        raise _refusal(
            file, Place(1, 1), "F101", "the file is nested too deeply; split it into sub-flows"
        ) from None
    except (YAMLError, ValueError) as error:
        raise _refusal(file, Place(1, 1), "F102", f"this is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(root, MappingNode):
        raise _refusal(file, Place(1, 1), "F103", "the file must be a mapping that begins with `flow: name`")
    builder = _Builder(file)
    data = builder.build(root, (), 0)
    if builder.problems:
        raise FlowErrors(builder.problems)
    return Source(file, data, _version(content), builder.keys, builder.values)


def _decode(file: str, content: bytes) -> str:
    if len(content) > LARGEST_FILE:
        message = f"the file has {len(content)} bytes, more than {LARGEST_FILE}; split it into sub-flows"
        raise _refusal(file, Place(1, 1), "F101", message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        raise _refusal(file, place, "F101", "the file is not UTF-8; save it as UTF-8") from None


def _yaml_remedy(error: MarkedYAMLError) -> str:
    said = (error.problem or "this cannot be read as YAML").strip()
    hints = {
        "mapping values are not allowed": "; put a text that has `: ` in it in quotes",
        "found character '\\t'": "; indent with spaces, not tabs",
        "expected <block end>": "; check that lines of one level begin in one column",
        "cannot start any token": "; put this value in quotes",
        "undefined alias": "; define the anchor (&name) before it is used (*name)",
    }
    return said + next((hint for start, hint in hints.items() if start in said), "")


def _refusal(file: str, place: Place, code: str, message: str) -> FlowErrors:
    return FlowErrors([Problem(file, place.line, place.column, code, message)])


class _Builder:
    """Turns nodes into plain data, noting places and problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self._count = 0

    def build(self, node: Node, path: Path, depth: int) -> Any:
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.values[path] = place
        if path and isinstance(path[-1], int):
            # A line of a list has no key; where it begins is its place.
            self.keys[path] = place
        self._count += 1
        if self._count > MOST_NODES or depth > MOST_DEPTH:
            what = "is nested too deeply or, with its aliases, too large"
            raise _refusal(self.file, place, "F101", f"the file {what}; split it into sub-flows")
        if isinstance(node, MappingNode):
            self._check_tag(node, place, "map")
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            self._check_tag(node, place, "seq")
            return [self.build(item, (*path, at), depth + 1) for at, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            key = self._key(key_node, place)
            if key in data:
                first = self.keys[(*path, key)]
                self._report(place, "F104", f"the key {key!r} is written twice; first in line {first.line}")
                continue
            self.keys[(*path, key)] = place
            data[key] = self.build(value_node, (*path, key), depth + 1)
        return data

    def _key(self, node: Node, place: Place) -> str:
        if not isinstance(node, ScalarNode):
            self._report(place, "F105", "a key must be a plain word")
            return f"?{place.line}"
        if node.value == "<<" and node.style is None:
            self._report(place, "F105", "`<<` is not read; write the keys out, or use `defaults`")
        if node.style is None and node.value.isdigit():
            self._report(place, "F106", f'write the key in quotes: "{node.value}"')
        return str(node.value)

    def _scalar(self, node: Any, place: Place) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = str(node.value)
        if node.style is not None or kind in {"str", "timestamp", "value", "!"}:
            self._check_tag(node, place, "str", "timestamp", "value", "int", "float", "bool", "null")
            return text
        if kind == "int":
            return self._integer(text, place)
        if kind == "float":
            return float(text.replace("_", ""))
        if kind in {"bool", "null"}:
            return {"t": True, "f": False}.get(text[:1].lower()) if kind == "bool" else None
        self._check_tag(node, place, "str")
        return text

    def _integer(self, text: str, place: Place) -> int:
        bare = text.lstrip("+-")
        if not bare.isdigit() or (len(bare) > 1 and bare.startswith("0")):
            self._report(place, "F106", f'{text} could be misread as a number; write it in quotes: "{text}"')
            return 0
        return int(text)

    def _check_tag(self, node: Node, place: Place, *kinds: str) -> None:
        if str(node.tag).removeprefix(_TAG) not in kinds and str(node.tag) not in {"!", "None"}:
            self._report(place, "F105", f"the tag {node.tag} is not allowed; flows are plain data")

    def _report(self, place: Place, code: str, message: str) -> None:
        self.problems.append(Problem(self.file, place.line, place.column, code, message))
