"""Figures of the SIP line under SIPp's load, from packets as the kernel stamped them: `python -m tests.bench.sip_bench`.

The line runs on one core in a process of its own (`sip_server.py`); SIPp with 50 packets a second for each call,
and the capture, run on another. Needs SIPp and the right to open raw sockets (root, or CAP_NET_RAW and
CAP_NET_ADMIN), because SIPp plays sound through them. Without them, or without two cores, there are no figures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

import numpy as np
import sip_analysis
import sip_capture
import sip_load
from sip_analysis import Sound, percentile

from ivr.media.g711 import Law, encode

SERVER_CORE, LOAD_CORE = 0, 1
#: Set in the environment by `--steady`.
STEADY = "HOTLINE_BENCH_STEADY"
#: The octets with which the frames of the server's two prompts begin (A-law).
FIRST, SECOND = (int(encode(np.array([level], np.int16), Law.A)[0]) for level in (8000, -8000))
#: When a caller of the interactive work presses a key, in seconds from the answer on.
KEYS = [(2.5 + 9.0 * number, "1") for number in range(20)]
#: Seconds until a user agent has forgotten its last transaction (64*T1 of RFC 3261, and a little).
FORGOTTEN = 36.0


def able() -> str:
    """Why there can be no figures here; empty if there can."""
    if shutil.which("sipp") is None:
        return "SIPp is not installed (apt-get install sip-tester)"
    if (os.cpu_count() or 1) < 2:
        return "one core only"
    try:
        sip_capture.open_socket(5060, 6000).close()
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        return "raw sockets are not allowed (run as root)"
    return ""


def steady(pid: int) -> None:
    """Where STEADY is in the environment, let the line go before whatever else the machine does meanwhile."""
    if os.environ.get(STEADY):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(5))


class Loaded(Protocol):
    """What is called: a process with a SIP port, and what it holds."""

    @property
    def pid(self) -> int:
        """The process whose CPU counts."""

    @property
    def port(self) -> int:
        """Its SIP port."""

    def held(self) -> dict[str, Any]:
        """What it holds at this moment; `rss` at least, in bytes."""


class Server:
    """The line in its own process on its own core."""

    def __init__(self, line: str, work: str) -> None:
        command = ["taskset", "-c", str(SERVER_CORE), sys.executable, str(HERE / "sip_server.py"), line, work]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read())
        steady(self.pid)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def held(self) -> dict[str, Any]:
        """What it holds at this moment; see `sip_server.held`."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(json.loads(self._read()))

    def settled(self, seconds: float = FORGOTTEN) -> dict[str, Any]:
        """What it holds once no call and no transaction is left, or after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            held = self.held()
            if not (held["active"] or held.get("transactions")) or time.monotonic() > deadline:
                return held
            time.sleep(0.5)

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def server(line: str, work: str) -> Iterator[Server]:
    """A server for the length of a block."""
    one = Server(line, work)
    try:
        yield one
    finally:
        one.stop()


def waited_seconds(pid: int) -> float:
    """For how long a process was ready to run while its core did other work: noise of the machine."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Capture:
    """The wire, for the length of a block."""

    def __init__(self, sip: int, media: int, folder: Path) -> None:
        self._file = folder / f"capture-{sip}-{media}.npz"
        self._media = media
        command = [
            "taskset", "-c", str(LOAD_CORE), sys.executable, str(HERE / "sip_capture.py"),
            str(sip), str(media), str(self._file),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Capture:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the capture did not begin"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()
        self.records, self.messages, self.missed = sip_capture.load(self._file)
        self._file.unlink()

    def sound(self, since: float = 0.0, until: float = 1e12) -> Sound:
        """Punctuality and loss in a window of time."""
        return sip_analysis.sound(self.records, self._media, since, until)


@dataclass
class Run:
    """One load and what came of it. Times in seconds; `cpu` is a share of one core."""

    calls: int
    cpu: float
    sound: Sound
    set_up: list[float]
    first_packet: list[float]
    next_prompt: list[float]
    barge_in: list[float]
    answered: int
    refused: int
    missed: int
    memory: float = float("nan")
    #: Share of the time in which the line was ready to run and its core did other work.
    waited: float = float("nan")
    held: dict[str, Any] = field(default_factory=dict)

    @property
    def cpu_per_call(self) -> float:
        """In per cent of one core; not a number unless every call was answered and heard."""
        whole = self.answered == self.calls and self.sound.packets
        return self.cpu / self.calls * 100 if whole else float("nan")

    def line(self) -> str:
        """It in words."""

        def ms(values: Any, share: float) -> str:
            return f"{percentile(values, share) * 1000:.1f}"

        return (
            f"{self.calls} calls ({self.answered} answered, {self.refused} refused): {self.cpu:.1%} of a core,"
            f" {self.cpu_per_call:.3f} % a call; late p50/p99/max {ms(self.sound.lateness, 0.5)}/"
            f"{ms(self.sound.lateness, 0.99)}/{ms(self.sound.lateness, 1)} ms, lost {self.sound.lost} of"
            f" {self.sound.packets}; INVITE→200 p50/p99 {ms(self.set_up, 0.5)}/{ms(self.set_up, 0.99)} ms;"
            f" 200→sound p95 {ms(self.first_packet, 0.95)} ms; key→prompt p95 {ms(self.next_prompt, 0.95)} ms"
            f" (n={len(self.next_prompt)}), barge-in p95 {ms(self.barge_in, 0.95)} ms;"
            f" {self.memory / 1024:.1f} KB a call; core taken by others {self.waited:.1%}, capture missed {self.missed}"
        )


def load(
    one: Loaded,
    *,
    calls: int,
    rate: float,
    hold: float,
    sound: bool = True,
    keys: Sequence[tuple[float, str]] = (),
) -> Run:
    """Let SIPp place `calls` calls at `rate` a second, each up until `hold` seconds after the last one came.

    CPU and punctuality are those of the time in which all are up.
    """
    ramp = calls / rate
    seconds = ramp + hold
    media = sip_load.unused_media_port()
    before = one.held()
    with tempfile.TemporaryDirectory() as name, sink(media + 1), Capture(one.port, media, Path(name)) as wire:
        folder = Path(name)
        played = sip_load.write_sound(folder / "sound.pcap", seconds, keys) if sound else None
        scenario = sip_load.write_scenario(folder / "load.xml", seconds, played)
        caller = sip_load.sipp(
            scenario,
            one.port,
            media=media,
            calls=calls,
            rate=rate,
            core=LOAD_CORE,
            seconds=seconds + ramp + 20,
        )
        time.sleep(ramp + 1.0)
        began, used, waited = time.time(), cpu_seconds(one.pid), waited_seconds(one.pid)
        time.sleep(max(0.5, hold - 2.0))
        ended, used, waited = (
            time.time(),
            cpu_seconds(one.pid) - used,
            waited_seconds(one.pid) - waited,
        )
        during = one.held()
        ended_in_time(caller, seconds + ramp + 30)
    found = sip_analysis.set_ups(wire.messages)
    answered = [call for call in found.values() if call.status == 200]
    nexts, on = sip_analysis.after_keys(wire.records, media, FIRST, SECOND) if keys else ([], [])
    return Run(
        calls=calls,
        cpu=used / (ended - began),
        sound=wire.sound(began, ended),
        set_up=[call.answered - call.invited for call in answered],
        first_packet=sip_analysis.to_first_packet(wire.records, found, media),
        next_prompt=nexts,
        barge_in=on,
        answered=len(answered),
        refused=len(found) - len(answered),
        missed=wire.missed,
        memory=(during["rss"] - before["rss"]) / calls,
        waited=waited / (ended - began),
        held=during,
    )


def ended_in_time(caller: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for SIPp; calls that a server never ended do not keep the other figures from being printed."""
    try:
        caller.wait(seconds)
    except subprocess.TimeoutExpired:
        caller.kill()
        caller.wait()


@contextlib.contextmanager
def sink(port: int) -> Iterator[None]:
    """Somebody at a port: what goes there raises no error at its sender (the callers' RTCP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", port))
        yield


def short_calls(one: Server, *, rate: float, calls: int, hold: float = 0.2) -> Run:
    """Calls that are answered and ended after a moment, at a rate."""
    media = sip_load.unused_media_port()
    with tempfile.TemporaryDirectory() as name, sink(media + 1), Capture(one.port, media, Path(name)) as wire:
        scenario = sip_load.write_scenario(Path(name) / "load.xml", hold)
        used, began = cpu_seconds(one.pid), time.time()
        caller = sip_load.sipp(
            scenario, one.port, media=media, calls=calls, rate=rate, core=LOAD_CORE, seconds=calls / rate + 40
        )
        ended_in_time(caller, calls / rate + 50)
        used, ended = cpu_seconds(one.pid) - used, time.time()
    found = sip_analysis.set_ups(wire.messages)
    answered = [call for call in found.values() if call.status == 200]
    return Run(
        calls=calls,
        cpu=used / (ended - began),
        sound=wire.sound(),
        set_up=[call.answered - call.invited for call in answered],
        first_packet=sip_analysis.to_first_packet(wire.records, found, media),
        next_prompt=[],
        barge_in=[],
        answered=len(answered),
        refused=len(found) - len(answered),
        missed=wire.missed,
    )


def warm(one: Server) -> dict[str, Any]:
    """A few calls, so that nothing is done for the first time; what is held afterwards."""
    short_calls(one, rate=20, calls=40)
    return one.held()


def main() -> int:
    """One load by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sip_bench", description=__doc__)
    parser.add_argument("--line", choices=("sip", "pjsua"), default="sip")
    parser.add_argument("--work", choices=("loop", "ivr", "pairs", "short"), default="ivr")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--rate", type=float, default=25.0, help="new calls in a second")
    parser.add_argument("--hold", type=float, default=20.0, help="seconds in which all calls are up")
    parser.add_argument("--steady", action="store_true", help="real-time priority, on a machine that is busy")
    chosen = parser.parse_args()
    if chosen.steady:
        os.environ[STEADY] = "1"
    if why := able():
        sys.stderr.write(f"no figures: {why}\n")
        return 2
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with server(chosen.line, chosen.work) as one:
        warm(one)
        if chosen.work == "short":
            run = short_calls(one, rate=chosen.rate, calls=chosen.calls)
        else:
            run = load(
                one,
                calls=chosen.calls,
                rate=chosen.rate,
                hold=chosen.hold,
                keys=KEYS if chosen.work == "ivr" else (),
            )
        print(run.line())
        print(one.settled())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
