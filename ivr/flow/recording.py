"""Steps that keep a caller's voice (`voicemail`, `record`) and the one that brings a person (`transfer`)."""

from __future__ import annotations

from typing import Final, Literal

from ivr.flow.events import RecordingFinished, TransferResult
from ivr.flow.instructions import (
    DiscardRecording,
    KeepRecording,
    Listen,
    Phrase,
    Record,
    StartTimer,
    StopRecording,
    StopTimer,
    Transfer,
)
from ivr.flow.kinds import Kind, hotkey, open_now
from ivr.flow.moves import mark_gone
from ivr.flow.outcomes import FIXED_OUTCOMES, is_named, taken_for
from ivr.flow.plan import Plan
from ivr.flow.trace import Recorded, RecordingSettled, TransferAsked, TransferEnded
from ivr.flow.turn import Done, Move, Run, arguments
from ivr.flow.values import Value

#: Seconds after which a caller who says nothing in the review is content, after one reminder.
REVIEW_WAIT: Final = 6.0
KEEP, AGAIN, HEAR = "1", "2", "3"


class Recording(Kind):
    """Say the prompt, record, and let the caller review. A hang-up keeps what was said.

    Stages: `prompt`, `recording`, `review`.
    """

    def enter(self, run: Run, plan: Plan) -> Move:
        """Speak first; keys typed ahead are no part of a message and are dropped when it begins."""
        wait = run.state.wait
        wait.stage = "prompt"
        if not plan.say:
            return self._record(run, plan)
        wait.token = run.say(plan.say)
        return None

    def _record(self, run: Run, plan: Plan) -> Move:
        step, wait = plan.step, run.state.wait
        run.drop_keys()
        wait.stage = "recording"
        wait.request = run.new_id("r")
        details = self._details(run, plan)
        run.listen(Listen(sensitive=wait.sensitive, language=run.state.language))
        purpose: Literal["voicemail", "record"] = "voicemail" if plan.kind == "voicemail" else "record"
        run.out.append(Record(wait.request, purpose, step.max, step.silence, step.least, step.beep, details))
        return None

    def _details(self, run: Run, plan: Plan) -> dict[str, Value]:
        details = arguments(run, plan, "with")
        if plan.kind != "voicemail":
            own = {"name": plan.step.record}
        else:
            owner = f"-{details.pop('owner')}" if plan.step.owner is not None else ""
            own = {"mailbox": f"{plan.step.voicemail}{owner}"}
        return {**details, **own, "flow": plan.flow, "step": plan.name}

    def heard(self, run: Run, plan: Plan) -> Move:
        """The prompt is over: record. The review is over: wait for the caller's word."""
        if run.state.wait.stage == "prompt":
            return self._record(run, plan)
        if run.state.wait.stage == "review":
            run.start_timer(REVIEW_WAIT)
        return None

    def keys(self, run: Run, plan: Plan) -> Move:
        """A key skips the prompt, ends the recording, or answers the review."""
        while run.state.buffer:
            move = self._key(run, plan, run.next_key())
            if move is not None:
                return move
        return None

    def _key(self, run: Run, plan: Plan, key: str) -> Move:
        stage, wait = run.state.wait.stage, run.state.wait
        if stage == "review":
            return self._review_key(run, plan, key)
        if stage == "prompt":
            run.hush()
            if key in plan.hotkeys:
                return hotkey(run, plan, key)
            run.use_keys(key)
            return self._record(run, plan)
        run.use_keys(key)
        if key == plan.step.end_key:
            wait.stage = "stopping"
            run.out.append(StopRecording(wait.request))
        return None

    def recording(self, run: Run, plan: Plan, event: RecordingFinished) -> Move:
        """Keep what is long enough; what the disk would not take further is kept as far as it came."""
        state, wait = run.state, run.state.wait
        if event.recording != wait.request:
            return None
        if event.why == "hang_up" and not state.hung_up:
            mark_gone(run)
        enough = event.seconds >= plan.step.least
        kept = enough or (event.why == "storage" and event.seconds > 0)
        run.trace.append(
            Recorded(run.at, plan.flow, plan.name, event.recording, round(event.seconds, 3), event.why)
        )
        if not kept:
            _settle(run, event.recording, kept=False)
            wait.request = ""
            return Done("error" if event.why == "storage" else "hung_up" if state.hung_up else "too_short")
        self._name(run, plan, event.recording)
        if event.why == "storage":
            return self._keep(run, "error")
        if state.hung_up:
            return self._keep(run, "hung_up")
        if plan.review and not state.ending:
            return self._review(run, plan, ())
        return self._keep(run, "saved")

    def _name(self, run: Run, plan: Plan, recording: str) -> None:
        """Fill the step's variable with the recording's id."""
        name = plan.step.into or getattr(plan.step, "record", None)
        if name:
            run.assign(name, recording)

    def _keep(self, run: Run, outcome: str) -> Move:
        _settle(run, run.state.wait.request, kept=True)
        run.state.wait.request = ""
        return Done(outcome)

    # The review: 1 keeps, 2 records again, 3 plays it

    def _review(self, run: Run, plan: Plan, first: tuple[Phrase, ...]) -> Move:
        wait = run.state.wait
        wait.stage = "review"
        run.stop_timer()
        wait.token = run.speak((*first, *run.phrases(plan.review, {})))
        return None

    def _review_key(self, run: Run, plan: Plan, key: str) -> Move:
        run.hush()
        run.stop_timer()
        run.use_keys(key)
        wait = run.state.wait
        if key == KEEP:
            return self._keep(run, "saved")
        if key == AGAIN:
            _settle(run, wait.request, kept=False)
            wait.no_input = wait.no_match = 0
            return self._record(run, plan)
        if key == HEAR:
            prompt = run.engine.hotline.prompts.get("playback", "playback")
            playback = Phrase(prompt, run.state.language, {"recording": wait.request})
            return self._review(run, plan, (playback,))
        return self._unclear(run, plan)

    def _unclear(self, run: Run, plan: Plan) -> Move:
        """Ask once more; after that the message is kept, because nobody said to throw it away."""
        wait = run.state.wait
        wait.no_match += 1
        return self._keep(run, "saved") if wait.no_match > 2 else self._review(run, plan, ())

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """Silence in the review."""
        wait = run.state.wait
        if timer != wait.timer or wait.stage != "review":
            return None
        wait.timer = ""
        wait.no_input += 1
        return self._keep(run, "saved") if wait.no_input > 1 else self._review(run, plan, ())

    def settles(self, run: Run) -> bool:
        """A recording under way ends by itself when the caller is gone; one under review is kept at once."""
        wait = run.state.wait
        if wait.stage == "review" and wait.request:
            _settle(run, wait.request, kept=True)
            wait.request = ""
        return wait.stage in ("recording", "stopping")

    def closes(self, run: Run) -> bool:
        """The hotline is about to end the call: end the recording first."""
        wait = run.state.wait
        if wait.stage == "recording":
            wait.stage = "stopping"
            run.out.append(StopRecording(wait.request))
        return self.settles(run)


