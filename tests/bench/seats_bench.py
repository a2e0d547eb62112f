"""A caller's choice to a seat's ring, the screen before the ring, and what a bridge adds to the delay of a voice.

`hotline serve` in its own processes with the default flows; callers and desk telephones are outside ones that share no
code with it, with the kernel's arrival times; the seat's page is open in Chromium. A voice's delay is that of single
packets whose sound is known again, sent by one telephone and heard by another; beside it stands the delay of the same
packets between two telephones without a hotline.
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench_row import Row
from hotline_process import HotlineProcess, environment_of, run_command, serving
from rtp_peer import EVENTS, FRAME, PCMA, PCMU, Packet, Pcm, Rtp, encode
from sip_caller import Offer, OutsideCall, SipCaller

sys.path[:0] = [str(Path(__file__).parent.parent / "e2e")]

from people_kit import always_open
from seat_browser import SeatPage, seat_pages

from policy_db import Keys, PolicyDatabase
from policy_db.seat_facts import Seat

from phone_browser import write_tone  # isort: skip - its folder is on the path by seat_browser

#: Calls for each figure of the ring.
CALLS = 40
#: Talks for each figure of delay, packets of noise each way in each, and silent packets between two of them.
CALLS_TALKING, PACKETS, BETWEEN = 5, 60, 3
#: Limits: seconds from choice to ring, of the screen before the ring, and that a bridge adds.
RING, SCREEN, ADDED = 1.0, 0.3, 0.06
#: Seconds from a key's first packet to the packet that says it is released.
KEY = 0.08
#: How alike two packets are (1 is the same) that hold the same sound.
SAME = 0.9


@dataclass
class Rings:
    """Seconds from the caller's choice to the ring, and from the screen to the ring."""

    ring: list[float] = field(default_factory=list)
    screen: list[float] = field(default_factory=list)


def rows() -> Iterator[Row]:
    """Every figure, each as soon as it is known."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _hotline(Path(folder)) as hotline,
        asyncio.Runner() as runner,
    ):
        microphone = Path(folder) / "microphone.wav"
        write_tone(microphone)
        found = _measure(hotline, microphone)
        while (row := runner.run(anext(found, None))) is not None:  # type: ignore[arg-type]
            yield row


async def _measure(hotline: HotlineProcess, microphone: Path) -> AsyncIterator[Row]:
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await _prepare(hotline, desk)
        run_command("seats", "sign-in", "desk", environment=hotline.environment)
        for row in _ring_rows("desk telephone, no page", await _desk_rings(hotline, caller, desk)):
            yield row
        async for row in _delays(hotline, caller, desk):
            yield row
        run_command("seats", "sign-out", "desk", environment=hotline.environment)
        async with seat_pages(hotline, microphone, "desk", "seat1") as (page, phone):
            await page.begin()
            for row in _ring_rows(
                "desk telephone, page open", await _desk_rings(hotline, caller, desk, page)
            ):
                yield row
            await page.end()
            await phone.begin()
            for row in _ring_rows("browser phone", await _browser_rings(hotline, caller, phone)):
                yield row


def _ring_rows(what: str, rings: Rings) -> Iterator[Row]:
    ring = rings.ring
    yield Row(f"Choice to ring, {what}, p50 of {len(ring)}", _part(ring, 0.5) * 1000, "ms", digits=0)
    yield Row("… p95", _part(ring, 0.95) * 1000, "ms", RING * 1000, digits=0)
    yield Row("… longest", max(ring) * 1000, "ms", digits=0)
    if rings.screen:
        yield Row(
            "… screen before the ring, shortest",
            min(rings.screen) * 1000,
            "ms",
            SCREEN * 1000,
            least=True,
            digits=0,
        )


# Ringing


async def _desk_rings(
    hotline: HotlineProcess, caller: SipCaller, desk: SipCaller, page: SeatPage | None = None
) -> Rings:
    """Calls one after the other, at moments that have nothing to do with the hotline's own."""
    rings, chance = Rings(), random.Random(1)
    for _ in range(CALLS):
        await _until_free(hotline, "desk")
        await asyncio.sleep(0.2 + chance.random())
        number = len(desk.came)
        call, released = await _asks(caller)
        rang = (await _came(desk, number)).requests[0].at
        rings.ring.append(rang - released)
        if page is not None:
            shown = await page.page.evaluate("+document.getElementById('seat').dataset.popAt")
            # an older moment is that of a call before: this one was not on the screen yet
            rings.screen.append(rang - shown / 1000 if shown / 1000 > released - KEY else 0.0)
        await call.hang_up()
    return rings


