"""A whole hotline in processes of its own, as a user starts it, for tests from the outside."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from warm import WarmProcess

from ivr.flow.parsed import ParsedFolder
from ivr.flow.yaml_source import parse_source, reading_into
from ivr.resources import bundled

ROOT = Path(__file__).parent.parent
#: Processes of the hotline are up within this many seconds, also on a busy machine.
START_SECONDS = 90.0


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port of loopback that nobody holds now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_command(*words: str, environment: dict[str, str], timeout: float = 120.0) -> str:
    """Run `hotline WORDS…` to its end; its standard output. Raises AssertionError with what it said if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = WarmProcess(words, environment, output, errors)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
        said = output.read_text(encoding="utf-8")
        assert not status, f"hotline {' '.join(words)} ended with {status}:\n{said}\n{errors.read_text()}"
    return said


@dataclass
class HotlineProcess:
    """`hotline serve` on free ports; everything it writes is under `data_dir` and in `log`."""

    data_dir: Path
    sip_port: int
    http_port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | WarmProcess
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        """Where its first worker takes SIP."""
        return ("127.0.0.1", self.sip_port)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its HTTP process; 0 when it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=2) as reply:
                return reply.status, reply.read().decode()
        except URLError as error:
            reply = getattr(error, "fp", None)
            return getattr(error, "code", 0), reply.read().decode() if reply is not None else ""
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        """Whether every worker takes calls."""
        return self.get("/ready")[0] == 200

    def workers(self) -> list[dict[str, Any]]:
        """What the workers say of themselves."""
        status, text = self.get("/status")
        return json.loads(text) if status == 200 else []

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What its database answers, read beside it."""
        with sqlite3.connect(f"file:{self.data_dir / 'hotline.db'}?mode=ro", uri=True) as connection:
            return connection.execute(query, values).fetchall()

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM, and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to become true in processes that cannot be told of it; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def environment_of(data_dir: Path, **settings: object) -> dict[str, str]:
    """An environment in which only these settings hold."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    chosen = {f"HOTLINE_{name.upper()}": str(value) for name, value in settings.items()}
    return {**clean, "HOTLINE_DATA_DIR": str(data_dir), "HOTLINE_STREAM_PORT": "0", **chosen}


@cache
def _what_was_read() -> Path:
    """The flows, prompts and texts that come with the hotline, as an earlier start would have left them."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-parsed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    texts = [*bundled("flows").rglob("*.yaml"), *bundled("prompts").rglob("*.yaml")]
    with reading_into(ParsedFolder(folder)):
        for path in (*texts, *(ROOT / "ivr" / "console").rglob("*.yaml")):
            parse_source(path.name, path.read_bytes())
    return folder


@contextmanager
def serving(
    data_dir: Path, *options: str, cold: bool = False, **settings: object
) -> Iterator[HotlineProcess]:
    """A hotline that serves; at the end it is stopped, and nothing of it may be left.

    With `cold` it is started as a shell does, else forked from a process that has imported everything.
    """
    sip_port, http_port = free_port(), free_port(socket.SOCK_STREAM)
    rtp_port = 20000 + (sip_port % 400) * 100
    environment = environment_of(
        data_dir,
        sip_port=sip_port,
        http_port=http_port,
        rtp_port=rtp_port,
        **{"drain_seconds": 2, **settings},
    )
    shutil.copytree(_what_was_read(), data_dir / "parsed", dirs_exist_ok=True)
    log = data_dir / "serve.log"
    process = _started(["serve", *options], environment, log, cold=cold)
    hotline = HotlineProcess(data_dir, sip_port, http_port, environment, process, log)
    children: Sequence[psutil.Process] = []
    try:
        until(
            lambda: hotline.ready() or process.poll() is not None or b"died" in log.read_bytes(),
            START_SECONDS,
            "start",
        )
        assert hotline.ready(), log.read_text(encoding="utf-8")
        yield hotline
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    finally:
        try:
            hotline.stop()
        finally:
            for left in children:
                if left.is_running() and left.status() != psutil.STATUS_ZOMBIE:
                    left.kill()
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def _started(
    words: Sequence[str], environment: dict[str, str], log: Path, *, cold: bool
) -> subprocess.Popen[bytes] | WarmProcess:
    log.touch()
    if not cold:
        return WarmProcess(words, environment, log, log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "ivr", *words], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
