"""What was read once is read no second time, and nothing but that very content is ever taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.flow import FlowErrors, yaml_source
from ivr.flow.parsed import MOST_KEPT, ParsedFolder
from ivr.flow.yaml_source import Source, parse_source, reading_into
from ivr.resources import bundled

CONTENT = b"flow: one\nlist: [1, 2.5, true, null, a: b]\n\xe6\xad\xa5: {'on': [x, {y: z}]}\nempty: {}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which this process keeps what it reads."""
    with reading_into(ParsedFolder(tmp_path / "parsed")):
        yield tmp_path / "parsed"
    yaml_source._parse.cache_clear()


def read_by_another_process(file: str, content: bytes) -> Source:
    yaml_source._parse.cache_clear()
    return parse_source(file, content)


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: str, content: bytes) -> Source:
        raise AssertionError(f"{file} is read again")

    monkeypatch.setattr(yaml_source, "_read", refuse)


def same(one: Source, other: Source) -> bool:
    return one == other and repr(one.data) == repr(other.data)


def test_every_flow_and_prompt_is_taken_from_the_folder_as_it_was_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [*bundled("flows").rglob("*.yaml"), *bundled("prompts").rglob("*.yaml")]
    fresh = {path: parse_source(path.name, path.read_bytes()) for path in files}
    forbid_reading(monkeypatch)
    assert all(same(read_by_another_process(path.name, path.read_bytes()), fresh[path]) for path in files)


def test_all_kinds_of_values_and_their_places_come_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = parse_source("one.yaml", CONTENT)
    forbid_reading(monkeypatch)
    again = read_by_another_process("another.yaml", CONTENT)
    assert same(again, Source("another.yaml", fresh.data, fresh.version, fresh.keys, fresh.values))


def test_another_content_is_never_taken_for_it(folder: Path) -> None:
    parse_source("one.yaml", CONTENT)
    assert parse_source("one.yaml", CONTENT.replace(b"one", b"two")).data["flow"] == "two"


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-20],
        lambda kept: kept.replace(b"one", b"two"),
        lambda kept: b"",
        lambda kept: b"\x00" * len(kept),
        lambda kept: kept.partition(b"\n")[2],
    ],
)
def test_what_was_damaged_on_the_disk_is_not_used_and_put_right(folder: Path, damage) -> None:
    fresh = parse_source("one.yaml", CONTENT)
    (kept,) = folder.iterdir()
    good = kept.read_bytes()
    kept.write_bytes(damage(good))
    assert same(read_by_another_process("one.yaml", CONTENT), fresh)
    assert kept.read_bytes() == good


def test_a_broken_file_is_told_of_every_time(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(FlowErrors, match="F104"):
            read_by_another_process("one.yaml", b"flow: one\nflow: two\n")
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = ParsedFolder(tmp_path / "file" / "below")
    kept.keep("key", [1, 1, "x"])
    assert kept.find("key") is None


def test_the_folder_does_not_grow_without_end(tmp_path: Path) -> None:
    kept = ParsedFolder(tmp_path / "parsed")
    for number in range(MOST_KEPT + 5):
        kept.keep(f"key{number}", [1, 1, number])
    assert len(list((tmp_path / "parsed").iterdir())) == MOST_KEPT
    assert kept.find(f"key{MOST_KEPT + 4}") == [1, 1, MOST_KEPT + 4]
