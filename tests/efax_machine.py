"""An outside fax machine for tests: efax keeps to T.30 and decodes the pages, in a process of its own.

Nothing of it is shared with the hotline but the tones: efax wants a class 1 modem, and the modem on the other end of
its terminal is spandsp's T.31 emulation.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pty
import shutil
import subprocess
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int16, c_size_t, c_uint8, c_void_p
from pathlib import Path

import numpy as np
from rtp_peer import Pcm
from sip_caller import OutsideCall

FRAME = 160
_ANSWERED = 3
_ANSWER = 1
_ToTerminal = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(c_uint8), c_size_t)
_Control = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_char_p)


def why_not() -> str:
    """What is missing for this machine."""
    if shutil.which("efax") is None:
        return "efax is not installed"
    try:
        ctypes.CDLL("libspandsp.so.2")
    except OSError:
        return "libspandsp2 is not installed"
    return ""


class EfaxMachine:
    """A machine that receives: pages are `folder/page.001` and so on, as TIFF. Used in an event loop, in real time."""

    def __init__(self, folder: Path, *, name: str = "+49 30 1234") -> None:
        self._folder = folder
        self._name = name
        self._library = library = ctypes.CDLL("libspandsp.so.2")
        library.t31_init.restype = c_void_p
        library.t31_init.argtypes = [c_void_p, _ToTerminal, c_void_p, _Control, c_void_p, c_void_p, c_void_p]
        for name_ in ("t31_rx", "t31_tx"):
            getattr(library, name_).argtypes = [c_void_p, POINTER(c_int16), c_int]
        library.t31_at_rx.argtypes = [c_void_p, c_char_p, c_int]
        library.t31_call_event.argtypes = [c_void_p, c_int]
        library.t31_set_transmit_on_idle.argtypes = [c_void_p, c_int]
        library.t31_free.argtypes = [c_void_p]
        self._handlers = (_ToTerminal(self._to_terminal), _Control(self._control))
        self._modem = library.t31_init(None, self._handlers[0], None, self._handlers[1], None, None, None)
        library.t31_set_transmit_on_idle(self._modem, 1)
        self._master, self._slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._from_terminal)
        self._efax: subprocess.Popen[bytes] | None = None

    def press_start(self) -> None:
        """Receive from now on."""
        words = ["efax", "-d", os.ttyname(self._slave), "-o1", "-l", self._name, "-r", "page"]
        log = (self._folder / "efax.log").open("wb")
        self._efax = subprocess.Popen(
            words, cwd=self._folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()

    @property
    def log(self) -> str:
        """What efax said."""
        return (self._folder / "efax.log").read_text(errors="replace")

    def exchange(self, heard: Pcm) -> Pcm:
        """What is heard, and as much of what is said."""
        samples = np.ascontiguousarray(heard, np.int16)
        said = np.zeros(len(samples), np.int16)
        self._library.t31_rx(self._modem, samples.ctypes.data_as(POINTER(c_int16)), len(samples))
        self._library.t31_tx(self._modem, said.ctypes.data_as(POINTER(c_int16)), len(said))
        return said

    async def on(self, call: OutsideCall) -> int:
        """Be the machine at the end of a call, until efax is done; its exit code."""
        at = len(call.heard)
        call.say(np.zeros(12 * FRAME, np.int16))  # so late may this process be without a gap in what is said
        assert self._efax is not None, "nobody has pressed start"
        while self._efax.poll() is None:
            if len(call.heard) == at:
                await call.rtp.news(0.1)
            while at < len(call.heard):
                pcm = call.heard[at].pcm
                at += 1
                if len(pcm):
                    call.say(self.exchange(pcm))
        return self._efax.returncode

    def close(self) -> None:
        """Give everything back."""
        self._loop.remove_reader(self._master)
        if self._efax is not None and self._efax.poll() is None:
            self._efax.kill()
            self._efax.wait()
        os.close(self._master)
        os.close(self._slave)
        self._library.t31_free(self._modem)

    def pages(self) -> list[Path]:
        """The pages that came."""
        return sorted(self._folder.glob("page.*"))

    def _to_terminal(self, _at: int, _user: int, text: ctypes._Pointer[c_uint8], size: int) -> int:
        with contextlib.suppress(BlockingIOError):
            os.write(self._master, bytes(text[:size]))
        return 0

    def _from_terminal(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            words = os.read(self._master, 4096)
            self._library.t31_at_rx(self._modem, words, len(words))

    def _control(self, _modem: int, _user: int, operation: int, _number: bytes) -> int:
        if operation == _ANSWER:
            self._loop.call_soon(self._library.t31_call_event, self._modem, _ANSWERED)
        return 0
