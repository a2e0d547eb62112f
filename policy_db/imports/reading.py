"""A CSV file as lines: its encoding found out, its header understood, everything else refused with the reason."""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy_db.imports.problems import FileRefusedError

MOST_COLUMNS: Final = 200
_CHUNK: Final = 1 << 20
_BEGINNINGS: Final = (
    (b"PK\x03\x04", "spreadsheet", ""),
    (b"\xd0\xcf\x11\xe0", "spreadsheet", ""),
    (b"\x89PNG", "not_text", "image"),
    (b"\xff\xd8\xff", "not_text", "image"),
    (b"GIF8", "not_text", "image"),
    (b"%PDF", "not_text", "pdf"),
    (b"\x1f\x8b", "not_text", "archive"),
    (b"7z\xbc\xaf", "not_text", "archive"),
    (b"Rar!", "not_text", "archive"),
    (b"RIFF", "not_text", "sound"),
    (b"\x7fELF", "not_text", "program"),
    (b"<?xml", "not_text", "markup"),
    (b"<!DOCTYPE", "not_text", "markup"),
    (b"<html", "not_text", "markup"),
    (b"\xff\xfe", "utf16", ""),
    (b"\xfe\xff", "utf16", ""),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read as CSV. `encoding` is `UTF-8`, `UTF-8 (BOM)` or `GB18030`, `lines` counts its ends."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    size: int
    digest: str
    lines: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each line after the header with its number in the file, blank ones left out. FileRefusedError for no CSV."""
        with self.path.open("r", encoding=_codec(self.encoding), newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            before = 0
            try:
                for cells in reader:
                    number, before = before + 1, reader.line_num
                    if number > 1 and any(cell.strip() for cell in cells):
                        yield number, cells
            except csv.Error:
                raise FileRefusedError("csv", line=before + 1) from None


def open_source(path: Path, *, limit: int, most_lines: int) -> Source:
    """Look through the file once. `limit` is in bytes. Raises FileRefusedError."""
    size = path.stat().st_size
    if size > limit:
        raise FileRefusedError("too_large", size=f"{size / 1e6:.1f}", limit=f"{limit / 1e6:.0f}")
    encoding, digest, lines = _look_through(path)
    if lines > most_lines + 1:
        raise FileRefusedError("too_many_lines", limit=most_lines)
    with path.open("r", encoding=_codec(encoding), newline="") as file:
        first = file.readline(100_000)
    delimiter = max(",;\t", key=first.count)
    try:
        header = next(csv.reader([first.strip("\r\n")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise FileRefusedError("csv", line=1) from None
    if len(header) > MOST_COLUMNS:
        raise FileRefusedError("too_many_columns", count=len(header), limit=MOST_COLUMNS)
    return Source(path, encoding, delimiter, _names(header), size, digest, lines)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Trimmed, without the empty columns that spreadsheets add at the end."""
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _look_through(path: Path) -> tuple[str, str, int]:
    """Encoding, SHA-256 and number of lines, read in pieces."""
    digest, lines, last = hashlib.sha256(), 0, b""
    utf8, other = codecs.getincrementaldecoder("utf-8")(), codecs.getincrementaldecoder("gb18030")()
    is_utf8 = is_other = True
    wrong_line, begins, at = 0, b"", 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            begins = begins or chunk[:16]
            if not at:
                _refuse_by_beginning(chunk)
            if (nul := chunk.find(b"\0")) >= 0:
                raise FileRefusedError("nul", at=at + nul)
            is_utf8 = is_utf8 and _takes(utf8, chunk)
            if is_other and not _takes(other, chunk):
                is_other, wrong_line = False, lines + 1
            if not (is_utf8 or is_other):
                raise FileRefusedError("encoding", line=wrong_line + _lines_before_wrong(chunk))
            digest.update(chunk)
            lines, at, last = lines + chunk.count(b"\n"), at + len(chunk), chunk
    if not last.strip():
        raise FileRefusedError("empty")
    is_utf8, is_other = is_utf8 and _takes(utf8, b"", True), is_other and _takes(other, b"", True)
    if not (is_utf8 or is_other):
        raise FileRefusedError("encoding", line=lines + 1)
    name = "GB18030" if not is_utf8 else "UTF-8 (BOM)" if begins.startswith(codecs.BOM_UTF8) else "UTF-8"
    return name, digest.hexdigest(), lines + (not last.endswith(b"\n"))


def _refuse_by_beginning(chunk: bytes) -> None:
    for beginning, code, what in _BEGINNINGS:
        if chunk.startswith(beginning):
            raise FileRefusedError(code, **({"what": what} if what else {}))


def _takes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _lines_before_wrong(chunk: bytes) -> int:
    """How many lines of a chunk can still be read."""
    for number, line in enumerate(chunk.split(b"\n")):
        for codec in ("utf-8", "gb18030"):
            if _takes(codecs.getincrementaldecoder(codec)(), line, True):
                break
        else:
            return number
    return 0


def _codec(encoding: str) -> str:
    return {"UTF-8": "utf-8", "UTF-8 (BOM)": "utf-8-sig", "GB18030": "gb18030"}[encoding]
