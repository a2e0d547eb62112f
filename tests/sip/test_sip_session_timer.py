"""Session timers: RFC 4028's roles, headers and moments, on a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.clock import VirtualClock
from ivr.sip.session_timer import (
    SessionExpires,
    SessionTimer,
    TimerPolicy,
    parse_session_expires,
    refresh_method,
)


class Bed:
    """A timer, and at which virtual seconds it asked for what."""

    def __init__(self, mode: str = "offered", expires: int = 1800, least: int = 90) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.events: list[tuple[float, str]] = []
        self.timer = SessionTimer(
            TimerPolicy(mode, expires, least),  # type: ignore[arg-type]
            clock=self.clock,
            refresh=lambda: self.events.append((self.clock.time(), "refresh")),
            expire=lambda: self.events.append((self.clock.time(), "expire")),
        )

    def live(self) -> list[tuple[float, str]]:
        while self.clock.advance_to_next():
            pass
        return self.events


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1800", SessionExpires(1800)),
        (" 90 ; refresher=uas ", SessionExpires(90, "uas")),
        ("90;x=1;Refresher=UAC", SessionExpires(90, "uac")),
        ("90;refresher=nobody", SessionExpires(90)),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("99999999999", None),
    ],
)
def test_session_expires_is_read_or_taken_as_absent(text: str | None, value: SessionExpires | None) -> None:
    assert parse_session_expires(text) == value


def test_the_first_request_asks_for_our_interval_and_leaves_the_refresher_open() -> None:
    assert Bed(expires=1800).timer.request_headers() == [("Session-Expires", "1800")]
    assert Bed(expires=1800, least=200).timer.request_headers() == [
        ("Session-Expires", "1800"),
        ("Min-SE", "200"),
    ]
    assert Bed("off").timer.request_headers() == []


def test_an_interval_below_ninety_seconds_is_never_asked_for() -> None:
    assert Bed(expires=10, least=5).timer.request_headers() == [("Session-Expires", "90")]


# RFC 4028, table 2: (policy, UAC knows timers, its Session-Expires) → refresher in the answer, Require, who we say
UAS_ROWS = [
    ("offered", False, None, None, False, ""),
    ("offered", True, None, "1800;refresher=uac", True, "them"),
    ("offered", False, "600", "600;refresher=uas", False, "us"),
    ("offered", False, "600;refresher=uas", "600;refresher=uas", False, "us"),
    ("offered", True, "600", "600;refresher=uac", True, "them"),
    ("offered", True, "600;refresher=uac", "600;refresher=uac", True, "them"),
    ("offered", True, "600;refresher=uas", "600;refresher=uas", True, "us"),
    ("always", False, None, "1800;refresher=uas", False, "us"),
    ("always", True, None, "1800;refresher=uac", True, "them"),
    ("off", True, "600;refresher=uas", None, False, ""),
]


@pytest.mark.parametrize(("mode", "supported", "asked", "granted", "require", "refresher"), UAS_ROWS)
def test_the_server_fills_in_the_refresher_as_table_two_says(
    mode: str, supported: bool, asked: str | None, granted: str | None, require: bool, refresher: str
) -> None:
    bed = Bed(mode)
    headers = dict(bed.timer.accept(asked, None, supported=supported))
    assert headers.get("Session-Expires") == granted
    assert headers.get("Require") == ("timer" if require else None)
    assert bed.timer.refresher == refresher


def test_the_server_shortens_a_long_interval_but_not_below_the_min_se_of_the_request() -> None:
    assert (
        Bed(expires=300).timer.accept("4000;refresher=uac", 90, supported=True)[0][1] == "300;refresher=uac"
    )
    assert (
        Bed(expires=300).timer.accept("4000;refresher=uac", 900, supported=True)[0][1] == "900;refresher=uac"
    )
    assert Bed(expires=300).timer.accept("120", None, supported=True)[0][1] == "120;refresher=uac"


def test_the_server_refuses_a_short_interval_only_to_who_understands_422() -> None:
    timer = Bed(least=120).timer
    assert timer.refusal("100", supported=True) == [("Min-SE", "120")]
    assert timer.refusal("120", supported=True) == []
    assert timer.refusal("100", supported=False) == []
    assert timer.refusal(None, supported=True) == []
    assert Bed("off").timer.refusal("10", supported=True) == []


def test_an_interval_that_cannot_exist_starts_nothing_for_an_old_caller() -> None:
    bed = Bed()
    assert bed.timer.accept("1", None, supported=False) == []
    assert bed.live() == []


@pytest.mark.parametrize(
    ("refresher", "events"), [("uas", [(150.0, "refresh"), (268.0, "expire")]), ("uac", [(268.0, "expire")])]
)
def test_the_server_refreshes_at_half_and_gives_up_thirty_two_seconds_before_the_end(
    refresher: str, events: list[tuple[float, str]]
) -> None:
    bed = Bed()
    bed.timer.accept(f"300;refresher={refresher}", None, supported=True)
    assert bed.live() == events


def test_a_short_interval_ends_a_third_before_its_end() -> None:
    bed = Bed()
    bed.timer.accept("90;refresher=uac", None, supported=True)
    assert bed.live() == [(60.0, "expire")]


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        ("300;refresher=uac", [(150.0, "refresh"), (268.0, "expire")]),
        ("300;refresher=uas", [(268.0, "expire")]),
        ("300", [(150.0, "refresh"), (268.0, "expire")]),
        (None, []),
        ("rubbish", []),
    ],
)
def test_the_client_does_what_the_answer_says(answer: str | None, events: list[tuple[float, str]]) -> None:
    bed = Bed()
    bed.timer.answered(answer)
    assert bed.live() == events


def test_always_refreshes_by_itself_with_a_peer_that_does_not_know_timers() -> None:
    bed = Bed("always", expires=600)
    bed.timer.answered(None)
    assert (bed.timer.refresher, bed.timer.interval) == ("us", 600)
    assert bed.live() == [(300.0, "refresh"), (568.0, "expire")]


def test_off_ignores_what_the_answer_says() -> None:
    bed = Bed("off")
    bed.timer.answered("300;refresher=uac")
    assert bed.live() == []


def test_a_refresh_starts_the_interval_anew_and_names_the_same_refresher() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uac")
    for _ in range(3):
        bed.clock.advance_to_next()
        assert bed.timer.request_headers() == [("Session-Expires", "300;refresher=uac")]
        bed.timer.answered("300;refresher=uac")
    assert bed.events == [(150.0, "refresh"), (300.0, "refresh"), (450.0, "refresh")]
    bed.timer.stop()
    assert bed.clock.next_timer() is None


def test_another_request_of_the_side_that_does_not_refresh_keeps_the_roles() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uas")
    assert bed.timer.request_headers() == [("Session-Expires", "300;refresher=uas")]
    bed.timer.answered("300;refresher=uas")
    assert bed.timer.refresher == "them"


def test_a_request_without_the_header_keeps_a_running_timer_and_its_roles() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uac")
    assert bed.timer.accept(None, None, supported=True) == [
        ("Session-Expires", "300;refresher=uas"),
        ("Require", "timer"),
    ]
    assert bed.timer.refresher == "us"


def test_an_answer_without_the_header_turns_a_running_timer_off() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uac")
    bed.timer.answered(None)
    assert (bed.timer.refresher, bed.timer.interval) == ("", 0)
    assert bed.live() == []


def test_a_422_raises_the_interval_and_its_min_se_goes_along_from_then_on() -> None:
    timer = Bed(expires=300).timer
    assert timer.too_brief(900)
    assert timer.request_headers() == [("Session-Expires", "900"), ("Min-SE", "900")]
    assert timer.too_brief(1000)
    assert timer.request_headers() == [("Session-Expires", "1000"), ("Min-SE", "1000")]


@pytest.mark.parametrize("min_se", [None, 0, 90, 899, 900, 2**32 - 1])
def test_a_422_that_asks_for_nothing_more_or_too_much_is_not_tried_again(min_se: int | None) -> None:
    timer = Bed(expires=300).timer
    timer.too_brief(900)
    assert not timer.too_brief(min_se)


def test_the_min_se_of_a_request_holds_for_our_refreshes() -> None:
    bed = Bed(expires=300)
    bed.timer.accept("1200;refresher=uas", 600, supported=True)
    assert bed.timer.interval == 600
    assert bed.timer.request_headers() == [("Session-Expires", "600;refresher=uac"), ("Min-SE", "600")]


def test_a_refused_refresh_is_tried_again_while_there_is_time_and_then_expires() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uac")
    bed.clock.advance_to_next()
    for _ in range(20):
        bed.timer.refresh_failed()
        bed.clock.advance_to_next()
    times = [time for time, what in bed.events if what == "refresh"]
    assert times[0] == 150.0
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(times))
    assert len(times) < 10
    assert bed.events[-1] == (268.0, "expire")
    assert bed.clock.next_timer() is None


def test_a_refused_request_of_the_other_kind_does_not_touch_the_timer() -> None:
    bed = Bed()
    bed.timer.answered("300;refresher=uas")
    bed.timer.refresh_failed()
    assert bed.live() == [(268.0, "expire")]


def test_a_peer_cannot_drive_our_refreshes_faster_than_every_fifteen_seconds() -> None:
    bed = Bed()
    bed.timer.answered("1;refresher=uac")
    bed.clock.advance_to_next()
    assert bed.events == [(15.0, "refresh")]


def test_refresh_is_by_update_only_where_the_peer_allows_it() -> None:
    assert refresh_method(["INVITE", "UPDATE"]) == "UPDATE"
    assert refresh_method(["INVITE"]) == "INVITE"
    assert refresh_method([]) == "INVITE"


MODES = st.sampled_from(["off", "offered", "always"])
SECONDS = st.integers(1, 7_200)


def exchange(sender: Bed, receiver: Bed) -> bool:
    """One refreshing request and its answer, sent again after each 422; whether it came to a 2xx."""
    for _ in range(4):
        headers = dict(sender.timer.request_headers())
        supported = bool(headers)  # "off" does not know the extension
        expires, min_se = headers.get("Session-Expires"), int(headers.get("Min-SE", 0)) or None
        if refusal := dict(receiver.timer.refusal(expires, supported=supported)):
            if not sender.timer.too_brief(int(refusal["Min-SE"])):
                return False
            continue
        answer = dict(receiver.timer.accept(expires, min_se, supported=supported))
        sender.timer.answered(answer.get("Session-Expires"))
        return True
    return False


@given(
    modes=st.tuples(MODES, MODES),
    expires=st.tuples(SECONDS, SECONDS),
    least=st.tuples(SECONDS, SECONDS),
    turns=st.lists(st.booleans(), max_size=4),
)
def test_whatever_two_sides_want_one_refreshes_before_the_other_gives_up(
    modes: tuple[str, str], expires: tuple[int, int], least: tuple[int, int], turns: list[bool]
) -> None:
    one, two = (Bed(*wants) for wants in zip(modes, expires, least, strict=True))
    for first in (True, *turns):
        assert exchange(*((one, two) if first else (two, one)))
    roles = {one.timer.refresher, two.timer.refresher}
    if "off" in modes:
        assert roles in ({""}, {"", "us"})
        return
    assert roles == {"us", "them"}
    assert one.timer.interval == two.timer.interval >= 90
    refreshing, waiting = (one, two) if one.timer.refresher == "us" else (two, one)
    assert refreshing.live()[0][1] == "refresh"
    assert refreshing.events[0][0] < waiting.live()[0][0]