async def _browser_rings(hotline: HotlineProcess, caller: SipCaller, page: SeatPage) -> Rings:
    rings, chance = Rings(), random.Random(2)
    for _ in range(CALLS):
        await _until_free(hotline, "seat1")
        await page.page.wait_for_selector(".seat-bar.ready")
        await asyncio.sleep(0.2 + chance.random())
        call, released = await _asks(caller)
        shown, rang = await page.rings()
        rings.ring.append(rang - released)
        rings.screen.append(rang - shown)
        await call.hang_up()
    return rings


async def _asks(caller: SipCaller) -> tuple[OutsideCall, float]:
    """Dial, press 0 for a person and 2 for the reason; the call, and when the last key was released."""
    call = await caller.dial("4000001234")
    await call.until_sound()
    await call.press("0")
    return call, await call.press("2") + KEY


async def _came(desk: SipCaller, number: int) -> OutsideCall:
    async with asyncio.timeout(20):
        while len(desk.came) <= number:
            await asyncio.sleep(0.01)
    return desk.came[number]


async def _until_free(hotline: HotlineProcess, seat: str) -> None:
    async with asyncio.timeout(30):
        while hotline.rows("select state from seats where id = ?", seat) != [("ready",)]:
            await asyncio.sleep(0.1)


# Delay


async def _delays(hotline: HotlineProcess, caller: SipCaller, desk: SipCaller) -> AsyncIterator[Row]:
    direct = [seconds for _ in range(CALLS_TALKING) for seconds in await _between_two()]
    yield Row(f"Voice between two telephones, p95 of {len(direct)}", _part(direct, 0.95) * 1000, "ms")
    for what, laws in (("one law", (PCMU,)), ("two laws", (PCMA,))):
        through: tuple[list[float], list[float]] = ([], [])
        for _ in range(CALLS_TALKING):
            for all_of_way, of_call in zip(through, await _through(hotline, caller, desk, laws), strict=True):
                all_of_way.extend(of_call)
        for way, seconds in zip(("to the seat", "to the caller"), through, strict=True):
            yield Row(
                f"A bridge adds, {what}, {way}, p50 of {len(seconds)}", _added(seconds, direct, 0.5), "ms"
            )
            yield Row("… p95", _added(seconds, direct, 0.95), "ms", ADDED * 1000)


def _added(seconds: Sequence[float], direct: Sequence[float], part: float) -> float:
    return (_part(seconds, part) - _part(direct, part)) * 1000


async def _through(
    hotline: HotlineProcess, caller: SipCaller, desk: SipCaller, laws: tuple[int, ...]
) -> tuple[list[float], list[float]]:
    """One talk: the delays to the seat, and to the caller."""
    number, joined = len(desk.came), _talks(hotline)
    call = await caller.dial("4000001234", offer=Offer(payload_types=laws))
    await call.until_sound()
    await call.press("02")
    at_desk = await _came(desk, number)
    async with asyncio.timeout(40):
        while _talks(hotline) == joined:
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.0)
    there, back = await asyncio.gather(_delay(call.rtp, at_desk.rtp), _delay(at_desk.rtp, call.rtp))
    await call.hang_up()
    await _until_free(hotline, "desk")
    return there, back


