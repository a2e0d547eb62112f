"""Tests beside flows: what a scripted caller does, what is expected, and what a failure tells."""

import pytest

from ivr.testing import run_flow_tests

FRONT = """flow: front
entry: hello
steps:
  hello: {say: hello, next: top}
  top:
    menu: top
    choices: {"1": {go: check}, "2": {go: message}, "3": {go: office}}
  check: {call: check, out: {policy_no: result.policy_no}, on: {ok: due, no: top}}
  due:
    do: policy.due
    with: {policy_no: policy_no}
    into: due
    timeout: 2s
    on: {none: top, timeout: bye}
    next: tell
  tell: {say: due, with: {amount: due.amount}, next: top}
  office: {hours: office, on: {open: top, closed: bye, holiday: bye}}
  message:
    voicemail: service
    say: message
    review: review
    least: 2s
    on: {too_short: bye, error: bye, hung_up: end}
    next: bye
  bye: {say: bye, hangup: normal}
"""
CHECK = """flow: check
entry: pin
outcomes: {ok: {policy_no: digits}, no: {}}
steps:
  pin: {collect: pin, type: secret, length: 4, say: ask, on: {cancelled: no}, next: ask}
  ask: {do: id.check, with: {pin: pin}, on: {ok: ok, no: no}}
  ok: {return: ok, with: {policy_no: "'86001234'"}}
  no: {return: no}
"""


@pytest.fixture
def run(library_of):
    """Runs one test of the front flow, given as YAML lines, and gives its result."""

    def run(test: str, flow: str = "front"):
        texts = {"front": FRONT, "check": CHECK}
        indented = "\n".join(f"    {line}" for line in test.strip().splitlines())
        texts[flow] += f"tests:\n  - name: it\n{indented}\n"
        report = run_flow_tests(library_of(*texts.values()), [flow])
        return report.results[0]

    return run


def test_a_call_from_greeting_to_answer_passes(run):
    result = run("""
given: {services: {id.check: ok, policy.due: {amount: 80}}}
caller: [{keys: "1"}, {keys: "2468"}]
expect:
  - {said: hello}
  - {step: top}
  - {step: check.pin}
  - {did: id.check, with: {pin: "2468"}}
  - {did: policy.due, with: {policy_no: "86001234"}}
  - {variable: {due: {amount: 80, on: null}}}
  - {said: due, with: {amount: 80.00}}
  - {said: top}
  - {hangup: caller}
""")
    assert result.passed, str(result)


def test_the_order_of_expectations_counts(run):
    result = run("caller: [{keys: '9'}]\nexpect: [{said: top}, {said: hello}]")
    assert result.message == "said: hello did not come about here; it did earlier"
    assert result.line == 29


def test_a_value_that_differs_is_told_apart_from_a_prompt_that_was_not_said(run):
    result = run("""
given: {services: {id.check: ok, policy.due: {amount: 80}}}
caller: [{keys: "1"}, {keys: "2468"}]
expect: [{said: due, with: {amount: 81}}]
""")
    assert "with other values" in result.message


def test_a_failure_shows_the_file_the_line_and_the_transcript(run):
    text = str(run("caller: [{keys: '3'}]\nexpect:\n  - {said: bye}"))
    assert text.startswith("front.yaml:30: FAIL front: it\n  said: bye did not come about")
    assert "> keys  3" in text
    assert "said  hello" in text


def test_a_prompt_that_must_not_be_said(run):
    assert run("caller: [{keys: '9'}]\nexpect: [{not_said: bye}]").passed
    assert run("caller: [{keys: '9'}]\nexpect: [{not_said: hello}]").message == "hello was said"


def test_a_service_without_an_answer_says_what_to_add(run):
    result = run("given: {flows: {check: {outcome: ok, policy_no: '1'}}}\ncaller: [{keys: '1'}]")
    assert result.message == "policy.due was asked; add its answer under `given: services:`"


def test_a_flow_can_be_stood_in_for_and_leaves_its_level(run):
    result = run("""
given: {flows: {check: {outcome: ok, policy_no: "77"}}, services: {policy.due: none}}
caller: [{keys: "1"}]
expect: [{did: policy.due, with: {policy_no: "77"}}, {step: top}]
""")
    assert result.passed, str(result)


def test_answers_come_in_order_and_the_last_one_stays(run):
    result = run("""
given: {flows: {check: {outcome: ok, policy_no: "77"}}, services: {policy.due: [none, {outcome: ok, value: {amount: 5}}]}}
caller: [{keys: "1"}, {keys: "1"}, {keys: "1"}]
expect: [{did: policy.due}, {did: policy.due}, {said: due, with: {amount: 5}}, {said: due, with: {amount: 5}}]
""")
    assert result.passed, str(result)


