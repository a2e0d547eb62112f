"""SIPp, an independent SIP stack, as a process: runs a scenario of `tests/sipp` and keeps what went over the wire.

run = await Sipp("answer", tmp_path, target=("127.0.0.1", 5060)).run()
assert run.count("SIP/2.0 200") == 2
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from free_ports import free_port
from sip_caller import Address

INSTALLED = shutil.which("sipp") is not None
MISSING = "SIPp is not installed (apt-get install sip-tester)"
SCENARIOS = Path(__file__).parent / "sipp"

_ENTRY = re.compile(r"^(?:UDP|TCP|TLS) message (sent|received) .*?:\n\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wire:
    """One message as SIPp sent or received it."""

    sent: bool
    text: str

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.split("\n", 1)[0].strip()

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value.strip() for value in re.findall(rf"(?im)^{re.escape(name)}\s*:(.*)$", self.text)]


@dataclass
class Sipp:
    """A scenario to be run. Without a `target` it waits to be called, at `address`."""

    scenario: str
    folder: Path
    target: Address | None = None
    #: SIPp's own words: `u1` UDP, `t1` one TCP connection for all, `tn` one for each call.
    transport: str = "u1"
    calls: int = 1
    rate: float = 10.0
    seconds: float = 15.0
    keys: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()
    #: Where it takes SIP.
    address: Address = ("127.0.0.1", 0)
    _process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.address = ("127.0.0.1", free_port())
        self._media = free_port()
        self._messages = self.folder / f"{self.scenario}-{self.address[1]}.messages"
        self._errors = self.folder / f"{self.scenario}-{self.address[1]}.errors"

    def command(self) -> list[str]:
        """The command line."""
        keys = [word for name, value in self.keys.items() for word in ("-key", name, value)]
        return [
            "sipp", "-sf", str(SCENARIOS / f"{self.scenario}.xml"),
            *([f"{self.target[0]}:{self.target[1]}"] if self.target else []),
            "-i", "127.0.0.1", "-p", str(self.address[1]), "-mp", str(self._media), "-t", self.transport,
            "-m", str(self.calls), "-r", f"{self.rate:g}", "-l", "500", "-nostdin",
            "-timeout", f"{self.seconds:.0f}s", "-timeout_error", "-max_socket", "600",
            "-trace_err", "-error_file", str(self._errors),
            "-trace_msg", "-message_file", str(self._messages), *keys, *self.options,
        ]  # fmt: skip

    async def start(self) -> None:
        """Start it; a scenario that waits takes calls shortly after."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command(),
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def listening(self) -> None:
        """Wait until it takes SIP: its port stands in the kernel's table."""
        table = "tcp" if self.transport.startswith("t") else "udp"
        state = "0A" if table == "tcp" else "07"
        wanted = f"0100007F:{self.address[1]:04X} 00000000:0000 {state}"
        for _ in range(1500):
            if wanted in Path(f"/proc/net/{table}").read_text(encoding="ascii"):
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"SIPp did not listen at port {self.address[1]}")

    async def done(self) -> list[Wire]:
        """Wait for its end; what went over the wire. Fails unless every call went as written."""
        assert self._process is not None, "start it first"
        try:
            output, _ = await asyncio.wait_for(self._process.communicate(), self.seconds + 5)
        finally:
            await self.kill()
        said = self._errors.read_text("utf-8", "replace")[-3000:] if self._errors.exists() else ""
        assert self._process.returncode == 0, output.decode("utf-8", "replace")[-2500:] + said
        return self.wire()

    async def kill(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def run(self) -> list[Wire]:
        """Start it and wait for its end."""
        await self.start()
        return await self.done()

    def wire(self) -> list[Wire]:
        """What it sent and received so far."""
        text = self._messages.read_text("utf-8", "replace") if self._messages.exists() else ""
        pieces = _ENTRY.split(text)[1:]
        return [
            Wire(way == "sent", body.partition("\n-----------------")[0])
            for way, body in zip(pieces[::2], pieces[1::2], strict=True)
        ]


def received(wire: Sequence[Wire], first: str) -> list[Wire]:
    """The messages SIPp received whose first line begins so."""
    return [one for one in wire if not one.sent and one.first.startswith(first)]
