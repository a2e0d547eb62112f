"""What calls over Media Streams cost: CPU of the worker's process, lateness of its media clock, delay of a bridge.

    python tests/bench/stream_calls_bench.py [CALLS] [SECONDS]

The line runs in a process of its own, and plays to each caller; callers send a frame each 20 ms. With `--bridge`
callers are bridged two and two, one of each pair sends marks in its sound, and the time to the other is taken.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

import numpy as np
from websockets.asyncio.client import connect

from ivr.lines.base import Leg, LegEvent, PlayEnded
from ivr.lines.stream import StreamLine, StreamSettings
from ivr.media import tones
from ivr.media.bridge import Bridge
from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.worker.control import NoControl, listening
from ivr.worker.punctual import be_punctual

TOKEN = "bench"
CLICK = bytes([0x80]) * FRAME  # the loudest there is


def serve(pipe: Any, bridged: bool, seconds: float) -> None:
    asyncio.run(_serve(pipe, bridged, seconds))


async def _serve(pipe: Any, bridged: bool, seconds: float) -> None:
    legs: list[Any] = []
    prompt = Clip.from_samples((tones.tone(5.0, 440, level=-20) * 32767).astype(np.int16))

    def take(leg: Leg) -> None:
        legs.append(leg)

        def told(event: LegEvent) -> None:
            if isinstance(event, PlayEnded):
                leg.play([prompt], token="p")

        leg.attach(told)
        leg.answer()
        if not bridged:
            leg.play([prompt], token="p")
        elif len(legs) % 2 == 0:
            bridge = Bridge(line.media_clock)
            bridge.join(legs[-2].port)
            bridge.join(legs[-1].port)

    line = StreamLine(StreamSettings(most_calls=1000))
    await line.start(take)
    async with listening("127.0.0.1", 0, token=TOKEN, stream=line, calls=list, control=NoControl()) as url:
        be_punctual()
        pipe.send(url)
        while not pipe.poll():
            await asyncio.sleep(0.05)
        pipe.recv()
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        used = (time.process_time() - cpu) / (time.monotonic() - began)
        late = line.media_clock.lateness
        trips = [leg.round_trip for leg in legs if leg.round_trip is not None]
        pipe.send((used, late.percentile(0.5), late.percentile(0.99), late.largest, late.skipped, trips))
        await line.stop()


async def call(url: str, number: int, clicks: dict[int, list[float]] | None) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    address = f"ws{url.removeprefix('http')}/stream"
    async with connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        told = {"streamSid": f"MZ{number}", "callSid": f"CA{number}", "customParameters": {}}
        await socket.send(json.dumps({"event": "start", "streamSid": f"MZ{number}", "start": told}))
        speaking = asyncio.create_task(speak(socket, number, clicks))
        try:
            await listen(socket, number, clicks)
        finally:
            speaking.cancel()


async def speak(socket: Any, number: int, clicks: dict[int, list[float]] | None) -> None:
    began, sent = time.monotonic(), 0
    while True:
        click = clicks is not None and number % 2 == 0 and sent % 50 == 49
        if click and clicks is not None:
            clicks.setdefault(number, []).append(-time.monotonic())
        payload = base64.b64encode(CLICK if click else SILENCE[Law.MU]).decode()
        message = {
            "track": "inbound",
            "chunk": str(sent + 1),
            "timestamp": str(sent * 20),
            "payload": payload,
        }
        await socket.send(json.dumps({"event": "media", "streamSid": f"MZ{number}", "media": message}))
        sent += 1
        await asyncio.sleep(max(0.0, began + sent * 0.02 - time.monotonic()))


async def listen(socket: Any, number: int, clicks: dict[int, list[float]] | None) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["event"] == "mark":
            await socket.send(text)
        elif clicks is not None and number % 2 and message["event"] == "media":
            waiting = clicks.get(number - 1, [])
            if waiting and waiting[-1] < 0 and base64.b64decode(message["media"]["payload"])[0] == CLICK[0]:
                waiting[-1] += time.monotonic()


async def main(calls: int, seconds: float, bridged: bool) -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, bridged, seconds))
    process.start()
    url = await asyncio.to_thread(here.recv)
    clicks: dict[int, list[float]] | None = {} if bridged else None
    tasks = []
    for number in range(calls):
        tasks.append(asyncio.create_task(call(url, number, clicks)))
        await asyncio.sleep(0.03)
    await asyncio.sleep(1.0)
    here.send("begin")
    used, median, p99, largest, skipped, trips = await asyncio.to_thread(here.recv)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    process.join()
    print(f"{calls} calls, {seconds:.0f} s: {100 * used / calls:.2f} % of a core each")
    print(
        f"media clock late: p50 {median * 1000:.1f}, p99 {p99 * 1000:.1f}, max {largest * 1000:.1f} ms, {skipped} skipped"
    )
    if trips:
        print(
            f"there and back, by marks: median {1000 * statistics.median(trips):.1f} ms, max {1000 * max(trips):.1f} ms"
        )
    if clicks:
        delays = sorted(one for many in clicks.values() for one in many if 0 < one < 2)
        p95 = delays[int(0.95 * (len(delays) - 1))]
        print(
            f"bridge: {len(delays)} clicks, median {1000 * statistics.median(delays):.1f}, p95 {1000 * p95:.1f} ms"
        )


if __name__ == "__main__":
    numbers = [word for word in sys.argv[1:] if not word.startswith("-")]
    asyncio.run(
        main(
            int(numbers[0]) if numbers else 20,
            float(numbers[1]) if len(numbers) > 1 else 10.0,
            "--bridge" in sys.argv,
        )
    )
