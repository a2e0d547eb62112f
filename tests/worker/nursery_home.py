"""A program with a nursery, for tests: spawns what it is told, and says what it sees.

python nursery_home.py [--lose]      `--lose` kills the nursery under two running children
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from ivr.worker.nursery import Nursery, open_nursery
from ivr.worker.parent import PARENT, Born, end_with_parent

MARK = [object()]


def play(words: list[str]) -> None:
    """What a child does."""
    end_with_parent()
    if words[0] == "exit":
        sys.exit(int(words[1]))
    if words[0] == "tell":
        facts = {"mark": id(MARK[0]), "word": os.environ.get("WORD", ""), "parent": os.environ[PARENT]}
        Path(words[1]).write_text(json.dumps(facts))
    if words[0] == "sleep":
        signal.pause()


async def supervise(nursery: Nursery, path: str) -> None:
    """Spawn, kill, and print what was seen."""
    said = {"nursery": nursery.pid, "mark": id(MARK[0])}
    ended = await nursery.spawn(["exit", "3"], dict(os.environ))
    said["exit"] = await ended.wait()
    told = await nursery.spawn(["tell", path], {**os.environ, "WORD": "secret"})
    said["told"] = await told.wait()
    children = [await nursery.spawn(["sleep"], dict(os.environ)) for _ in range(2)]
    said["pids"] = [child.pid for child in children]
    if "--lose" in sys.argv:
        os.kill(nursery.pid, signal.SIGKILL)
        said["ends"] = [await child.wait() for child in children]
        try:
            await nursery.spawn(["exit", "0"], {})
        except OSError:
            said["gone"] = nursery.gone
    else:
        for child in children:
            child.send_signal(signal.SIGKILL)
        said["ends"] = [await child.wait() for child in children]
    await nursery.close()
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    try:
        nursery = open_nursery()
    except Born as born:
        play(born.words)
    else:
        asyncio.run(supervise(nursery, sys.argv[1]))
