"""Calls over Twilio on loopback: how soon its webhook is answered, what the way of the sound adds, 50 streams at once.

Our side, which is the webhooks and the relay in one process and the worker's line in another, runs on one core; the fake
Twilio on any. What the line adds to the sound is timed from a click that one caller sends to the same click at the
caller they are joined with, less the 20 ms that each frame takes to be spoken.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "twilio_line")]

from bench_row import Row

from ivr.testing.twilio import FakeCall, FakeTwilio, MediaStream

STREAMS = 50
WEBHOOKS = 200
SECONDS = 10.0
#: The loudest frame there is, and how far its bytes are from silence.
CLICK = bytes([0x80]) * 160
FRAME = 0.02


def rows() -> Iterator[Row]:
    """The figures."""
    found = asyncio.run(_measured())
    yield Row(f"Twilio webhook answered, p95 of {WEBHOOKS}", found["webhook"] * 1000, "ms", 50)
    yield Row(f"… while {STREAMS} streams run on the same core", found["webhook_busy"] * 1000, "ms")
    yield Row("audio from Twilio through the line and back to it, p50", found["added_p50"] * 1000, "ms")
    yield Row("… added, p95", found["added_p95"] * 1000, "ms", 60)
    yield Row(
        f"{STREAMS} streams: latest frame heard at Twilio after its time, p99", found["late"] * 1000, "ms", 60
    )
    yield Row(f"{STREAMS} streams: frames the media clock had to skip", found["skipped"], "frames", 0)
    yield Row(f"{STREAMS} streams: of one core, worker and relay", found["cpu"] * 100, "%", 100)


async def _measured() -> dict[str, float]:
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, folder))
        async with FakeTwilio("") as twilio:
            here.send(twilio.settings)
            process.start()
            url = await asyncio.to_thread(here.recv)
            twilio.public_url, twilio.voice_url = url, f"{url}/twilio/voice"
            alone = _share(sorted(await _webhooks(twilio)), 0.95)
            found = await _calls(twilio, here) | {"webhook": alone}
            here.send("end")
            await asyncio.to_thread(process.join)
    return found


async def _calls(twilio: FakeTwilio, ours: Any) -> dict[str, float]:
    calls = []
    for number in range(STREAMS):  # one after another, for neighbours are joined
        calls.append(call := await twilio.call(f"+86138{number:08d}"))
        await call.until(lambda call=call: call.streaming)
    await asyncio.sleep(1.0)
    ours.send("begin")
    marks = [len(call.stream.arrivals) for call in calls]
    webhooks = asyncio.create_task(_webhooks(twilio))
    added = await _clicks(calls)
    ours.send("stop")
    told = await asyncio.to_thread(ours.recv)
    late = sorted(
        one for call, mark in zip(calls, marks, strict=True) for one in _late(call.stream.arrivals[mark:])
    )
    await asyncio.gather(*(call.hang_up() for call in calls))
    return {
        "webhook_busy": _share(sorted(await webhooks), 0.95),
        "added_p50": _share(added, 0.5),
        "added_p95": _share(added, 0.95),
        "late": _share(late, 0.99),
        **told,
    }


async def _webhooks(twilio: FakeTwilio) -> list[float]:
    """Ask for the document of a call again and again, one at a time."""
    twilio.webhooks.seconds.clear()
    for number in range(WEBHOOKS):
        form = {"CallSid": f"CA{number:032x}", "From": "+8613800138000", "To": twilio.number}
        assert "<Stream" in (await twilio.webhooks.document(twilio.voice_url, form) or "")
        await asyncio.sleep(SECONDS / WEBHOOKS / 2)
    return twilio.webhooks.seconds


async def _clicks(calls: list[FakeCall]) -> list[float]:
    """A click each half second from the first of each pair, until the second of it hears it."""
    loop = asyncio.get_running_loop()
    delays: list[float] = []
    until = loop.time() + SECONDS
    while loop.time() < until:
        pair = 2 * (len(delays) % (STREAMS // 2))
        one, other = calls[pair].stream, calls[pair + 1].stream
        delays.append(await _click(one, other))
        await asyncio.sleep(0.1)
    return sorted(delays)


async def _click(one: MediaStream, other: MediaStream) -> float:
    """What the way of a click from one stream to another adds, in seconds."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[float] = loop.create_future()
    sent: list[float] = []

    def came(sound: bytes) -> None:
        if sound[:1] == CLICK[:1] and not heard.done():
            heard.set_result(loop.time())

    def went(frame: bytes, at: float) -> None:
        if frame == CLICK:
            sent.append(at)

    other.on_media, one.on_sent = came, went
    one.say(CLICK)
    async with asyncio.timeout(5):
        return await heard - sent[0] - FRAME


def _late(arrivals: list[float]) -> list[float]:
    """How much later than the earliest of its stream's beat each frame came, in seconds."""
    times = [at - number * FRAME for number, at in enumerate(arrivals)]
    return [one - min(times) for one in times] if times else []


def _share(values: list[float], share: float) -> float:
    return values[int(share * (len(values) - 1))] if values else float("nan")


def _serve(pipe: Any, folder: str) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asyncio.run(_serving(pipe, Path(folder)))


async def _serving(pipe: Any, folder: Path) -> None:
    from twilio_house import ours

    from ivr.lines.base import Leg
    from ivr.media.bridge import Bridge
    from ivr.worker.punctual import be_punctual

    legs: list[Any] = []
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(ours(folder, pipe.recv()))
        worker = await house.add("worker-0")
        clock = worker.line.media_clock

        def take(leg: Leg) -> None:
            legs.append(leg)
            leg.attach(lambda event: None)
            leg.answer()
            if len(legs) % 2 == 0:
                bridge = Bridge(clock)
                bridge.join(legs[-2].port)
                bridge.join(legs[-1].port)

        worker.line._on_call = take
        be_punctual()
        pipe.send(house.parts.settings.public_url)
        await _told(pipe)
        before, began = clock.lateness.skipped, asyncio.get_running_loop().time()
        used = sum(os.times()[:2])
        await _told(pipe)
        cpu = (sum(os.times()[:2]) - used) / (asyncio.get_running_loop().time() - began)
        pipe.send({"skipped": float(clock.lateness.skipped - before), "cpu": cpu})
        await _told(pipe)


async def _told(pipe: Any) -> str:
    while not pipe.poll():
        await asyncio.sleep(0.02)
    return str(pipe.recv())


if __name__ == "__main__":
    for row in rows():
        print(json.dumps([row.name, row.figure, row.verdict], ensure_ascii=False))
