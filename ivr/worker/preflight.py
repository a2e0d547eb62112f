"""What must hold before the first process is started, told to whoever starts it and not tried for ever."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from ivr.errors import WorkerError
from ivr.worker.status import read_statuses

log = structlog.get_logger(__name__)

#: How often it is looked whether workers of an earlier run are gone, in seconds.
LOOK_SECONDS = 0.2


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder of status files: two hotlines would close each other's calls.

    It is made if need be. The kernel lets go of it with the process. Raises WorkerError (H503) when another
    hotline holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkerError(
                f"another hotline serves from {folder.parent}; stop it, or give this one a data folder of its"
                " own (HOTLINE_DATA_DIR)",
                code="H503",
            ) from None
        yield


async def wait_for_earlier(folder: Path, seconds: float) -> None:
    """Workers whose supervisor was killed finish their calls: wait for them, for so many seconds at most."""
    deadline = asyncio.get_running_loop().time() + seconds
    told = False
    while any(status.fresh and _runs(status.pid) for status in read_statuses(folder)):
        if asyncio.get_running_loop().time() > deadline:
            return
        if not told:
            log.warning("workers of an earlier run finish their calls; waiting for them", seconds=seconds)
            told = True
        await asyncio.sleep(LOOK_SECONDS)


def check_ports(
    sip: tuple[str, Sequence[int]],
    http: tuple[str, int],
    *,
    streams: Sequence[int] = (),
    workers: tuple[str, Sequence[int]] = ("", ()),
) -> None:
    """Raises WorkerError (H501, H502) for an address this machine has not, and a port that is taken.

    `sip` are an address and the UDP ports of the workers, `streams` their ports of TCP and TLS at the same
    address, `http` an address and a TCP port, `workers` an address and the TCP ports at which the console
    reaches the workers; 0 is any.
    """
    host, ports = sip
    _check_distinct((*streams, *workers[1]), http[1])
    for port in ports:
        _check(socket.SOCK_DGRAM, host, port, "SIP")
    for port in streams:
        _check(socket.SOCK_STREAM, host, port, "SIP")
    for port in workers[1]:
        _check(socket.SOCK_STREAM, workers[0], port, "STREAM")
    _check(socket.SOCK_STREAM, *http, "HTTP")


def _check_distinct(streams: Sequence[int], http: int) -> None:
    """Two of our own processes cannot have one TCP port either, such as a worker's TLS and the next one's SIP."""
    seen = {http} - {0}
    for port in streams:
        if port and port in seen:
            raise WorkerError(
                f"TCP port {port} is wanted twice: each worker takes its own, counting up from HOTLINE_SIP_PORT,"
                " HOTLINE_SIP_TLS_PORT and HOTLINE_STREAM_PORT, and HOTLINE_HTTP_PORT must be none of them; set them"
                " further apart",
                code="H501",
            )
        seen.add(port)


def _check(kind: socket.SocketKind, host: str, port: int, name: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _reason(error, host, port, name) from None


def _reason(error: OSError, host: str, port: int, name: str) -> WorkerError:
    if error.errno == errno.EADDRINUSE:
        return WorkerError(
            f"{name} port {port} of {host} is taken by another program (another hotline?); stop it, or choose"
            f" another port with HOTLINE_{name}_PORT",
            code="H501",
        )
    return WorkerError(
        f"{name} cannot listen on {host}:{port} ({error.strerror}); correct HOTLINE_{name}_ADDRESS and"
        f" HOTLINE_{name}_PORT",
        code="H502",
    )


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, and there
    return True
