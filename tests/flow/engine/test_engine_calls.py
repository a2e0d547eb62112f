"""Whole calls: flows in flows, bounds, hours, languages, hanging up, and the state as plain data."""

import json
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.flow.engine import Engine, StandIn, WrongVersionError
from ivr.flow.events import CallerHungUp, KeyPressed, PromptFinished, ServiceResult, TimerFired
from ivr.flow.instructions import HangUp, Listen, Phrase, RunService, Say, SetLanguage, StartTimer
from ivr.flow.state import CallState
from ivr.flow.trace import CallEnded, FlowEntered, FlowLeft, StepLeft
from ivr.flow.values import Level, Money

NESTED = """flow: front
entry: in
after_hangup: outer
steps:
  in: {call: middle, next: bye}
  bye: {say: goodbye, hangup: normal}
  outer: {do: claim.submit, with: {id: "'outer'"}, next: end}
"""
MIDDLE = """flow: middle
entry: in
steps:
  in: {call: inner, next: end}
"""
INNER = """flow: inner
entry: ask
after_hangup: first
steps:
  ask: {menu: top_menu, choices: {"1": {go: end}}}
  first: {do: claim.submit, with: {id: "'inner'"}, next: second}
  second: {say: goodbye, next: third}
  third: {do: claim.submit, with: {id: "'inner again'"}, next: ask}
"""


def test_a_call_begins_with_its_limit_and_its_first_prompt(engine, make_call):
    call = make_call(engine)
    assert call.asked == [StartTimer("t1", 600.0), Say("p2", (Phrase("welcome", "en"),))]
    assert call.trace[0].kind == "flow_entered"


def test_the_number_that_was_dialled_may_choose_the_flow(hotline_of, make_call):
    engine = hotline_of(NESTED, MIDDLE, INNER, hotline='numbers: {"400": inner}\n')
    assert make_call(engine).state.step == ("inner", "ask")


def test_after_a_hang_up_the_innermost_handler_runs_first_then_the_outer_ones(hotline_of, make_call):
    call = make_call(hotline_of(NESTED, MIDDLE, INNER)).hang_up()
    order = []
    while not call.state.finished:
        order.append(call.last(RunService).arguments["id"])
        call.answer("ok")
    assert order == ["inner", "inner again", "outer"]
    assert not call.all(HangUp)
    assert "goodbye" not in call.heard_all
    assert [one.reason for one in call.trace if isinstance(one, CallEnded)] == ["caller"]


def test_flows_nest_no_deeper_than_allowed(hotline_of, make_call):
    flow = "flow: front\nentry: again\nsteps:\n  again: {call: front, next: end}\n"
    call = make_call(hotline_of(flow))
    assert call.faults == ["DEPTH"]
    assert [frame.flow for frame in call.state.frames] == ["front"] * 4 + ["trouble"]


def test_a_loop_without_a_wait_is_cut(hotline_of, make_call):
    flow = """flow: front
entry: a
steps:
  a: {set: {x: 1}, at_most: 500, next: b}
  b: {set: {x: 2}, at_most: 500, next: a}
"""
    call = make_call(hotline_of(flow))
    assert call.faults == ["STEPS"]
    assert call.step == "trouble.sorry"


def test_a_step_is_entered_no_more_often_than_allowed(call):
    for _ in range(19):
        call.key("3")
    assert call.faults == []
    call.key("3")
    assert call.faults == ["LOOP"]
    assert call.step == "trouble.sorry"


def test_branches_without_a_way_are_a_fault(hotline_of, make_call):
    flow = "flow: front\nentry: a\nsteps:\n  a: {when: [{if: 1 > 2, go: b}]}\n  b: {hangup: normal}\n"
    assert make_call(hotline_of(flow)).faults == ["BRANCH"]


def test_main_goes_back_to_the_main_menu_from_anywhere(hotline_of, make_call):
    inner = INNER.replace("go: end", "go: main")
    call = make_call(hotline_of(NESTED, MIDDLE, inner)).key("1")
    assert [one.flow for one in call.trace if isinstance(one, FlowLeft)] == ["inner", "middle"]
    assert call.step == "inner.ask"


def test_a_changed_language_speaks_at_once(call):
    call.key("3")
    assert call.last(SetLanguage).language == "en"


def test_a_language_that_is_not_offered_gives_the_first_one(hotline_of, make_call):
    flow = """flow: front
entry: a
vars: {wanted: {type: code, initial: "'fr'"}}
steps:
  a: {language: "{wanted}", next: b}
  b: {say: welcome, next: end}
"""
    call = make_call(hotline_of(flow))
    assert call.faults == ["LANGUAGE"]
    assert call.last(Say).phrases == (Phrase("welcome", "zh-CN"),)


@pytest.mark.parametrize(("state", "step"), [("open", "bye"), ("closed", "closed"), ("holiday", "closed")])
def test_hours_are_asked_of_the_calendar_at_that_moment(library, make_call, state, step):
    asked = []

    def hours(calendar, rules, now):
        asked.append((calendar, now.isoformat()))
        return state

    call = make_call(Engine(library, open_state=hours)).heard()
    call.at = 3600.0
    call.key("5")
    assert call.state.step == ("front", step)
    assert asked == [("office", "2026-03-05T13:00:00.100000+08:00")]


