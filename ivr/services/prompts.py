"""Recording prompts by telephone: who may, what there is to record, and the take that is put in place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ivr.flow.values import Level, Secret, Value
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, CODE, DIGITS, INTEGER, RECORDING, SECRET, TEXT, code, record
from ivr.speech.errors import ClipError

if TYPE_CHECKING:
    from ivr.speech.studio import Studio
    from ivr.speech.units import Unit
    from policy_db import PolicyDatabase

#: Why a recording is not taken, by the code of the error: the prompts `record_refused.WORD` say what to do.
REASONS: Final = {
    "P301": "broken", "P304": "silent", "P305": "quiet", "P306": "overdriven", "P307": "short", "P308": "long",
}  # fmt: skip
_FOUND: Final = record(number=DIGITS, language=CODE, now=RECORDING, sounds=BOOLEAN, state=CODE)
#: What the Speaker plays for a recording of that name: what stands there now, and the take of a call.
NOW, TAKE = "prompt:", "take:"


@dataclass(frozen=True, slots=True)
class RecordingRoom:
    """What recording by telephone needs: the studio, the folder of callers' recordings, and who hears of changes."""

    studio: Studio
    recordings: Path
    changed: Callable[[str], None] = lambda name: None


class PromptServices:
    """The door to the studio and what is done in it. Without a room nobody is let in."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook, room: RecordingRoom | None) -> None:
        self._database = database
        self._proofs = proofs
        self._room = room

    @service("prompts.enter", inputs={"number": DIGITS, "pin": SECRET},
             outcomes={"entered": record(name=TEXT), "refused": record(tries_left=INTEGER), "locked": None},
             grants={"entered": Level.VERIFIED}, idempotent=False)  # fmt: skip
    async def enter(self, context: ServiceContext, number: str, pin: Secret) -> Outcome:
        """Check the number and PIN that the console gave a person for recording prompts."""
        check = await self._database.identity.check_recorder(
            number, pin.reveal(), caller=context.caller, call_id=context.call_id
        )
        if check.outcome == "locked":
            return Outcome("locked")
        user = await self._database.users.find(check.name or "") if check.outcome == "passed" else None
        if user is None or self._room is None:
            return Outcome("refused", {"tries_left": check.tries_left})
        self._proofs.raise_recorder(context.call_id, user.name)
        return Outcome("entered", {"name": user.display})

    @service("prompts.find", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _FOUND, "none": None})  # fmt: skip
    async def find(self, context: ServiceContext, number: str) -> Outcome:
        """What is recorded under a number, and what it sounds like now."""
        room, _ = self._of(context, "prompts.find")
        return await asyncio.to_thread(self._told, room, context, number)

    @service("prompts.wanting", inputs={"language": CODE, "after": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _FOUND, "none": None})  # fmt: skip
    async def wanting(self, context: ServiceContext, language: str, after: str) -> Outcome:
        """The next prompt of a language that has no sound, or only a stand-in; behind number `after`, 0 for the first."""
        room, _ = self._of(context, "prompts.wanting")
        unit = await asyncio.to_thread(room.studio.next_wanting, language, after, context.now)
        return (
            Outcome("none") if unit is None
            else await asyncio.to_thread(self._told, room, context, unit.number)
        )  # fmt: skip

    @service("prompts.take", inputs={"number": DIGITS, "recording": RECORDING}, level=Level.VERIFIED,
             outcomes={"ok": record(take=RECORDING), "refused": record(why=code(*REASONS.values()))})  # fmt: skip
    async def take(self, context: ServiceContext, number: str, recording: str) -> Outcome:
        """Trim and level what was said, and check whether it can be put before callers."""
        room, _ = self._of(context, "prompts.take")
        unit = _unit(room, number)
        said = await self._database.recordings.find(recording)
        if said is None or said.call != context.call_id:
            return Outcome("refused", {"why": "broken"})
        try:
            await asyncio.to_thread(
                room.studio.take, context.call_id, unit, room.recordings / said.file, context.now
            )
        except ClipError as error:
            return Outcome("refused", {"why": REASONS.get(error.code, "broken")})
        return Outcome(value={"take": TAKE + context.call_id})

    @service("prompts.keep", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": None, "none": None}, idempotent=False)  # fmt: skip
    async def keep(self, context: ServiceContext, number: str) -> Outcome:
        """Put the take in place, the recording before it kept; callers hear it from their next prompt on."""
        room, who = self._of(context, "prompts.keep")
        unit = _unit(room, number)
        now = context.now.astimezone(UTC)
        placed = await asyncio.to_thread(room.studio.keep, context.call_id, unit, now)
        if placed is None:
            return Outcome("none")
        about = f"prompt:{unit.language}/{unit.name}"[:100]
        details = {"seconds": round(placed.seconds, 1), "by": "telephone"}
        await self._database.audit.add(f"staff:{who}", "recorded_prompt", about, details)
        room.changed(unit.name)
        return Outcome()

    @service("prompts.drop", level=Level.VERIFIED, outcomes={"ok": None})
    async def drop(self, context: ServiceContext) -> Outcome:
        """Forget the take."""
        room, _ = self._of(context, "prompts.drop")
        await asyncio.to_thread(room.studio.drop, context.call_id)
        return Outcome()

    def _of(self, context: ServiceContext, name: str) -> tuple[RecordingRoom, str]:
        """The room and the user whom this call has proved to be there. Raises LevelRefusedError."""
        who = self._proofs.of(context.call_id).recorder
        if who is None or self._room is None:
            raise LevelRefusedError(name, Level.VERIFIED)
        return self._room, who

    @staticmethod
    def _told(room: RecordingRoom, context: ServiceContext, number: str) -> Outcome:
        unit = room.studio.units.by_number(number)
        if unit is None:
            return Outcome("none")
        state = room.studio.look(unit.language, context.now).state(unit)
        found: dict[str, Value] = {
            "number": unit.number, "language": unit.language, "now": f"{NOW}{unit.language}/{unit.name}",
            "sounds": state != "missing", "state": state,
        }  # fmt: skip
        return Outcome(value=found)


def _unit(room: RecordingRoom, number: str) -> Unit:
    unit = room.studio.units.by_number(number)
    if unit is None:
        raise ValueError("no prompt has this number")
    return unit
