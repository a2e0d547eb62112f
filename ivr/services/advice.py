"""What to suggest to the callers of a worker: reckoned as soon as a caller is known, ready before it is asked for.

    advice.known(journey)                       # the caller has been verified: reckoned in the background
    product = await advice.suggestion(call_id)  # at the end of a service task; once in a call, within the patience
    await advice.answered(call_id, "accepted")
    advice.on_the_way(journey, request)         # to a person, with a suggestion or a matter of their own
    advice.noted(call_id, "talk_joined", seat="anna")
    await advice.over(call_id)

Nothing of it ever fails a call or makes it wait longer: what is not ready in time is no suggestion.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from cross_sell.adviser import Adviser, referral_of
from cross_sell.call_facts import CallFacts, ServiceSide
from cross_sell.gates import SERVICE_GATES, shut_by_service, shut_for_call
from cross_sell.rules import SellingRules
from ivr.flow.instructions import Transfer
from ivr.flow.model import ELSEWHERE
from ivr.services.journey import SUGGESTION, Journey
from policy_db import PolicyDatabase
from policy_db.errors import ConflictError
from policy_db.selling_facts import OnSale, Referral, ReferralState, Suggestion

log = structlog.get_logger(__name__)

#: Seconds that a call waits at most for what to suggest.
PATIENCE: Final = 0.3
#: Seconds that the end of a call waits until its referral is as it came out.
_CLOSING: Final = 2.0
#: So many silences and wrong keys are a sign of difficulty.
_DIFFICULTY: Final = 5
#: Gates that may have opened since the caller became known, so that it is worth deciding again.
_PASSING: Final = frozenset({*SERVICE_GATES, "failed"})
#: The record of a call back is named after the call that it answers.
_CALL_BACK: Final = re.compile(r"-r\d+$")


def _note_nothing(call_id: str, kind: str, **details: Any) -> None:
    return


@dataclass(slots=True)
class _Call:
    """What is going on about one call. `wish` is how far the caller's yes came: empty, `accepted`, or an outcome."""

    journey: Journey
    ready: asyncio.Task[Suggestion | None] | None = None
    asked: Suggestion | None = None
    closed: bool = False
    wish: str = ""
    #: The last of what is written down for the call, in order.
    last: asyncio.Task[None] | None = None
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)


