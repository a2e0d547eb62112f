"""What callers say: taken when it is sure, asked back when it is not, and never taken twice."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from speech_kit import (
    FRONT,
    MORE,
    NUMBER,
    SECRET,
    cannot_be_heard,
    coughs,
    says,
    write_speaking,
)

from ivr.flow.engine import Engine
from ivr.flow.events import CallerHungUp, PromptFinished, SpeechBegan, SpeechHeard, SpeechLost, TimerFired
from ivr.flow.hearing import LONGEST_SPEECH, SURE, UNSURE
from ivr.flow.instructions import HangUp, Listen, Say, StartTimer, StopSaying
from ivr.flow.state import CallState
from ivr.flow.trace import KeyUsed, SpeechUsed


@pytest.fixture
def speaking(tmp_path, engine_of, make_call):
    """Begins a call of a hotline that may be spoken to; its main flow is `front`."""
    return lambda *flows: make_call(engine_of(write_speaking(tmp_path, *flows)))


@pytest.fixture
def menu(speaking):
    return speaking(FRONT, MORE)


@pytest.fixture
def number(speaking):
    return speaking(NUMBER)


def ended(call) -> str:
    return call.last(HangUp).reason


# What is listened for


def test_listening_says_the_language_the_words_and_how_they_may_be_said(menu):
    listen = menu.last(Listen)
    assert (listen.speech, listen.language, listen.expect, listen.barge_in) == (True, "en", "anything", True)
    assert listen.hear["premium"] == "1"
    assert listen.hear["tariff"] == "61"
    assert {"@pardon", "@back", "@person", "@main_menu", "@language"} < set(listen.hear.values())


def test_a_number_is_listened_for_with_its_length_and_a_longer_pause(number):
    listen = number.last(Listen)
    assert (listen.expect, listen.least, listen.most) == ("digits", 4, 4)
    assert listen.silence > 0.8
    assert listen.hear["i have none"] == "@cancel"


def test_a_language_without_a_recogniser_is_served_by_keys(menu, make_call):
    mute = Engine(menu.engine.library)
    mute.heard = frozenset({"zh-CN"})
    call = make_call(mute)
    assert call.last(Listen) == Listen(False, language="en")
    call.send(lambda at: SpeechHeard(at, "premium"))
    assert call.step == "front.top"


# How sure


@pytest.mark.parametrize("confidence", [SURE, 1.0])
def test_what_is_sure_is_taken(menu, confidence):
    assert ended(says(menu, "premium", confidence)) == "premium"


@pytest.mark.parametrize("confidence", [UNSURE, SURE - 0.01])
def test_what_is_not_sure_is_asked_back_by_its_name(menu, confidence):
    says(menu, "premium", confidence)
    assert menu.said == ["you_mean"]
    assert menu.last(Say).phrases[0].values == {"name": "the_premium"}
    assert menu.last(Listen).expect == "yes_no"
    assert ended(says(menu.heard(), "yes")) == "premium"


def test_a_key_says_yes_or_no_as_well(menu):
    assert ended(says(menu, "claim", 0.5).key("1")) == "claim"


def test_no_asks_the_menu_again_and_ends_at_a_person(menu):
    for _ in range(3):
        says(menu, "premium", 0.6)
        menu.key("2")
    assert menu.step == "person.connect"


def test_below_that_it_was_not_understood(menu):
    says(menu, "premium", UNSURE - 0.01)
    assert menu.said == ["unclear", "top_menu_short"]


def test_a_choice_without_a_name_cannot_be_asked_back(menu):
    says(menu, "nameless", 0.6)
    assert menu.said == ["unclear", "top_menu_short"]
    assert ended(says(menu, "nameless", 0.9)) == "nameless"


def test_the_right_choice_may_be_named_instead_of_saying_no(menu):
    assert ended(says(says(menu, "premium", 0.6), "claim")) == "claim"


def test_a_yes_that_is_not_sure_is_no_yes(menu):
    says(says(menu, "premium", 0.6), "yes", 0.6)
    assert menu.said == ["you_mean", "yes_no_keys"]
    assert not menu.state.hung_up


def test_silence_after_asking_back_asks_once_more_and_then_the_menu(menu):
    says(menu, "premium", 0.6)
    menu.silence()
    assert menu.said == ["you_mean", "yes_no_keys"]
    menu.silence()
    assert menu.said == ["top_menu_short"]


def test_a_key_for_another_choice_ends_the_asking_back(menu):
    menu = says(menu, "premium", 0.6).key("3")
    assert ended(menu) == "nameless"


def test_words_without_a_recogniser_are_looked_up_as_they_stand(menu):
    menu.send(lambda at: SpeechHeard(at, "Premium."))
    assert ended(menu) == "premium"


# The router


def test_words_of_a_menu_farther_on_lead_through_the_menus_between(menu):
    says(menu, "i should like to hear about the tariff please")
    assert menu.step == "more.tariff"
    assert menu.said == ["paid_up"]
    assert menu.keys_used == "1"


def test_where_a_route_leads_is_asked_back_by_the_name_of_its_end(menu):
    says(menu, "tariff", 0.5, meaning="61")
    assert menu.last(Say).phrases[0].values == {"name": "the_tariff"}
    assert says(menu, "yes").step == "more.tariff"


# What is understood everywhere


def test_pardon_says_it_again_and_counts_no_miss(menu):
    menu.silence()
    says(menu, "pardon")
    assert menu.said == ["top_menu"]
    assert (menu.state.wait.no_match, menu.state.wait.no_input) == (0, 1)


def test_pardon_tells_again_what_was_told_before_the_question(speaking):
    flow = FRONT.replace(
        "entry: top\nsteps:", "entry: tell\nsteps:\n  tell: {say: [welcome, thanks], next: top}"
    )
    call = speaking(flow, MORE).heard()
    assert says(call, "pardon").said == ["welcome", "thanks", "top_menu"]
    assert CallState.from_json(json.loads(json.dumps(call.state.to_json()))).told == call.state.told
    says(call, "more")
    assert says(call.heard(), "pardon").said == ["welcome", "top_menu_detail"]


def test_slower_holds_until_faster(menu):
    says(menu, "slower")
    slow = menu.last(Say).pace
    assert slow < 1
    says(menu, "pardon")
    assert menu.last(Say).pace == slow
    says(menu, "faster")
    assert menu.last(Say).pace == 1.0


def test_slower_has_an_end(menu):
    for _ in range(9):
        says(menu, "slower")
    assert menu.last(Say).pace == 0.64


def test_back_and_main_menu_and_language_and_a_person(menu):
    says(menu, "more")
    says(menu.heard(), "tariff")
    assert says(menu, "go back").step == "more.what"
    assert says(menu, "main menu").step == "front.top"
    assert says(menu, "another language").said == ["thanks"]
    assert menu.heard().step == "front.top"
    assert says(menu, "an adviser").step == "person.connect"


def test_leaving_is_asked_back_when_it_was_not_sure(menu):
    says(menu, "an adviser", 0.6)
    assert menu.last(Say).phrases[0].values == {"name": "an_adviser"}
    assert says(menu, "yes").step == "person.connect"


def test_in_an_entry_going_back_is_giving_it_up(number):
    assert ended(says(number, "go back")) == "gone"


def test_words_may_stand_for_the_cancel_key(number):
    assert ended(says(number, "i have none")) == "gone"


# Values


def test_a_value_that_is_sure_is_taken(number):
    says(number, "1 2 3 4")
    assert number.state.variables["n"] == "1234"


def test_a_value_that_is_not_sure_is_read_back(number):
    says(number, "one two three four", 0.6, meaning="1234")
    assert number.said == ["you_said"]
    assert number.last(Say).phrases[0].values == {"value": "1234"}
    assert ended(says(number.heard(), "right")) == "normal"


def test_a_value_of_the_wrong_length_is_no_value(number):
    says(number, "12345")
    assert number.said == ["invalid", "ask_number_short"]


def test_a_step_that_reads_back_anyway_asks_once(speaking):
    call = speaking(NUMBER.replace("    next: done", "    confirm: {say: read_back}\n    next: done"))
    says(call, "1234", 0.5)
    assert call.said == ["read_back"]
    assert ended(says(call, "yes")) == "normal"


def test_only_what_was_spoken_is_read_back_where_the_flow_says_so(speaking):
    flow = NUMBER.replace("    next: done", "    confirm: {say: read_back, spoken: true}\n    next: done")
    assert ended(speaking(flow).key("1234")) == "normal"
    assert says(speaking(flow), "1234").said == ["read_back"]


def test_a_flow_may_have_a_way_of_its_own_for_what_is_not_sure(speaking):
    flow = NUMBER.replace(
        "on: {cancelled: gone}", "others: readings\n    on: {cancelled: gone, unsure: twice}"
    ).replace("  done:", "  twice: {hangup: twice}\n  done:")
    call = says(speaking(flow), "1234", 0.5, meaning="1234", others=("1284",))
    assert ended(call) == "twice"
    assert call.state.variables["readings"] == ["1234", "1284"]
    flow = flow.replace("    next: done", "    confirm: {say: read_back, spoken: true}\n    next: done")
    likely = says(speaking(flow), "1234", 0.6, meaning="1234", others=("1284",))
    assert likely.said[-1] == "read_back"
    assert ended(likely.key("2")) == "twice"
    assert likely.state.variables["readings"] == ["1284"], "what was said no to is none of them"
    typed = speaking(flow).key("1234")
    assert (ended(typed), typed.state.variables["readings"]) == ("normal", ["1234"])


def test_a_day_that_is_said_comes_with_its_year(speaking):
    flow = NUMBER.replace("    length: 4", "    type: date\n    length: 4")
    call = says(speaking(flow), "yesterday", meaning="20260304")
    assert call.state.variables["n"] == date(2026, 3, 4)


def test_a_secret_that_is_said_is_as_secret_as_one_that_is_typed(speaking):
    call = speaking(SECRET)
    says(call, "two four six eight", 0.7, meaning="2468")
    assert call.said[-1] == "ask_pin"
    assert "you_said" not in call.heard_all
    written = json.dumps(call.state.to_json()) + repr(call.state) + repr(call.trace)
    says(call, "two four six eight", 0.9, meaning="2468")
    written += json.dumps(call.state.to_json()) + repr(call.state) + repr(call.trace)
    assert "2468" not in written
    assert "two four" not in written
    assert call.last(Listen).sensitive
    assert call.state.variables["pin"].reveal() == "2468"
    assert [entry.meant for entry in call.trace if isinstance(entry, SpeechUsed)][-1] == "•"


# Beginning to speak, and coughing


def test_the_prompt_falls_silent_for_somebody_who_speaks(menu):
    menu.send(SpeechBegan)
    assert isinstance(menu.asked[-2], StopSaying)
    assert menu.last(StartTimer).seconds == LONGEST_SPEECH


def test_a_prompt_that_must_be_heard_goes_on(speaking):
    call = speaking(
        FRONT.replace(
            '    input: [keys, speech]\n    choices:\n      "1"',
            '    barge_in: false\n    input: [keys, speech]\n    choices:\n      "1"',
        ),
        MORE,
    )
    call.send(SpeechBegan)
    assert not call.all(StopSaying)


def test_a_cough_lets_the_prompt_be_heard_again_but_only_once(menu):
    coughs(menu)
    assert menu.said == ["top_menu"]
    said = len(menu.all(Say))
    coughs(menu)
    assert len(menu.all(Say)) == said
    assert menu.state.wait.timer
    assert (menu.state.wait.no_match, menu.state.wait.no_input) == (0, 0)


def test_somebody_who_began_and_is_never_heard_of_is_asked_again(menu):
    menu.send(SpeechBegan)
    menu.timer(LONGEST_SPEECH)
    assert menu.said == ["are_you_there", "top_menu_short"]


def test_a_noise_over_a_prompt_that_did_not_stop_leaves_it_alone(menu):
    said = len(menu.all(Say))
    menu.send(lambda at: SpeechHeard(at, "mm", 0.2))
    assert len(menu.all(Say)) == said
    assert not menu.all(StopSaying)


# Keys and words together: keys win


def test_words_that_began_before_a_key_are_not_used(number):
    number.heard().send(SpeechBegan)
    began = number.at
    number.key("1")
    number.send(lambda at: SpeechHeard(at, "5678", began=began))
    assert number.state.wait.entry == "1"
    assert ended(number.key("234")) == "normal"
    assert number.state.variables["n"] == "1234"


def test_in_a_half_typed_entry_only_what_is_understood_everywhere_counts(number):
    number.key("12")
    says(number, "5678")
    assert number.state.wait.entry == "12"
    assert says(number, "an adviser").step == "person.connect"


def test_words_for_the_question_before_are_not_for_this_one(menu):
    began = menu.at + 0.1
    menu.send(SpeechBegan).key("6")
    menu.heard()
    menu.send(lambda at: SpeechHeard(at, "leave", began=began), 2.0)
    assert menu.step == "more.what"


# Where nobody can be heard


def test_when_all_recognisers_are_busy_the_caller_is_told_once(menu):
    cannot_be_heard(menu, "full")
    assert menu.said == ["use_keys"]
    menu.heard()
    assert menu.state.wait.timer
    menu.key("6").heard()
    said = len(menu.all(Say))
    cannot_be_heard(menu, "full")
    assert len(menu.all(Say)) == said
    assert menu.key("1").step == "more.tariff"


@pytest.mark.parametrize("why", ["failed", "no_model"])
def test_other_reasons_are_not_told_to_callers(menu, why):
    said = len(menu.all(Say))
    cannot_be_heard(menu, why)
    assert len(menu.all(Say)) == said


# Whatever comes

_ACTS = st.lists(
    st.sampled_from(
        ["key 1", "key 2", "key 6", "key *", "key 0", "say premium", "say tariff", "say leave", "say yes", "say no",
         "say 1234", "say pardon", "say slower", "say go back", "say main menu", "say mumble", "unsure claim",
         "unsure tariff", "unsure 1234", "began", "cough", "full", "failed", "heard", "timer", "late premium"]
    ),
    max_size=40,
)  # fmt: skip


def act(call, what: str) -> None:
    """One act; those that nothing waits for are left out."""
    word, _, rest = what.partition(" ")
    if word == "key":
        call.key(rest)
    elif word in ("say", "unsure"):
        says(call, rest, 0.95 if word == "say" else 0.6)
    elif word == "late":
        call.send(lambda at: SpeechHeard(at, rest, began=0.01))
    elif word == "began":
        call.send(SpeechBegan)
    elif word == "cough":
        coughs(call)
    elif word in ("full", "failed"):
        call.send(lambda at: SpeechLost(at, word))
    elif word == "heard" and call.state.playing:
        token = call.state.playing
        call.send(lambda at: PromptFinished(at, token), 2.0)
    elif word == "timer" and call.state.wait.timer:
        timer = call.state.wait.timer
        call.send(lambda at: TimerFired(at, timer), 6.0)


@pytest.mark.parametrize("flows", [(FRONT, MORE), (NUMBER,), (SECRET,)], ids=["menu", "number", "secret"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
def test_any_mixture_of_keys_and_words_leaves_a_call_that_waits_or_is_over(
    speaking_engines, make_call, flows, acts
):
    call = make_call(speaking_engines[flows])
    pressed = 0
    for what in acts:
        if call.state.finished or call.state.hung_up:
            break
        pressed += what.startswith("key")
        act(call, what)
        state = call.state
        assert state.finished or state.playing or state.wait.timer or state.wait.request, (
            "nothing would ever happen"
        )
        assert CallState.from_json(json.loads(json.dumps(state.to_json()))).step == state.step
    assert not call.faults or set(call.faults) <= {"LOOP"}
    routed = sum(len(entry.meant) for entry in call.trace if isinstance(entry, SpeechUsed))
    used = [entry for entry in call.trace if isinstance(entry, KeyUsed)]
    assert len(used) + len(call.state.buffer) <= pressed + routed, "a key was used twice"
    if not call.state.finished:
        call.send(CallerHungUp)
    assert call.state.finished


@pytest.fixture(scope="module")
def speaking_engines(tmp_path_factory, engine_of):
    """An engine for each set of flows."""
    return {
        flows: engine_of(write_speaking(tmp_path_factory.mktemp("flows"), *flows))
        for flows in ((FRONT, MORE), (NUMBER,), (SECRET,))
    }
