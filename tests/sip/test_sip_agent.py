"""What a user agent answers to requests that are not for any call of its, or that it does not take."""

from __future__ import annotations

import pytest

from ivr.sip.message import Request, Response
from ivr.sip.users import METHODS
from tests.sip.two_agents import Pair, Stranger


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.fixture
def stranger(pair: Pair) -> Stranger:
    return Stranger(pair.wire)


def answer_to(pair: Pair, stranger: Stranger, request: Request) -> Response:
    """The one final response to it."""
    pair.run(0.1)
    finals = [r for r in stranger.responses(request.method) if r.status >= 200 and r.cseq == request.cseq]
    assert finals, stranger.inbox
    return finals[-1]


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REGISTER", "FOO"])
def test_a_method_we_do_not_carry_out_is_405_with_allow(pair: Pair, stranger: Stranger, method: str) -> None:
    response = answer_to(pair, stranger, stranger.ask(method))
    assert response.status == 405
    assert response.all("Allow") == list(METHODS)
    assert pair.bob.notices == [("forbidden", f"{method} 405")]


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "CANCEL"])
@pytest.mark.parametrize("to_tag", ["", "unknown"])
def test_a_request_for_a_call_we_do_not_know_is_481(
    pair: Pair, stranger: Stranger, method: str, to_tag: str
) -> None:
    assert answer_to(pair, stranger, stranger.ask(method, to_tag=to_tag)).status == 481


@pytest.mark.parametrize("method", ["INVITE", "REFER", "OPTIONS"])
def test_a_request_with_a_tag_we_never_gave_is_481(pair: Pair, stranger: Stranger, method: str) -> None:
    assert answer_to(pair, stranger, stranger.ask(method, to_tag="unknown")).status == 481


def test_a_known_call_id_with_another_from_tag_is_481(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag, from_tag="forged")
    bye = stranger.ask("BYE", to_tag=tag, from_tag="forged", cseq=9)
    assert answer_to(pair, stranger, bye).status == 481
    assert pair.bob.person.events == []


