"""Messages that Twilio recorded while we were away become messages here, and are kept there no more.

The fallback document (`ivr/lines/twilio/take_message.xml`) is answered by Twilio or some other server when we are
down; what callers said then waits at Twilio. It is looked for when this process starts, every while, and as soon as
Twilio tells of one.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import soundfile
import structlog

from ivr.console.beside import beside
from ivr.console.parts import ConsoleParts
from ivr.lines.twilio.access import access_of
from ivr.lines.twilio.faults import TwilioError
from ivr.lines.twilio.rest import RecordingFact, TwilioRest
from ivr.media.clip import Clip, to_telephone
from ivr.media.g711 import Law
from ivr.media.wav import write_g711
from policy_db.errors import PolicyDatabaseError

log = structlog.get_logger("ivr.console.twilio")

#: Seconds between two looks, and how far back is looked.
BEAT: Final = 600.0
_BACK: Final = timedelta(days=14)
#: How Twilio says that a recording is one of the fallback document's.
_BY_DOCUMENT: Final = "RecordVerb"
_BELL: Final = "twilio.bell"


@asynccontextmanager
async def bringing_in(parts: ConsoleParts) -> AsyncIterator[None]:
    """Bring messages in for the length of the block, where there is an account."""
    access = access_of(parts.settings)
    if access is None:
        yield
        return
    bell = parts.shared[_BELL] = asyncio.Event()
    rest = TwilioRest(access)
    try:
        async with beside(_keep_looking(parts, rest, bell)):
            yield
    finally:
        await rest.close()


def look_soon(parts: ConsoleParts) -> None:
    """There is a recording."""
    bell = parts.shared.get(_BELL)
    if isinstance(bell, asyncio.Event):
        bell.set()


async def bring_in(parts: ConsoleParts, rest: TwilioRest) -> int:
    """Bring in what Twilio has; how many messages that were. Raises TwilioError, OSError, PolicyDatabaseError."""
    brought = 0
    for fact in await rest.recordings(parts.clock() - _BACK):
        if fact.by == _BY_DOCUMENT and fact.status == "completed":
            brought += await _bring(parts, rest, fact)
    if brought:
        parts.bus.publish("message", "*")
    return brought


async def _bring(parts: ConsoleParts, rest: TwilioRest, fact: RecordingFact) -> bool:
    """One recording: its file, its row, and only then Twilio's own is deleted. A row that is there is enough."""
    call = await rest.call(fact.call)
    if call.to != rest.access.number:
        return False
    name = f"twilio-{fact.sid}"
    recordings = parts.database.recordings
    known = await recordings.find(name)
    if known is None or known.state == "recording":
        day = (fact.created_at or parts.clock()).strftime("%Y-%m-%d")
        path = parts.settings.recordings_dir / day / f"{name}.wav"
        seconds = await asyncio.to_thread(_write, path, await rest.recording(fact.sid))
        file = str(path.relative_to(parts.settings.recordings_dir))
        await recordings.begin(
            name, purpose="voicemail", call=fact.call, worker="twilio", file=file, caller=call.caller,
            mailbox="service", reason="fallback",
        )  # fmt: skip
        await recordings.finish(name, seconds=seconds, size=path.stat().st_size, why="hang_up")
        await recordings.keep(name)
    await rest.delete_recording(fact.sid)
    log.info("twilio.message_brought_in", recording=name)
    return True


def _write(path: Path, wav: bytes) -> float:
    """Keep a recording as ours are kept; its seconds."""
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)
    clip = Clip.from_samples(to_telephone(samples[:, 0], rate))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_g711(path, clip.frames(Law.MU), Law.MU)
    return float(len(samples) / rate)


async def _keep_looking(parts: ConsoleParts, rest: TwilioRest, bell: asyncio.Event) -> None:
    while True:
        try:
            await bring_in(parts, rest)
        except (TwilioError, OSError, PolicyDatabaseError, RuntimeError) as error:
            log.warning("twilio.messages_not_brought_in", error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), BEAT)
        bell.clear()
