"""WAV files that hold G.711: the header, written by hand so that it can be kept current, and its repair.

Layout (Multimedia Programming Interface 1.0; RFC 2361 for the format tags): RIFF, `fmt ` of 18 bytes, `fact`
of 4, then `data` to the end of the file: 58 bytes of header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ivr.media.errors import AudioFileError
from ivr.media.g711 import RATE, Law

#: Bytes before the audio.
HEADER_SIZE = 58
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
_CHUNK = struct.Struct("<4sI")


@dataclass(frozen=True, slots=True)
class G711Audio:
    """The audio of a G.711 WAV file: 8 kHz, one channel."""

    law: Law
    audio: bytes


def header(law: Law, size: int, channels: int = 1) -> bytes:
    """The 58 bytes before `size` bytes of G.711 audio (8 kHz), its channels byte by byte in turn."""
    return _HEADER.pack(
        b"RIFF",
        HEADER_SIZE - 8 + size + size % 2,
        b"WAVE",
        b"fmt ",
        18,
        law.wav_format,
        channels,
        RATE,
        RATE * channels,
        channels,
        8,
        0,
        b"fact",
        4,
        size // channels,
        b"data",
        size,
    )


def write_g711(path: Path, audio: bytes, law: Law) -> None:
    """Write G.711 audio as a WAV file. Raises OSError."""
    path.write_bytes(header(law, len(audio)) + audio + b"\0" * (len(audio) % 2))


def read_g711(path: Path) -> G711Audio | None:
    """The audio of a G.711 WAV file at 8 kHz with one channel, or None if the WAV file is of another kind.

    Raises AudioFileError when it is no WAV file, or breaks off inside its header; OSError.
    """
    content = path.read_bytes()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise AudioFileError(f"{path}: is not a WAV file")
    law: Law | None = None
    at = 12
    while at + _CHUNK.size <= len(content):
        name, size = _CHUNK.unpack_from(content, at)
        at += _CHUNK.size
        if name == b"fmt ":
            law = _law_of(content[at : at + size])
            if law is None:
                return None
        elif name == b"data":
            if law is None:
                break
            return G711Audio(law, content[at : at + size])
        at += size + size % 2
    raise AudioFileError(f"{path}: has no sound in it")


def _law_of(fmt: bytes) -> Law | None:
    if len(fmt) < 16:
        return None
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    by_tag = {law.wav_format: law for law in Law}
    return by_tag.get(tag) if (channels, rate, bits) == (1, RATE, 8) else None


@dataclass(frozen=True, slots=True)
class G711Format:
    """What one of our recordings holds: its law, and one or two channels."""

    law: Law
    channels: int

    @property
    def bytes_a_second(self) -> int:
        """Bytes of audio in a second."""
        return RATE * self.channels


def own_format(path: Path) -> G711Format:
    """What a recording of this hotline holds. Raises AudioFileError for any other file; OSError."""
    with path.open("rb") as file:
        return _own_format(file.read(HEADER_SIZE), path)


def repair(path: Path) -> float:
    """Make the header of a recording say what the file holds, after its process died; the seconds it holds.

    A file that is right already is not written to. A file shorter than a header becomes an empty recording,
    and half a sample pair at the end is dropped. Raises AudioFileError for a file that our recorder did not
    write; OSError.
    """
    with path.open("r+b") as file:
        present = file.read(HEADER_SIZE)
        total = file.seek(0, 2)
        kind = _own_format(present, path)
        held = max(0, total - HEADER_SIZE) // 2 * 2
        wanted = header(kind.law, held, kind.channels)
        if present != wanted or total != HEADER_SIZE + held:
            file.truncate(HEADER_SIZE + held)
            file.seek(0)
            file.write(wanted)
        return held / kind.bytes_a_second


def _own_format(present: bytes, path: Path) -> G711Format:
    """The format of a header that `header` made, sizes aside, or of its beginning."""
    sizes = slice(4, 8), slice(46, 50), slice(54, 58)
    for channels in (1, 2):
        for law in Law:
            wanted = bytearray(header(law, 0, channels)[: len(present)])
            for part in sizes:
                wanted[part] = present[part]
            if wanted == present:
                return G711Format(law, channels)
    raise AudioFileError(f"{path}: is not a recording of this hotline; leave it as it is")
