"""Replaces and Join: how they are read, which dialog they mean, and what is answered."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from ivr.sip.replaces import Place, place_of, verdict
from ivr.sip.uri import SipSyntaxError

RFC_EXAMPLE = "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only"
PLAIN = "98asjd8@test.com;from-tag=7743; to-tag=6472"


def test_the_examples_of_the_rfc_are_read() -> None:
    assert Place.parse(RFC_EXAMPLE) == Place("12adf2f34456gs5", "12345", "54321", early_only=True)
    assert Place.parse(PLAIN) == Place("98asjd8@test.com", "6472", "7743")


def test_what_is_written_is_read_back() -> None:
    for text in (RFC_EXAMPLE, PLAIN):
        assert Place.parse(str(Place.parse(text))) == Place.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";to-tag=1;from-tag=2",
        "call",
        "call;to-tag=1",
        "call;from-tag=1",
        "call;to-tag=;from-tag=2",
        "call;to-tag=1;to-tag=1;from-tag=2",
        "call;to-tag=1 1;from-tag=2",
        "ca ll;to-tag=1;from-tag=2",
        "a@b@c;to-tag=1;from-tag=2",
        "call\r\nVia: x;to-tag=1;from-tag=2",
        "c" * 2_000 + ";to-tag=1;from-tag=2",
    ],
)
def test_a_malformed_header_is_answered_400(text: str) -> None:
    with pytest.raises(SipSyntaxError) as raised:
        Place.parse(text)
    assert raised.value.status == 400


def test_the_headers_stand_once_one_of_them_and_in_an_invite_alone() -> None:
    assert place_of("INVITE", [], []) is None
    assert place_of("BYE", [], []) is None
    assert place_of("INVITE", [PLAIN], []) == Place.parse(PLAIN)
    assert place_of("INVITE", [], [PLAIN]) == Place.parse(PLAIN, join=True)
    for method, replaces, join in (
        ("INVITE", [PLAIN, PLAIN], []),
        ("INVITE", [PLAIN], [PLAIN]),
        ("BYE", [PLAIN], []),
        ("REFER", [], [PLAIN]),
    ):
        with pytest.raises(SipSyntaxError) as raised:
            place_of(method, replaces, join)
        assert raised.value.status == 400


def test_the_tags_are_those_of_the_side_that_gets_the_header() -> None:
    ours = ("call@host", "our-tag", "their-tag")
    theirs = ("call@host", "their-tag", "our-tag")
    place = Place.of_peer(*ours)
    assert place.names(*theirs)
    assert not place.names(*ours)
    assert not place.names("other@host", "their-tag", "our-tag")


def test_tag_zero_stands_for_no_tag() -> None:
    assert Place.parse("call;to-tag=1;from-tag=0").names("call", "1", "")
    assert Place.of_peer("call", "1", "").to_tag == "0"


def test_the_escaped_form_has_nothing_that_ends_a_uri_or_a_parameter() -> None:
    place = Place("a%b@c", "1", "2", early_only=True)
    assert not set(place.escaped()) & set(';?&=<>@ "')
    assert unquote(place.escaped()) == str(place)


@pytest.mark.parametrize(
    ("early_only", "join", "state", "ours", "permitted", "status"),
    [
        (False, False, None, False, True, 481),
        (False, False, "confirmed", False, True, 0),
        (False, False, "confirmed", True, True, 0),
        (False, False, "confirmed", False, False, 403),
        (True, False, "confirmed", False, True, 486),
        (False, False, "early", True, True, 0),
        (True, False, "early", True, True, 0),
        (False, False, "early", False, True, 481),
        (False, False, "ended", False, True, 603),
        (True, False, "ended", True, True, 603),
        (False, True, "confirmed", False, True, 0),
        (False, True, "early", True, True, 481),
        (False, True, None, False, True, 481),
    ],
)
def test_the_verdict_is_that_of_the_rfc(
    early_only: bool, join: bool, state: str | None, ours: bool, permitted: bool, status: int
) -> None:
    place = Place("call", "1", "2", early_only, join)
    assert verdict(place, state, ours=ours, permitted=permitted) == status  # type: ignore[arg-type]
