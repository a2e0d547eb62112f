"""What the media plane costs: run as `python tests/bench/media_bench.py`, or call `figures()`.

CPU is this process's own, in per cent of one core, while legs are driven in real time by the media clock.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ivr.clock import SystemClock
from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.clock import MediaClock
from ivr.media.dtmf import KeyDetector
from ivr.media.g711 import FRAME, Law
from ivr.media.mixer import Mixer
from ivr.media.port import AudioPort
from ivr.media.recorder import Recording
from ivr.media.relay import Relay
from ivr.media.writer import RecordingWriter


def figures(legs: int = 200, seconds: float = 3.0) -> dict[str, float]:
    """Every figure by name, the unit at the end of the name. Takes about four times `seconds`."""
    players = asyncio.run(_drive(legs, seconds, _player))
    relays = asyncio.run(_drive(legs, seconds, _relay))
    with tempfile.TemporaryDirectory() as folder:
        recorders = asyncio.run(_drive(legs, seconds, partial(_recorder, Path(folder))))
    return {
        "frames given by a player, a second": _a_second(_a_player()),
        "frames heard for keys in the sound, a second": _a_second(_a_detector()),
        "beats of a conference of three, a second": _a_second(_a_conference()),
        "CPU of 100 players, %": players["cpu"],
        "beats late with players, p99, ms": players["late_p99"],
        "CPU of 100 relayed legs, %": relays["cpu"],
        "CPU of 100 recordings, %": recorders["cpu"],
        "beats late with recordings, p99, ms": recorders["late_p99"],
        "beats late with recordings, largest, ms": recorders["late_max"],
        "beats skipped, %": recorders["skipped"],
    }


def _a_second(what: Callable[[], object], runs: int = 20_000) -> float:
    began = time.process_time()
    for _ in range(runs):
        what()
    return runs / (time.process_time() - began)


def _voice(seconds: float) -> bytes:
    noise = np.random.default_rng(1).standard_normal(round(seconds * 8000)) * 3000
    return g711.encode(noise.astype(np.int16), Law.MU)


def _port() -> AudioPort:
    return AudioPort(Law.MU, post=lambda what: None)


def _a_player() -> Callable[[], object]:
    port = _port()
    port.play([Clip(_voice(10.0))] * 1000, lambda: None)
    return port.next_frame


def _a_detector() -> Callable[[], object]:
    return partial(KeyDetector(Law.MU).feed, _voice(0.02))


def _a_conference() -> Callable[[], object]:
    mixer, ports, frame = Mixer(), [_port() for _ in range(3)], _voice(0.02)
    for port in ports:
        mixer.add(port)

    def beat() -> None:
        for port in ports:
            port.frame_received(frame)
        mixer.beat()
        for port in ports:
            port.next_frame()

    return beat


Leg = Callable[[], None]


def _player(_: RecordingWriter, at: int) -> tuple[Leg, ...]:
    port = _port()
    port.play([Clip(_voice(1.0))] * 1000, lambda: None)

    def beat() -> None:
        port.next_frame()

    return (beat,)


def _relay(_: RecordingWriter, at: int) -> tuple[Leg, ...]:
    if at % 2:
        return ()
    one, other, frame = _port(), _port(), _voice(0.02)
    Relay(one, other)

    def beat(port: AudioPort) -> None:
        port.frame_received(frame)
        port.next_frame()

    return partial(beat, one), partial(beat, other)


def _recorder(folder: Path, writer: RecordingWriter, at: int) -> tuple[Leg, ...]:
    port, said = _port(), _voice(2.0)
    recording = Recording(folder / f"{at}.wav", Law.MU, longest=600, silence=600)
    port.record(writer.begin(recording, lambda recorded: None))
    frames = [said[start : start + FRAME] for start in range(0, len(said), FRAME)] * 1000
    return (lambda: port.frame_received(frames.pop()),)


async def _drive(
    legs: int, seconds: float, make: Callable[[RecordingWriter, int], tuple[Leg, ...]]
) -> dict[str, float]:
    def failed(error: Exception) -> None:
        raise error

    writer, media = RecordingWriter(), MediaClock(SystemClock())
    beats = [beat for at in range(legs) for beat in make(writer, at)]
    await asyncio.sleep(0.3)  # the files are open by then
    for beat in beats:
        media.add(beat, failed)
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    passed, used = time.perf_counter() - began, time.process_time() - cpu
    late = media.lateness
    media.close()
    await asyncio.to_thread(writer.close)
    return {
        "cpu": 100 * used / passed * 100 / legs,
        "late_p99": late.percentile(0.99) * 1000,
        "late_max": late.largest * 1000,
        "skipped": 100 * late.skipped / max(1, late.count),
    }


if __name__ == "__main__":
    for name, value in figures().items():
        print(f"{name:55} {value:14,.2f}")
