"""What `menu` and `collect` share: prompts long then short, waiting, ladders, and taking keys in order."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from ivr.flow.events import SpeechHeard
from ivr.flow.kinds import Kind
from ivr.flow.outcomes import REPROMPTS
from ivr.flow.plan import Edge, Ladder, Line, Plan, folded
from ivr.flow.trace import Missed, SpeechUsed
from ivr.flow.turn import Done, Go, Move, Run
from ivr.flow.values import Value

#: Below this confidence something heard counts as not understood.
LEAST_CONFIDENCE: Final = 0.5
KEYS: Final = re.compile(r"[0-9*#]+")


class Asking(Kind):
    """A step that asks the caller. Subclasses take one key at a time."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Ask, unless the answer has been typed already."""
        run.state.wait.sensitive = plan.sensitive
        if plan.waiting.flush or not plan.waiting.type_ahead:
            run.drop_keys()
        self.ask(run, plan, plan.say)
        return self.keys(run, plan)

    def ask(self, run: Run, plan: Plan, lines: Sequence[Line], **extra: Value) -> None:
        """Speak and listen. Keys that wait already are the answer, where the prompt may be cut."""
        wait = run.state.wait
        run.stop_timer()
        run.listen(plan, plan.hear.get(run.state.language))
        if run.state.buffer and plan.waiting.barge_in:
            return
        if lines:
            wait.token = run.say(lines, **extra)
        else:
            run.start_timer(plan.waiting.first_digit)

    def keys(self, run: Run, plan: Plan) -> Move:
        """Use the keys of the buffer in order, until the step is over or wants more."""
        state = run.state
        while state.buffer:
            if state.wait.token:
                if not plan.waiting.barge_in:
                    return None
                run.hush()
            move = self.key(run, plan, run.next_key())
            if move is not None:
                return move
        if not state.wait.token and not state.wait.timer:
            run.start_timer(plan.waiting.first_digit)
        return None

    @abstractmethod
    def key(self, run: Run, plan: Plan, key: str) -> Move:
        """Use one key that has been taken from the buffer."""

    def heard(self, run: Run, plan: Plan) -> Move:
        """The prompt is over: now the caller is awaited, or has answered meanwhile."""
        if run.state.buffer:
            return self.keys(run, plan)
        run.start_timer(plan.waiting.between_digits if run.state.wait.entry else plan.waiting.first_digit)
        return None

    def miss(self, run: Run, plan: Plan, what: str, hint: Sequence[Line] = ()) -> Move:
        """A `no_input` or `no_match`: the next rung of its ladder."""
        wait = run.state.wait
        wait.entry = ""
        count = getattr(wait, what) + 1
        setattr(wait, what, count)
        run.trace.append(Missed(run.at, *run.state.step, what, count))
        ladder: Ladder = getattr(plan, what)
        rung = _rung(ladder, count, plan.waiting.tries)
        if rung in REPROMPTS:
            self.reprompt(run, plan, (*hint, *(plan.again if rung == "reprompt" else plan.detail)))
            return None
        return self._give_up(run, plan, what, ladder, rung)

    def reprompt(self, run: Run, plan: Plan, lines: Sequence[Line]) -> None:
        """Ask again."""
        self.ask(run, plan, lines)

    def _give_up(self, run: Run, plan: Plan, what: str, ladder: Ladder, rung: str) -> Move:
        own = what in plan.step.on
        if not rung or (own and ladder.scope != "step"):
            return Done(what)
        written = f"on_{what}.{ladder.rungs.index(rung)}" if ladder.scope == "step" else ""
        return Go(Edge(rung, ladder.scope == "hotline", written), what)

    def accept(self, run: Run) -> None:
        """The caller gave an answer that fits: trouble before it is over."""
        run.state.handling = 0

    def hears(self, run: Run, plan: Plan) -> bool:
        """Whether something said counts now: not in a step without speech, nor in a prompt that must be heard."""
        return plan.waiting.speech and (plan.waiting.barge_in or not run.state.wait.token)

    def hotkey_word(self, run: Run, plan: Plan, event: SpeechHeard) -> Go | None:
        """The way of a hotkey whose words were said."""
        words = plan.hotkey_words.get(run.state.language, {})
        key = words.get(folded(event.text)) if event.confidence >= LEAST_CONFIDENCE else None
        if key is None or key not in plan.hotkeys:
            return None
        self.accept(run)
        return Go(plan.hotkeys[key], f"hotkey {key}")

    def understood(self, run: Run, event: SpeechHeard, words: Mapping[str, str]) -> str:
        """The keys that something heard stands for; empty if it was not understood."""
        meant = ""
        if event.confidence >= LEAST_CONFIDENCE:
            plain = folded(event.text)
            meant = words.get(plain, "")
            if not meant and KEYS.fullmatch(plain):
                meant = plain
        shown = "•" if run.state.wait.sensitive and meant else meant
        run.trace.append(SpeechUsed(run.at, *run.state.step, shown, event.confidence))
        return meant


def _rung(ladder: Ladder, count: int, tries: int) -> str:
    """The rung for the `count`th miss; empty when the ladder is at its end and says no way."""
    last = ladder.rungs[-1] if ladder.rungs else ""
    if (tries and count >= tries) or count > len(ladder.rungs):
        return "" if last in REPROMPTS else last
    return ladder.rungs[count - 1]
