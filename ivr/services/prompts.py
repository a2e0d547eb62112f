"""Recording prompts by telephone: who may, what there is to record, and the take that is put in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol

from ivr.flow.values import Level, Secret
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext, service
from ivr.services.types import BOOLEAN, CODE, DIGITS, INTEGER, RECORDING, SECRET, TEXT, code, record

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

#: Why a recording is not taken; the prompts `record_refused.WORD` say what to do.
Unfit = Literal["broken", "silent", "quiet", "overdriven", "short", "long"]
UNFIT: Final = ("broken", "silent", "quiet", "overdriven", "short", "long")
_FOUND: Final = record(number=DIGITS, language=CODE, now=RECORDING, sounds=BOOLEAN, state=CODE)


@dataclass(frozen=True, slots=True)
class Recordable:
    """Something to record, by its number on the telephone. `now` names what is heard of it, if it `sounds` at all."""

    number: str
    language: str
    now: str
    state: str

    @property
    def sounds(self) -> bool:
        """Whether anything is heard for it."""
        return self.state != "missing"


@dataclass(frozen=True, slots=True)
class Placed:
    """What was put in place: the prompt as the audit names it, and its seconds."""

    about: str
    seconds: float


class RecordsPrompts(Protocol):
    """Where prompts are recorded. `call` keeps the takes of calls apart; moments are aware."""

    async def find(self, number: str, now: datetime) -> Recordable | None:
        """What has that number."""

    async def wanting(self, language: str, after: str, now: datetime) -> Recordable | None:
        """The next without a sound of its own, behind number `after`."""

    async def take(self, call: str, number: str, file: str, now: datetime) -> str | Unfit:
        """Trim, level and check what was said: the take's name (`take:…`), or why it is not taken."""

    async def keep(self, call: str, number: str, now: datetime) -> Placed | None:
        """Put the call's take in place; None if there is none."""

    async def drop(self, call: str) -> None:
        """Forget the call's take."""


class PromptServices:
    """The door to the studio and what is done in it. Without a studio nobody is let in."""

    def __init__(self, database: PolicyDatabase, proofs: ProofBook, studio: RecordsPrompts | None) -> None:
        self._database = database
        self._proofs = proofs
        self._studio = studio

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
        if user is None or self._studio is None:
            return Outcome("refused", {"tries_left": check.tries_left})
        self._proofs.raise_recorder(context.call_id, user.name)
        return Outcome("entered", {"name": user.display})

    @service("prompts.find", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _FOUND, "none": None})  # fmt: skip
    async def find(self, context: ServiceContext, number: str) -> Outcome:
        """What is recorded under a number, and what it sounds like now."""
        studio, _ = self._of(context, "prompts.find")
        return _told(await studio.find(number, context.now))

    @service("prompts.wanting", inputs={"language": CODE, "after": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": _FOUND, "none": None})  # fmt: skip
    async def wanting(self, context: ServiceContext, language: str, after: str) -> Outcome:
        """The next prompt of a language that has no sound, or only a stand-in; behind number `after`, 0 for the first."""
        studio, _ = self._of(context, "prompts.wanting")
        return _told(await studio.wanting(language, after, context.now))

    @service("prompts.take", inputs={"number": DIGITS, "recording": RECORDING}, level=Level.VERIFIED,
             outcomes={"ok": record(take=RECORDING), "refused": record(why=code(*UNFIT))})  # fmt: skip
    async def take(self, context: ServiceContext, number: str, recording: str) -> Outcome:
        """Trim and level what was said, and check whether it can be put before callers."""
        studio, _ = self._of(context, "prompts.take")
        said = await self._database.recordings.find(recording)
        if said is None or said.call != context.call_id:
            return Outcome("refused", {"why": "broken"})
        taken = await studio.take(context.call_id, number, said.file, context.now)
        return Outcome("refused", {"why": taken}) if taken in UNFIT else Outcome(value={"take": taken})

    @service("prompts.keep", inputs={"number": DIGITS}, level=Level.VERIFIED,
             outcomes={"ok": None, "none": None}, idempotent=False)  # fmt: skip
    async def keep(self, context: ServiceContext, number: str) -> Outcome:
        """Put the take in place, the recording before it kept; callers hear it from their next prompt on."""
        studio, who = self._of(context, "prompts.keep")
        placed = await studio.keep(context.call_id, number, context.now)
        if placed is None:
            return Outcome("none")
        details = {"seconds": round(placed.seconds, 1), "by": "telephone"}
        await self._database.audit.add(f"staff:{who}", "recorded_prompt", placed.about, details)
        return Outcome()

    @service("prompts.drop", level=Level.VERIFIED, outcomes={"ok": None})
    async def drop(self, context: ServiceContext) -> Outcome:
        """Forget the take."""
        studio, _ = self._of(context, "prompts.drop")
        await studio.drop(context.call_id)
        return Outcome()

    def _of(self, context: ServiceContext, name: str) -> tuple[RecordsPrompts, str]:
        """The studio and the user whom this call has proved to be there. Raises LevelRefusedError."""
        who = self._proofs.of(context.call_id).recorder
        if who is None or self._studio is None:
            raise LevelRefusedError(name, Level.VERIFIED)
        return self._studio, who


def _told(found: Recordable | None) -> Outcome:
    if found is None:
        return Outcome("none")
    return Outcome(value={
        "number": found.number, "language": found.language, "now": found.now, "sounds": found.sounds,
        "state": found.state,
    })  # fmt: skip
