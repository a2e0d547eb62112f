"""The `collect` step: a typed value by keys or by voice, checked, and read back where it matters."""

from __future__ import annotations

from typing import Final

from ivr.flow.asking import Asking
from ivr.flow.events import SpeechHeard
from ivr.flow.kinds import hotkey
from ivr.flow.model import CollectStep
from ivr.flow.plan import Line, Plan
from ivr.flow.turn import Done, Move, Run
from ivr.flow.typed import MOST_KEYS, NotTypedError, read_keys
from ivr.flow.values import Value

#: Types whose values may hold a `*`, where it is no cancel or end key: the point of an amount, and the X that
#: some ID numbers end in.
STAR_TYPES: Final = frozenset({"money", "secret"})


class Collect(Asking):
    """Take keys until the value is complete. Digits are always part of it, never hotkeys."""

    def key(self, run: Run, plan: Plan, key: str) -> Move:
        """One key of the entry, or of the answer to the read-back."""
        if run.state.wait.stage == "confirm":
            return self._answer(run, plan, key)
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
        try:
            value = self._read(run, plan)
        except NotTypedError:
            return self.miss(run, plan, "no_match", self._hint(run, plan))
        if not plan.confirm:
            return self._fill(run, plan, value)
        wait = run.state.wait
        wait.stage, wait.entry, wait.value, wait.attempt = "confirm", "", value, 0
        self.ask(run, plan, plan.confirm, value=value)
        return None

    def _read(self, run: Run, plan: Plan) -> Value:
        step: CollectStep = plan.step
        entry = run.state.wait.entry
        if len(entry) < (step.length or step.least) or len(entry) > _most(step):
            raise NotTypedError
        value = read_keys(entry, step.type, run.now.date(), step.future)
        if plan.valid is not None and run.evaluate(plan.valid, value=value) is not True:
            raise NotTypedError
        return value

    def _fill(self, run: Run, plan: Plan, value: Value) -> Move:
        self.accept(run)
        run.assign(plan.step.collect, value)
        return Done("filled")

    def _hint(self, run: Run, plan: Plan) -> tuple[Line, ...]:
        return plan.invalid or run.role("invalid")

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """Nothing typed yet, or a pause after the last digit."""
        wait = run.state.wait
        wait.timer = ""
        if wait.stage == "confirm":
            return self._unanswered(run, plan, "no_input")
        if wait.entry:
            return self._complete(run, plan) or self.keys(run, plan)
        return self.miss(run, plan, "no_input", run.role("no_input"))

    # The read-back

    def _answer(self, run: Run, plan: Plan, key: str) -> Move:
        confirm = plan.step.confirm
        if key == confirm.yes:
            run.use_keys(key)
            return self._fill(run, plan, run.state.wait.value)
        if key == confirm.no:
            run.use_keys(key)
            return self._again(run, plan)
        if key == plan.step.cancel_key:
            run.use_keys(key)
            return Done("cancelled")
        if key in plan.hotkeys:
            return hotkey(run, plan, key)
        run.use_keys(key)
        return self._unanswered(run, plan, "no_match")

    def _again(self, run: Run, plan: Plan) -> Move:
        """Not what was meant: ask again; it counts as a miss, so that it ends at a person and not never."""
        wait = run.state.wait
        wait.stage, wait.value = "", None
        return self.miss(run, plan, "no_match")

    def _unanswered(self, run: Run, plan: Plan, what: str) -> Move:
        """Read it back once more; the second time it counts as a miss of the whole step."""
        wait = run.state.wait
        wait.attempt += 1
        if wait.attempt > 1:
            wait.stage, value, wait.value = "", wait.value, None
            del value
            return self.miss(run, plan, what)
        self.ask(run, plan, plan.confirm, value=wait.value)
        return None

    def speech(self, run: Run, plan: Plan, event: SpeechHeard) -> Move:
        """Digits that were spoken, as the recogniser writes them, or the words of a hotkey."""
        if not self.hears(run, plan):
            return None
        run.hush()
        run.stop_timer()
        meant = self.understood(run, event, {})
        if not meant and (word := self.hotkey_word(run, plan, event)):
            return word
        if run.state.wait.stage == "confirm":
            return (
                self._answer(run, plan, meant) if len(meant) == 1 else self._unanswered(run, plan, "no_match")
            )
        if not meant:
            return self.miss(run, plan, "no_match", self._hint(run, plan))
        run.state.wait.entry = meant[: _most(plan.step) + 1]
        return self._complete(run, plan)


def _special(step: CollectStep) -> tuple[str, str]:
    return step.end_key, step.cancel_key


def _most(step: CollectStep) -> int:
    return min(step.length or step.most, MOST_KEYS.get(step.type, 64))
