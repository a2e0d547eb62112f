"""Figures of the pjsua2 line, from packets on the wire as an outside caller in another process sees them.

Answer to first audio, key to next prompt, and how long a prompt goes on after a key: `python pjsua_bench.py`.
The times of key presses are spread over the 20 ms of a frame, so that no figure is flattered by the caller
waking with the packets that it measures.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import structlog

# Run as a script, it finds what stands beside it, and the checkout.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from sip_caller import SipCaller, sine

from ivr.lines.base import Answered, KeyDown, Leg, LegEvent
from ivr.lines.pjsua import PjsuaLine, PjsuaSettings
from ivr.media.clip import Clip

#: What the product promises, in seconds (95th percentile).
TARGETS = {"answer to first audio": 0.300, "key to next prompt": 0.120, "barge-in": 0.060}


@dataclass
class Figures:
    """Seconds measured, by what was measured; and the line's CPU, as a share of one core."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TARGETS})
    cpu: float = 0.0

    def percentile(self, name: str, share: float = 0.95) -> float:
        """The nearest-rank percentile of one measurement."""
        ordered = sorted(self.seconds[name])
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    def lines(self) -> list[str]:
        """A line of text for each measurement."""
        return [
            f"{name:24} p50 {self.percentile(name, 0.5) * 1000:6.1f}   p95 {self.percentile(name) * 1000:6.1f}"
            f"   worst {max(values) * 1000:6.1f} ms   (p95 at most {TARGETS[name] * 1000:.0f}; n={len(values)})"
            for name, values in self.seconds.items()
        ]


async def measure(
    caller: SipCaller, calls: int, *, at_once: int = 1, keys: int = 4, seed: int = 1
) -> Figures:
    """Call a server that plays on, falls silent at key 1 and plays at key 2; `at_once` calls at a time."""
    figures, chance = Figures(), random.Random(seed)
    for _ in range(0, calls, at_once):
        await asyncio.gather(*(_one_call(caller, figures, keys, chance) for _ in range(at_once)))
    return figures


async def _one_call(caller: SipCaller, figures: Figures, keys: int, chance: random.Random) -> None:
    call = await caller.dial()
    figures.seconds["answer to first audio"].append(await call.until_sound() - call.answered_at)
    for _ in range(keys):
        await asyncio.sleep(0.1 + chance.random() * 0.02)
        pressed = time.time()
        await call.press("1")
        silent = await call.until_silence(after=pressed, quiet=0.12)
        figures.seconds["barge-in"].append(silent - pressed)
        await asyncio.sleep(chance.random() * 0.02)
        pressed = time.time()
        await call.press("2")
        figures.seconds["key to next prompt"].append(await call.until_sound(after=pressed) - pressed)
    await call.hang_up()


def _answers_keys(leg: Leg) -> None:
    tone = [Clip.from_samples(sine(500, 20.0))]

    def took(event: LegEvent) -> None:
        if isinstance(event, Answered):
            leg.play(tone, token="first")
        elif isinstance(event, KeyDown):
            leg.stop_playing()
            if event.key == "2":
                leg.play(tone, token="next")

    leg.attach(took)
    leg.answer()


async def serve() -> None:
    """The hotline of the figures: prints its port, and ends with its standard input."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    line = PjsuaLine(PjsuaSettings(host="127.0.0.1", port=0))
    await line.start(_answers_keys)
    sys.stdout.write(f"{line.port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await line.stop()


async def run(calls: int = 12) -> None:
    """Measure one call at a time, then four at once, and print both."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        process, port = psutil.Process(server.pid), int(server.stdout.readline())
        async with SipCaller(("127.0.0.1", port)) as caller:
            for at_once in (1, 4):
                began, before = time.time(), sum(process.cpu_times()[:2])
                figures = await measure(caller, calls * at_once, at_once=at_once)
                figures.cpu = (sum(process.cpu_times()[:2]) - before) / (time.time() - began)
                title = f"pjsua2 line, {at_once} call(s) at once, {figures.cpu:.1%} of a core"
                sys.stdout.write("\n".join([title, *figures.lines(), ""]))
        server.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else run())
