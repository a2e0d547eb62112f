"""The whole hotline on the wire: `hotline serve` in its processes, an outside caller, the default flows.

Speech has pauses of its own, and a prompt that is cut off is followed by the next at once. So the next prompt is
known by its own first sound, and the one before is silent from the last loud packet ahead of it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
from hotline_process import environment_of, run_command, serving
from pjsua_bench import Figures
from sip_caller import OutsideCall, Packet, Pcm, SipCaller

from ivr.flow.instructions import Phrase
from ivr.media.g711 import FRAME, Law, decode
from ivr.resources import bundled
from ivr.speech import PromptCatalogue, Speaker

#: Keys that each interrupt one menu, and the menu that follows.
KEYS = (("5", "product_class_menu"), ("*", "main_menu"), ("6", "guidance_menu"), ("*", "main_menu"))
#: Amplitude (of 32767) above which a packet holds sound.
LOUD = 1000
#: How alike two packets are (1 is the same) that hold the same sound.
SAME = 0.98


@cache
def _first_sound(prompt: str) -> tuple[int, Pcm]:
    """The first loud frame of a prompt, and how many frames stand before it."""
    speaker = Speaker(PromptCatalogue.load(bundled("prompts")), bundled("prompts"))
    audio = b"".join(clip.frames(Law.MU) for clip in speaker.render([Phrase(prompt, "zh-CN")]).clips)
    for number in range(len(audio) // FRAME):
        frame = decode(audio[number * FRAME : (number + 1) * FRAME], Law.MU)
        if np.abs(frame.astype(int)).max() > LOUD:
            return number, frame
    raise ValueError(f"{prompt} is silent")


def _alike(packet: Packet, frame: Pcm) -> bool:
    heard, wanted = packet.pcm.astype(float), frame.astype(float)
    if len(heard) != len(wanted):
        return False
    size = np.sqrt((heard @ heard) * (wanted @ wanted))
    return bool(size > 0 and heard @ wanted / size > SAME)


async def _one_call(caller: SipCaller, figures: Figures, chance: random.Random) -> None:
    call = await caller.dial("4000001234")
    figures.seconds["answer to first audio"].append(await call.until_sound() - call.answered_at)
    for key, prompt in KEYS:
        await asyncio.sleep(0.8 + chance.random() * 0.02)
        await _one_key(call, key, prompt, figures)
    await call.hang_up()


async def _one_key(call: OutsideCall, key: str, prompt: str, figures: Figures) -> None:
    """Press a key while a prompt plays: when the next begins, and until when the one before is heard."""
    ahead, frame = _first_sound(prompt)
    pressed = time.time()
    await call.press(key)
    began = await _arrival(call, frame, pressed) - ahead * 0.020
    figures.seconds["key to next prompt"].append(began - pressed)
    loud = [packet.at for packet in call.heard if pressed < packet.at < began and packet.loud]
    figures.seconds["barge-in"].append(max(loud, default=pressed) - pressed)


async def _arrival(call: OutsideCall, frame: Pcm, since: float) -> float:
    deadline = time.time() + 3.0
    while time.time() < deadline:
        for packet in call.heard:
            if packet.at > since and _alike(packet, frame):
                return packet.at
        await asyncio.sleep(0.02)
    raise TimeoutError("the next prompt was not heard within 3 s")


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
        data_dir = Path(folder)
        run_command("db", "demo", "--customers", "50", environment=environment_of(data_dir))
        with serving(data_dir) as hotline:

            async def run() -> tuple[Figures, float]:
                figures, chance = Figures(), random.Random(seed)
                async with SipCaller(hotline.address) as caller:
                    for _ in range(calls):
                        await _one_call(caller, figures, chance)
                    back = await _restart(hotline.workers()[0]["pid"], caller)
                return figures, back

            return asyncio.run(run())
