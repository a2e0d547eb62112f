"""The `menu` step: choices by key, of one digit or several, or by voice."""

from __future__ import annotations

from collections.abc import Collection

from ivr.flow.asking import Asking
from ivr.flow.events import SpeechHeard
from ivr.flow.kinds import hotkey
from ivr.flow.plan import Plan
from ivr.flow.turn import Go, Move, Run


class Menu(Asking):
    """Offer choices. The longest choice that the keys spell is taken; a pause decides what is still open."""

    def key(self, run: Run, plan: Plan, key: str) -> Move:
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
        return self._decide(run, plan, live)

    def _live(self, run: Run, plan: Plan) -> Collection[str]:
        if not plan.conditional:
            return plan.options
        return [
            key
            for key, option in plan.options.items()
            if option.condition is None or run.evaluate(option.condition) is True
        ]

    def _decide(self, run: Run, plan: Plan, live: Collection[str]) -> Move:
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

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """The caller is silent, or has finished a choice that could have gone on."""
        run.state.wait.timer = ""
        if run.state.wait.entry:
            move = self._decide(run, plan, self._live(run, plan))
            return move or self.keys(run, plan)
        return self.miss(run, plan, "no_input", run.role("no_input"))

    def speech(self, run: Run, plan: Plan, event: SpeechHeard) -> Move:
        """A choice or hotkey by its words."""
        if not self.hears(run, plan):
            return None
        run.hush()
        run.stop_timer()
        words = plan.hear.get(run.state.language, {})
        meant = self.understood(run, event, words)
        if meant in self._live(run, plan):
            return self._choose(run, plan, meant)
        if word := self.hotkey_word(run, plan, event):
            return word
        return self.miss(run, plan, "no_match", run.role("pardon"))
