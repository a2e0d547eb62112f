"""Menus and entries: prompts, ladders, hotkeys, words, typed values, read-back, masking."""

import json
from datetime import date, time
from decimal import Decimal

import pytest

from ivr.flow.events import KeyPressed, SpeechHeard, TransferResult
from ivr.flow.instructions import HangUp, Listen, Say, Transfer
from ivr.flow.typed import NotTypedError, read_keys
from ivr.flow.values import Money, Secret

TODAY = date(2026, 3, 5)


def test_silence_hears_the_short_prompt_then_the_long_one_then_a_person(call):
    call.silence()
    assert call.said == ["are_you_there", "top_menu_short"]
    call.silence()
    assert call.said == ["are_you_there", "top_menu_detail"]
    call.silence()
    assert call.step == "person.connect"
    assert call.last(Transfer).queue == "always"


def test_wrong_keys_climb_a_ladder_of_their_own(call):
    call.key("8")
    assert call.said == ["pardon", "top_menu_short"]
    call.silence()
    assert call.said == ["are_you_there", "top_menu_short"]
    call.key("8")
    assert call.said == ["pardon", "top_menu_detail"]
    call.key("8")
    assert call.step == "person.connect"


def test_a_step_that_handles_no_input_itself_goes_its_own_way(hotline_of, make_call):
    flow = """flow: front
entry: ask
steps:
  ask:
    collect: number
    say: ask_number
    on_no_input: [reprompt, gone]
    on: {no_match: gone, cancelled: gone}
    length: 4
    next: gone
  gone: {hangup: bored}
"""
    call = make_call(hotline_of(flow)).silence().silence()
    assert call.last(HangUp).reason == "bored"
    call = make_call(hotline_of(flow)).heard().key("A").key("A").key("A")
    assert call.last(HangUp).reason == "bored"


def test_tries_shorten_the_ladder(hotline_of, make_call):
    flow = """flow: front
entry: ask
steps:
  ask: {menu: top_menu, tries: 1, choices: {"1": {go: ask}}}
"""
    assert make_call(hotline_of(flow)).silence().step == "person.connect"


def test_a_hidden_choice_is_no_choice_until_its_condition_holds(call):
    call.key("4")
    assert call.said == ["pardon", "top_menu_short"]
    call.key("3").heard().key("4")
    assert call.state.variables["visits"] == 1
    assert call.step == "front.secret_door"


def test_words_choose_like_keys(call):
    call.send(lambda at: SpeechHeard(at, "My  Premium.", 0.9))
    assert call.step == "premium.number"


def test_words_that_are_not_sure_enough_are_not_understood(call):
    call.heard().send(lambda at: SpeechHeard(at, "premium", 0.3))
    assert call.said == ["pardon", "top_menu_short"]


def test_a_hotkey_can_be_spoken(call):
    call.send(lambda at: SpeechHeard(at, "a person"))
    assert call.step == "person.connect"


def test_the_words_of_the_step_are_given_to_whoever_listens(call):
    assert call.last(Listen).hear["my premium"] == "1"
    assert call.last(Listen).hear["a person"] == "@0"


def test_star_goes_back_to_the_place_before_across_flows(call):
    call.key("1").heard().key("86001234").key("1")
    assert call.step == "premium.pin"
    call.key("*")
    assert call.step == "premium.number"
    call.key("*")
    assert call.step == "front.top"


def test_back_at_the_first_place_repeats_it(call):
    call.key("*")
    assert call.step == "front.top"
    assert call.said == ["top_menu"]


def test_hash_repeats_the_step_with_its_first_prompt(call):
    call.silence().key("#")
    assert call.said == ["top_menu"]


def test_after_the_flow_of_a_hotkey_the_caller_is_where_he_was(call):
    call.key("0")
    request = call.last(Transfer).request
    call.send(lambda at: TransferResult(at, request, "busy")).heard()
    assert call.step == "front.top"
    assert call.said == ["top_menu"]


def test_digits_of_an_entry_are_never_hotkeys(call):
    call.key("1").heard().key("00000000")
    assert call.said == ["read_back"]


def test_cancel_takes_back_what_was_typed_and_then_the_question(call):
    call.key("1").heard().key("860*")
    assert call.step == "premium.number"
    assert call.said == ["ask_number_short"]
    call.key("*")
    assert call.step == "front.top"


def test_no_in_the_read_back_asks_again_and_ends_at_a_person(call):
    call.key("1").heard()
    for _ in range(3):
        call.key("86001234").heard().key("2")
    assert call.step == "person.connect"


def test_silence_in_the_read_back_repeats_it(call):
    call.key("1").heard().key("86001234").silence()
    assert call.said == ["read_back"]
    call.key("1")
    assert call.step == "premium.pin"


