"""A recording as a browser wants it: its waveform, and 16-bit PCM of which any part can be had without the rest."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ivr.media import g711
from ivr.media.g711 import RATE
from ivr.media.wav import HEADER_SIZE, G711Format, own_format

#: Bytes before the samples of a PCM file.
PCM_HEADER: Final = 44
_PCM: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
#: Samples of a channel that are decoded at once.
_BLOCK: Final = 1 << 19
_PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Peaks:
    """The lowest and highest sample in each of equal parts of a channel, from -100 to 100."""

    low: tuple[int, ...]
    high: tuple[int, ...]


def peaks(path: Path, buckets: int) -> tuple[Peaks, ...]:
    """A waveform for each channel of a recording, in `buckets` parts (fewer if it is that short).

    Raises AudioFileError for a file that is no recording of ours; OSError. An hour of two channels takes a third of
    a second: use a thread.
    """
    kind, samples = _held(path)
    count = max(1, min(buckets, samples))
    edges = np.arange(count + 1, dtype=np.int64) * samples // count
    low, high = np.zeros((2, kind.channels, count), np.int16)
    with path.open("rb") as file:
        file.seek(HEADER_SIZE)
        at = 0  # buckets done; whole buckets are read at a time, as many as fit into a block
        while at < count and samples:
            last = int(np.searchsorted(edges, edges[at] + _BLOCK, side="right")) - 1
            last = min(max(last, at + 1), count)
            read = file.read(int(edges[last] - edges[at]) * kind.channels)
            block = g711.decode(read[: len(read) // kind.channels * kind.channels], kind.law)
            block = block.reshape(-1, kind.channels)
            starts = (edges[at:last] - edges[at])[edges[at:last] - edges[at] < len(block)]
            if not starts.size:
                break  # the file has become shorter meanwhile
            low[:, at : at + starts.size] = np.minimum.reduceat(block, starts, axis=0).T
            high[:, at : at + starts.size] = np.maximum.reduceat(block, starts, axis=0).T
            at = last
    return tuple(Peaks(_hundredths(low[one]), _hundredths(high[one])) for one in range(kind.channels))


def _hundredths(samples: np.ndarray) -> tuple[int, ...]:
    return tuple(np.rint(samples.astype(np.float64) * (100 / 32768)).astype(int).tolist())


def _held(path: Path) -> tuple[G711Format, int]:
    """What a recording holds, and how many samples of each channel: by its size, for it may still grow."""
    kind = own_format(path)
    return kind, max(0, path.stat().st_size - HEADER_SIZE) // kind.channels


class BrowserWav:
    """A recording as a PCM WAV file of `size` bytes, made as it is read.

    Raises AudioFileError for a file that is no recording of ours; OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kind, samples = _held(path)
        self._audio = samples * self._kind.channels
        #: Bytes of the whole file.
        self.size = PCM_HEADER + 2 * self._audio
        #: Seconds it lasts.
        self.seconds = samples / RATE

    @property
    def channels(self) -> int:
        """1, or 2: the caller on the left."""
        return self._kind.channels

    @property
    def header(self) -> bytes:
        """The first PCM_HEADER bytes."""
        channels, size = self._kind.channels, 2 * self._audio
        return _PCM.pack(
            b"RIFF", PCM_HEADER - 8 + size, b"WAVE", b"fmt ", 16, 1, channels, RATE, 2 * RATE * channels,
            2 * channels, 16, b"data", size,
        )  # fmt: skip

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`, piece by piece. Raises OSError."""
        end = min(end, self.size)
        if start < PCM_HEADER:
            yield self.header[start : min(end, PCM_HEADER)]
        at, last = max(0, start - PCM_HEADER), end - PCM_HEADER
        with self._path.open("rb") as file:
            file.seek(HEADER_SIZE + at // 2)
            while at < last:
                first = at // 2
                wanted = min(_PIECE, (last + 1) // 2 - first)
                read = file.read(wanted)
                if not read:
                    return  # the file has become shorter meanwhile
                pcm = g711.decode(read, self._kind.law).astype("<i2").tobytes()
                yield pcm[at - 2 * first : last - 2 * first]
                at = 2 * (first + len(read))
