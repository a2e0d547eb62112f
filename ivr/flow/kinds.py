"""Kinds of steps: what each does when it is entered and when something happens while it waits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from ivr.flow.events import RecordingFinished, ServiceResult, SpeechHeard, SpeechLost, TransferResult
from ivr.flow.instructions import SetLanguage
from ivr.flow.model import Hours
from ivr.flow.moves import enter_flow, hang_up, leave_flow
from ivr.flow.plan import Plan
from ivr.flow.trace import Fault, LanguageChanged
from ivr.flow.turn import Done, FaultError, Go, Move, Run, arguments

#: As many prompts are told again to who did not catch what was said before a question.
MOST_TOLD: Final = 3


class Kind(ABC):
    """A kind of step. Whatever it does not care about, it lets pass."""

    @abstractmethod
    def enter(self, run: Run, plan: Plan) -> Move:
        """Begin the step."""

    def keys(self, run: Run, plan: Plan) -> Move:
        """A key came; it is in the buffer, and stays there unless this step uses it."""
        return None

    def heard(self, run: Run, plan: Plan) -> Move:
        """The prompt this step waits for was heard to its end."""
        return None

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """A timer of this step ran out."""
        return None

    def speech(self, run: Run, plan: Plan, event: SpeechHeard) -> Move:
        """The caller said something."""
        return None

    def began(self, run: Run, plan: Plan) -> Move:
        """The caller is beginning to say something."""
        return None

    def lost(self, run: Run, plan: Plan, event: SpeechLost) -> Move:
        """What is said cannot be heard any more."""
        return None

    def service(self, run: Run, plan: Plan, event: ServiceResult) -> Move:
        """The service that was asked ended."""
        return None

    def recording(self, run: Run, plan: Plan, event: RecordingFinished) -> Move:
        """The recording ended."""
        return None

    def transfer(self, run: Run, plan: Plan, event: TransferResult) -> Move:
        """The transfer ended."""
        return None

    def settles(self, run: Run) -> bool:
        """Whether something is under way that must end before the after-hang-up handlers run."""
        return False

    def closes(self, run: Run) -> bool:
        """Whether something must be closed before the hotline ends the call; it is told to close here."""
        return False


def hotkey(run: Run, plan: Plan, key: str) -> Go | None:
    """The way of a hotkey that is live in this step."""
    edge = plan.hotkeys.get(key)
    if edge is None:
        return None
    run.use_keys(key)
    run.state.handling, run.state.told = 0, ()
    return Go(edge, f"hotkey {key}")


class Say(Kind):
    """Speak; a key cuts it short (unless `barge_in: false`) and is kept for the next step.

    `flush` drops the keys that came before, and those that come while it is spoken and cannot cut it.
    """

    def enter(self, run: Run, plan: Plan) -> Move:
        """Speak, unless the caller has already typed ahead."""
        if plan.step.flush:
            run.drop_keys()
        if run.state.hung_up or (plan.step.barge_in and run.state.buffer):
            return self._over(run, plan)
        phrases = run.phrases(plan.say, {})
        run.state.told = (*run.state.told, *phrases)[-MOST_TOLD:]
        run.state.wait.token = run.speak(phrases)
        return None

    def keys(self, run: Run, plan: Plan) -> Move:
        """Cut the prompt; a hotkey is used here, any other key is for the next step."""
        if not plan.step.barge_in:
            return None
        run.hush()
        if run.state.buffer[0] in plan.hotkeys:
            return hotkey(run, plan, run.next_key())
        return self._over(run, plan)

    def heard(self, run: Run, plan: Plan) -> Move:
        """The step is done."""
        if plan.step.flush:
            run.drop_keys()
        return self._over(run, plan)

    def _over(self, run: Run, plan: Plan) -> Move:
        if plan.step.hangup is not None:
            return hang_up(run, plan.step.hangup, own=False)
        return Done("done")


class Set(Kind):
    """Fill variables, one after another."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Each line sees what the lines before it set."""
        for name, expression in plan.exprs["set"].items():
            run.assign(name, run.evaluate(expression))
        return Done("done")


class When(Kind):
    """Only branch."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """The branches are looked at when the step is left."""
        return Done("done")


class AskHours(Kind):
    """Ask a calendar."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """open | closed | holiday, at the time of the present event."""
        return Done(open_now(run, plan.step.hours))


def open_now(run: Run, calendar: str) -> str:
    """The state of a calendar of `hotline.yaml` now."""
    hours: Hours | None = run.engine.hotline.calendars.get(calendar)
    if hours is None:
        raise FaultError("VALUE", f"there is no calendar {calendar}")
    return run.engine.open_state(calendar, hours, run.now)


class Language(Kind):
    """Change the language; one that is not offered any more gives the first that is."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Take it from the step or from its expression."""
        language = plan.step.language if plan.language is None else run.evaluate(plan.language)
        offered = run.offered
        if language not in offered:
            flow, step = run.state.step
            run.trace.append(Fault(run.at, flow, step, "LANGUAGE", "the language is not offered"))
            language = offered[0]
        run.state.language, run.state.pace, run.state.told = language, 1.0, ()
        run.out.append(SetLanguage(language))
        run.trace.append(LanguageChanged(run.at, language))
        return Done("done")


class Call(Kind):
    """Run a sub-flow."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Open it with its inputs; its outcome will be the step's."""
        return enter_flow(run, plan.step.call, "call", arguments(run, plan, "with"))


class Return(Kind):
    """Leave the flow with one of its outcomes."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """What the outcome carries is computed here, in the flow that is left."""
        return leave_flow(run, plan.step.return_, arguments(run, plan, "with"))


class Hangup(Kind):
    """End the call."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Say no more."""
        return hang_up(run, plan.step.hangup, own=False)