def test_an_ack_for_nothing_is_dropped(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("ACK", to_tag="x")
    stranger.ask("ACK")
    pair.run(1)
    assert stranger.inbox == []


def test_a_refer_outside_of_a_call_is_403(pair: Pair, stranger: Stranger) -> None:
    refer = stranger.ask("REFER", headers=[("Refer-To", "<sip:premium@10.0.0.66>")])
    assert answer_to(pair, stranger, refer).status == 403


def test_an_extension_that_is_required_and_unknown_is_420_and_named(pair: Pair, stranger: Stranger) -> None:
    request = stranger.ask("INVITE", headers=[("Require", "timer, nothingSIPwise"), ("Require", "foo")])
    response = answer_to(pair, stranger, request)
    assert (response.status, response.all("Unsupported")) == (420, ["nothingsipwise", "foo"])
    assert pair.bob.people == []


def test_an_extension_required_within_a_call_is_420_too(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    request = stranger.ask("INFO", to_tag=tag, cseq=2, headers=[("Require", "foo")])
    assert answer_to(pair, stranger, request).status == 420


def test_the_extensions_of_the_settings_are_those_supported() -> None:
    off = Pair(bob={"session_timers": "off", "reliable": "off"})
    on = Pair(bob={"reliable": "offered"})
    for pair, expected in ((off, "replaces norefersub"), (on, "replaces norefersub timer 100rel")):
        stranger = Stranger(pair.wire)
        response = answer_to(pair, stranger, stranger.ask("OPTIONS"))
        assert response.all("Supported") == expected.split()


def test_where_reliable_ringing_is_demanded_who_cannot_is_421() -> None:
    pair = Pair(bob={"reliable": "required"})
    stranger = Stranger(pair.wire)
    response = answer_to(pair, stranger, stranger.ask("INVITE"))
    assert (response.status, response.get("Require")) == (421, "100rel")


def test_a_request_that_came_by_two_ways_is_482_the_second_time(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("INVITE", body=b"offer", branch="z9hG4bKleft")
    stranger.ask("INVITE", body=b"offer", branch="z9hG4bKright")
    pair.run(0.1)
    assert sorted(stranger.statuses("INVITE")) == [200, 482]
    assert len(pair.bob.people) == 1


def test_a_retransmission_is_no_second_way(pair: Pair, stranger: Stranger) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    for _ in range(3):
        stranger.ask("INVITE", body=b"offer", branch="z9hG4bKsame")
        pair.run(0.1)
    assert stranger.statuses("INVITE") == [180, 180, 180]
    assert len(pair.bob.people) == 1


def test_what_came_by_two_ways_is_forgotten_with_its_transaction(pair: Pair, stranger: Stranger) -> None:
    pair.bob.on_invited = lambda session, person: session.refuse(486)
    stranger.ask("INVITE")
    pair.run(100)
    assert len(pair.bob.agent._requests._merged) == 0
    stranger.ask("INVITE")
    pair.run(0.1)
    assert stranger.statuses("INVITE").count(482) == 0


@pytest.mark.parametrize(
    ("uri", "status"), [("soap:x", 416), ("http://example.com/", 416), ("tel:+8613", 200)]
)
def test_a_scheme_we_do_not_know_is_416(pair: Pair, stranger: Stranger, uri: str, status: int) -> None:
    assert answer_to(pair, stranger, stranger.ask("INVITE", uri=uri, body=b"o")).status == status


def test_a_call_with_no_hops_left_is_483_and_an_options_is_answered(pair: Pair, stranger: Stranger) -> None:
    assert answer_to(pair, stranger, stranger.ask("INVITE", max_forwards=0)).status == 483
    assert answer_to(pair, stranger, stranger.ask("OPTIONS", max_forwards=0)).status == 200


def test_a_body_that_is_no_sdp_is_415_with_what_we_take(pair: Pair, stranger: Stranger) -> None:
    response = answer_to(pair, stranger, stranger.ask("INVITE", body=b"<x/>", content_type="text/xml"))
    assert response.status == 415
    assert response.all("Accept") == ["application/sdp", "multipart/mixed"]


def test_a_packed_body_is_415_with_the_coding_we_take(pair: Pair, stranger: Stranger) -> None:
    request = stranger.ask("INVITE", body=b"\x1f\x8b", headers=[("Content-Encoding", "gzip")])
    response = answer_to(pair, stranger, request)
    assert (response.status, response.get("Accept-Encoding")) == (415, "identity")


def test_a_body_that_need_not_be_understood_is_ignored(pair: Pair, stranger: Stranger) -> None:
    optional = [("Content-Disposition", "render;handling=optional")]
    request = stranger.ask("INVITE", body=b"GIF", content_type="image/gif", headers=optional)
    assert answer_to(pair, stranger, request).status == 200
    assert pair.bob.person.session.remote_offer == b""


MULTIPART = (
    b"preamble\r\n--sep\r\nContent-Type: application/isup;version=x\r\n\r\n\x01\x02--sep"
    b"\r\n--sep\r\nContent-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\no=x\r\n"
    b"\r\n--sep--\r\nContent-Type: application/sdp\r\n\r\nno more\r\n"
)


@pytest.mark.parametrize("boundary", ["sep", '"sep"'])
def test_of_a_multipart_body_the_sdp_part_is_taken(pair: Pair, stranger: Stranger, boundary: str) -> None:
    kind = f"multipart/mixed;boundary={boundary}"
    assert answer_to(pair, stranger, stranger.ask("INVITE", body=MULTIPART, content_type=kind)).status == 200
    assert pair.bob.person.session.remote_offer == b"v=0\r\no=x\r\n"


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed;boundary=other"])
def test_a_multipart_body_without_sdp_is_415(pair: Pair, stranger: Stranger, kind: str) -> None:
    assert answer_to(pair, stranger, stranger.ask("INVITE", body=MULTIPART, content_type=kind)).status == 415


def test_what_stands_behind_the_end_of_a_multipart_body_is_no_part_of_it(
    pair: Pair, stranger: Stranger
) -> None:
    body = MULTIPART.replace(b"application/sdp", b"text/plain", 1)
    request = stranger.ask("INVITE", body=body, content_type="multipart/mixed;boundary=sep")
    assert answer_to(pair, stranger, request).status == 415


@pytest.mark.parametrize("contact", ["", "<tel:+8613>"])
def test_a_call_without_a_way_back_is_400(pair: Pair, stranger: Stranger, contact: str) -> None:
    assert answer_to(pair, stranger, stranger.ask("INVITE", contact=contact)).status == 400


def test_what_is_malformed_but_can_be_answered_is_400(pair: Pair, stranger: Stranger) -> None:
    request = stranger.ask("OPTIONS")
    pair.run(0.1)
    stranger.send(bytes(request).replace(b"Max-Forwards: 70", b"Max-Forwards: many"))
    pair.run(0.1)
    assert stranger.statuses("OPTIONS") == [200, 400]
    assert pair.bob.notices == [("malformed", "Bad Max-Forwards")]


def test_another_version_of_sip_is_505(pair: Pair, stranger: Stranger) -> None:
    stranger.send(bytes(stranger.ask("OPTIONS")).replace(b" SIP/2.0\r\nVia", b" SIP/7.0\r\nVia", 1))
    pair.run(0.1)
    assert 505 in [r.status for r in stranger.inbox if isinstance(r, Response)]


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\r\n\r\n", b"\x00" * 100, b"SIP/2.0 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70_000],
)
def test_rubbish_is_dropped_in_silence(pair: Pair, stranger: Stranger, rubbish: bytes) -> None:
    pair.bob.agent.received(rubbish, pair.wire_flow(stranger.host))
    pair.run(0.1)
    assert stranger.inbox == []
    assert pair.bob.clean()


def test_an_ack_that_is_malformed_is_not_answered(pair: Pair, stranger: Stranger) -> None:
    ack = stranger.ask("ACK")
    stranger.send(bytes(ack).replace(b"CSeq: 1 ACK", b"CSeq: x ACK"))
    pair.run(0.1)
    assert stranger.inbox == []


@pytest.mark.parametrize("status", [486, 503])
def test_while_no_calls_are_taken_they_are_refused_and_503_says_when_to_come_again(
    pair: Pair, stranger: Stranger, status: int
) -> None:
    pair.bob.status = status
    response = answer_to(pair, stranger, stranger.ask("INVITE"))
    assert response.status == status
    assert response.get("Retry-After") == ("30" if status == 503 else None)
    assert pair.bob.people == []


def test_a_call_too_many_is_503(stranger: Stranger) -> None:
    pair = Pair(bob={"most_sessions": 3})
    stranger = Stranger(pair.wire)
    for number in range(5):
        stranger.ask("INVITE", call_id=f"call-{number}", body=b"o")
    pair.run(0.1)
    assert stranger.statuses("INVITE") == [200, 200, 200, 503, 503]
    assert ("overload", "INVITE 503") in pair.bob.notices
    stranger.on_request = lambda request: None
    pair.run(100)
    assert pair.bob.clean(), "calls that are never acknowledged make room again"


def test_options_outside_of_a_call_says_what_we_can(pair: Pair, stranger: Stranger) -> None:
    response = answer_to(pair, stranger, stranger.ask("OPTIONS"))
    assert response.status == 200
    assert response.get("Accept") == "application/sdp"
    assert "INVITE" in response.all("Allow")
    pair.bob.options_answer = (503, [("X-Why", "draining")])
    response = answer_to(pair, stranger, stranger.ask("OPTIONS", cseq=2))
    assert (response.status, response.get("Retry-After"), response.get("X-Why")) == (503, "30", "draining")


def test_options_within_a_call_is_200(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("INVITE", body=b"o")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    assert answer_to(pair, stranger, stranger.ask("OPTIONS", to_tag=tag, cseq=2)).status == 200


def test_a_method_we_do_not_carry_out_is_405_within_a_call_too(pair: Pair, stranger: Stranger) -> None:
    stranger.ask("INVITE", body=b"o")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    assert answer_to(pair, stranger, stranger.ask("MESSAGE", to_tag=tag, cseq=2)).status == 405


def test_record_routes_and_vias_are_copied_into_the_responses(pair: Pair, stranger: Stranger) -> None:
    routes = [("Record-Route", "<sip:10.0.0.70;lr>"), ("Record-Route", "<sip:10.0.0.71;lr>")]
    response = answer_to(pair, stranger, stranger.ask("INVITE", body=b"o", headers=routes))
    assert response.all("Record-Route") == ["<sip:10.0.0.70;lr>", "<sip:10.0.0.71;lr>"]
    assert response.contact is not None
    assert response.contact.uri.host == "10.0.0.2"


def test_a_response_to_nothing_is_dropped(pair: Pair, stranger: Stranger) -> None:
    alice, _ = pair.up()
    late = pair.wire.seen("200 INVITE")[0].data.replace(b"z9hG4bK", b"z9hG4bKother")
    for data in (late, late.replace(b"Call-ID: ", b"Call-ID: x"), late.replace(b"200 OK", b"486 Busy")):
        pair.alice.agent.received(data, pair.wire_flow("10.0.0.2"))
        pair.run(0.1)
    assert len(pair.wire.seen("ACK")) == 2, (
        "a late 2xx of a standing call has its ACK once more, and that is all"
    )
    assert alice.names() == ["answered", "established"]


# --- nobody hurts anybody else -------------------------------------------------------------------


def test_an_exception_while_a_call_is_taken_refuses_that_call_alone(pair: Pair) -> None:
    first, _ = pair.up()

    def broken(session: object, person: object) -> None:
        raise RuntimeError("the caller typed 8600")

    pair.bob.on_invited = broken
    second = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert second.end[:2] == ("caller", 500)
    assert first.names() == ["answered", "established"]
    [(what, detail)] = pair.bob.notices
    assert what == "user_error"
    assert detail.startswith("RuntimeError in ")
    assert "8600" not in detail
    first.session.hang_up()
    pair.over()


@pytest.mark.parametrize("callback", ["answered", "established", "ringing", "info", "flow_changed", "ended"])
def test_an_exception_in_a_callback_ends_that_call_alone(pair: Pair, callback: str) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret")

    good, _ = pair.up()
    pair.bob.on_invited = lambda session, person: (session.ring(), session.answer(b"a"))
    bad = pair.alice.call(pair.bob.uri())
    bad.on[callback] = broken
    pair.run(0.2)
    other = pair.bob.people[-1]
    if callback == "info":
        other.session.info("text/plain", b"1")
    elif callback == "flow_changed":
        pair.bob.end.port = 5099
        other.session.info("text/plain", b"1")
    elif callback == "ended":
        bad.session.hang_up()
    pair.run(1)
    assert bad.names().count("ended") == 1
    assert other.names()[-1] == "ended"
    assert good.names() == ["answered", "established"]
    assert ("user_error" in dict(pair.alice.notices)) is True
    assert "secret" not in str(pair.alice.notices)
    good.session.hang_up()
    pair.over()


def test_an_exception_over_an_offer_ends_the_call_and_answers_the_offer(pair: Pair) -> None:
    alice, bob = pair.up()

    def broken(sdp: bytes) -> bytes:
        raise KeyError("x")

    bob.answer_offer = broken
    alice.session.offer(b"hold")
    pair.run(1)
    assert bob.end[:2] == ("line", 500)
    assert alice.names()[-1] == "ended"
    pair.over()


def test_a_call_that_nobody_takes_over_is_500(pair: Pair) -> None:
    pair.bob.invited = lambda session: None  # type: ignore[method-assign]
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.end[:2] == ("caller", 500)
    pair.over()


def test_a_notice_that_raises_is_swallowed(pair: Pair, stranger: Stranger) -> None:
    def broken(what: str, flow: object, detail: str = "") -> None:
        raise OSError

    pair.bob.notice = broken  # type: ignore[method-assign]
    assert answer_to(pair, stranger, stranger.ask("MESSAGE")).status == 405


def test_a_thousand_calls_leave_nothing_behind(pair: Pair) -> None:
    for _ in range(10):
        callers = [pair.alice.call(pair.bob.uri()) for _ in range(100)]
        pair.run(0.1)
        for caller in callers:
            caller.session.hang_up()
        pair.run(0.1)
        pair.alice.people.clear()
        pair.bob.people.clear()
        pair.wire.packets.clear()
    pair.over()
    assert len(pair.bob.agent._requests._merged) == 0
