"""What is said to a question: words, how sure they are, and asking back before anything unsure is done.

Keys win: what began to be said before a key came is not used, and once a key of an entry has come only what is
understood everywhere counts until the entry is over.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Final, Literal

from ivr.flow.asking import Asking
from ivr.flow.events import SpeechHeard, SpeechLost
from ivr.flow.instructions import Listen
from ivr.flow.plan import NO_KEY, YES_KEY, Line, Plan
from ivr.flow.state import CallState
from ivr.flow.trace import SpeechUsed
from ivr.flow.turn import Go, Move, Run
from ivr.flow.words import INSTEAD, KEY_OF, Words

#: From this confidence on, what was heard is taken; below it is asked back, and below UNSURE not understood.
SURE: Final = 0.8
UNSURE: Final = 0.45
#: From this on a value that was said is worth the step's read-back, also where there is a way for one that is not sure.
LIKELY: Final = 0.55
#: Seconds after which somebody who began to speak is taken to have said nothing, whatever the recogniser does.
LONGEST_SPEECH: Final = 20.0
#: Seconds by which what is said may seem to have begun before it was listened for.
OVERLAP: Final = 0.5
#: One step slower, and as slow as it gets.
SLOWER, SLOWEST = 0.8, 0.64
KEYS: Final = re.compile(r"[0-9*#]+")
PARDON, SLOW, FAST = "@pardon", "@slower", "@faster"
#: The stage of a step in which a choice, or something that is understood everywhere, is asked back.
ASKED_BACK: Final = "asked_back"

Sureness = Literal["sure", "unsure", "no"]


def sureness(confidence: float) -> Sureness:
    """Which of the three bands a confidence is in."""
    return "sure" if confidence >= SURE else "unsure" if confidence >= UNSURE else "no"


class Hearing(Asking):
    """An asking step that may be spoken to. Subclasses say what is expected and take what was understood."""

    @abstractmethod
    def press(self, run: Run, plan: Plan, key: str) -> Move:
        """Use one key, where nothing is asked back."""

    @abstractmethod
    def take(self, run: Run, plan: Plan, meaning: str, event: SpeechHeard | None) -> Move:
        """Do what was said; without an event, the caller has said yes to it."""

    @abstractmethod
    def unclear(self, run: Run, plan: Plan) -> Move:
        """Something was said that means nothing here."""

    def said_again(self, run: Run, plan: Plan) -> None:
        """Ask once more as at first, after what was told before the question."""
        run.stop_timer()
        self.listen(run, plan)
        run.state.wait.token = run.speak((*run.state.told, *run.phrases(plan.say, {})))

    @abstractmethod
    def expected(self, state: CallState, plan: Plan) -> tuple[str, Words]:
        """What is expected now (`Listen.expect`), and the words for it."""

    def phrases(self, state: CallState, plan: Plan) -> Mapping[str, str]:
        """Everything that may be said to what is asked now, with its meaning."""
        return self.expected(state, plan)[1].spoken

    def listen(self, run: Run, plan: Plan) -> None:
        """Let the caller answer what is asked now; a step that asks something else listens anew."""
        wait, language = run.state.wait, run.state.language
        asked = f"{wait.stage}:{language}"
        if wait.listening and wait.key == asked:
            return
        wait.key = asked
        speech = plan.waiting.speech and language in run.engine.heard
        if not speech:
            run.listen(Listen(False, wait.sensitive, language=language))
            return
        expect, words = self.expected(run.state, plan)
        run.listen(self.listening(run, plan, Listen(True, wait.sensitive, words.spoken, language, expect)))

    def listening(self, run: Run, plan: Plan, listen: Listen) -> Listen:
        """The same with what the kind of step adds to it."""
        return listen

    def hears(self, run: Run, plan: Plan) -> bool:
        """Whether something said counts now: not in a step without speech, nor in a prompt that must be heard."""
        return (
            plan.waiting.speech
            and run.state.language in run.engine.heard
            and (plan.waiting.barge_in or not run.state.wait.token)
        )

    # Somebody speaks

    def began(self, run: Run, plan: Plan) -> Move:
        """Fall silent and wait, unless the caller is typing."""
        wait = run.state.wait
        if not self.hears(run, plan) or wait.entry:
            return None
        wait.speaking = True
        if wait.token:
            wait.cut = max(wait.cut, 1)
            run.hush()
        run.start_timer(LONGEST_SPEECH)
        return None

    def speech(self, run: Run, plan: Plan, event: SpeechHeard) -> Move:
        """Take what is sure, ask back what is not, and let pass what is not for this question."""
        wait = run.state.wait
        if not self.hears(run, plan) or _late(run, event):
            return None
        wait.speaking = False
        meaning = self._meaning(run, plan, event)
        if not meaning and not event.text:
            return self._nothing(run, plan)
        known = meaning if sureness(event.confidence) != "no" else ""
        if wait.entry and known not in (PARDON, SLOW, FAST, *plan.phrases):
            return None
        if wait.token and not known:
            return None  # a noise over the prompt: it goes on
        self._note(run, event, known)
        run.hush()
        run.stop_timer()
        wait.entry = ""
        return self._decide(run, plan, known, event) if known else self.unclear(run, plan)

    def _meaning(self, run: Run, plan: Plan, event: SpeechHeard) -> str:
        if event.meaning:
            return event.meaning
        expect, words = self.expected(run.state, plan)
        found = words.meaning(event.text)
        if not found and expect == "anything":
            found = words.within(event.text)
        plain = "".join(event.text.split())
        return found or (plain if KEYS.fullmatch(plain) else "")

    def _note(self, run: Run, event: SpeechHeard, meaning: str) -> None:
        shown = "•" if run.state.wait.sensitive and meaning else meaning
        run.trace.append(SpeechUsed(run.at, *run.state.step, shown, event.confidence))

    def _decide(self, run: Run, plan: Plan, meaning: str, event: SpeechHeard) -> Move:
        if meaning in (PARDON, SLOW, FAST):
            return self._repeat(run, plan, meaning)
        sure = sureness(event.confidence) == "sure"
        if meaning in plan.phrases:
            return self.everywhere(run, plan, meaning) if sure else self.ask_back(run, plan, meaning)
        if run.state.wait.stage == ASKED_BACK:
            return self._answer(run, plan, meaning, sure)
        return self.take(run, plan, meaning, event)

    def everywhere(self, run: Run, plan: Plan, meaning: str) -> Move:
        """Go where something leads that is understood in every step."""
        self.accept(run)
        key = KEY_OF.get(meaning[1:], meaning[1:])
        return Go(plan.phrases[meaning], f"hotkey {key}" if key in plan.hotkeys else f"said {key}")

    def _repeat(self, run: Run, plan: Plan, meaning: str) -> Move:
        state = run.state
        if meaning == FAST:
            state.pace = 1.0
        elif meaning == SLOW:
            state.pace = max(SLOWEST, round(state.pace * SLOWER, 2))
        if state.wait.stage == ASKED_BACK:
            self._ask_it_back(run, plan)
        else:
            self.said_again(run, plan)
        return None

    def _nothing(self, run: Run, plan: Plan) -> Move:
        """What began was nothing said: a prompt that fell silent for it is heard again, once."""
        wait = run.state.wait
        if wait.token or wait.entry:
            return None
        if wait.cut == 1:
            wait.cut = 2
            return self._repeat(run, plan, PARDON)
        run.start_timer(plan.waiting.first_digit)
        return None

    # Asking back

    def ask_back(self, run: Run, plan: Plan, meaning: str) -> Move:
        """Ask whether this was meant; what has no name cannot be asked back and was not understood."""
        wait = run.state.wait
        if meaning not in plan.names or not run.role("sure_choice"):
            return self.unclear(run, plan)
        wait.stage, wait.meant, wait.attempt = ASKED_BACK, meaning, 0
        self._ask_it_back(run, plan)
        return None

    def _ask_it_back(self, run: Run, plan: Plan) -> None:
        self.ask(run, plan, run.role("sure_choice"), name=plan.names[run.state.wait.meant])

    def _answer(self, run: Run, plan: Plan, meaning: str, sure: bool) -> Move:
        """Yes, no, or something else instead: that too is taken only when it is sure."""
        if meaning == NO_KEY:
            return self._not_meant(run, plan)
        if not sure or not (meaning == YES_KEY or meaning.startswith(INSTEAD)):
            return self._unanswered(run, plan, "no_match")
        return self._do(run, plan, run.state.wait.meant if meaning == YES_KEY else meaning)

    def _do(self, run: Run, plan: Plan, meaning: str) -> Move:
        self._forget(run)
        if meaning in plan.phrases:
            return self.everywhere(run, plan, meaning)
        return self.take(run, plan, meaning.removeprefix(INSTEAD), None)

    def _not_meant(self, run: Run, plan: Plan) -> Move:
        """It counts as a miss, so that it ends at a person and not never."""
        self._forget(run)
        return self.miss(run, plan, "no_match")

    def _unanswered(self, run: Run, plan: Plan, what: str) -> Move:
        """Ask it back once more, with the keys for it; the second time it counts as a miss of the whole step."""
        wait = run.state.wait
        wait.attempt += 1
        if wait.attempt > 1:
            self._forget(run)
            return self.miss(run, plan, what)
        lines = (*run.role("sure_choice"), *run.role("yes_no_keys"))
        self.ask(run, plan, lines, name=plan.names[wait.meant])
        return None

    @staticmethod
    def _forget(run: Run) -> None:
        run.state.wait.stage, run.state.wait.meant = "", ""

    def key(self, run: Run, plan: Plan, key: str) -> Move:
        """Yes or no to what is asked back; any other key is for the question itself."""
        run.state.wait.speaking = False
        if run.state.wait.stage != ASKED_BACK:
            return self.press(run, plan, key)
        if key in (YES_KEY, NO_KEY):
            run.stop_timer()
            run.use_keys(key)
            return self._do(run, plan, run.state.wait.meant) if key == YES_KEY else self._not_meant(run, plan)
        self._forget(run)
        self.listen(run, plan)
        return self.press(run, plan, key)

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """Nobody has answered."""
        run.state.wait.timer = ""
        run.state.wait.speaking = False
        if run.state.wait.stage == ASKED_BACK:
            return self._unanswered(run, plan, "no_input")
        return self.waited(run, plan)

    @abstractmethod
    def waited(self, run: Run, plan: Plan) -> Move:
        """The time to answer is over, where nothing is asked back."""

    def lost(self, run: Run, plan: Plan, event: SpeechLost) -> Move:
        """Tell a caller who might speak to use the keys, once in a call; where nobody could speak, say nothing."""
        state, lines = run.state, run.role("use_keys")
        if event.why != "full" or state.told_keys or not lines or not plan.waiting.speech or state.wait.entry:
            return None
        state.told_keys = True
        run.stop_timer()
        state.wait.token = run.say(lines)
        return None

    def not_heard(self, run: Run, plan: Plan) -> tuple[Line, ...]:
        """What is said before a question is repeated because what was said was not understood."""
        return run.role("unclear") or run.role("pardon")


def _late(run: Run, event: SpeechHeard) -> bool:
    """Whether this began to be said before the question, or before the last key for it."""
    wait = run.state.wait
    if not event.began:
        return False
    return event.began < wait.listened - OVERLAP or event.began < wait.keyed
