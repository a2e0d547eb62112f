"""The whole hotline on the wire: `hotline serve` in its processes, an outside caller, the default flows."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from hotline_process import environment_of, run_command, serving
from pjsua_bench import Figures
from sip_caller import OutsideCall, SipCaller

#: Keys that each lead from a menu to another prompt: products, back, procedures, back…
KEYS = ("5", "*", "6", "*")


async def _one_call(caller: SipCaller, figures: Figures, chance: random.Random) -> None:
    call = await caller.dial("4000001234")
    figures.seconds["answer to first audio"].append(await call.until_sound() - call.answered_at)
    for key in KEYS:
        await asyncio.sleep(0.6 + chance.random() * 0.02)
        await _one_key(call, key, figures)
    await call.hang_up()


async def _one_key(call: OutsideCall, key: str, figures: Figures) -> None:
    """A key interrupts a prompt; the next one begins. The pause of the new prompt's start is the gap between."""
    pressed = time.time()
    await call.press(key)
    try:
        silent = await call.until_silence(after=pressed, quiet=0.02, seconds=2.0)
    except TimeoutError:
        return
    figures.seconds["barge-in"].append(silent - pressed)
    figures.seconds["key to next prompt"].append(await call.until_sound(after=silent) - pressed)


async def _restart(pid: int, caller: SipCaller) -> float:
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    while True:
        try:
            if (await caller.ask("OPTIONS", seconds=0.1)).status == 200:
                return time.monotonic() - killed
        except TimeoutError:
            continue


def measure(calls: int = 15, seed: int = 1) -> tuple[Figures, float]:
    """The figures of `calls` calls one after another, and the seconds in which a killed worker is back."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        run_command("db", "demo", "--customers", "50", environment=environment_of(data_dir))
        with serving(data_dir) as hotline:

            async def run() -> tuple[Figures, float]:
                figures, chance = Figures(), random.Random(seed)
                async with SipCaller(hotline.address) as caller:
                    for _ in range(calls):
                        await _one_call(caller, figures, chance)
                    back = await _restart(hotline.workers()[0]["pid"], caller)
                return figures, back

            result = asyncio.run(run())
        shutil.rmtree(data_dir)
        return result
