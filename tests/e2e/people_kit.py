"""What tests share in which callers are brought to people: flows, seats, and what is heard at either end."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
from hotline_process import HotlineProcess, run_command
from sip_caller import OutsideCall, SipCaller, dominant
from wire_kit import hears, spoken

from ivr.resources import bundled


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def always_open(folder: Path) -> Path:
    """The default flows, in which people are there at any time."""
    shutil.copytree(bundled("flows"), folder)
    change(folder / "hotline.yaml", "    holidays: CN", "    #")
    for day in ("mon", "tue", "wed", "thu", "fri"):
        change(folder / "hotline.yaml", f'{day}: "08:30-17:30"', f'{day}: "00:00-24:00"')
    change(folder / "hotline.yaml", "week: {", 'week: {sat: "00:00-24:00", sun: "00:00-24:00", ')
    return folder


def seats(hotline: HotlineProcess, *words: str) -> str:
    return run_command("seats", *words, environment=hotline.environment)


def add_seat(hotline: HotlineProcess, name: str, phone: SipCaller) -> None:
    host, port = phone.address
    seats(hotline, "add", name, "--address", f"sip:{name}@{host}:{port}", "--language", "zh-CN")
    seats(hotline, "sign-in", name)


async def ask_for_a_person(caller: SipCaller) -> tuple[OutsideCall, float]:
    """Dial, press 0 and a reason, and a key that cuts "we are connecting you"; the call, and when that was."""
    call = await caller.dial("4000001234")
    await call.until_sound()
    await call.press("0")
    await hears(call, spoken("person_why")[:16000])
    chosen = await call.press("25")
    return call, chosen


async def until_came(phone: SipCaller, number: int = 1, seconds: float = 15.0) -> OutsideCall:
    """The telephone rings."""
    async with asyncio.timeout(seconds):
        while len(phone.came) < number:
            await asyncio.sleep(0.01)
    return phone.came[number - 1]


async def until_tone(call: OutsideCall, hertz: float, seconds: float = 5.0) -> float:
    """Wait until the latest 0.2 s that the call heard are a tone; when they came."""
    async with asyncio.timeout(seconds):
        while True:
            await asyncio.sleep(0.02)
            latest = call.heard[-10:]
            part = np.concatenate([packet.pcm for packet in latest])
            if np.abs(part).max() > 2000 and abs(dominant(part) - hertz) < 15:
                return latest[0].at


def state_of(hotline: HotlineProcess, seat: str) -> str:
    ((state,),) = hotline.rows("select state from seats where id = ?", seat)
    return str(state)
