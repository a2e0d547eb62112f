"""The audit trail as the console's areas write it: who looked at whom, who did what.

Entries are for good: the database refuses to change them. So a subject is `WHAT:ID` with an id of ours (a call, claim,
policy, customer, recording, seat), never a telephone number or a name, and details hold ids, counts and words of our
own, never what a person said, wrote or typed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ivr.console.access import Visitor
from ivr.console.parts import ConsoleParts

#: One look at one thing is written once in so long, however often a live page reads itself again.
ONCE_IN: Final = timedelta(minutes=10)
_MOST_REMEMBERED: Final = 20_000
_KEY: Final = "audit.looks"
_Looks = dict[tuple[str, str], datetime]


async def looked_at(parts: ConsoleParts, visitor: Visitor, what: str, id: str, **details: object) -> None:  # noqa: A002
    """Note that the visitor saw personal data of a thing, `("call", call_id)`; once in ten minutes for each."""
    looks: _Looks = parts.shared.setdefault(_KEY, {})
    key, now = (visitor.who, f"{what}:{id}"), parts.clock()
    last = looks.get(key)
    if last is not None and now - last < ONCE_IN:
        return
    _forget_old(looks, now)
    looks[key] = now
    try:
        await parts.database.audit.add(visitor.who, "looked", key[1][:100], details)
    except BaseException:
        looks.pop(key, None)  # not written, so the next look must be
        raise


async def did(parts: ConsoleParts, visitor: Visitor, action: str, subject: str, **details: object) -> None:
    """Note that the visitor did `action` (`paused_recording`) to `subject` (`call:ID`)."""
    await parts.database.audit.add(visitor.who, action, subject[:100], details)


def _forget_old(looks: _Looks, now: datetime) -> None:
    """Keep the memory small; what it forgets is at worst written once more."""
    if len(looks) < _MOST_REMEMBERED:
        return
    for key in [key for key, at in looks.items() if now - at >= ONCE_IN]:
        del looks[key]
    if len(looks) >= _MOST_REMEMBERED:
        looks.clear()
