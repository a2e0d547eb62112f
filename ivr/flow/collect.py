"""The `collect` step: a typed value by keys or by voice, checked, and read back where it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.flow.events import SpeechHeard
from ivr.flow.hearing import ASKED_BACK, LIKELY, Hearing, sureness
from ivr.flow.instructions import Listen
from ivr.flow.kinds import hotkey
from ivr.flow.model import CollectStep
from ivr.flow.plan import NO_KEY, YES_KEY, Line, Plan
from ivr.flow.state import CallState
from ivr.flow.turn import Done, Move, Run
from ivr.flow.typed import MOST_KEYS, NotTypedError, read_keys
from ivr.flow.values import Value
from ivr.flow.words import CANCEL, NO_WORDS, Words

#: Types whose values may hold a `*`, where it is no cancel or end key: the point of an amount, and the X that
#: some ID numbers end in.
STAR_TYPES: Final = frozenset({"money", "secret"})
CONFIRM: Final = "confirm"
#: The prompt that reads a spoken value back where the step has none of its own, by the type of its slot.
READ_BACK: Final = {"code": "sure_digits", "phone": "sure_digits"}
BACK: Final = "@back"


class Collect(Hearing):
    """Take keys until the value is complete. Digits are always part of it, never hotkeys."""

    def press(self, run: Run, plan: Plan, key: str) -> Move:
        """One key of the entry, or of the answer to the read-back."""
        if run.state.wait.stage == CONFIRM:
            return self._settle(run, plan, key)
        step: CollectStep = plan.step
        entry = run.state.wait.entry
        if key.isdecimal() or (key == "*" and step.type in STAR_TYPES and "*" not in _special(step)):
            return self._digit(run, plan, key)
        if key == step.cancel_key:
            run.use_keys(key)
            return self._cancel(run, plan)
        if key == step.end_key and entry:
            run.use_keys(key)
            return self._complete(run, plan)
        if key in plan.hotkeys:
            return hotkey(run, plan, key)
        run.use_keys(key)
        return self.miss(run, plan, "no_match", self._hint(run, plan))

    def _digit(self, run: Run, plan: Plan, key: str) -> Move:
        run.use_keys(key)
        wait = run.state.wait
        wait.entry += key
        if len(wait.entry) < _most(plan.step):
            run.start_timer(plan.waiting.between_digits)
            return None
        self._swallow_end_key(run, plan)
        return self._complete(run, plan)

    def _swallow_end_key(self, run: Run, plan: Plan) -> None:
        """Many press the end key after the last digit: it belongs to this entry, not to the next step."""
        end, state = plan.step.end_key, run.state
        if end and state.buffer.startswith(end):
            run.use_keys(run.next_key())
        elif end and not state.buffer:
            state.swallow = end
            state.swallow_until = run.at + plan.waiting.between_digits
            state.swallow_masked = state.wait.sensitive

    def _cancel(self, run: Run, plan: Plan) -> Move:
        """The first press takes back what was typed; with nothing typed, the caller will not answer."""
        if not run.state.wait.entry:
            return Done("cancelled")
        run.state.wait.entry = ""
        self.ask(run, plan, plan.again)
        return None

    def _complete(self, run: Run, plan: Plan) -> Move:
        """Read the entry; on to the read-back, or filled, or a miss."""
        run.stop_timer()
        run.state.wait.spoken = False
        try:
            value = self._read(run, plan, run.state.wait.entry)
        except NotTypedError:
            return self.miss(run, plan, "no_match", self._hint(run, plan))
        if not plan.confirm or plan.step.confirm.spoken:
            return self._fill(run, plan, value)
        return self._read_back(run, plan, value)

    def _read_back(self, run: Run, plan: Plan, value: Value) -> Move:
        wait = run.state.wait
        wait.stage, wait.entry, wait.value, wait.attempt = CONFIRM, "", value, 0
        self.ask(run, plan, self._question(run, plan), value=value)
        return None

    def _question(self, run: Run, plan: Plan) -> tuple[Line, ...]:
        """The read-back of the step, else the hotline's for values of this type."""
        return plan.confirm or run.role(READ_BACK.get(plan.step.type, f"sure_{plan.step.type}"))

    def _read(self, run: Run, plan: Plan, entry: str, spoken: bool = False) -> Value:
        step: CollectStep = plan.step
        counted = not (spoken and step.type == "date")  # a day that is said comes with its year
        if counted and not _fits(step, entry):
            raise NotTypedError
        value = read_keys(entry, step.type, run.now.date(), step.future)
        if plan.valid is not None and run.evaluate(plan.valid, value=value) is not True:
            raise NotTypedError
        return value

    def _fill(self, run: Run, plan: Plan, value: Value) -> Move:
        self.accept(run)
        self._keep_others(run, plan, value)
        run.assign(plan.step.collect, value)
        return Done("filled")

    def _keep_others(self, run: Run, plan: Plan, value: Value = None) -> None:
        """Everything that a spoken value may have been, likeliest first; of one that was typed only that."""
        if plan.step.others is not None:
            wait = run.state.wait
            typed = [value] if isinstance(value, str) else []
            run.assign(plan.step.others, list(wait.others) if wait.spoken else typed)

    def _hint(self, run: Run, plan: Plan) -> tuple[Line, ...]:
        return plan.invalid or run.role("invalid")

    def waited(self, run: Run, plan: Plan) -> Move:
        """Nothing typed yet, or a pause after the last digit."""
        wait = run.state.wait
        if wait.stage == CONFIRM:
            return self._not_settled(run, plan, "no_input")
        if wait.entry:
            return self._complete(run, plan) or self.keys(run, plan)
        return self.miss(run, plan, "no_input", run.role("no_input"))

    # The read-back

    def _yes_no(self, plan: Plan) -> tuple[str, str]:
        confirm = plan.step.confirm
        return (confirm.yes, confirm.no) if confirm else (YES_KEY, NO_KEY)

    def _settle(self, run: Run, plan: Plan, key: str) -> Move:
        yes, no = self._yes_no(plan)
        if key in (yes, no):
            run.use_keys(key)
            return self._right(run, plan) if key == yes else self._wrong(run, plan)
        if key == plan.step.cancel_key:
            run.use_keys(key)
            return Done("cancelled")
        if key in plan.hotkeys:
            return hotkey(run, plan, key)
        run.use_keys(key)
        return self._not_settled(run, plan, "no_match")

    def _right(self, run: Run, plan: Plan) -> Move:
        return self._fill(run, plan, run.state.wait.value)

    def _wrong(self, run: Run, plan: Plan) -> Move:
        """Not what was meant: ask again; it counts as a miss, so that it ends at a person and not never."""
        wait = run.state.wait
        if wait.spoken and "unsure" in plan.step.on:
            wait.others = wait.others[1:]  # what was said no to is none of them
            return self._unsure(run, plan)
        wait.stage, wait.value = "", None
        return self.miss(run, plan, "no_match")

    def _unsure(self, run: Run, plan: Plan) -> Move:
        """The flow has a way of its own for a value that was not heard for sure."""
        self._keep_others(run, plan)
        return Done("unsure")

    def _not_settled(self, run: Run, plan: Plan, what: str) -> Move:
        """Read it back once more; the second time it counts as a miss of the whole step."""
        wait = run.state.wait
        wait.attempt += 1
        if wait.attempt > 1:
            wait.stage, wait.value = "", None
            return self.miss(run, plan, what)
        self.ask(run, plan, self._question(run, plan), value=wait.value)
        return None

    # By voice

    def expected(self, state: CallState, plan: Plan) -> tuple[str, Words]:
        """A value of the step's type, or yes or no."""
        language, stage = state.language, state.wait.stage
        if stage == ASKED_BACK:
            return "yes_no", plan.asked_back.get(language, NO_WORDS)
        if stage == CONFIRM:
            return "yes_no", plan.yes_no.get(language, NO_WORDS)
        return plan.step.type, plan.words.get(language, NO_WORDS)

    def listening(self, run: Run, plan: Plan, listen: Listen) -> Listen:
        """With how many digits are wanted, and which values are known to fit."""
        step, waiting = plan.step, plan.waiting
        listen = replace(listen, barge_in=waiting.barge_in)
        if listen.expect != step.type:
            return listen
        likely = run.evaluate(plan.likely) if plan.likely is not None else None
        return replace(
            listen,
            least=step.length or step.least,
            most=_most(step),
            future=step.future,
            likely=tuple(likely) if isinstance(likely, list) else (),
            silence=waiting.pause,
        )

    def take(self, run: Run, plan: Plan, meaning: str, event: SpeechHeard | None) -> Move:
        """A value, or the answer to the read-back."""
        sure = event is None or sureness(event.confidence) == "sure"
        if meaning == CANCEL:
            return Done("cancelled") if sure else self.unclear(run, plan)
        if run.state.wait.stage == CONFIRM:
            return self._said_to_read_back(run, plan, meaning, sure)
        try:
            value = self._read(run, plan, meaning, spoken=True)
        except NotTypedError:
            return self.miss(run, plan, "no_match", self._hint(run, plan))
        wait = run.state.wait
        wait.spoken, wait.others = True, (meaning, *(event.others if event else ()))
        if not sure and "unsure" in plan.step.on and not (plan.confirm and _likely(event)):
            return self._unsure(run, plan)
        if plan.confirm or not sure:
            return self._asked_for_sure(run, plan, value)
        return self._fill(run, plan, value)

    def _asked_for_sure(self, run: Run, plan: Plan, value: Value) -> Move:
        """Read back what was heard; what must not be said aloud, or cannot be, was not understood."""
        if run.state.wait.sensitive or not self._question(run, plan):
            return self.unclear(run, plan)
        return self._read_back(run, plan, value)

    def _said_to_read_back(self, run: Run, plan: Plan, meaning: str, sure: bool) -> Move:
        yes, no = self._yes_no(plan)
        if meaning == no:
            return self._wrong(run, plan)
        return self._right(run, plan) if meaning == yes and sure else self._not_settled(run, plan, "no_match")

    def everywhere(self, run: Run, plan: Plan, meaning: str) -> Move:
        """Going back, where its key is the cancel key, is giving up the question, as that key is."""
        if meaning in (BACK, f"@{plan.step.cancel_key}") and plan.step.cancel_key == "*":
            return Done("cancelled")
        return super().everywhere(run, plan, meaning)

    def unclear(self, run: Run, plan: Plan) -> Move:
        """Nothing that was said is a value."""
        stage = run.state.wait.stage
        if stage == ASKED_BACK:
            return self._unanswered(run, plan, "no_match")
        if stage == CONFIRM:
            return self._not_settled(run, plan, "no_match")
        return self.miss(run, plan, "no_match", self.not_heard(run, plan))

    def said_again(self, run: Run, plan: Plan) -> None:
        """The read-back, or the question."""
        if run.state.wait.stage == CONFIRM:
            self.ask(run, plan, self._question(run, plan), value=run.state.wait.value)
        else:
            super().said_again(run, plan)


def _likely(event: SpeechHeard | None) -> bool:
    return event is not None and event.confidence >= LIKELY


def _fits(step: CollectStep, entry: str) -> bool:
    return (step.length or step.least) <= len(entry) <= _most(step)


def _special(step: CollectStep) -> tuple[str, str]:
    return step.end_key, step.cancel_key


def _most(step: CollectStep) -> int:
    return min(step.length or step.most, MOST_KEYS.get(step.type, 64))
