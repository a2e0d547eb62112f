"""Messages and claim reports for a demonstration, left as callers would leave them, with recordings that can be heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from policy_db.calls import Calls
from policy_db.claims import Claims
from policy_db.demo.data import load_yaml
from policy_db.message_facts import Due, MessageChange, Transcript
from policy_db.messages import Messages
from policy_db.recordings import Recordings
from policy_db.tables import RecordingRow

if TYPE_CHECKING:
    from policy_db.database import PolicyDatabase

_WORKER: Final = "demo"
_ENGINE: Final = "demonstration"


@dataclass(frozen=True, slots=True)
class DemoSound:
    """A recording that was made: its file (relative to the recordings folder), seconds, bytes, and what it says."""

    file: str
    seconds: float
    size: int
    text: str


#: Makes the sound of a name from prompts (`{"prompt", …values}`) in a language.
Speak = Callable[[str, Sequence[Mapping[str, str]], str], DemoSound]


async def leave_demo_messages(
    db: PolicyDatabase, *, now: datetime, zone: str, speak: Speak, due: Due
) -> None:
    """Leave the demonstration's messages and claim reports, unless there are recordings already."""
    async with db.store.reading() as connection:
        if (await connection.execute(select(RecordingRow.id).limit(1))).first() is not None:
            return
    content: dict[str, Any] = load_yaml("messages.yaml")
    for entry in content["messages"]:
        await _leave(db, entry, now - timedelta(hours=entry["hours"]), speak, due)
    for entry in content["claims"]:
        await _report(db, entry, now - timedelta(hours=entry["hours"]), ZoneInfo(zone), speak)


async def _leave(db: PolicyDatabase, entry: Mapping[str, Any], at: datetime, speak: Speak, due: Due) -> None:
    call = await _call(db, entry, at)
    recording = await _record(
        db, call, "message", entry, at, speak(f"{entry['id']}.wav", entry["say"], entry["language"]),
        purpose="voicemail", mailbox=entry["mailbox"], reason=entry["reason"],
    )  # fmt: skip
    await _hang_up(db, call, entry, at)
    messages = Messages(db.store, lambda: at)
    await messages.take_in(due)
    if "state" in entry:
        change = MessageChange(state=entry["state"], category=entry["category"], text="已处理，客户满意。")
        await messages.change(recording, "system", change, version=0, due=due)


async def _report(
    db: PolicyDatabase, entry: Mapping[str, Any], at: datetime, zone: ZoneInfo, speak: Speak
) -> None:
    today = at.astimezone(zone).date()
    call, claims = await _call(db, entry, at), Claims(db.store, lambda: at)
    report = await claims.begin(
        caller=entry["caller"],
        today=today,
        policy=entry["policy"],
        level=entry["level"],
        call_id=call,
        resume=False,
    )
    for question, value in entry["answers"].items():
        await claims.save_answer(report.id, question, _dated(value, today) if question == "when" else value)
    for question, say in entry["spoken"].items():
        sound = speak(f"{entry['id']}-{question}.wav", say, entry["language"])
        recording = await _record(
            db, call, question, entry, at, sound, purpose="claim", claim=report.id, reason="claim"
        )
        await claims.attach(report.id, question, recording)
    if entry.get("broken_off"):
        await _hang_up(db, call, entry, at)
    else:
        await claims.submit(report.id, today)
        await _hang_up(db, call, entry, at)


async def _call(db: PolicyDatabase, entry: Mapping[str, Any], at: datetime) -> str:
    call = f"{at:%Y%m%d-%H%M%S}-demo-{entry['id']}"
    calls = Calls(db.store, lambda: at)
    await calls.begin(
        call,
        worker=_WORKER,
        caller=entry["caller"],
        called="4000001234",
        language=entry["language"],
        flow="main",
    )
    known = partial(calls.update, call, level=entry["level"])
    await (known(policy=entry["policy"]) if entry["level"] and "policy" in entry else known())
    return call


async def _hang_up(db: PolicyDatabase, call: str, entry: Mapping[str, Any], at: datetime) -> None:
    calls = Calls(db.store, lambda: at + timedelta(minutes=2))
    if entry.get("broken_off"):
        await calls.close_broken_off(_WORKER)
    else:
        await calls.finish(call, "caller_hung_up")


async def _record(
    db: PolicyDatabase,
    call: str,
    name: str,
    entry: Mapping[str, Any],
    at: datetime,
    sound: DemoSound,
    **facts: Any,
) -> str:
    recording = f"{call}-{name}"
    recordings = Recordings(db.store, lambda: at)
    await recordings.begin(
        recording,
        call=call,
        worker=_WORKER,
        file=sound.file,
        caller=entry["caller"],
        level=entry["level"],
        **facts,
    )
    await recordings.progress(recording, seconds=sound.seconds, size=sound.size)
    if not entry.get("broken_off"):
        await recordings.finish(recording, seconds=sound.seconds, size=sound.size, why="key")
        await recordings.keep(recording)
    said = Transcript(sound.text, entry["language"], 0.97, _ENGINE, at)
    await db.messages.write_down(recording, said)
    return recording


def _dated(value: str, today: Any) -> str:
    """`1 17:30` is yesterday at half past five."""
    back, _, clock = value.partition(" ")
    return f"{today - timedelta(days=int(back))} {clock}".rstrip()
