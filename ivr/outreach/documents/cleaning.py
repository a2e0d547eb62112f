"""Files of strangers are read in a process of their own: bounded in time and memory, without secrets, gone afterwards.

A paper of a kilobyte can keep a parser busy for minutes or have it ask for gigabytes, and a fault in a decoder is a way
into the process that runs it. So `clean` starts `python -m ivr.outreach.documents.cleaning` for each file. What goes in
by stdin is the file; what comes out by stdout is a line of JSON (`{"why": …}`, or `kind` and `media_type`), then the
content as it is kept. Settings and keys (`HOTLINE_…`) are not in that process's environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

import structlog

from ivr.outreach.documents.papers import Paper, PaperError, Why, cleaned

log = structlog.get_logger(__name__)

#: What is kept of a file is no longer than this, however much came.
MOST_KEPT: Final = 40_000_000
_LONGEST_LINE: Final = 200
_CHUNK: Final = 1 << 18
_NICE: Final = 5


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one file may take: `seconds` of the processor (twice that by the clock) and `megabytes` of memory.

    Photographs of 60 million points were seen to take 5 seconds, and 700 MB (JPEG, PNG) or 1100 MB (WebP).
    """

    seconds: int = 10
    megabytes: int = 1200


async def clean(content: bytes, bounds: Bounds = Bounds()) -> Paper:
    """The file as it may be kept. Raises PaperError; `costly` where it takes more than it may."""
    if not content:
        raise PaperError("empty")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(bounds.seconds), str(bounds.megabytes),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=_harmless(os.environ), close_fds=True,
    )  # fmt: skip
    answer = b""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * bounds.seconds + 5):
                answer = await _answer(process, content)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(answer)


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("HOTLINE_")}


async def _answer(process: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Give it the file and take what it says, as long as that is no more than may be kept."""
    stdin, stdout = cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)
    with suppress(ConnectionError):  # it has died over the file, and says nothing
        stdin.write(content)
        await stdin.drain()
        stdin.close()
    answer = bytearray()
    while chunk := await stdout.read(_CHUNK):
        answer += chunk
        if len(answer) > MOST_KEPT + _LONGEST_LINE:
            return b""
    await process.wait()
    return bytes(answer)


def _read(answer: bytes) -> Paper:
    line, _, content = answer.partition(b"\n")
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        log.warning("a file was not read within its bounds")
        raise PaperError("costly") from None
    if "why" in told:
        raise PaperError(told["why"] if told["why"] in get_args(Why) else "broken")
    return Paper(told["kind"], told["media_type"], content)


def bound(bounds: Bounds) -> None:
    """Bound this process; it cannot undo that. It writes no file and starts no process."""
    os.nice(_NICE)
    memory = bounds.megabytes * 1_000_000
    for name, most in (
        (resource.RLIMIT_CPU, bounds.seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(name, (most, most))


def main() -> None:
    """Read one file from stdin, say what it is."""
    bound(Bounds(*map(int, sys.argv[1:3])))
    try:
        paper = cleaned(sys.stdin.buffer.read())
        told = {"kind": paper.kind, "media_type": paper.media_type}
        content = paper.content
    except PaperError as error:
        told, content = {"why": error.why}, b""
    except MemoryError:
        told, content = {"why": "costly"}, b""
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