def _talks(hotline: HotlineProcess) -> int:
    ((count,),) = hotline.rows("select count(*) from call_events where kind = 'talk_joined'")
    return int(count)


async def _between_two() -> list[float]:
    """The delays between two telephones that no hotline is between."""
    one, other = Rtp(), Rtp()
    try:
        one.start(("127.0.0.1", other.port), PCMU, EVENTS)
        other.start(("127.0.0.1", one.port), PCMU, EVENTS)
        await asyncio.sleep(random.random() * 0.02)
        return await _delay(one, other)
    finally:
        await one.close()
        await other.close()


class _Speaker:
    """Says single packets of noise, each of its own, with silence between, and knows when each was sent."""

    def __init__(self, rtp: Rtp, packets: int, seed: int) -> None:
        self.rtp = rtp
        noise = np.random.default_rng(seed).standard_normal((packets, FRAME)) * 3000
        self.sent: list[tuple[float, Pcm]] = []
        self._send = rtp.send
        self._waiting = {encode(sound, rtp.payload_type): sound for sound in noise.astype(np.int16)}
        rtp.send = self._timed  # type: ignore[method-assign]
        for sound in self._waiting.values():
            rtp.say(np.concatenate([sound, np.zeros(BETWEEN * FRAME, np.int16)]))

    def _timed(self, payload: bytes, payload_type: int, **more: Any) -> None:
        at = time.time()
        self._send(payload, payload_type, **more)
        sound = self._waiting.pop(payload, None)
        if sound is not None:
            self.sent.append((at, sound))

    def close(self) -> None:
        self.rtp.send = self._send  # type: ignore[method-assign]


async def _delay(speaker: Rtp, hearer: Rtp) -> list[float]:
    """Seconds from one telephone's socket to the other's, of every packet that was heard."""
    begin = len(hearer.heard)
    said = _Speaker(speaker, PACKETS, random.randrange(1 << 30))
    async with asyncio.timeout(60):
        while len(said.sent) < PACKETS:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    said.close()
    loud = [packet for packet in hearer.heard[begin:] if packet.loud]
    return [seconds for at, sound in said.sent if (seconds := _heard_after(loud, at, sound)) is not None]


def _heard_after(heard: Sequence[Packet], at: float, sound: Pcm) -> float | None:
    return next((one.at - at for one in heard if 0 <= one.at - at < 0.5 and _alike(one.pcm, sound)), None)


def _alike(one: Pcm, other: Pcm) -> bool:
    a, b = one.astype(float), other.astype(float)
    if len(a) != len(b):
        return False
    size = np.sqrt((a @ a) * (b @ b))
    return bool(size > 0 and a @ b / size > SAME)


# The hotline


@contextmanager
def _hotline(folder: Path) -> Iterator[HotlineProcess]:
    """A hotline whose people are there at any time, with a desk telephone's seat and one of a browser."""
    data = folder / "data"
    run_command("db", "demo", "--customers", "30", environment=environment_of(data))
    flows = always_open(folder / "flows")
    with serving(data, flows_dir=flows) as hotline:
        yield hotline


async def _prepare(hotline: HotlineProcess, desk: SipCaller) -> None:
    """Seats are ready again at once; the desk telephone has one."""
    url, key = f"sqlite:///{hotline.data_dir / 'hotline.db'}", hotline.data_dir / "database.key"
    host, port = desk.address
    async with await PolicyDatabase.open(url, keys=Keys.from_file(key)) as database:
        for queue in await database.seats.queues():
            await database.seats.put_queue(replace(queue, wrap_up_seconds=0.0), queue)
        await database.seats.add(seats=[Seat("desk", "desk", f"sip:desk@{host}:{port}", ("zh-CN",))])


def _part(values: Sequence[float], part: float) -> float:
    """The nearest-rank percentile; nan of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan
