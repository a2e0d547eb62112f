"""Who calls on the script line: a list of actions, or anybody who implements `Caller`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ivr.clock import TimerHandle
from ivr.lines.base import Ended, RecordRequest
from ivr.lines.script.actions import (
    Action,
    HangUp,
    Hold,
    Keys,
    Say,
    Speak,
    Wait,
    WaitFor,
    WaitSilence,
)
from ivr.lines.script.leg import Phone
from ivr.lines.script.playing import Prompt


class Caller:
    """Somebody at the other end: override what is of interest, and act through `phone`.

    All methods run in the loop's thread. A terminal shows `prompt.text` in `prompt_began`, plays
    `prompt.clips` if it has a loudspeaker, and falls silent in `prompt_ended` when it was cut off.
    """

    #: The caller's number, and the one dialled.
    number: str = "13800138000"
    dialled: str = "95500"
    #: Seconds of ringing before an outgoing call to this person is answered; None: it never is.
    answers_after: float | None = 0.0
    phone: Phone

    def placed(self, phone: Phone) -> None:
        """The call is under way; `phone` is this end of it."""
        self.phone = phone

    def ringing(self) -> None:
        """The hotline said 180."""

    def answered(self) -> None:
        """The hotline answered."""

    def prompt_began(self, prompt: Prompt) -> None:
        """A prompt is heard from now on."""

    def prompt_ended(self, prompt: Prompt, *, cut_off: bool) -> None:
        """It is over, by itself or cut off."""

    def recording_began(self, request: RecordRequest) -> None:
        """The hotline records; a beep is heard first if the request says so."""

    def ended(self, event: Ended) -> None:
        """The call is over."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript: seconds of the clock, who, and what."""

    at: float
    who: Literal["hotline", "caller", "call"]
    what: str


class ScriptedCaller(Caller):
    """A caller who does one action after the other from the answer on, and notes what was heard.

    After the last action the caller listens until the hotline hangs up. With `patience` the caller gives up
    if the call is not answered within so many seconds. `stuck` says which wait was in vain, if one was.
    """

    def __init__(
        self,
        actions: Sequence[Action] = (),
        *,
        number: str = Caller.number,
        dialled: str = Caller.dialled,
        patience: float | None = None,
    ) -> None:
        self.number = number
        self.dialled = dialled
        self.transcript: list[Entry] = []
        self.stuck: Action | None = None
        self.end: Ended | None = None
        self.rang = False
        self._actions = list(actions)
        self._patience = patience
        self._prompts: list[Prompt] = []
        self._playing: Prompt | None = None
        self._cursor = 0
        self._wait: WaitFor | WaitSilence | None = None
        self._timer: TimerHandle | None = None

    @property
    def heard(self) -> tuple[str, ...]:
        """The texts of the prompts heard, also of those cut off."""
        return tuple(prompt.text for prompt in self._prompts)

    # What happens to the caller.

    def placed(self, phone: Phone) -> None:
        """See Caller."""
        super().placed(phone)
        if self._patience is not None:
            self._after(self._patience, phone.hang_up)

    def ringing(self) -> None:
        """See Caller."""
        self.rang = True

    def answered(self) -> None:
        """See Caller."""
        self._cancel()
        self._note("call", "answered")
        self._next()

    def prompt_began(self, prompt: Prompt) -> None:
        """See Caller."""
        self._prompts.append(prompt)
        self._playing = prompt
        self._note("hotline", prompt.text or prompt.token)
        self._look()

    def prompt_ended(self, prompt: Prompt, *, cut_off: bool) -> None:
        """See Caller."""
        self._playing = None
        self._look()

    def recording_began(self, request: RecordRequest) -> None:
        """See Caller."""
        self._note("call", "recording")

    def ended(self, event: Ended) -> None:
        """See Caller."""
        self._cancel()
        self._wait = None
        self._actions.clear()
        self.end = event
        self._note("call", f"ended by {event.by} ({event.status})")

    # What the caller does.

    def _next(self) -> None:
        if not self._actions or not self.phone.talking:
            return
        action = self._actions.pop(0)
        if isinstance(action, WaitFor | WaitSilence):
            self._wait = action
            self._look()
        else:
            self._do(action)

    def _do(self, action: Wait | Keys | Say | Speak | Hold | HangUp) -> None:
        match action:
            case Wait(seconds):
                self._after(seconds, self._next)
            case Keys():
                self._press(action.keys, action.spacing)
            case Say():
                self._note("caller", action.text)
                self.phone.say(action.text, action.confidence)
                self._after(0.0, self._next)
            case Speak(seconds, clip):
                self._note("caller", "speaks")
                self.phone.speak(clip if clip is not None else seconds)
                self._after(clip.seconds if clip is not None else seconds, self._next)
            case Hold(seconds):
                self.phone.hold(True)
                self._after(seconds, self._take_back)
            case HangUp():
                self.phone.hang_up()

    def _press(self, keys: str, spacing: float) -> None:
        if not keys:
            self._next()
            return
        self._note("caller", "key •" if self.phone.masked else f"key {keys[0]}")
        self.phone.press(keys[0])
        self._after(spacing, partial(self._press, keys[1:], spacing))

    def _take_back(self) -> None:
        self.phone.hold(False)
        self._next()

    # Waiting.

    def _look(self) -> None:
        """See whether what is waited for has come; if not, see to it that the wait ends."""
        match self._wait:
            case WaitFor() as wait:
                if self._met(wait):
                    self._go_on()
                elif self._timer is None:
                    self._after(wait.longest, self._give_up)
            case WaitSilence(seconds, longest):
                self._cancel()
                if self._playing is None:
                    self._after(seconds, self._go_on)
                else:
                    self._after(longest, self._give_up)

    def _met(self, wait: WaitFor) -> bool:
        for at, prompt in enumerate(self._prompts[self._cursor :], self._cursor):
            if wait.text in prompt.text or wait.text in prompt.token:
                if prompt is self._playing and wait.until == "ends":
                    return False
                self._cursor = at + 1
                return True
        return False

    def _go_on(self) -> None:
        """The wait is over; act at the clock's next turn, so that the hotline hears things in order."""
        self._wait = None
        self._cancel()
        self._after(0.0, self._next)

    def _give_up(self) -> None:
        self.stuck = self._wait
        self._wait = None
        self._note("call", f"waited in vain: {self.stuck}")
        self.phone.hang_up()

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        """The caller's one timer."""
        clock = self.phone.clock
        self._timer = clock.call_at(clock.time() + seconds, partial(self._fire, what))

    def _fire(self, what: Callable[[], None]) -> None:
        self._timer = None
        what()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note(self, who: Literal["hotline", "caller", "call"], what: str) -> None:
        self.transcript.append(Entry(self.phone.clock.time(), who, what))
