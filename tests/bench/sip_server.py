"""A hotline reduced to its line, for figures: `python sip_server.py LINE WORK`, in a process of its own.

LINE is `sip` or `pjsua`. WORK is what a call does:
  loop   a prompt, over and over
  ivr    a prompt; at a key another one, then a recording of four seconds; and again from the start
  short  nothing: the caller is answered and heard
  pairs  two calls after another are bridged
Prints its SIP port; then, for each line of standard input, what it holds at that moment as a line of JSON. It
ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import structlog

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from ivr.lines.base import Answered, Ended, KeyDown, Leg, LegEvent, PlayEnded, RecordEnded, RecordRequest
from ivr.media.clip import Clip
from ivr.media.relay import Relay
from ivr.worker.punctual import be_punctual

#: Amplitude with which each frame of the first and of the second prompt begins: so packets tell them apart.
FIRST, SECOND = 8000, -8000
RECORDED_SECONDS = 4.0


def prompt(start: int, seconds: float) -> Clip:
    """A tone each of whose frames begins with the amplitude `start`."""
    moments = np.arange(int(seconds * 8000)) / 8000
    return Clip.from_samples((np.cos(2 * np.pi * 400 * moments) * start).astype(np.int16))


class Work:
    """What the calls of this server do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first, self._second = prompt(FIRST, 30.0), prompt(SECOND, 3.0)
        self._numbers = itertools.count()
        self._alone: Any = None
        self.calls = 0

    def loop(self, leg: Leg) -> None:
        """The first prompt, over and over."""

        def took(event: LegEvent) -> None:
            if isinstance(event, Answered | PlayEnded):
                leg.play([self._first], token="first")

        self._begin(leg, took)

    def ivr(self, leg: Leg) -> None:
        """Prompt, key, prompt, recording."""

        def took(event: LegEvent) -> None:
            match event:
                case Answered() | RecordEnded():
                    leg.play([self._first], token="first")
                case KeyDown():
                    leg.stop_playing()
                    leg.play([self._second], token="second")
                case PlayEnded("second"):
                    path = self._folder / f"{next(self._numbers)}.wav"
                    leg.record(RecordRequest(path.stem, path, RECORDED_SECONDS, RECORDED_SECONDS))
                case PlayEnded():
                    leg.play([self._first], token="first")

        self._begin(leg, took)

    def short(self, leg: Leg) -> None:
        """Answered, no more."""
        self._begin(leg, lambda event: None)

    def pairs(self, leg: Any) -> None:
        """Each second call is bridged with the one before."""
        relay: list[Relay] = []

        def took(event: LegEvent) -> None:
            if isinstance(event, Answered):
                if self._alone is None:
                    self._alone = leg
                else:
                    relay.append(Relay(self._alone.port, leg.port))
                    self._alone = None
            elif isinstance(event, Ended) and relay:
                relay.pop().close()

        self._begin(leg, took)

    def _begin(self, leg: Leg, took: Callable[[LegEvent], None]) -> None:
        self.calls += 1
        leg.attach(took)
        leg.answer()


def make_line(kind: str) -> Any:
    """The line of that name, on a free port of loopback."""
    if kind == "pjsua":
        from ivr.lines.pjsua import PjsuaLine, PjsuaSettings

        return PjsuaLine(PjsuaSettings(host="127.0.0.1", port=0))
    from ivr.lines.sip import SipLine, SipSettings

    return SipLine(SipSettings(host="127.0.0.1", port=0, most_calls=2000, rtp_port=20_000, rtp_ports=12_000))


def held(line: Any, work: Work) -> dict[str, Any]:
    """What the process holds at this moment; with calls up, nobody may be kept waiting by a collection."""
    if not line.active:
        gc.collect()
    process = psutil.Process()
    times = process.cpu_times()
    figures: dict[str, Any] = {
        "calls": work.calls,
        "active": line.active,
        "rss": process.memory_info().rss,
        "cpu": times.user + times.system,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": process.num_threads(),
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
    }
    known = getattr(line, "figures", None)
    if known is not None:
        figures |= {"sessions": known.sessions, "transactions": known.transactions}
        figures["lateness"] = line.media_clock.lateness.percentile(0.99)
        figures["largest"] = line.media_clock.lateness.largest
    figures["ours"] = dict(
        Counter(
            type(one).__name__
            for one in gc.get_objects()
            if type(one).__module__.startswith(("ivr.sip", "ivr.lines", "ivr.media"))
        ).most_common(40)
    )
    return figures


async def serve(kind: str, name: str, folder: Path) -> None:
    """Take calls until standard input ends."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    line, work = make_line(kind), Work(folder)
    await line.start(getattr(work, name))
    be_punctual()
    sys.stdout.write(f"{line.port}\n")
    sys.stdout.flush()
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(held(line, work)) + "\n")
        sys.stdout.flush()
    await line.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(serve(sys.argv[1], sys.argv[2], Path(folder)))
