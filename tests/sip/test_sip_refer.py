"""REFER: targets, sipfrags, and the implicit subscription from both of its ends, on a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.clock import VirtualClock
from ivr.sip.refer import (
    CONTENT_TYPE,
    EXPIRES,
    Notice,
    Notifier,
    Referral,
    parse_refer_to,
    parse_sipfrag,
    refer_to,
    sipfrag,
    wants_no_subscription,
)
from ivr.sip.replaces import Place
from ivr.sip.uri import SipSyntaxError, Uri


def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))


def run_out(time: VirtualClock) -> None:
    while time.advance_to_next():
        pass


# --- what goes over the wire ---------------------------------------------------------------------------


def test_a_target_is_read_with_its_replaces() -> None:
    place = Place("98732@sip.example.com", "r33th4x0r", "ff87ff")
    target = parse_refer_to([refer_to(Uri.parse("sip:dave@denver.example.org"), place.escaped())])
    assert str(target.uri) == "sip:dave@denver.example.org"
    assert Place.parse(target.replaces) == place


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        ("sip:dave@denver.example.org", "sip:dave@denver.example.org"),
        ("<sip:dave@denver.example.org;method=INVITE>", "sip:dave@denver.example.org"),
        (
            '"Dave" <sip:dave@denver.example.org:5070;transport=tcp>',
            "sip:dave@denver.example.org:5070;transport=tcp",
        ),
    ],
)
def test_a_target_loses_what_no_request_uri_may_have(value: str, uri: str) -> None:
    assert str(parse_refer_to([value]).uri) == uri
    assert parse_refer_to([value]).replaces == ""


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([], 400),
        (["sip:a@b", "sip:c@d"], 400),
        (["<sip:a@b;method=SUBSCRIBE>"], 501),
        (["<sip:>>"], 400),
        (["<sip:a@b?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX%3A%20y>"], 400),
        (["%%%"], 400),
    ],
)
def test_a_refer_without_one_usable_target_is_refused(values: list[str], status: int) -> None:
    with pytest.raises(SipSyntaxError) as raised:
        parse_refer_to(values)
    assert raised.value.status == status


def test_a_sipfrag_is_a_status_line() -> None:
    assert sipfrag(180) == b"SIP/2.0 180 Ringing\r\n"
    assert sipfrag(603, "No") == b"SIP/2.0 603 No\r\n"
    assert parse_sipfrag(sipfrag(200)) == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SIP/2.0 503 Service Unavailable", 503),
        (b"SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n", 200),
        (b"SIP/2.0 100\r\n", 100),
        (b"SIP/2.0 \xe6\x8c\xaf\r\n", None),
        (b"SIP/2.0 180 \xe6\x8c\xaf\xe9\x93\x83\r\n", 180),
        (b"SIP/2.0 999 No\r\n", None),
        (b"SIP/2.0 2000 No\r\n", None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"", None),
    ],
)
def test_the_status_of_a_sipfrag_is_read_or_refused(body: bytes, status: int | None) -> None:
    assert parse_sipfrag(body) == status


def test_refer_sub_false_asks_for_no_subscription() -> None:
    assert wants_no_subscription("false")
    assert wants_no_subscription(" False ;x=1")
    assert not wants_no_subscription("true")
    assert not wants_no_subscription(None)


# --- the side that was asked to transfer ---------------------------------------------------------------


class Told:
    """A notifier, what it told, and at which virtual seconds."""

    def __init__(self, refer_cseq: int | None = None) -> None:
        self.clock = clock()
        self.notices: list[Notice] = []
        self.ended = 0
        self.notifier = Notifier(refer_cseq, clock=self.clock, notify=self.notices.append, ended=self._end)
        self.notifier.start()

    def _end(self) -> None:
        self.ended += 1

    def statuses(self) -> list[int | None]:
        return [parse_sipfrag(notice.body) for notice in self.notices]


def test_the_first_notify_goes_at_once_and_says_trying() -> None:
    told = Told()
    assert told.notices == [Notice("refer", f"active;expires={EXPIRES}", b"SIP/2.0 100 Trying\r\n")]
    assert told.notices[0].headers() == [
        ("Event", "refer"),
        ("Subscription-State", f"active;expires={EXPIRES}"),
    ]
    assert Told(93809).notices[0].event == "refer;id=93809"


def test_what_the_new_call_said_already_is_not_followed_by_trying() -> None:
    told = Told()
    early = Notifier(None, clock=told.clock, notify=told.notices.append, ended=told._end)
    early.progress(180)
    early.start()
    early.delivered(200)
    assert told.statuses() == [100, 180]


def test_one_notify_is_under_way_at_a_time_and_then_the_latest_is_told() -> None:
    told = Told()
    told.notifier.progress(180)
    told.notifier.progress(183)
    assert told.statuses() == [100]
    told.notifier.delivered(200)
    assert told.statuses() == [100, 183]
    told.notifier.delivered(200)
    assert told.statuses() == [100, 183]


@pytest.mark.parametrize("final", [200, 302, 486, 603])
def test_the_final_notify_ends_the_subscription(final: int) -> None:
    told = Told()
    told.notifier.delivered(200)
    told.notifier.progress(final)
    assert told.notices[-1].subscription_state == "terminated;reason=noresource"
    assert told.notifier.over
    assert told.ended == 0
    told.notifier.progress(180)
    told.notifier.delivered(200)
    assert told.ended == 1
    assert told.statuses() == [100, final]
    assert told.clock.next_timer() is None


def test_a_final_status_that_waits_is_not_overtaken() -> None:
    told = Told()
    told.notifier.progress(486)
    told.notifier.progress(180)
    told.notifier.progress(200)
    told.notifier.delivered(200)
    assert told.statuses() == [100, 486]


@pytest.mark.parametrize("refusal", [481, 408, 500])
def test_a_refused_notify_ends_the_subscription(refusal: int) -> None:
    told = Told()
    told.notifier.progress(180)
    told.notifier.delivered(refusal)
    assert (told.ended, told.notifier.over, told.statuses()) == (1, True, [100])
    assert told.clock.next_timer() is None


def test_a_transfer_without_end_is_told_as_timed_out() -> None:
    told = Told()
    told.notifier.delivered(200)
    run_out(told.clock)
    assert told.clock.time() == EXPIRES
    assert told.notices[-1].subscription_state == "terminated;reason=timeout"
    told.notifier.delivered(200)
    assert told.ended == 1


def test_a_timeout_while_a_notify_is_under_way_is_told_after_it() -> None:
    told = Told()
    run_out(told.clock)
    assert len(told.notices) == 1
    told.notifier.delivered(200)
    assert told.notices[-1].subscription_state == "terminated;reason=timeout"


def test_a_closed_notifier_says_nothing_more_and_leaves_no_timer() -> None:
    told = Told()
    told.notifier.close()
    told.notifier.progress(200)
    told.notifier.delivered(200)
    assert told.statuses() == [100]
    assert told.clock.next_timer() is None


# --- the side that transfers ---------------------------------------------------------------------------


class Heard:
    """A referral, and what it reported."""

    def __init__(self) -> None:
        self.clock = clock()
        self.reports: list[int] = []
        self.referral = Referral(7, clock=self.clock, report=self.reports.append)

    def notify(self, status: int, state: str = "active;expires=60") -> int:
        return self.referral.notified(state, "message/sipfrag", sipfrag(status))


def test_every_state_is_reported_and_the_final_one_once() -> None:
    heard = Heard()
    heard.referral.answered(202)
    assert [heard.notify(status) for status in (100, 180)] == [200, 200]
    assert heard.notify(200, "terminated;reason=noresource") == 200
    assert heard.notify(200, "terminated;reason=noresource") == 481
    assert heard.reports == [100, 180, 200]
    assert heard.referral.over
    assert heard.clock.next_timer() is None


def test_a_notify_may_overtake_the_answer_to_the_refer() -> None:
    heard = Heard()
    assert heard.notify(100) == 200
    heard.referral.answered(202)
    heard.notify(200, "terminated")
    heard.referral.answered(202)
    assert heard.reports == [100, 200]
    assert heard.clock.next_timer() is None


@pytest.mark.parametrize("refusal", [603, 408, 481, 405])
def test_a_refused_refer_is_reported_as_it_is(refusal: int) -> None:
    heard = Heard()
    heard.referral.answered(refusal)
    assert heard.reports == [refusal]


def test_without_a_subscription_the_acceptance_is_the_last_that_is_known() -> None:
    heard = Heard()
    heard.referral.answered(202, "false")
    assert heard.reports == [202]
    assert heard.clock.next_timer() is None


def test_no_notify_within_64_t1_is_reported_as_a_timeout() -> None:
    heard = Heard()
    heard.referral.answered(202)
    run_out(heard.clock)
    assert (heard.clock.time(), heard.reports) == (32.0, [408])


def test_a_subscription_that_falls_silent_is_a_timeout_after_its_expiry() -> None:
    heard = Heard()
    heard.referral.answered(202)
    heard.notify(100)
    run_out(heard.clock)
    assert (heard.clock.time(), heard.reports) == (92.0, [100, 408])


def test_a_status_that_was_heard_before_is_not_reported_again() -> None:
    heard = Heard()
    assert [heard.notify(status) for status in (180, 180, 100, 183)] == [200] * 4
    assert heard.reports == [180, 183]


def test_the_answer_to_the_refer_does_not_shorten_the_wait_that_a_notify_began() -> None:
    heard = Heard()
    heard.notify(100)
    heard.referral.answered(202)
    run_out(heard.clock)
    assert (heard.clock.time(), heard.reports) == (92.0, [100, 408])


def test_an_end_without_an_outcome_is_a_timeout() -> None:
    heard = Heard()
    heard.referral.answered(202)
    assert heard.notify(100, "terminated;reason=timeout") == 200
    assert heard.reports == [408]


def test_the_end_of_our_session_ends_the_referral() -> None:
    heard = Heard()
    heard.referral.answered(202)
    heard.referral.close()
    heard.referral.close()
    assert heard.reports == [487]
    assert heard.clock.next_timer() is None


def test_a_refer_that_goes_out_again_is_known_by_its_new_number() -> None:
    heard = Heard()
    heard.referral.sent(8)
    assert heard.referral.concerns("refer;id=8")
    assert not heard.referral.concerns("refer;id=7")


@pytest.mark.parametrize(
    ("event", "ours"),
    [
        ("refer", True),
        ("Refer;id=7", True),
        ("refer ; ID = 7", True),
        ("refer;id=8", False),
        ("presence", False),
        (None, False),
    ],
)
def test_a_notify_is_matched_by_its_event(event: str | None, ours: bool) -> None:
    assert Heard().referral.concerns(event) is ours


@pytest.mark.parametrize(
    ("state", "content_type", "body", "status"),
    [
        (None, "message/sipfrag", sipfrag(100), 400),
        ("asleep", "message/sipfrag", sipfrag(100), 400),
        ("active", "text/plain", b"hello", 415),
        ("active", "message/sipfrag", b"hello", 400),
        ("active", CONTENT_TYPE, sipfrag(100), 200),
        ("active", "", b"", 200),
        ("terminated", "text/plain", b"hello", 200),
    ],
)
def test_a_notify_is_answered_by_what_it_is(
    state: str | None, content_type: str, body: bytes, status: int
) -> None:
    assert Heard().referral.notified(state, content_type, body) == status


def test_what_one_side_tells_the_other_hears() -> None:
    told, heard = Told(7), Heard()
    heard.referral.answered(202)
    for status in (180, 200):
        told.notifier.delivered(200)
        told.notifier.progress(status)
    told.notifier.delivered(200)
    for notice in told.notices:
        assert heard.referral.concerns(notice.event)
        assert heard.referral.notified(notice.subscription_state, CONTENT_TYPE, notice.body) == 200
    assert heard.reports == [100, 180, 200]
