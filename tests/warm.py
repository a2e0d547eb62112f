"""Commands of the hotline in processes that are forked from one that has imported everything.

A command started by itself takes three seconds of the processor to import its libraries, and the tests start hundreds.
The command runs as it does from a shell: its own arguments, environment, folder and output; `test_commands.py` and the
tests that ask for `cold=True` start it from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from setproctitle import setproctitle

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, ForkServerProcess

ROOT = Path(__file__).parent.parent
#: What every command or process of a hotline imports before its work.
IMPORTED = [
    "ivr.app", "ivr.cli.serve", "ivr.cli.seats", "ivr.cli.users", "ivr.cli.crosssell", "ivr.console.app",
    "ivr.worker.http", "ivr.lines.sip", "ivr.services.advice", "cross_sell.adviser", "uvicorn", "holidays",
]  # fmt: skip


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


class WarmProcess:
    """A running `hotline WORDS…`, with the face of `subprocess.Popen`."""

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path
    ) -> None:
        arguments = (list(words), dict(environment), str(output), str(errors))
        self._process: ForkServerProcess = _context().Process(target=_run, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Until its end; TimeoutExpired after `timeout` seconds."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired("hotline", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], environment: dict[str, str], output: str, errors: str) -> None:
    """In the new process: become the command."""
    for descriptor, path in ((1, output), (2, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - descriptors
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    setproctitle(" ".join(["hotline", *words]))  # it finds its place by the environment, while there is one
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["hotline", *words]
    from ivr.cli import main

    main()
