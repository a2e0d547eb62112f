"""A call from INVITE to BYE, in both roles: answered, refused, given up, late offers, keys, OPTIONS within."""

from __future__ import annotations

import pytest

from ivr.sip.message import Request
from ivr.sip.uri import Uri
from tests.sip.two_agents import ANSWER, LATENCY, OFFER, Pair, Stranger


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_a_call_is_answered_talks_and_is_hung_up_by_the_caller(pair: Pair) -> None:
    alice, bob = pair.up()
    assert alice.names() == ["answered", "established"]
    assert alice.of("answered") == [(ANSWER,)]
    assert bob.session is not None
    assert bob.session.remote_offer == OFFER
    assert (alice.session.state, bob.session.state) == ("established", "established")
    alice.session.hang_up()
    pair.run(1)
    assert alice.end == ("us", 200, "")
    assert bob.end == ("caller", 200, "")
    assert pair.wire.story() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    pair.over()


def test_the_called_side_hangs_up(pair: Pair) -> None:
    alice, bob = pair.up()
    bob.session.hang_up("going home")
    pair.run(1)
    assert alice.end == ("caller", 200, "")
    assert bob.end == ("us", 200, "going home")
    assert 'text="going home"' in (pair.wire.seen("BYE")[0].message.get("Reason") or "")
    pair.over()


