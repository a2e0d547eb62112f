"""Bytes in and out of the library's `ByteVector`, fast.

Through SWIG every octet becomes a Python object: 200 µs to read a frame, 26 µs to write one. A C++ vector
begins with the address of its octets, so one copy does it in a microsecond. That layout is checked once;
where it is different the slow way is taken.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import pjsua2 as pj


def _address(vector: pj.ByteVector) -> int:
    """Where its octets lie: the vector's first field."""
    return ctypes.c_void_p.from_address(int(vector.this)).value or 0


def _read_fast(vector: pj.ByteVector, size: int) -> bytes:
    return ctypes.string_at(_address(vector), size)


def _read_slow(vector: pj.ByteVector, size: int) -> bytes:
    return bytes(vector)[:size]


def _fill_fast(vector: pj.ByteVector, octets: bytes) -> pj.ByteVector:
    ctypes.memmove(_address(vector), octets, len(octets))
    return vector


def _fill_slow(vector: pj.ByteVector, octets: bytes) -> pj.ByteVector:
    return pj.ByteVector(octets)


def layout_is_known() -> bool:
    """Whether vectors of this build look as expected: three pointers, begin, end and end of storage."""
    probe = bytes(range(64))
    vector = pj.ByteVector(probe)
    begin, end, storage = (ctypes.c_size_t * 3).from_address(int(vector.this))
    return end - begin == len(probe) <= storage - begin and ctypes.string_at(begin, len(probe)) == probe


_FAST = layout_is_known()
#: The first `size` octets of a vector, which must hold as many.
read: Callable[[pj.ByteVector, int], bytes] = _read_fast if _FAST else _read_slow
#: A vector with these octets: the given one, which must be as long, or a new one.
fill: Callable[[pj.ByteVector, bytes], pj.ByteVector] = _fill_fast if _FAST else _fill_slow
