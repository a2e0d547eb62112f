"""What may change while a session lasts: hold and resume, UPDATE, refusals, session timers."""

from __future__ import annotations

import pytest

from ivr.sip.message import Request, respond
from ivr.sip.uri import Uri
from tests.sip.two_agents import ANSWER, Pair, Person, Stranger


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_either_side_changes_the_session_by_re_invite(pair: Pair, who: str) -> None:
    alice, bob = pair.up()
    one, other = (alice, bob) if who == "caller" else (bob, alice)
    outcomes: list[int] = []
    one.session.offer(b"hold", outcomes.append)
    pair.run(1)
    assert other.of("offered") == [(b"hold",)]
    assert one.of("answered")[-1] == (b"answer to hold",)
    assert outcomes == [200]
    assert pair.wire.story()[3:] == ["INVITE", "200 INVITE", "ACK"]
    one.session.hang_up()
    pair.over()


def test_an_offer_that_is_refused_leaves_things_as_they_were(pair: Pair) -> None:
    alice, bob = pair.up()
    bob.answer_offer = lambda sdp: None
    outcomes: list[int] = []
    alice.session.offer(b"video", outcomes.append)
    pair.run(1)
    assert outcomes == [488]
    assert alice.of("answered") == [(ANSWER,)]
    assert (alice.session.state, bob.session.state) == ("established", "established")
    alice.session.hang_up()
    pair.over()


def test_of_offers_made_while_one_is_under_way_the_latest_stands(pair: Pair) -> None:
    alice, bob = pair.up()
    outcomes: list[tuple[str, int]] = []
    for name in ("one", "two", "three"):
        alice.session.offer(name.encode(), lambda status, name=name: outcomes.append((name, status)))
    pair.run(1)
    assert bob.of("offered") == [(b"one",), (b"three",)]
    assert outcomes == [("two", 487), ("one", 200), ("three", 200)]
    alice.session.hang_up()
    pair.over()


