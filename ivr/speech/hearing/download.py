"""A file from a web server, over a line that may break: what has come stays, and the rest is asked for."""

from __future__ import annotations

import errno
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Called with bytes that are there and bytes in all.
Progress = Callable[[int, int], None]
_CHUNK: Final = 1 << 16
_OF_THE_DISK: Final = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
)


class Unreachable(Exception):  # noqa: N818 - it says so
    """The server cannot be reached, or breaks off again and again."""


def download(
    address: str, target: Path, size: int, progress: Progress, *, seconds: float, tries: int
) -> None:
    """Bring `target` to `size` bytes. A try that brought something does not count as one of `tries`.

    `seconds` is how long a silent server is waited for. Raises Unreachable with what went wrong last; what has come
    by then is kept in `target`.part, and the next call goes on from there. Raises OSError when the disk will not take it.
    """
    part = target.with_name(f"{target.name}.part")
    failed = 0
    while _there(part) != size:
        before = _there(part)
        try:
            _more(address, part, size, progress, seconds)
            problem = "it ended early"
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                raise
            problem = _told(error)
        if _there(part) <= before:
            failed += 1
        if failed >= tries:
            raise Unreachable(f"{address} cannot be fetched ({problem})")
    part.replace(target)


def _more(address: str, part: Path, size: int, progress: Progress, seconds: float) -> None:
    """One connection's worth. A server that will not go on in the middle sends all, and all is taken anew."""
    start = _there(part)
    if start > size:
        part.unlink()
        start = 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - https, by a constant
        resumed = start and answer.status == http.HTTPStatus.PARTIAL_CONTENT
        done = start if resumed else 0
        with part.open("ab" if resumed else "wb") as out:
            while done < size and (chunk := answer.read1(min(_CHUNK, size - done))):
                out.write(chunk)
                done += len(chunk)
                progress(done, size)


def _there(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _told(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"status {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
