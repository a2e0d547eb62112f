"""What `menu` and `collect` share: prompts long then short, waiting, ladders, and taking keys in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from ivr.flow.kinds import Kind
from ivr.flow.outcomes import REPROMPTS
from ivr.flow.plan import Edge, Ladder, Line, Plan
from ivr.flow.trace import Missed
from ivr.flow.turn import Done, Go, Move, Run
from ivr.flow.values import Value


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
        self.listen(run, plan)
        if run.state.buffer and plan.waiting.barge_in:
            return
        if lines:
            wait.token = run.say(lines, **extra)
        else:
            run.start_timer(plan.waiting.first_digit)

    @abstractmethod
    def listen(self, run: Run, plan: Plan) -> None:
        """Let the caller answer what is asked now."""

    def keys(self, run: Run, plan: Plan) -> Move:
        """Use the keys of the buffer in order, until the step is over or wants more."""
        state = run.state
        if state.buffer:
            state.wait.keyed = run.at
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
        run.state.handling, run.state.told = 0, ()


def _rung(ladder: Ladder, count: int, tries: int) -> str:
    """The rung for the `count`th miss; empty when the ladder is at its end and says no way."""
    last = ladder.rungs[-1] if ladder.rungs else ""
    if (tries and count >= tries) or count > len(ladder.rungs):
        return "" if last in REPROMPTS else last
    return ladder.rungs[count - 1]
