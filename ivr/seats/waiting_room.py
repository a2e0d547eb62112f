"""What a caller hears while no seat has answered, and what they may choose meanwhile by key.

Music, and between its pieces an apology for a long wait, and the place in the line and the expected wait: when they
come, and then only when it has become better. After a while, and again now and then, they are offered to leave a
message, to keep their place and be called back, or to return to the flow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal

from ivr.clock import TimerHandle
from ivr.lines.base import KeyDown, PlayEnded
from ivr.seats.case import Case
from ivr.seats.news import Tick
from ivr.seats.sound import End
from ivr.seats.waiting import Estimate, Telling
from policy_db.seat_facts import Queue

#: What a caller chooses: to leave a message, to be called back, to return to the flow.
Choice = Literal["left", "callback", "cancelled"]
Prompt = tuple[str, Mapping[str, Any]]

LEAVE, CALL_BACK, RETURN = "1", "2", "9"
RIGHT, OTHER = "1", "2"
END, CANCEL = "#", "*"
#: Tokens of what is said here begin so; the flow's own do not.
TOKEN: Final = "seats:"  # noqa: S105  # of something played, no secret
#: Digits of a number that is read back where the number is the caller's own.
_TAIL: Final = 4
_MOST_DIGITS: Final = 15
_MOST_TRIES: Final = 3
_Stage = Literal["", "confirm", "number", "kept"]


class WaitingRoom:
    """One caller's wait. `open` and `close` it; give it keys and ticks by `told` and `tick`."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._telling = Telling()
        self._silence: End | None = None
        self._timer: TimerHandle | None = None
        self._queue: Queue | None = None
        self._tell_at = self._choices_at = 0.0
        #: When the caller hears that we are sorry for the wait; None: they have, or never will.
        self._sorry_at: float | None = None
        self._waited = False
        #: Where in the dialogue about a call-back the caller is, until when an answer is waited for, and the number.
        self._stage: _Stage = ""
        self._patience_until: float | None = None
        self._number = ""
        self._own = False
        self._tries = 0
        self._serial = 0
        self._speaking = ""

    def open(self, queue: Queue | None) -> None:
        """The caller waits, in this queue, from now on."""
        now, manners = self._case.clock.time(), self._case.tools.manners
        self._queue = queue
        self._silence = self._case.tools.sound.music(self._case.leg)
        self._tell_at = now + manners.telling_after
        self._choices_at = now + manners.choices_after
        self._stage = ""
        if not self._waited and manners.apology_after > 0:
            self._sorry_at = now + manners.apology_after
        self._waited = True
        self._set_timer()

    def close(self) -> None:
        """The wait is over: silence. Harmless if it was not begun."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._silence is not None:
            self._silence()
            self._silence = None
            self.hush()

    def hush(self) -> None:
        """Say no more, but for the music."""
        self._case.leg.stop_playing()
        self._speaking = ""

    @property
    def kept(self) -> bool:
        """Whether the place is kept, and the caller only hears so."""
        return self._stage == "kept"

    # What happens

    async def tick(self) -> None:
        """Say what is due."""
        now = self._case.clock.time()
        if self._patience_until is not None and now >= self._patience_until:
            self._out_of_patience()
        elif not self._speaking and not self._stage:
            await self._say_what_is_due(now)
        if self._silence is not None:
            self._set_timer()

    async def told(self, event: KeyDown | PlayEnded) -> Choice | None:
        """A key, or the end of something said; a choice ends the wait."""
        if isinstance(event, PlayEnded):
            return self._heard(event.token)
        if self._stage == "confirm":
            return await self._confirmed(event.key)
        if self._stage == "number":
            self._typed(event.key)
            return None
        return await self._chosen(event.key) if not self._stage else None

    def sorry(self) -> None:
        """Say that the line to the seat has broken, and that the next one is rung."""
        self._say(("waiting.seat_lost", {}))

    # Telling

    async def _say_what_is_due(self, now: float) -> None:
        if now >= self._tell_at:
            self._tell_at = now + self._case.tools.manners.look_every
            estimate = await self._case.asked(self._case.desk.expected_wait(self._case.call))
            if estimate is not None and self._telling.due(estimate, self._case.clock.now()):
                self._tell(estimate)
                return
        sorry = await self._apology(now)
        if now >= self._choices_at:
            self._choices_at = now + self._case.tools.manners.choices_every
            sorry += self._choices()
        if sorry:
            self._say(*sorry)

    async def _apology(self, now: float) -> list[Prompt]:
        """That we are sorry, once and when it is time; the place in line has it that the caller heard so."""
        if self._sorry_at is None or now < self._sorry_at:
            return []
        self._sorry_at = None
        await self._case.asked(self._case.desk.apologised(self._case.call))
        self._case.note("queue_apology")
        return [("waiting.apology", {})]

    def _tell(self, estimate: Estimate) -> None:
        self._case.note("queue_told", position=estimate.position, least=estimate.least, most=estimate.most)
        self._say(("waiting.position", {"position": estimate.position}), _wait_in_words(estimate))

    def _choices(self) -> list[Prompt]:
        """What the caller may choose here, as it is said."""
        may = (
            (self._may_leave, "waiting.leave"),
            (self._may_be_called, "waiting.call_back"),
            (self._may_return, "waiting.return"),
        )
        return [(name, {}) for allowed, name in may if allowed]

    @property
    def _may_leave(self) -> bool:
        return self._case.in_flow and self._queue is not None and self._queue.leave_by_key

    @property
    def _may_be_called(self) -> bool:
        return self._queue is not None and self._queue.call_back

    @property
    def _may_return(self) -> bool:
        return "cancelled" in self._case.request.handles

    # Choosing

    async def _chosen(self, key: str) -> Choice | None:
        if key == LEAVE and self._may_leave:
            return await self._leave("voicemail", "left")
        if key == RETURN and self._may_return:
            return await self._leave("left", "cancelled")
        if key == CALL_BACK and self._may_be_called:
            self._begin_call_back()
        return None

    async def _leave(self, how: Literal["left", "voicemail"], choice: Choice) -> Choice | None:
        """Leave the line; not if a seat has taken the call in this very moment."""
        left = await self._case.asked(self._case.desk.leave(self._case.call, how, why="key"))
        if left:
            self._case.note("queue_left", choice=choice)
        return choice if left or left.why == "gone" else None

    # Being called back

    def _begin_call_back(self) -> None:
        self._tries = 0
        own = self._case.caller.number
        if self._is_callable(own.removeprefix(self._case.tools.manners.country)):
            self._number, self._own = own, True
            self._ask_whether_right()
        else:
            self._ask_for_number("waiting.number")

    def _ask_whether_right(self) -> None:
        self._stage, self._patience_until = "confirm", None
        if self._own:
            self._say(("waiting.call_own", {"number": self._number[-_TAIL:]}), ("waiting.call_right", {}))
        else:
            self._say(("waiting.call_number", {"number": self._number}), ("waiting.call_right", {}))

    def _ask_for_number(self, prompt: str) -> None:
        self._stage, self._patience_until, self._number, self._own = "number", None, "", False
        self._say((prompt, {}))

    async def _confirmed(self, key: str) -> Choice | None:
        if key == OTHER:
            self._ask_for_number("waiting.number")
        elif key == CANCEL:
            self._go_on_waiting()
        elif key == RIGHT:
            await self._keep()
        return None

    def _typed(self, key: str) -> None:
        if self._speaking:
            self.hush()
        if key == CANCEL:
            self._go_on_waiting()
        elif key != END and len(self._number) < _MOST_DIGITS:
            self._number += key
            self._be_patient()
        elif self._is_callable(self._number):
            self._ask_whether_right()
        else:
            self._wrong_number()

    def _wrong_number(self) -> None:
        self._tries += 1
        if self._tries < _MOST_TRIES:
            self._ask_for_number("waiting.number_wrong")
        else:
            self._go_on_waiting()

    def _is_callable(self, number: str) -> bool:
        """Whether it looks like a number that the hotline calls: a caller must not have it dial the whole world."""
        return re.fullmatch(self._case.tools.manners.numbers, number) is not None

    async def _keep(self) -> None:
        kept = await self._case.asked(self._case.desk.keep_place(self._case.call, self._number))
        if not kept:
            self._go_on_waiting()
            return
        self._case.note("place_kept", own=self._own)
        self._stage, self._patience_until = "kept", None
        self._say(("waiting.kept", {}))

    def _go_on_waiting(self) -> None:
        self._stage, self._patience_until, self._number = "", None, ""
        self.hush()

    def _be_patient(self) -> None:
        self._patience_until = self._case.clock.time() + self._case.tools.manners.key_patience
        self._set_timer()

    def _out_of_patience(self) -> None:
        """No key came: what was typed counts as a number, and who says nothing goes on waiting."""
        self._patience_until = None
        if self._stage == "number" and self._number:
            self._typed(END)
        else:
            self._go_on_waiting()

    # Speaking

    def _say(self, *prompts: Prompt) -> None:
        """Say it instead of what is being said."""
        if self._speaking:
            self.hush()
        said = self._case.tools.words(self._case.language, *prompts)
        self._serial += 1
        self._speaking = f"{TOKEN}{self._serial}"
        self._case.leg.play(said.clips, token=self._speaking, text=said.text)

    def _heard(self, token: str) -> Choice | None:
        """Something was said to its end."""
        if token != self._speaking:
            return None
        self._speaking = ""
        if self._stage == "kept":
            return "callback"
        if self._stage:
            self._be_patient()
        return None

    def _set_timer(self) -> None:
        """Look again when the next thing is due."""
        if self._timer is not None:
            self._timer.cancel()
        due = self._patience_until
        if due is None:
            due = min(self._tell_at, self._choices_at, *([] if self._sorry_at is None else [self._sorry_at]))
        soonest = self._case.clock.time() + 0.2  # what cannot be said yet is not asked for without end
        self._timer = self._case.clock.call_at(max(due, soonest), partial(self._case.mailbox.post, Tick()))


def _wait_in_words(estimate: Estimate) -> Prompt:
    if estimate.most is None:
        return "waiting.long", {}
    if estimate.most == 1:
        return "waiting.minute", {}
    if estimate.least == 0:
        return "waiting.less", {"most": estimate.most}
    return "waiting.range", {"least": estimate.least, "most": estimate.most}