def test_a_phone_rings_before_it_is_answered_and_all_its_tags_agree(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(5)
    assert alice.of("ringing") == [(180, b"")]
    pair.bob.person.session.answer(ANSWER)
    pair.run(1)
    tags = {p.message.to.tag for p in pair.wire.packets if p.source == "10.0.0.2"}
    assert len(tags) == 1
    alice.session.hang_up()
    pair.over()


def test_early_media_is_described_in_a_183_and_settled_by_the_200(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(183, ANSWER)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.events == [("ringing", 183, ANSWER)]
    pair.bob.person.session.answer(ANSWER)
    pair.run(1)
    assert alice.names() == ["ringing", "answered", "established"]
    alice.session.hang_up()
    pair.over()


def test_ringing_is_repeated_every_minute_so_that_no_proxy_gives_up(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    pair.alice.call(pair.bob.uri())
    pair.run(130)
    times = [packet.time for packet in pair.wire.seen("180 INVITE")]
    assert times == pytest.approx([LATENCY, 60 + LATENCY, 120 + LATENCY])


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_a_refusal_reaches_the_caller_and_is_acknowledged(pair: Pair, status: int) -> None:
    pair.bob.on_invited = lambda session, person: session.refuse(status)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.end[:2] == ("caller", status)
    assert pair.bob.person.end == ("us", status, "")
    assert pair.wire.story() == ["INVITE", f"{status} INVITE", "ACK"]
    assert pair.bob.agent.sessions == 0, "a rejected call waits for its ACK in its transaction alone"
    pair.over()


@pytest.mark.parametrize(("headers", "seconds"), [([], "30"), ([("retry-after", "7")], "7")])
def test_a_503_says_once_when_to_come_again(pair: Pair, headers: list[tuple[str, str]], seconds: str) -> None:
    pair.bob.on_invited = lambda session, person: session.refuse(503, headers=headers)
    pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert pair.wire.seen("503 INVITE")[0].message.all("Retry-After") == [seconds]


def test_a_caller_gives_up_a_ringing_phone(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(3)
    alice.session.hang_up()
    pair.run(1)
    assert alice.end == ("us", 487, "")
    assert pair.bob.person.end == ("caller", 487, "cancelled")
    tags = {p.message.to.tag for p in pair.wire.packets if p.source == "10.0.0.2"}
    assert len(tags) == 1, "the tags of 180, 487 and the CANCEL's 200 agree"
    pair.over()


def test_hanging_up_an_unanswered_call_refuses_it(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.hang_up()
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.end[:2] == ("caller", 480)
    assert pair.bob.person.end == ("us", 480, "")
    pair.over()


def test_an_invite_without_sdp_is_answered_with_our_offer_and_the_ack_brings_the_answer(pair: Pair) -> None:
    alice, bob = pair.up(offer=b"")
    assert alice.events == [("offered", b"offer when asked"), ("established",)]
    assert bob.events == [("answered", b"answer to offer when asked"), ("established",)]
    bob.session.hang_up()
    pair.over()


def test_a_late_offer_is_never_sent_in_an_unreliable_183(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(183, b"offer")
    pair.alice.call(pair.bob.uri(), offer=b"")
    pair.run(1)
    assert pair.wire.seen("183 INVITE")[0].message.body == b""


def test_a_late_offer_of_no_use_is_acknowledged_and_ended(pair: Pair) -> None:
    alice = pair.alice.call(pair.bob.uri(), offer=b"")
    alice.answer_offer = lambda sdp: None
    pair.run(1)
    assert alice.end[:2] == ("line", 488)
    assert pair.wire.story()[:4] == ["INVITE", "200 INVITE", "ACK", "BYE"]
    pair.over()
    assert pair.bob.person.names() == ["ended"]


def test_an_ack_without_the_answer_it_owes_ends_the_call(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag)
    pair.run(1)
    assert pair.bob.person.end[:2] == ("line", 488)
    assert [request.method for request in stranger.inbox if isinstance(request, Request)] == ["BYE"] * 2


def test_a_200_without_the_answer_it_owes_ends_the_call(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.answer(b"")
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.end[:2] == ("line", 488)
    pair.over()


def test_an_unreliable_answer_stands_where_the_200_has_none(pair: Pair) -> None:
    def early(session: object, person: object) -> None:
        session.ring(183, ANSWER)  # type: ignore[attr-defined]
        session.answer(b"")  # type: ignore[attr-defined]

    pair.bob.on_invited = early
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert alice.names() == ["ringing", "answered", "established"]
    alice.session.hang_up()
    pair.over()


def test_keys_come_by_info_and_what_is_not_understood_is_415(pair: Pair) -> None:
    alice, bob = pair.up()
    bob.on["info"] = lambda kind, body: kind == "application/dtmf-relay"
    outcomes: list[int] = []
    alice.session.info("application/dtmf-relay", b"Signal=5\r\n", outcomes.append)
    pair.run(1)
    alice.session.info("text/plain", b"hello", outcomes.append)
    pair.run(1)
    assert bob.of("info") == [("application/dtmf-relay", b"Signal=5\r\n"), ("text/plain", b"hello")]
    assert outcomes == [200, 415]
    alice.session.hang_up()
    pair.over()
    alice.session.info("text/plain", b"x", outcomes.append)
    assert outcomes[-1] == 481


def test_a_call_nobody_answers_ends_on_both_sides(pair: Pair) -> None:
    pair = Pair(alice={"unanswered_seconds": 1000.0}, bob={"unanswered_seconds": 50.0})
    pair.bob.on_invited = lambda session, person: session.ring(180)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(60)
    assert pair.bob.person.end == ("line", 480, "nobody answered")
    assert alice.end[:2] == ("caller", 480)
    pair.over()


def test_a_call_of_ours_that_rings_for_ever_is_given_up() -> None:
    pair = Pair(alice={"unanswered_seconds": 50.0}, bob={"unanswered_seconds": 1000.0})
    pair.bob.on_invited = lambda session, person: session.ring(180)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(60)
    assert alice.end[:2] == ("line", 487)
    assert pair.bob.person.end == ("caller", 487, "cancelled")
    pair.over()


def test_a_call_to_nowhere_ends_at_once(pair: Pair) -> None:
    alice = pair.alice.call(Uri.parse("sip:bob@nowhere.example"))
    pair.run(1)
    assert alice.end == ("line", 503, "no way there")
    pair.over()


def test_a_call_to_a_dead_host_ends_after_timer_b(pair: Pair) -> None:
    alice = pair.alice.call(Uri.parse("sip:bob@10.9.9.9"))
    pair.run(31.9)
    assert alice.events == []
    pair.run(0.2)
    assert alice.end == ("line", 408, "nobody answered")
    pair.over()


def test_commands_that_come_too_late_are_without_effect(pair: Pair) -> None:
    alice, bob = pair.up()
    alice.session.hang_up()
    pair.run(1)
    before = len(pair.wire.packets)
    for session in (alice.session, bob.session):
        session.ring()
        session.answer(b"x")
        session.refuse(486)
        session.hang_up()
    pair.run(1)
    assert len(pair.wire.packets) == before
    with pytest.raises(ValueError, match="rings with 101"):
        bob.session.ring(200)
    with pytest.raises(ValueError, match="refused with 300"):
        bob.session.refuse(200)
    pair.over()


def test_hanging_up_in_the_middle_of_a_callback_is_allowed(pair: Pair) -> None:
    alice = pair.alice.call(pair.bob.uri())
    alice.on["answered"] = lambda sdp: alice.session.hang_up()
    pair.run(1)
    assert alice.names() == ["answered", "ended"]
    assert pair.wire.story() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    pair.over()
    assert pair.bob.person.names() == ["established", "ended"]


def test_closing_the_agent_leaves_no_timer_and_says_nothing(pair: Pair) -> None:
    pair.up()
    pair.alice.call(pair.bob.uri())
    pair.bob.on_invited = lambda session, person: session.ring()
    pair.alice.call(pair.bob.uri())
    pair.run(1)
    before = len(pair.wire.packets)
    pair.alice.agent.close()
    pair.bob.agent.close()
    pair.run(300)
    assert len(pair.wire.packets) == before
    assert pair.clock.next_timer() is None
    assert pair.alice.clean()
    assert pair.bob.clean()
