"""Keys: each is used once, in order, wherever it comes; menus, entries and the buffer between them."""

from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.flow.events import ServiceResult, TimerFired
from ivr.flow.instructions import Listen, StopSaying
from ivr.flow.trace import KeysDropped, KeyUsed

TWO_SAYS = """flow: front
entry: first
steps:
  first: {say: welcome, next: second}
  second: {say: thanks, barge_in: false, next: ask}
  ask:
    menu: top_menu
    choices: {"1": {go: one}, "12": {go: twelve}, "77": {go: one}}
  one: {say: goodbye, next: ask}
  twelve: {say: sorry, next: ask}
"""


def test_a_key_during_a_prompt_cuts_it_and_chooses_in_the_next_menu(engine, make_call):
    call = make_call(engine).key("5")
    assert isinstance(call.asked[2], StopSaying)
    assert call.step == "front.bye"
    assert "top_menu" not in call.heard_all


def test_keys_during_a_prompt_that_may_not_be_cut_are_kept_until_it_ends(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).key("1").key("2")
    assert call.step == "front.second"
    assert len(call.all(StopSaying)) == 1
    call.heard()
    assert call.keys_used == "12"
    assert call.step == "front.twelve"


def test_the_longest_choice_wins_and_a_pause_decides(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).heard().heard().key("1")
    assert call.step == "front.ask"
    call.timer(2.0)
    assert call.step == "front.one"


def test_a_key_that_cannot_belong_to_the_choice_is_kept_for_the_next_step(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).heard().heard().key("17")
    assert call.keys_used == "1"
    # The announcement after the choice is skipped, and the next menu has the key.
    assert call.step == "front.ask"
    assert call.state.wait.entry == "7"


def test_a_hash_after_a_choice_that_could_go_on_ends_it(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).heard().heard().key("1#")
    assert call.step == "front.one"
    assert call.state.buffer == ""


def test_keys_that_begin_a_choice_but_are_none_are_a_no_match(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).heard().heard().key("78")
    assert call.said == ["pardon", "top_menu"]


def test_flush_empties_the_buffer_and_says_so(hotline_of, make_call):
    flow = TWO_SAYS.replace("menu: top_menu", "menu: top_menu\n    flush: true")
    call = make_call(hotline_of(flow)).key("12").heard()
    assert call.step == "front.ask"
    assert call.said == ["top_menu"]
    assert [entry.count for entry in call.trace if isinstance(entry, KeysDropped)] == [2]


def test_no_type_ahead_empties_the_buffer_when_the_step_begins(hotline_of, make_call):
    flow = TWO_SAYS.replace("menu: top_menu", "menu: top_menu\n    type_ahead: false")
    assert make_call(hotline_of(flow)).key("12").heard().step == "front.ask"


def test_the_end_key_after_a_full_entry_belongs_to_the_entry(call):
    call.key("1").heard().key("86001234#")
    assert call.said == ["read_back"]
    assert call.keys_used == "186001234#"
    call.key("1")
    assert call.step == "premium.pin"


def test_an_end_key_long_after_the_entry_is_a_key_of_its_own(call):
    call.key("1").heard().key("86001234").heard().heard()
    call.at += 20
    call.key("#")
    assert call.step == "premium.number"


def test_everything_typed_during_a_slow_service_is_used_in_order_afterwards(call):
    call.key("7").key("1" + "86001234#" + "1" + "246810#")
    assert call.state.buffer == "186001234#1246810#"
    before = len(call.heard_all)
    call.answer("busy")
    assert call.step == "premium.check"
    assert call.keys_used == "7186001234#1•••••••"
    assert len(call.heard_all) == before


def test_what_is_no_key_of_a_telephone_is_ignored(call):
    before = call.state
    call.key("x")
    assert call.state.to_json() | {"at": 0} == before.to_json() | {"at": 0}


def test_the_buffer_is_bounded(hotline_of, make_call):
    call = make_call(hotline_of(TWO_SAYS)).heard().key("9" * 100)
    assert len(call.state.buffer) == 64


def test_a_menu_listens_and_does_not_mask(call):
    assert call.last(Listen).sensitive is False


_ACTS = st.lists(st.sampled_from([*"123579", "heard", "silence", "answer", "slow"]), max_size=30)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=_ACTS)
def test_whatever_comes_between_them_every_key_is_used_once_and_in_order(engine, make_call, acts):
    call = make_call(engine)
    pressed = ""
    for act in acts:
        if call.state.finished or call.state.ending:
            break
        if act in "123579":
            if len(pressed) < 12:
                pressed += act
                call.key(act)
        elif act == "heard" and call.state.playing:
            call.heard()
        elif act == "silence" and call.state.wait.timer:
            call.send(lambda at: TimerFired(at, call.state.wait.timer), 6.0)
        elif act in ("answer", "slow") and call.state.wait.request:
            outcome = "busy" if act == "slow" else "error"
            call.send(partial(answered, call.state.wait.request, outcome))
    dropped = [entry for entry in call.trace if isinstance(entry, KeysDropped)]
    if not dropped and not call.state.hung_up:
        used = "".join(entry.key for entry in call.trace if isinstance(entry, KeyUsed))
        assert matches(used, pressed, call)
        assert len(used) + len(call.state.wait.entry * in_menu(call)) + len(call.state.buffer) == len(pressed)


def answered(request: str, outcome: str, at: float) -> ServiceResult:
    return ServiceResult(at, request, outcome)


def in_menu(call) -> bool:
    """Keys of a menu are noted when the choice is made; those of an entry at once."""
    return call.state.frames[-1].step == "top"


def matches(used: str, pressed: str, call) -> bool:
    rest = pressed[len(used) :]
    waiting = (call.state.wait.entry if in_menu(call) else "") + call.state.buffer
    return rest == waiting and all(a in (b, "•") for a, b in zip(used, pressed, strict=False))


def test_a_menu_whose_prompt_must_be_heard_keeps_its_keys_until_then(hotline_of, make_call):
    flow = TWO_SAYS.replace("menu: top_menu", "menu: top_menu\n    barge_in: false")
    call = make_call(hotline_of(flow)).heard().heard().key("12")
    assert call.step == "front.ask"
    assert call.keys_used == ""
    assert not call.all(StopSaying)
    assert call.heard().step == "front.twelve"


def test_keys_that_no_step_has_used_are_not_written_into_the_state(call):
    call.key("7").key("246810")
    written = call.state.to_json()
    assert written["buffer"] == 6
    assert "246810" not in str(written)


def test_a_sentence_with_flush_drops_what_was_typed_before_it_and_while_it_is_said(hotline_of, make_call):
    flow = TWO_SAYS.replace("barge_in: false", "barge_in: false, flush: true")
    call = make_call(hotline_of(flow)).key("77").key("1").heard()
    assert call.step == "front.ask"
    assert call.said == ["top_menu"]
    assert [entry.count for entry in call.trace if isinstance(entry, KeysDropped)] == [1, 2]
    assert call.keys_used == ""
