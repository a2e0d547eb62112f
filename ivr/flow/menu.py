"""The `menu` step: choices by key, of one digit or several, or by voice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ivr.flow.events import SpeechHeard
from ivr.flow.hearing import ASKED_BACK, Hearing, sureness
from ivr.flow.instructions import Listen
from ivr.flow.kinds import hotkey
from ivr.flow.plan import Plan
from ivr.flow.state import CallState
from ivr.flow.turn import Go, Move, Run
from ivr.flow.words import NO_WORDS, Words


class Menu(Hearing):
    """Offer choices. The longest choice that the keys spell is taken; a pause decides what is still open."""

    def press(self, run: Run, plan: Plan, key: str) -> Move:
        """Choose, wait for more, or miss."""
        wait = run.state.wait
        live = self._live(run, plan)
        if not wait.entry and key in plan.hotkeys and not any(choice.startswith(key) for choice in live):
            return hotkey(run, plan, key)
        entry = wait.entry + key
        if any(choice.startswith(entry) and choice != entry for choice in live):
            wait.entry = entry
            run.start_timer(plan.waiting.between_digits)
            return None
        if wait.entry in live and key == "#":
            # An impatient `#` after a choice that could have gone on belongs to that choice.
            run.use_keys(entry)
            return self._choose(run, plan, wait.entry)
        wait.entry = entry
        return self._longest(run, plan, live)

    def _live(self, run: Run, plan: Plan) -> Collection[str]:
        if not plan.conditional:
            return plan.options
        return [
            key
            for key, option in plan.options.items()
            if option.condition is None or run.evaluate(option.condition) is True
        ]

    def _longest(self, run: Run, plan: Plan, live: Collection[str]) -> Move:
        """Take the longest choice that the entry begins with; keys after it are for later steps."""
        entry = run.state.wait.entry
        for length in range(len(entry), 0, -1):
            if entry[:length] in live:
                run.use_keys(entry[:length])
                run.state.buffer = entry[length:] + run.state.buffer
                return self._choose(run, plan, entry[:length])
        run.use_keys(entry)
        return self.miss(run, plan, "no_match", run.role("pardon"))

    def _choose(self, run: Run, plan: Plan, key: str) -> Move:
        self.accept(run)
        option = plan.options[key]
        for name, expression in option.sets:
            run.assign(name, run.evaluate(expression))
        return Go(option.way, key)

    def waited(self, run: Run, plan: Plan) -> Move:
        """The caller is silent, or has finished a choice that could have gone on."""
        if run.state.wait.entry:
            move = self._longest(run, plan, self._live(run, plan))
            return move or self.keys(run, plan)
        return self.miss(run, plan, "no_input", run.role("no_input"))

    # By voice

    def expected(self, state: CallState, plan: Plan) -> tuple[str, Words]:
        """The words of the choices, or those for and against what is asked back."""
        if state.wait.stage == ASKED_BACK:
            return "yes_no", plan.asked_back.get(state.language, NO_WORDS)
        return "anything" if plan.routes else "", plan.words.get(state.language, NO_WORDS)

    def listening(self, run: Run, plan: Plan, listen: Listen) -> Listen:
        """With the pause and the barge-in of the step."""
        return replace(listen, silence=plan.waiting.pause, barge_in=plan.waiting.barge_in)

    def take(self, run: Run, plan: Plan, meaning: str, event: SpeechHeard | None) -> Move:
        """A choice by its words; those of a menu farther on press the keys on the way there."""
        route = plan.routes.get(meaning)
        keys = (meaning,) if route is None or meaning in plan.options else route.keys
        if keys[0] not in self._live(run, plan):
            return self.unclear(run, plan)
        if event is not None and sureness(event.confidence) != "sure":
            return self.ask_back(run, plan, meaning)
        run.state.buffer = "".join(keys[1:]) + run.state.buffer
        return self._choose(run, plan, keys[0])

    def unclear(self, run: Run, plan: Plan) -> Move:
        """Nothing that was said is a choice."""
        if run.state.wait.stage == ASKED_BACK:
            return self._unanswered(run, plan, "no_match")
        return self.miss(run, plan, "no_match", self.not_heard(run, plan))
