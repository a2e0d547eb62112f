"""Asterisk under the same load, where it is installed: a dialplan of prompt, key, prompt, recording."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

import psutil
from free_ports import free_port
from sip_server import FIRST, SECOND, prompt

INSTALLED = shutil.which("asterisk") is not None

_FILES = {
    "asterisk.conf": """\
[directories]
astetcdir => {folder}
astrundir => {folder}
astlogdir => {folder}
astspooldir => {folder}
astdbdir => {folder}
[options]
maxload = 0
""",
    "modules.conf": "[modules]\nautoload = yes\n",
    "logger.conf": "[general]\n[logfiles]\n",
    "rtp.conf": "[general]\nrtpstart = 20000\nrtpend = 24000\n",
    "pjsip.conf": """\
[transport-udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[anonymous]
type = endpoint
context = load
allow = !all,alaw
direct_media = no
""",
    "extensions.conf": """\
[load]
exten => _X.,1,Answer()
 same => n(again),Read(key,{folder}/first,1,,1,30)
 same => n,Playback({folder}/second)
 same => n,Record({folder}/kept-${{UNIQUEID}}.alaw,0,4,q)
 same => n,Goto(again)
""",
}


class Asterisk:
    """A process of its own, on the line's core; looks to `sip_bench.load` like a server."""

    def __init__(self) -> None:
        self._kept = tempfile.TemporaryDirectory()
        self._folder = Path(self._kept.name)
        self.port = free_port()

    def __enter__(self) -> Asterisk:
        for name, text in _FILES.items():
            (self._folder / name).write_text(
                text.format(folder=self._folder, port=self.port), encoding="utf-8"
            )
        from ivr.media.g711 import Law

        for name, clip in (("first", prompt(FIRST, 30.0)), ("second", prompt(SECOND, 3.0))):
            (self._folder / f"{name}.alaw").write_bytes(clip.frames(Law.A))
        self._process = subprocess.Popen(
            ["taskset", "-c", "0", "asterisk", "-f", "-C", str(self._folder / "asterisk.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(5.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._kept.cleanup()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def held(self) -> dict[str, Any]:
        """Its memory and files."""
        memory = psutil.Process(self.pid).memory_info().rss
        return {"rss": memory, "files": len(list(Path(f"/proc/{self.pid}/fd").iterdir()))}
