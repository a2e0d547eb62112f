"""Services: level, retries, fillers, late answers, and what happens when they fail."""

from decimal import Decimal

import pytest

from ivr.flow.events import PromptFinished, ServiceResult, TimerFired, TransferResult
from ivr.flow.instructions import HangUp, RunService, Say, StartTimer, Transfer
from ivr.flow.trace import LevelRaised
from ivr.flow.values import Level, Money

DUE = {"amount": Money(Decimal(80)), "on": "2026-04-01", "days_overdue": 3}
DIRECT = """flow: front
entry: due
steps:
  due: {do: policy.due, with: {policy_no: "'86001234'"}, into: due, next: bye}
  bye: {say: goodbye, hangup: normal}
"""


def at_the_check(call):
    return call.key("1").heard().key("86001234#1").heard().key("246810#")


def test_an_outcome_that_grants_raises_the_level(call):
    at_the_check(call).answer("ok")
    assert call.state.level is Level.VERIFIED
    assert [entry.level for entry in call.trace if isinstance(entry, LevelRaised)] == [2]
    assert call.last(RunService).service == "policy.due"
    assert call.last(RunService).level is Level.VERIFIED


def test_a_refusal_grants_nothing(call):
    at_the_check(call).answer("refused")
    assert call.state.level is Level.ANONYMOUS
    assert call.step == "front.bye"


def test_a_service_above_the_callers_level_is_never_asked(hotline_of, make_call):
    call = make_call(hotline_of(DIRECT))
    assert call.faults == ["LEVEL"]
    assert not call.all(RunService)
    assert call.step == "trouble.sorry"


def test_when_follows_what_the_service_said(call):
    at_the_check(call).answer("ok").answer("ok", DUE)
    assert call.step == "premium.tell"
    assert call.last(Say).phrases[0].values == {"amount": Money(Decimal(80)), "due_on": "2026-04-01"}


def test_the_result_of_a_flow_goes_up_with_its_outcome(call):
    at_the_check(call).answer("ok").answer("ok", DUE).heard()
    assert call.step == "front.top"
    assert call.state.variables["paid"] == Money(Decimal(80))


def test_an_idempotent_service_is_tried_again_with_the_same_key_and_growing_pauses(call):
    call.key("7").answer("error")
    assert call.last(StartTimer).seconds == 0.5
    call.timer(0.5).answer("timeout")
    assert call.last(StartTimer).seconds == 1.0
    call.timer(1.0)
    tries = call.all(RunService)
    assert [one.attempt for one in tries] == [1, 2, 3]
    assert len({one.key for one in tries}) == 1
    assert len({one.request for one in tries}) == 3
    call.answer("error")
    assert call.step == "trouble.sorry"


def test_a_service_that_is_not_idempotent_is_asked_once(call):
    at_the_check(call).answer("error")
    assert len(call.all(RunService)) == 1
    assert call.step == "premium.sorry"


def test_the_answer_to_an_earlier_try_is_ignored(call):
    call.key("7")
    first = call.last(RunService).request
    call.answer("timeout").timer(0.5)
    call.send(lambda at: ServiceResult(at, first, "ok", {"size": 11}))
    assert call.step == "front.slow"
    call.answer("ok", {"size": 4})
    assert call.step == "front.top"


def test_a_slow_service_is_covered_by_a_filler_that_is_heard_to_its_end(call):
    call.key("7").timer(1.0)
    assert call.said == ["one_moment"]
    call.answer("ok", {"size": 11})
    assert call.step == "front.slow"
    call.heard()
    assert call.step == "front.bye"


def test_an_outcome_without_a_value_leaves_the_variable_as_it_was(call):
    call.key("7").answer("ok", {"size": 4}).heard().key("7").answer("busy")
    assert call.state.variables["work"] == {"size": 4}


def test_a_fast_service_needs_no_filler(call):
    call.key("7")
    filler = next(one.timer for one in call.asked if isinstance(one, StartTimer) and one.seconds == 1.0)
    call.answer("busy")
    before = call.state
    assert call.send(lambda at: TimerFired(at, filler)).state.to_json() | {"at": 0} == before.to_json() | {
        "at": 0
    }


def test_an_outcome_the_service_does_not_declare_is_a_fault(call):
    call.key("7").answer("exploded")
    assert call.faults == ["OUTCOME"]
    assert call.step == "trouble.sorry"


def test_a_value_that_does_not_fit_the_condition_is_a_fault_and_not_false(call):
    call.key("7").answer("ok", {"size": None})
    assert call.faults == ["F406"]
    assert call.step == "trouble.sorry"


def test_trouble_in_the_error_handler_ends_the_call_with_a_word(hotline_of, make_call):
    flow = DIRECT.replace(
        "bye: {say", "sorry: {do: policy.due, with: {policy_no: '1'}, next: bye}\n  bye: {say"
    )
    call = make_call(hotline_of(flow.replace("entry: due", "entry: due\non_error: sorry")))
    assert call.faults == ["LEVEL", "LEVEL"]
    assert call.step == "trouble.sorry"
    broken = make_call(
        hotline_of(
            DIRECT,
            "flow: trouble\nentry: ask\nsteps:\n" + DIRECT.split("steps:\n")[1].replace("due:", "ask:", 1),
        )
    )
    assert broken.said == ["system_error"]
    broken.heard()
    assert broken.last(HangUp).reason == "error"
    assert broken.state.finished


def test_after_the_hotlines_handler_the_call_is_over(call):
    call.key("7").answer("exploded").heard()
    request = call.last(Transfer).request
    call.send(lambda at: TransferResult(at, request, "answered"))
    assert call.last(HangUp).reason == "normal"


def test_an_answer_after_the_end_comes_to_nothing(call):
    call.key("7").hang_up()
    request = call.last(RunService).request
    call.answer("busy")
    assert call.state.finished
    turn = call.engine.handle(call.state, ServiceResult(99.0, request, "busy"))
    assert turn.instructions == ()
    assert call.engine.handle(call.state, PromptFinished(99.0, "p1")).instructions == ()


@pytest.mark.parametrize("outcome", ["error", "timeout"])
def test_the_flows_own_handler_comes_before_the_hotlines(call, outcome):
    at_the_check(call).answer("ok").answer(outcome)
    assert call.step == "premium.sorry"


def test_a_retry_is_not_for_services_that_would_do_it_twice(hotline_of, make_call):
    flow = """flow: front
entry: check
steps:
  check:
    do: identity.check
    with: {policy_no: "'1'", pin: "'2'"}
    retry: {times: 3}
    on: {refused: bye}
    next: bye
  bye: {say: goodbye, hangup: normal}
"""
    call = make_call(hotline_of(flow)).answer("error")
    assert call.step == "trouble.sorry"
    assert len(call.all(RunService)) == 1