def test_an_offer_made_before_the_call_stands_waits_until_it_does(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring()
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    alice.session.offer(b"hold")
    pair.bob.person.session.answer(ANSWER)
    pair.bob.person.session.offer(b"their hold")
    pair.run(10)
    assert pair.bob.person.of("offered") == [(b"hold",)]
    assert alice.of("offered") == [(b"their hold",)]
    alice.session.hang_up()
    pair.over()


def test_a_re_invite_without_sdp_gets_our_offer_and_its_ack_the_answer(pair: Pair) -> None:
    stranger, tag, bob = standing(pair)
    stranger.ask("INVITE", to_tag=tag, cseq=2)
    pair.run(0.1)
    assert stranger.responses("INVITE")[-1].body == b"offer when asked"
    stranger.ask("ACK", to_tag=tag, cseq=2, body=b"their answer")
    pair.run(0.1)
    assert bob.names() == ["established", "offer_wanted", "answered"]
    assert bob.of("answered") == [(b"their answer",)]


def test_an_update_changes_the_session_without_a_ring(pair: Pair) -> None:
    stranger, tag, bob = standing(pair)
    stranger.ask("UPDATE", to_tag=tag, cseq=2, body=b"hold", contact="<sip:stranger@10.0.0.60>")
    pair.run(0.1)
    [response] = stranger.responses("UPDATE")
    assert (response.status, response.body) == (200, b"answer to hold")
    assert response.contact is not None
    bob.answer_offer = lambda sdp: None
    stranger.ask("UPDATE", to_tag=tag, cseq=3, body=b"video")
    pair.run(0.1)
    assert stranger.statuses("UPDATE") == [200, 488]
    bob.session.hang_up()
    pair.run(0.1)
    assert pair.wire.seen("BYE")[0].target == "10.0.0.60", "an UPDATE moves the target"


@pytest.mark.parametrize("status", [408, 481])
def test_a_re_invite_that_is_answered_by_nobody_ends_the_call(pair: Pair, status: int) -> None:
    stranger, _, bob = standing(pair)
    stranger.on_request = lambda request: (
        stranger.send(respond(request, status)) if request.method == "INVITE" else None
    )
    bob.session.offer(b"hold")
    pair.run(1)
    assert bob.end[:2] == ("line", status)
    assert stranger.requests("BYE")


def test_a_re_invite_without_any_answer_ends_the_call(pair: Pair) -> None:
    _, _, bob = standing(pair)
    bob.session.offer(b"hold")
    pair.run(33)
    assert bob.end[:2] == ("line", 408)
    pair.run(70)
    assert pair.bob.clean()


def test_a_re_invite_that_is_only_ever_tried_ends_the_call(pair: Pair) -> None:
    stranger, _, bob = standing(pair)
    stranger.on_request = lambda request: (
        stranger.send(respond(request, 100)) if request.method == "INVITE" else None
    )
    bob.session.offer(b"hold")
    pair.run(300)
    assert bob.end[:2] == ("line", 408)
    assert pair.bob.clean()


def test_a_re_invite_that_is_to_come_again_does_so_when_told(pair: Pair) -> None:
    stranger, _, bob = standing(pair)

    def later(request: Request) -> None:
        if len(stranger.requests("INVITE")) == 1:
            stranger.send(respond(request, 500, headers=[("Retry-After", "3")]))
        elif request.method == "INVITE":
            contact = [("Contact", "<sip:stranger@10.0.0.9>")]
            stranger.send(respond(request, 200, headers=contact, body=b"a", content_type="application/sdp"))

    stranger.on_request = later
    outcomes: list[int] = []
    bob.session.offer(b"hold", outcomes.append)
    pair.run(2.9)
    assert len(stranger.requests("INVITE")) == 1
    pair.run(1)
    assert len(stranger.requests("INVITE")) == 2
    assert outcomes == [200]


def test_a_re_invite_that_is_491_for_ever_is_given_up(pair: Pair) -> None:
    stranger, _, bob = standing(pair)
    stranger.on_request = lambda request: (
        stranger.send(respond(request, 491)) if request.method == "INVITE" else None
    )
    outcomes: list[int] = []
    bob.session.offer(b"hold", outcomes.append)
    pair.run(60)
    assert outcomes == [491]
    assert len(stranger.requests("INVITE")) == 9
    assert bob.session.state == "established"


def test_a_hang_up_while_a_change_waits_forgets_it(pair: Pair) -> None:
    alice, bob = pair.up()
    outcomes: list[int] = []
    alice.session.offer(b"one")
    bob.session.offer(b"two", outcomes.append)
    pair.run(0.1)
    bob.session.hang_up()
    assert outcomes == [481]
    pair.over()
    assert len(pair.wire.seen("INVITE")) == 3


def standing(pair: Pair, allow: str = "INVITE, ACK, BYE", **more: object) -> tuple[Stranger, str, Person]:
    """A call from a stranger that stands."""
    stranger = Stranger(pair.wire)
    headers = [("Allow", allow), *more.pop("headers", [])]  # type: ignore[misc,has-type]
    stranger.ask("INVITE", body=b"offer", headers=headers, **more)  # type: ignore[arg-type]
    pair.run(0.1)
    tag = stranger.responses("INVITE")[-1].to.tag
    stranger.ask("ACK", to_tag=tag)
    pair.run(0.1)
    assert pair.bob.person.names() == ["established"]
    return stranger, tag, pair.bob.person


# --- session timers (RFC 4028) ---------------------------------------------------------------------------


def test_two_of_us_keep_a_session_alive_by_update(pair: Pair) -> None:
    alice, bob = pair.up()
    pair.run(3600)
    assert len(pair.wire.seen("200 UPDATE")) == 4, "every 900 seconds"
    assert pair.wire.seen("UPDATE")[0].message.body == b""
    assert alice.names() == ["answered", "established"]
    assert bob.names() == ["established"]
    alice.session.hang_up()
    pair.over()


def test_a_session_whose_other_side_vanished_is_ended(pair: Pair) -> None:
    _, bob = pair.up()
    pair.alice.agent.close()
    pair.wire.ends.pop("10.0.0.1")
    pair.run(1766.9)
    assert bob.events == [("established",)]
    pair.run(1)
    assert bob.end == ("line", 408, "the session was not refreshed")
    pair.over()


def test_where_the_other_side_takes_no_update_the_refresh_is_a_re_invite(pair: Pair) -> None:
    timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uas")]
    stranger, _, bob = standing(pair, headers=timer)
    assert stranger.responses("INVITE")[0].get("Session-Expires") == "90;refresher=uas"
    pair.run(46)
    [refresh] = {request.cseq: request for request in stranger.requests("INVITE")}.values()
    assert refresh.body == b"offer when asked"
    assert refresh.get("Session-Expires") == "90;refresher=uac"
    assert bob.of("offer_wanted") == [()]


def test_an_interval_too_brief_is_422_and_the_caller_comes_again(pair: Pair) -> None:
    pair = Pair(alice={"session_expires": 120}, bob={"session_least": 600})
    alice, _ = pair.up()
    assert pair.wire.story()[:3] == ["INVITE", "422 INVITE", "ACK"]
    assert pair.wire.seen("422 INVITE")[0].message.get("Min-SE") == "600"
    assert pair.wire.seen("INVITE")[1].message.cseq == 2
    assert len(pair.bob.people) == 1
    alice.session.hang_up()
    pair.over()


def test_an_old_phone_is_refreshed_by_us_where_the_settings_want_it_always() -> None:
    for usage, refreshes in (("always", 1), ("offered", 0), ("off", 0)):
        pair = Pair(bob={"session_timers": usage, "session_expires": 200})
        stranger, _, _ = standing(pair)
        pair.run(101)
        assert min(1, len(stranger.requests("INVITE"))) == refreshes, usage


def test_a_refresh_that_glares_with_an_offer_gets_through_in_the_end(pair: Pair) -> None:
    alice, bob = pair.up()
    for _ in range(6):
        pair.run(300)
        alice.session.offer(b"hold")
        bob.session.offer(b"unhold")
    pair.run(1700)
    assert alice.session.state == bob.session.state == "established"
    alice.session.hang_up()
    pair.over()


# --- reliable provisional responses (RFC 3262) -----------------------------------------------------------


@pytest.fixture
def reliable() -> Pair:
    return Pair(alice={"reliable": "offered"}, bob={"reliable": "offered"})


def test_early_media_goes_reliably_and_is_the_answer(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, ANSWER)
    alice = reliable.alice.call(reliable.bob.uri())
    reliable.run(1)
    assert reliable.wire.story() == ["INVITE", "183 INVITE", "PRACK", "200 PRACK"]
    assert alice.names() == ["ringing", "answered"]
    reliable.bob.person.session.answer(ANSWER)
    reliable.run(1)
    assert reliable.wire.seen("200 INVITE")[0].message.body == b"", "an answer is given once"
    assert alice.names() == ["ringing", "answered", "established"]
    alice.session.hang_up()
    reliable.over()


def test_the_200_waits_for_the_prack_of_a_183_with_sdp(reliable: Pair) -> None:
    def at_once(session: object, person: object) -> None:
        session.ring(183, ANSWER)  # type: ignore[attr-defined]
        session.answer(ANSWER)  # type: ignore[attr-defined]

    reliable.bob.on_invited = at_once
    reliable.wire.lose("PRACK", times=2)
    alice = reliable.alice.call(reliable.bob.uri())
    reliable.run(0.4)
    assert reliable.wire.seen("200 INVITE") == []
    reliable.run(5)
    assert alice.names() == ["ringing", "answered", "established"]
    story = reliable.wire.story()
    assert story.index("200 PRACK") < story.index("200 INVITE")
    alice.session.hang_up()
    reliable.over()


def test_a_prack_that_never_comes_ends_the_call_with_504(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, ANSWER)
    reliable.wire.lose("PRACK", times=1000)
    alice = reliable.alice.call(reliable.bob.uri())
    reliable.run(40)
    assert reliable.bob.person.end == ("line", 504, "no PRACK")
    assert alice.names().count("ended") == 1
    reliable.over()


def test_a_late_offer_goes_in_a_reliable_183_and_the_prack_answers_it(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, b"early offer")
    alice = reliable.alice.call(reliable.bob.uri(), offer=b"")
    reliable.run(1)
    assert alice.of("offered") == [(b"early offer",)]
    assert reliable.wire.seen("PRACK")[0].message.body == b"answer to early offer"
    assert reliable.bob.person.of("answered") == [(b"answer to early offer",)]
    reliable.bob.person.session.answer(b"")
    reliable.run(1)
    assert alice.names()[-1] == "established"
    alice.session.hang_up()
    reliable.over()


def test_an_update_before_the_answer_changes_what_is_settled(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, ANSWER)
    alice = reliable.alice.call(reliable.bob.uri())
    reliable.run(1)
    alice.session.offer(b"moved")
    reliable.run(1)
    assert reliable.bob.person.of("offered") == [(b"moved",)]
    reliable.bob.person.session.offer(b"moved back")
    reliable.run(1)
    assert alice.of("offered") == [(b"moved back",)]
    assert len(reliable.wire.seen("200 UPDATE")) == 2
    reliable.bob.person.session.answer(ANSWER)
    reliable.run(1)
    alice.session.hang_up()
    reliable.over()


def test_a_prack_for_nothing_is_481(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, ANSWER)
    stranger = Stranger(reliable.wire)
    stranger.ask("INVITE", body=b"offer", headers=[("Require", "100rel")])
    reliable.run(0.1)
    first = stranger.responses("INVITE")[0]
    tag, rseq = first.to.tag, first.get("RSeq")
    stranger.ask("PRACK", to_tag=tag, cseq=2, headers=[("RAck", "1 1 BYE")])
    stranger.ask("PRACK", to_tag=tag, cseq=3, headers=[("RAck", f"{rseq} 1 INVITE")], body=b"new offer")
    reliable.run(0.1)
    assert stranger.statuses("PRACK") == [481, 200]
    assert stranger.responses("PRACK")[-1].body == b"answer to new offer"
    reliable.bob.person.session.answer(ANSWER)
    reliable.run(0.1)
    assert stranger.statuses("INVITE")[-1] == 200


def test_a_repeated_or_early_reliable_response_is_told_once(reliable: Pair) -> None:
    stranger = Stranger(reliable.wire)

    def ring(request: Request) -> None:
        if request.method != "INVITE":
            return
        for rseq in (5, 5, 7, 6):
            told = [("Require", "100rel"), ("RSeq", str(rseq)), ("Contact", f"<sip:s@{stranger.host}>")]
            stranger.send(respond(request, 180, to_tag="t", headers=told), "10.0.0.1")

    stranger.on_request = ring
    alice = reliable.alice.call(Uri.parse(f"sip:s@{stranger.host}"))
    reliable.run(0.1)
    assert [request.get("RAck") for request in stranger.requests("PRACK")] == ["5 1 INVITE", "6 1 INVITE"]
    assert len(alice.of("ringing")) == 2


def test_an_offer_of_ours_waits_for_the_prack_of_the_183(reliable: Pair) -> None:
    """An UPDATE that overtook the 183 would find no dialog."""

    def at_once(session: object, person: object) -> None:
        session.ring(183, ANSWER)  # type: ignore[attr-defined]
        session.offer(b"moved")  # type: ignore[attr-defined]

    reliable.bob.on_invited = at_once
    reliable.wire.lose("183 INVITE", times=2)
    alice = reliable.alice.call(reliable.bob.uri())
    reliable.run(5)
    story = reliable.wire.story()
    assert story.index("PRACK") < story.index("UPDATE")
    assert alice.of("offered") == [(b"moved",)]
    alice.session.hang_up()
    reliable.over()


def test_a_prack_without_the_answer_it_owes_refuses_the_call(reliable: Pair) -> None:
    reliable.bob.on_invited = lambda session, person: session.ring(183, b"early offer")
    stranger = Stranger(reliable.wire)
    stranger.ask("INVITE", headers=[("Require", "100rel")])
    reliable.run(0.1)
    first = stranger.responses("INVITE")[0]
    rack = [("RAck", f"{first.get('RSeq')} 1 INVITE")]
    stranger.ask("PRACK", to_tag=first.to.tag, cseq=2, headers=rack)
    reliable.run(0.1)
    assert stranger.statuses("PRACK") == [200]
    assert stranger.statuses("INVITE")[-1] == 488
    assert reliable.bob.person.end[:2] == ("line", 488)


def test_the_prack_of_a_ring_without_sdp_answers_no_offer(reliable: Pair) -> None:
    def both(session: object, person: object) -> None:
        session.ring(180)  # type: ignore[attr-defined]
        session.ring(183, b"early offer")  # type: ignore[attr-defined]

    reliable.bob.on_invited = both
    alice = reliable.alice.call(reliable.bob.uri(), offer=b"")
    reliable.run(1)
    assert len(reliable.wire.seen("PRACK")) == 2
    assert reliable.bob.person.of("answered") == [(b"answer to early offer",)]
    reliable.bob.person.session.answer(b"")
    reliable.run(1)
    assert alice.names()[-1] == "established"
    alice.session.hang_up()
    reliable.over()