def test_a_slow_service_times_out(run):
    result = run("""
given:
  flows: {check: {outcome: ok, policy_no: "77"}}
  services: {policy.due: {outcome: ok, value: {amount: 5}, after: 3s}}
caller: [{keys: "1"}]
expect: [{said: bye}, {hangup: normal}]
""")
    assert result.passed, str(result)


def test_silence_climbs_the_ladder_to_a_person(run):
    result = run(
        "caller: [{silence: 20s}]\nexpect: [{said: top}, {said: top}, {transfer: service}, {hangup: normal}]"
    )
    assert result.passed, str(result)


def test_a_transfer_ends_as_given(run):
    result = run(
        "given: {transfer: {service: busy}}\ncaller: [{keys: '0'}]\nexpect: [{transfer: service}, {said: bye}]"
    )
    assert result.passed, str(result)


def test_a_key_during_a_prompt_is_pressed_during_it(run):
    result = run(
        "given: {hours: {office: closed}}\ncaller: [{keys: '3', during: hello}]\nexpect: [{said: bye}]"
    )
    assert result.passed, str(result)
    assert [one.name for one in result.moments if one.what == "said"] == ["hello", "bye"]


def test_opening_hours_follow_the_clock_unless_they_are_given(run):
    open_ = run(
        "given: {clock: 2026-03-05T12:00}\ncaller: [{keys: '3'}]\nexpect: [{step: office}, {step: top}]"
    )
    assert open_.passed, str(open_)
    shut = run(
        "given: {clock: 2026-03-05T18:00}\ncaller: [{keys: '3'}]\nexpect: [{step: office}, {step: bye}]"
    )
    assert shut.passed, str(shut)


def test_a_message_is_spoken_ended_by_key_and_kept(run):
    result = run("""
caller: [{keys: "2"}, {record: 5s}, {keys: "#"}, {keys: "1"}]
expect: [{voicemail: service}, {said: message}, {said: review}, {kept: true}, {said: bye}]
""")
    assert result.passed, str(result)


def test_a_message_that_is_too_short_is_not_kept(run):
    result = run('caller: [{keys: "2"}, {record: 1s}]\nexpect: [{kept: false}, {said: bye}]')
    assert result.passed, str(result)


def test_hanging_up_while_talking_keeps_the_message(run):
    result = run(
        'caller: [{keys: "2"}, {record: 5s}, {hang_up: true}]\nexpect: [{hangup: caller}, {kept: true}]'
    )
    assert result.passed, str(result)


def test_hanging_up_during_a_prompt(run):
    result = run("caller: [{hang_up: true, during: hello}]\nexpect: [{hangup: caller}, {not_said: top}]")
    assert result.passed, str(result)


def test_what_the_caller_could_not_do_any_more_is_a_failure(run):
    result = run(
        "given: {hours: {office: closed}}\ncaller: [{keys: '3'}, {keys: '5'}]\nexpect: [{said: bye}]"
    )
    assert "the call was over before the caller could do" in result.message


def test_a_flow_is_tried_alone_and_its_outcome_expected(run):
    result = run(
        "given: {services: {id.check: no}}\ncaller: [{keys: '1234'}]\nexpect: [{outcome: 'no'}]", "check"
    )
    assert result.passed, str(result)


def test_coverage_names_what_no_test_reached(library_of):
    text = (
        FRONT
        + """tests:
  - name: hello
    given: {hours: {office: closed}}
    caller: [{keys: "3"}]
    expect: [{said: bye}]
"""
    )
    report = run_flow_tests(library_of(text, CHECK))
    front = next(one for one in report.coverage if one.flow == "front")
    assert (front.steps, front.steps_reached) == (8, 4)
    assert front.branches_reached == 3
    missing = [str(place) for place in front.missing]
    assert "front.yaml:8: step check" in missing
    assert "front.yaml:7: top: choices.1" in missing
    assert "front.yaml:17: office: on.open" in missing
    assert report.rows()[1][0] == "front"
    assert front.percent < 50


def test_handlers_of_the_flow_are_counted_apart(library_of):
    text = FRONT.replace("entry: hello", 'entry: hello\non_no_input: [bye]\nhotkeys: {"9": {go: bye}}')
    silent = text + "tests:\n  - {name: silent, caller: [{silence: 10s}], expect: [{said: bye}]}\n"
    front = next(one for one in run_flow_tests(library_of(silent, CHECK)).coverage if one.flow == "front")
    assert (front.handlers, front.handlers_reached) == (2, 1)
    assert "front.yaml:4: handler hotkeys.9" in map(str, front.missing)