def _settle(run: Run, recording: str, kept: bool) -> None:
    run.out.append(KeepRecording(recording) if kept else DiscardRecording(recording))
    run.trace.append(RecordingSettled(run.at, recording, kept))


class BringPerson(Kind):
    """Bring the caller to a person. The longest length of a call does not count while they talk."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Ask for a person, if the queue is served now."""
        to, state = plan.step.transfer, run.state
        queue = run.engine.hotline.queues.get(to.queue)
        run.trace.append(TransferAsked(run.at, plan.flow, plan.name, to.queue, to.reason))
        if queue is not None and queue.hours is not None and open_now(run, queue.hours) != "open":
            return self._over(run, plan, "closed")
        details = arguments(run, plan, "with")
        if to.offer is not None:
            details["offer"] = to.offer
        if plan.say:
            run.say(plan.say)
        state.wait.request = run.new_id("x")
        state.wait.since = run.at
        if state.limit_timer:
            run.out.append(StopTimer(state.limit_timer))
            state.limit_timer = ""
        handles = self._handled(run, plan)
        run.out.append(Transfer(state.wait.request, to.queue, to.timeout, to.reason, details, handles))
        return None

    def transfer(self, run: Run, plan: Plan, event: TransferResult) -> Move:
        """The person was there, or not."""
        state = run.state
        if event.request != state.wait.request:
            return None
        if event.outcome in ("answered", "returned"):
            run.drop_keys()  # they were for the person, or for nobody
        state.limit_at += run.at - state.wait.since
        state.limit_timer = run.new_id("t")
        run.out.append(StartTimer(state.limit_timer, max(1.0, state.limit_at - run.at)))
        return self._over(run, plan, event.outcome)

    def _over(self, run: Run, plan: Plan, outcome: str) -> Move:
        run.trace.append(TransferEnded(run.at, plan.flow, plan.name, plan.step.transfer.queue, outcome))
        flow = run.engine.plan(plan.flow).flow
        return Done(taken_for(plan.step, outcome, flow, run.engine.hotline))

    def _handled(self, run: Run, plan: Plan) -> frozenset[str]:
        """The outcomes that somebody names."""
        flow, hotline = run.engine.plan(plan.flow).flow, run.engine.hotline
        known = FIXED_OUTCOMES["transfer"]
        return frozenset(one for one in known if is_named(plan.step, one, flow, hotline))
