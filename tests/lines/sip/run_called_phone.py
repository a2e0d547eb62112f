"""A pjsua2 telephone in a process of its own that is called: prints its SIP port, answers, presses a key.

`python run_called_phone.py caller|us`: who hangs up, as this telephone sees it. It ends with its call, and prints
the keys it was sent.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog

from ivr.lines.base import Answered, Ended, KeyDown, Leg, LegEvent
from ivr.lines.pjsua import PjsuaLeg, PjsuaLine, PjsuaSettings
from ivr.media import tones


async def main(who: str) -> None:
    """Take one call."""
    line, over = PjsuaLine(PjsuaSettings(host="127.0.0.1", port=0)), asyncio.Event()
    keys: list[str] = []
    loop = asyncio.get_running_loop()

    def took(leg: Leg) -> None:
        assert isinstance(leg, PjsuaLeg)

        def event(one: LegEvent) -> None:
            if isinstance(one, Answered):
                leg.play([tones.beep()] * 20, token="beeps")
                loop.call_later(0.4, leg.press, "7")
                if who == "us":
                    loop.call_later(1.0, leg.hang_up)
            elif isinstance(one, KeyDown):
                keys.append(one.key)
            elif isinstance(one, Ended):
                over.set()

        leg.attach(event)
        leg.answer()

    await line.start(took)
    sys.stdout.write(f"{line.port}\n")
    sys.stdout.flush()
    await asyncio.wait_for(over.wait(), 15)
    await line.stop()
    sys.stdout.write(f"{''.join(keys)}\n")


structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
asyncio.run(main(sys.argv[1]))