def test_a_stand_in_gives_its_outcome_and_level_without_running_the_flow(library, make_call):
    told = StandIn("told", {"paid": Money(5)}, Level.VERIFIED)
    call = make_call(Engine(library, stand_ins={"premium": [told]})).key("1")
    assert call.step == "front.top"
    assert call.state.variables["paid"] == Money(5)
    assert call.state.level is Level.VERIFIED
    assert [one.version for one in call.trace if isinstance(one, FlowEntered)][1:] == ["stand-in"]


def test_the_trace_names_the_line_that_was_followed(call):
    call.key("5")
    edges = {(one.step, one.edge) for one in call.trace if isinstance(one, StepLeft)}
    assert ("top", "choices.5") in edges
    assert ("welcome", "next") in edges


def test_every_trace_entry_is_plain_json(call):
    call.key("1").heard().key("86001234#1").heard().key("246810#").answer("ok").hang_up()
    told = json.loads(json.dumps([entry.to_json() for entry in call.trace]))
    assert all("kind" in entry and "at" in entry for entry in told)
    assert "246810" not in str(told)


def test_a_state_of_other_flows_is_refused(call, hotline_of):
    other = hotline_of(NESTED, MIDDLE, INNER)
    with pytest.raises(WrongVersionError):
        other.handle(call.state, KeyPressed(1.0, "1"))


def test_resuming_inside_a_secret_entry_begins_the_step_again(call):
    call.key("1").heard().key("86001234#1").heard().key("246")
    restored = CallState.from_json(json.loads(json.dumps(call.state.to_json())))
    turn = call.engine.resume(restored, 50.0)
    assert [type(one) for one in turn.instructions if isinstance(one, Say | Listen)] == [Listen, Say]
    assert turn.state.wait.entry == ""
    call.state = turn.state
    call.at = 50.0
    call.key("246810#")
    assert call.state.variables["pin"].reveal() == "246810"


def test_a_secret_that_was_not_written_is_missed_and_never_wrong(call):
    call.key("1").heard().key("86001234#1").heard().key("246810#")
    restored = CallState.from_json(call.state.to_json())
    assert "pin" not in restored.variables
    assert restored.variables["policy_no"] == "86001234"


_ACTS = st.lists(
    st.sampled_from([*"0123579*#", "heard", "timer", "answer", "refuse"]), min_size=1, max_size=25
)


def _event(state, act, at):
    wait = state.wait
    if act == "heard":
        return PromptFinished(at, state.playing)
    if act == "timer":
        return TimerFired(at, wait.timer or wait.filler)
    if act in ("answer", "refuse"):
        return ServiceResult(at, wait.request, "error" if act == "refuse" else "ok", {"id": "c1", "size": 3})
    return KeyPressed(at, act)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
def test_a_state_written_and_read_back_goes_on_exactly_as_before(engine, make_call, acts):
    call = make_call(engine)
    for number, act in enumerate(acts):
        state = call.state
        event = _event(state, act, number * 1.5)
        whole = not state.buffer and not state.sensitive and "pin" not in state.variables
        turn = engine.handle(state, event)
        if whole:
            written = json.loads(json.dumps(state.to_json()))
            again = engine.handle(CallState.from_json(written), event)
            assert again.instructions == turn.instructions
            assert again.trace == turn.trace
            assert again.state.to_json() == turn.state.to_json()
        call._take(turn)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
def test_the_state_that_is_given_is_never_changed(engine, make_call, acts):
    call = make_call(engine)
    for number, act in enumerate([*acts, "gone"]):
        before = deepcopy(call.state.to_json()), call.state.buffer
        event = CallerHungUp(99.0) if act == "gone" else _event(call.state, act, number * 1.5)
        turn = engine.handle(call.state, event)
        assert (call.state.to_json(), call.state.buffer) == before
        call._take(turn)


CHECK = """flow: check
entry: ask
outcomes: {found: {number: digits, note: text?}, lost: {}}
steps:
  ask: {menu: top_menu, choices: {"1": {go: found}, "2": {go: lost}}}
  found: {return: found, with: {number: "'77'"}}
  lost: {return: lost}
"""
TAKES = """flow: front
entry: in
vars: {number: {type: digits?}, note: {type: text, initial: "'old'"}}
steps:
  in: {call: check, out: {number: result.number, note: result.note}, on: {found: ask, lost: ask}}
  ask: {menu: top_menu, choices: {"1": {go: in}}}
"""


def test_an_outcome_that_carries_nothing_leaves_the_variables_as_they_were(hotline_of, make_call):
    call = make_call(hotline_of(TAKES, CHECK)).heard().key("2")
    assert call.step == "front.ask"
    assert call.state.variables["number"] is None
    assert call.state.variables["note"] == "old"
    call.heard().key("1").heard().key("1")
    assert call.state.variables["number"] == "77"
    assert call.state.variables["note"] is None
