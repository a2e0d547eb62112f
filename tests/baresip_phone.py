"""baresip, an independent SIP telephone, as a caller in tests: dials, presses keys, speaks and records a WAV.

async with BaresipPhone(folder, say=pcm) as phone:
    await phone.dial("sip:4001@127.0.0.1:5060")
    await phone.press("1")
    await phone.hang_up()
heard = phone.heard()
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import wave
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

INSTALLED = shutil.which("baresip") is not None

_CONFIG = """\
sip_listen 127.0.0.1:0
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{port}
audio_source aufile,{say}
audio_player aubridge,ear
audio_alert aubridge,alert
snd_path {folder}
"""
_ACCOUNT = "<sip:{user}@127.0.0.1>;regint=0;audio_codecs=PCMA/8000/1,PCMU/8000/1\n"


class BaresipPhone:
    """One telephone, in a process of its own. `say` is what it speaks from the answer on, 16-bit at 8 kHz."""

    def __init__(self, folder: Path, *, say: Pcm | None = None, user: str = "13700001111") -> None:
        self._folder = folder
        self._say = np.zeros(8000 * 30, np.int16) if say is None else say
        self._user = user
        self.output = ""

    async def __aenter__(self) -> BaresipPhone:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        said = self._folder / "say.wav"
        with wave.open(str(said), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(self._say.tobytes())
        (self._folder / "config").write_text(_CONFIG.format(port=port, say=said, folder=self._folder))
        (self._folder / "accounts").write_text(_ACCOUNT.format(user=self._user))
        (self._folder / "contacts").write_text("")
        self._process = await asyncio.create_subprocess_exec(
            "baresip",
            "-4",
            "-f",
            str(self._folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            await self._connect(port)
        except OSError:
            await self._end()
            raise
        return self

    async def _connect(self, port: int) -> None:
        for attempt in range(100):
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                if attempt == 99 or self._process.returncode is not None:
                    raise
                await asyncio.sleep(0.05)
            else:
                return

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._command("quit")
        self._writer.close()
        await self._end()

    async def _end(self) -> None:
        try:
            output, _ = await asyncio.wait_for(self._process.communicate(), 3)
            self.output = output.decode("utf-8", "replace")
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()

    async def _command(self, command: str, parameters: str = "") -> None:
        """A command of baresip's menu, as a netstring of JSON."""
        octets = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(f"{len(octets)}:".encode() + octets + b",")
        await self._writer.drain()

    async def dial(self, address: str) -> None:
        """Call; returns at once."""
        await self._command("dial", address)

    async def press(self, keys: str, gap: float = 0.25) -> None:
        """Press keys by RFC 4733, one after another."""
        for key in keys:
            await self._command("sndcode", key)
            await asyncio.sleep(gap)

    async def hang_up(self) -> None:
        """End the call."""
        await self._command("hangup")

    def heard(self) -> Pcm:
        """What it heard in its last call, 16-bit at 8 kHz; written when the call has ended."""
        last = max(self._folder.glob("dump-*-dec.wav"))
        with wave.open(str(last), "rb") as file:
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)