class Advice:
    """Suggestions for the calls of one worker.

    `side` reads who is there to sell to callers of a language; `recording` says that talks with seats are recorded;
    `tell` says that something about a call has changed, `note` adds to its timeline. `clock` gives aware time.
    """

    def __init__(
        self,
        database: PolicyDatabase,
        adviser: Adviser,
        rules: SellingRules,
        side: Callable[[str], Awaitable[ServiceSide]],
        *,
        recording: bool,
        clock: Callable[[], datetime],
        tell: Callable[[str], None] = lambda call_id: None,
        note: Callable[..., None] = _note_nothing,
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._adviser = adviser
        self._rules = rules
        self._side = side
        self._recording = recording
        self._clock = clock
        self._tell = tell
        self._note = note
        self._patience = patience
        self._calls: dict[str, _Call] = {}
        self._loose: set[asyncio.Task[Any]] = set()

    # What the call tells

    def known(self, journey: Journey) -> None:
        """The caller has proved who they are: what to suggest is reckoned from now on, while they are served."""
        call = self._call(journey)
        if not call.closed:
            call.ready = _spawn(call.tasks, self._reckon(call))

    def on_the_way(self, journey: Journey, request: Transfer) -> None:
        """The caller goes to a person. Who asked for one brings the hint along; who said yes is followed."""
        if request.queue in ELSEWHERE:
            return
        journey.asks_for_person(request.reason, request.details)
        call = self._call(journey)
        if (request.details.get("reason") or request.reason) == SUGGESTION:
            self._then(call, self._move(call, "transferred", who="hotline"))
        else:
            _spawn(call.tasks, self._reckon(call))

    def came_back(self, call_id: str, outcome: str) -> None:
        """The way to a person has ended; of a wish to hear the suggestion it is remembered how."""
        call = self._calls.get(call_id)
        if call is not None and call.wish:
            call.wish = outcome

    def noted(self, call_id: str, kind: str, **details: Any) -> None:
        """Something is noted about a call, here or called back: when a seat talks with its caller, that is known."""
        if kind == "talk_joined" and details.get("seat"):
            _spawn(self._loose, self._connected(_CALL_BACK.sub("", call_id), str(details["seat"])))

    async def over(self, call_id: str) -> None:
        """The call is over: what came of its suggestion is written down, within a bound."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        if call.wish and call.asked is not None:
            self._then(call, self._left_open(call))
        if call.ready is not None:
            call.ready.cancel()
        if call.tasks:
            await asyncio.wait(call.tasks, timeout=_CLOSING)
        for task in call.tasks:
            task.cancel()

    # What the flow asks

    async def suggestion(self, call_id: str) -> OnSale | None:
        """The product to ask the caller about now, at most once in a call; None within the patience otherwise."""
        call = self._calls.get(call_id)
        if call is None or call.closed:
            return None
        try:
            async with asyncio.timeout(self._patience):
                suggestion, product = await self._decided(call)
        except Exception as error:
            log.warning("no suggestion in time", call_id=call_id, error=type(error).__name__)
            return None
        if suggestion is None or not suggestion.offers:
            return None
        call.asked, call.closed = suggestion, True
        self._then(call, self._move(call, "offered", who="hotline"))
        return product

    async def answered(self, call_id: str, answer: str) -> None:
        """What the caller said. Silence ends the question without being a no. Raises what keeps it from being kept."""
        call = self._calls.get(call_id)
        if call is None or call.asked is None:
            return
        if answer == "accepted":
            call.wish = "accepted"
        state: dict[str, ReferralState] = {"accepted": "accepted", "refused": "refused", "silent": "lost"}
        note = "no answer" if answer == "silent" else ""
        await self._after_what_was(call)
        await self._move(call, state[answer], who="caller", note=note)

    # Deciding

    def _call(self, journey: Journey) -> _Call:
        return self._calls.setdefault(journey.call_id, _Call(journey))

    async def _reckon(self, call: _Call) -> Suggestion | None:
        """Decide, and write it down; None where even that fails."""
        try:
            suggestion = await self._adviser.advise(await self._facts(call.journey))
        except Exception as error:
            log.warning("nothing decided", call_id=call.journey.call_id, error=type(error).__name__)
            return None
        name = call.journey.call_id
        self._note(name, "suggestion", what=suggestion.arm, gate=suggestion.gate, product=suggestion.product)
        self._tell(name)
        return suggestion

    async def _decided(self, call: _Call) -> tuple[Suggestion | None, OnSale | None]:
        """What was decided when the caller became known, if it still holds, else what is decided now."""
        ready = call.ready
        suggestion = None if ready is None else await asyncio.shield(ready)
        if suggestion is None or suggestion.gate in _PASSING or not await self._holds(call, suggestion):
            suggestion = await asyncio.shield(_spawn(call.tasks, self._reckon(call)))
        if suggestion is None or not suggestion.product:
            return suggestion, None
        return suggestion, await self._database.offered.find(suggestion.product)

    async def _holds(self, call: _Call, suggestion: Suggestion) -> bool:
        """Whether no gate has been shut meanwhile that the call itself or the seats shut."""
        if not suggestion.product:
            return True
        facts = await self._facts(call.journey)
        product = await self._database.offered.find(suggestion.product)
        if product is None or not product.offered.active or shut_for_call(facts):
            return False
        return not shut_by_service(facts, product.offered, self._rules)

    async def _facts(self, journey: Journey) -> CallFacts:
        language = journey.language
        return CallFacts(
            call_id=journey.call_id,
            policy=journey.policy,
            number=journey.number,
            level=journey.level,
            language=language,
            now=self._clock(),
            flows=tuple(journey.visited),
            intents=frozenset(journey.matters),
            wants_person=journey.wants_person,
            matter_settled=not journey.in_trouble,
            waited=journey.waited,
            repeats=journey.repeats,
            vulnerable=journey.repeats >= _DIFFICULTY,
            recording=self._recording,
            seats=await self._side(language),
        )

    # What becomes of it

    def _then(self, call: _Call, work: Coroutine[Any, Any, None]) -> None:
        """Do it after what was to be done before, in the background."""
        before = call.last

        async def in_turn() -> None:
            if before is not None:
                await asyncio.wait({before})
            try:
                await work
            except Exception as error:
                log.warning("referral not moved", call_id=call.journey.call_id, error=type(error).__name__)

        call.last = _spawn(call.tasks, in_turn())

    async def _after_what_was(self, call: _Call) -> None:
        if call.last is not None:
            await asyncio.wait({call.last})

    async def _move(self, call: _Call, state: ReferralState, *, who: str, note: str = "") -> None:
        referral = await self._referral(call)
        if referral is None:
            return
        try:
            await self._adviser.move(referral.id, state, who=who, note=note)
        except ConflictError:
            return  # it has gone further meanwhile
        self._tell(call.journey.call_id)

    async def _referral(self, call: _Call) -> Referral | None:
        """The referral of what the caller was asked about, begun now if it was not when it was decided."""
        asked = call.asked
        if asked is None:
            return None
        known = await self._database.referrals.of_call(asked.call_id)
        found = next((one for one in reversed(known) if one.product == asked.product), None)
        return found or await self._database.referrals.flag(referral_of(asked), who="hotline")

    async def _connected(self, call_id: str, seat: str) -> None:
        """A seat talks with a caller who said yes."""
        try:
            for referral in await self._database.referrals.of_call(call_id):
                if referral.state in ("accepted", "transferred") and referral.referred_by != seat:
                    await self._adviser.connected(referral.id, seat)
                    self._tell(call_id)
        except Exception as error:
            log.warning("referral not moved", call_id=call_id, error=type(error).__name__)

    async def _left_open(self, call: _Call) -> None:
        """A yes that no seat has heard stays open for those who wait for a call, else it is lost."""
        referral = await self._referral(call)
        if referral is None or referral.state not in ("accepted", "transferred"):
            return
        if call.wish == "callback" or call.journey.left_message:
            await self._database.referrals.note(
                referral.id, "waits for a call back", who="hotline", at=self._clock()
            )
        else:
            await self._move(call, "lost", who="hotline", note=f"not reached: {call.wish}")


def _spawn(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run `work` as a task that `tasks` holds until it is done."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
