"""Messages and answers in the caller's own voice: what is kept, what is thrown away, and people."""

import pytest

from ivr.flow.events import TransferResult
from ivr.flow.instructions import (
    DiscardRecording,
    HangUp,
    KeepRecording,
    Listen,
    Record,
    RunService,
    Say,
    StartTimer,
    StopRecording,
    Transfer,
)

MESSAGE = """flow: front
entry: message
steps:
  message:
    voicemail: service
    say: leave_message
    review: review
    least: 2s
    on: {too_short: again, error: bye}
    next: bye
  bye: {say: goodbye, hangup: normal}
"""


def at_the_place(call):
    """The claim flow, where the caller says where it happened."""
    return call.key("2").answer("ok", {"id": "c1"}).heard().key("0304#").answer("ok")


def test_a_message_is_recorded_after_its_prompt_and_kept_after_the_review(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard()
    record = call.last(Record)
    assert record.purpose == "voicemail"
    assert record.details["mailbox"] == "service"
    call.recorded(5.0)
    assert call.said == ["review"]
    call.key("1")
    assert call.last(KeepRecording).recording == record.recording
    assert call.step == "front.bye"


def test_the_end_key_ends_the_recording(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().key("5#")
    assert call.last(StopRecording).recording == call.last(Record).recording
    assert call.keys_used == "5#"


def test_record_again_throws_the_first_away(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(5.0).heard()
    first = call.last(Record).recording
    call.key("2")
    assert call.last(DiscardRecording).recording == first
    assert call.last(Record).recording != first


def test_hear_it_plays_the_recording_and_asks_again(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(5.0).key("3")
    assert call.said == ["playback", "review"]
    assert call.last(Say).phrases[0].values == {"recording": call.last(Record).recording}


def test_silence_in_the_review_keeps_the_message(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(5.0).silence().silence()
    assert call.all(KeepRecording)
    assert not call.all(DiscardRecording)


def test_a_message_that_is_too_short_is_thrown_away_and_asked_for_again(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(1.0)
    assert call.all(DiscardRecording)
    assert call.said == ["leave_message"]


def test_hanging_up_in_the_middle_keeps_the_message(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().hang_up()
    assert not call.state.finished
    call.recorded(5.0, "hang_up")
    assert call.all(KeepRecording)
    assert call.state.finished


def test_hanging_up_in_the_review_keeps_the_message(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(5.0).hang_up()
    assert call.all(KeepRecording)
    assert call.state.finished


def test_the_line_may_tell_of_the_recording_before_the_hang_up(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(5.0, "hang_up").hang_up()
    assert len(call.all(KeepRecording)) == 1
    assert call.state.finished


def test_a_full_disk_keeps_what_was_said_and_is_an_error(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard().recorded(0.5, "storage")
    assert call.all(KeepRecording)
    assert call.step == "front.bye"


def test_keys_typed_before_a_recording_do_not_end_it(call):
    call.key("2").answer("ok", {"id": "c1"}).heard().key("0304##").answer("ok").heard()
    assert call.step == "claim.where"
    assert call.all(Record)
    call.key("5")
    assert not call.all(StopRecording)


def test_a_half_told_claim_is_kept_when_the_caller_hangs_up(call):
    at_the_place(call).heard().hang_up()
    before = len(call.asked)
    call.recorded(4.0, "hang_up")
    assert call.last(RunService).service == "claim.attach"
    call.answer("ok")
    assert call.last(RunService).service == "claim.submit"
    call.answer("ok")
    assert call.state.finished
    assert not [one for one in call.asked[before:] if isinstance(one, Say | Listen | HangUp)]


def test_a_request_under_way_is_waited_for_when_the_caller_hangs_up(call):
    call.key("2").answer("ok", {"id": "c1"}).heard().key("0304#").hang_up()
    assert call.last(RunService).service == "claim.save"
    call.answer("ok")
    assert call.last(RunService).service == "claim.submit"


def test_what_follows_a_service_is_not_begun_once_the_caller_is_gone(call):
    call.key("7").hang_up().answer("ok", {"size": 11})
    assert call.state.finished
    assert "goodbye" not in call.heard_all


def test_after_hangup_may_not_take_for_ever(call):
    at_the_place(call).heard().hang_up()
    call.timer(30.0)
    assert call.state.finished


def test_the_longest_call_ends_with_a_word_and_keeps_the_recording(hotline_of, make_call):
    call = make_call(hotline_of(MESSAGE)).heard()
    call.timer(600.0)
    assert call.all(StopRecording)
    call.recorded(5.0, "key")
    assert call.all(KeepRecording)
    assert call.said == ["limit"]
    call.heard()
    assert call.last(HangUp).reason == "limit"
    assert call.state.finished


def test_a_queue_outside_its_hours_is_closed_without_trying(hotline_of, make_call):
    flow = """flow: front
entry: staff
steps:
  staff: {transfer: {queue: service}, on: {answered: end, timeout: bye, busy: bye, closed: bye}}
  bye: {say: goodbye, hangup: normal}
"""
    closed = hotline_of(flow, open_state=lambda calendar, hours, now: "closed")
    call = make_call(closed)
    assert not call.all(Transfer)
    assert call.step == "front.bye"
    assert make_call(hotline_of(flow)).all(Transfer)


def test_the_time_with_a_person_does_not_count_towards_the_longest_call(call):
    call.key("0")
    request = call.last(Transfer).request
    limit = next(one.timer for one in call.asked if isinstance(one, StartTimer) and one.seconds == 600.0)
    assert call.state.limit_timer == ""
    call.send(lambda at: TransferResult(at, request, "busy"), 3000.0)
    assert call.state.limit_timer not in ("", limit)
    assert 590.0 < call.last(StartTimer).seconds <= 600.0


@pytest.mark.parametrize(("outcome", "step"), [("answered", "front.ask"), ("busy", "front.bye")])
def test_keys_pressed_while_talking_to_a_person_are_nothing_to_the_flow(hotline_of, make_call, outcome, step):
    flow = """flow: front
entry: staff
steps:
  staff: {transfer: {queue: service}, on: {answered: ask, timeout: ask, busy: ask, closed: ask}}
  ask: {menu: goodbye, choices: {"1": {go: bye}}}
  bye: {say: goodbye, hangup: normal}
"""
    call = make_call(hotline_of(flow))
    request = call.last(Transfer).request
    call.key("1")
    call.send(lambda at: TransferResult(at, request, outcome))
    assert call.step == step