def test_too_few_digits_are_a_no_match_after_the_pause(call):
    call.key("1").heard().key("860")
    call.timer(3.0)
    assert call.said == ["invalid", "ask_number_short"]


def test_a_secret_is_masked_everywhere(call):
    call.key("1").heard().key("86001234#1").heard()
    assert call.last(Listen).sensitive
    assert call.state.sensitive
    call.key("24681")
    written = json.dumps(call.state.to_json()) + repr(call.trace) + repr(call.state)
    assert "24681" not in written
    call.key("0")
    written = json.dumps(call.state.to_json()) + repr(call.trace) + repr(call.asked) + repr(call.state)
    assert "246810" not in written
    assert call.keys_used.endswith("1••••••")
    assert call.state.variables["pin"].reveal() == "246810"
    assert "246810" not in repr(KeyPressed(0.0, "246810"))


@pytest.mark.parametrize(
    ("keys", "kind", "value"),
    [
        ("20260228", "date", date(2026, 2, 28)),
        ("0305", "date", TODAY),
        ("0306", "date", date(2025, 3, 6)),
        ("0229", "date", date(2024, 2, 29)),
        ("0930", "time", time(9, 30)),
        ("12*5", "money", Money(Decimal("12.5"))),
        ("12*", "money", Money(Decimal(12))),
        ("007", "integer", 7),
        ("007", "digits", "007"),
        ("13800000000", "phone", "13800000000"),
        ("02161234567", "phone", "02161234567"),
    ],
)
def test_keys_are_read_as_their_type(keys, kind, value):
    assert read_keys(keys, kind, TODAY) == value


def test_a_future_date_is_the_next_such_day():
    assert read_keys("0304", "date", TODAY, future=True) == date(2027, 3, 4)
    assert read_keys("0305", "date", TODAY, future=True) == TODAY


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ("20260230", "date"),
        ("1302", "date"),
        ("0230", "date"),
        ("123", "date"),
        ("2400", "time"),
        ("93", "time"),
        ("1*2*3", "money"),
        ("*5", "money"),
        ("1*234", "money"),
        ("12*", "integer"),
        ("12*", "digits"),
        ("1234", "phone"),
    ],
)
def test_keys_that_are_no_value_are_refused(keys, kind):
    with pytest.raises(NotTypedError):
        read_keys(keys, kind, TODAY)


def test_a_secret_holds_a_star_for_the_x_of_an_id_number():
    assert isinstance(read_keys("01123*", "secret", TODAY), Secret)


def test_valid_refuses_a_value_and_the_hint_is_the_steps_own(hotline_of, make_call):
    flow = """flow: front
entry: age
steps:
  age:
    collect: age
    type: integer
    say: ask_number
    invalid: sorry
    most: 3
    valid: 18 <= value and value <= 70
    on: {cancelled: end}
    next: done
  done: {hangup: normal}
"""
    call = make_call(hotline_of(flow)).heard().key("7#")
    assert call.said == ["sorry", "ask_number"]
    call.key("30#")
    assert call.state.variables["age"] == 30
    assert call.last(HangUp).reason == "normal"


def test_spoken_digits_fill_an_entry(hotline_of, make_call):
    flow = """flow: front
entry: number
steps:
  number: {collect: n, say: ask_number, length: 4, input: [keys, speech], on: {cancelled: end}, next: done}
  done: {hangup: normal}
"""
    call = make_call(hotline_of(flow)).heard()
    call.send(lambda at: SpeechHeard(at, "1 2 3 4"))
    assert call.state.variables["n"] == "1234"


def test_a_person_can_be_asked_for_in_words_where_digits_are_wanted(hotline_of, make_call):
    flow = """flow: front
entry: number
steps:
  number: {collect: n, say: ask_number, length: 4, input: [keys, speech], on: {cancelled: end}, next: done}
  done: {hangup: normal}
"""
    call = make_call(hotline_of(flow))
    call.send(lambda at: SpeechHeard(at, "a person"))
    assert call.step == "person.connect"


def test_nothing_said_counts_during_a_prompt_that_must_be_heard(hotline_of, make_call):
    flow = """flow: front
entry: ask
steps:
  ask: {menu: top_menu, input: [keys, speech], barge_in: false, choices: {"1": {go: ask, hear: {en: [one]}}}}
"""
    call = make_call(hotline_of(flow))
    before = len(call.asked)
    call.send(lambda at: SpeechHeard(at, "one"))
    assert len(call.asked) == before
    call.heard().send(lambda at: SpeechHeard(at, "one"))
    assert call.said == ["top_menu"]
    assert len(call.all(Say)) == 2
