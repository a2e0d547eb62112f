"""The `do` step: a filler while a service is slow, another try when it fails, late answers ignored."""

from __future__ import annotations

from ivr.flow.events import ServiceResult
from ivr.flow.instructions import RunService, StopTimer
from ivr.flow.kinds import Kind
from ivr.flow.manifest import ServiceSignature
from ivr.flow.moves import after_hangup
from ivr.flow.plan import Plan
from ivr.flow.trace import LevelRaised, ServiceAnswered, ServiceAsked
from ivr.flow.turn import Done, FaultError, Move, Run, arguments
from ivr.flow.values import Level

FAILED = ("error", "timeout")


class Do(Kind):
    """Ask, wait, and take the answer. Keys pressed meanwhile are kept for the next step."""

    def enter(self, run: Run, plan: Plan) -> Move:
        """Ask for the first time; the service is refused to a caller whose level is too low."""
        signature = self._signature(run, plan)
        if run.state.level < signature.level:
            raise FaultError("LEVEL", f"{plan.step.do} needs a caller who is {signature.level.name.lower()}")
        wait = run.state.wait
        wait.key = f"{run.state.call_id}/{plan.id}/{run.state.counts[plan.id]}"
        if plan.filler and not run.state.hung_up:
            wait.filler = run.other_timer(plan.filler_after)
        self._ask(run, plan)
        return None

    def _signature(self, run: Run, plan: Plan) -> ServiceSignature:
        signature = run.engine.services.get(plan.step.do)
        if signature is None:
            raise FaultError("SERVICE", f"there is no service {plan.step.do}")
        return signature

    def _ask(self, run: Run, plan: Plan) -> None:
        state, wait = run.state, run.state.wait
        wait.attempt += 1
        wait.request = run.new_id("s")
        wait.since = run.at
        given = arguments(run, plan, "with")
        service, timeout = plan.step.do, plan.timeout
        request = RunService(wait.request, service, given, state.level, timeout, wait.key, wait.attempt)
        run.out.append(request)
        run.trace.append(ServiceAsked(run.at, plan.flow, plan.name, plan.step.do, wait.attempt))

    def service(self, run: Run, plan: Plan, event: ServiceResult) -> Move:
        """Take the answer of the latest request; nothing else counts."""
        wait = run.state.wait
        if event.request != wait.request:
            return None
        wait.request = ""
        self._note(run, plan, event)
        signature = self._signature(run, plan)
        if event.outcome in FAILED:
            if self._may_retry(run, plan, signature):
                retry = plan.retry
                pause = retry.wait * retry.backoff ** (wait.attempt - 1) if retry else 0.0
                run.start_timer(pause)
                return None
        elif event.outcome not in signature.outcomes:
            raise FaultError("OUTCOME", f"{plan.step.do} ended with an outcome it does not declare")
        else:
            self._take(run, plan, event, signature)
        return after_hangup(run) if wait.stage == "settling" else self._over(run, event.outcome)

    def _note(self, run: Run, plan: Plan, event: ServiceResult) -> None:
        ms = round((run.at - run.state.wait.since) * 1000)
        service = plan.step.do
        entry = ServiceAnswered(run.at, plan.flow, plan.name, service, event.outcome, ms, event.code)
        run.trace.append(entry)

    def _may_retry(self, run: Run, plan: Plan, signature: ServiceSignature) -> bool:
        retry = plan.retry
        if retry is None or not signature.idempotent or run.state.hung_up:
            return False
        return run.state.wait.attempt <= retry.times

    def _take(self, run: Run, plan: Plan, event: ServiceResult, signature: ServiceSignature) -> None:
        if plan.step.into is not None and event.value is not None:
            run.assign(plan.step.into, event.value)
        granted = signature.grants.get(event.outcome, Level.ANONYMOUS)
        if granted > run.state.level:
            run.state.level = granted
            run.trace.append(LevelRaised(run.at, int(granted)))

    def _over(self, run: Run, outcome: str) -> Move:
        """Go on, once a filler that is being said has been heard."""
        wait = run.state.wait
        if wait.filler:
            run.out.append(StopTimer(wait.filler))
            wait.filler = ""
        if wait.token:
            wait.outcome = outcome
            return None
        return Done(outcome)

    def timer(self, run: Run, plan: Plan, timer: str) -> Move:
        """Time for the filler, or for another try."""
        wait = run.state.wait
        if timer == wait.filler:
            wait.filler = ""
            wait.token = run.say(plan.filler)
        elif timer == wait.timer:
            wait.timer = ""
            self._ask(run, plan)
        return None

    def heard(self, run: Run, plan: Plan) -> Move:
        """The filler is over; the answer may have come meanwhile."""
        outcome = run.state.wait.outcome
        return Done(outcome) if outcome else None

    def settles(self, run: Run) -> bool:
        """A request under way is waited for: what it did belongs to the call."""
        wait = run.state.wait
        if wait.request:
            wait.stage = "settling"
        return bool(wait.request)
