"""What happens when both sides act at once, or when packets are lost at the worst moment."""

from __future__ import annotations

import pytest

from ivr.sip.message import Request, respond
from ivr.sip.uri import Uri
from tests.sip.two_agents import ANSWER, LATENCY, Pair, Person, Stranger


@pytest.fixture
def pair() -> Pair:
    return Pair()


def both_ended_once(pair: Pair) -> None:
    pair.over()
    for station in (pair.alice, pair.bob):
        for person in station.people:
            assert person.names().count("ended") == 1
            assert person.names()[-1] == "ended"


def test_a_cancel_that_crosses_the_200_ends_in_ack_and_bye(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(1)
    pair.bob.person.session.answer(ANSWER)
    alice.session.hang_up()
    assert alice.end == ("us", 487, "")
    pair.run(1)
    story = pair.wire.story()
    assert story[:2] == ["INVITE", "180 INVITE"]
    assert sorted(story[2:4]) == ["200 INVITE", "CANCEL"]
    assert story.index("ACK") < story.index("BYE")
    assert story.count("200 CANCEL") == 1
    assert "487 INVITE" not in story
    assert pair.bob.person.end == ("caller", 200, "")
    both_ended_once(pair)


def test_a_cancel_before_any_answer_waits_for_a_provisional_one(pair: Pair) -> None:
    alice = pair.alice.call(pair.bob.uri())
    pair.bob.on_invited = lambda session, person: None
    alice.session.hang_up()
    pair.run(0.15)
    assert "CANCEL" not in pair.wire.story()
    pair.run(1)
    assert pair.wire.story()[:3] == ["INVITE", "100 INVITE", "CANCEL"]
    assert pair.bob.person.end == ("caller", 487, "cancelled")
    both_ended_once(pair)


def test_a_call_given_up_before_its_200_came_is_ended_when_it_comes(pair: Pair) -> None:
    alice = pair.alice.call(pair.bob.uri())
    alice.session.hang_up()
    pair.run(1)
    assert pair.wire.story() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    both_ended_once(pair)


def test_a_call_given_up_while_its_name_is_looked_up_is_never_sent(pair: Pair) -> None:
    pair.wire.name_seconds = 2.0
    uri = pair.bob.uri()
    uri.host = "bob.example"
    alice = pair.alice.call(uri)
    pair.run(1)
    alice.session.hang_up()
    pair.run(5)
    assert alice.end == ("us", 487, "")
    assert pair.wire.packets == []
    both_ended_once(pair)


def test_both_hang_up_at_once(pair: Pair) -> None:
    alice, bob = pair.up()
    alice.session.hang_up()
    bob.session.hang_up()
    pair.run(1)
    assert alice.end == ("us", 200, "")
    assert bob.end == ("us", 200, "")
    assert pair.wire.story()[3:] == ["BYE", "BYE", "200 BYE", "200 BYE"]
    both_ended_once(pair)


def test_a_hang_up_before_the_ack_waits_for_it(pair: Pair) -> None:
    pair.wire.lose("ACK")
    alice = pair.alice.call(pair.bob.uri())
    pair.run(0.1)
    bob = pair.bob.person
    bob.session.hang_up()
    assert bob.end == ("us", 200, "")
    pair.run(0.3)
    assert "BYE" not in pair.wire.story()
    pair.run(1)
    story = pair.wire.story()
    assert story == ["INVITE", "200 INVITE", "ACK", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert alice.end == ("caller", 200, "")
    both_ended_once(pair)


def test_a_hang_up_before_an_ack_that_never_comes_says_bye_in_the_end(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE")
    pair.run(0.1)
    pair.bob.person.session.hang_up()
    pair.run(31)
    assert stranger.requests("BYE") == []
    pair.run(2)
    assert stranger.requests("BYE")
    both_ended_once(pair)


def test_the_caller_hangs_up_before_its_ack_has_arrived(pair: Pair) -> None:
    pair.wire.lose("ACK", times=100)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(0.1)
    alice.session.hang_up()
    pair.run(5)
    assert pair.bob.person.end == ("caller", 200, "")
    assert len(pair.wire.seen("200 INVITE")) == 1, "nothing is repeated after the BYE"
    both_ended_once(pair)


def test_a_200_is_repeated_from_t1_to_t2_until_its_ack(pair: Pair) -> None:
    pair.wire.lose("200 INVITE", times=6)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(60)
    first = pair.wire.seen("200 INVITE")[0].time
    times = [packet.time - first for packet in pair.wire.seen("200 INVITE")]
    assert times == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5])
    assert alice.names() == ["answered", "established"]
    alice.session.hang_up()
    both_ended_once(pair)


def test_every_repeated_200_gets_the_same_ack_again(pair: Pair) -> None:
    pair.wire.lose("ACK", times=3)
    alice, bob = pair.alice.call(pair.bob.uri()), None
    pair.run(10)
    bob = pair.bob.person
    assert len(pair.wire.seen("ACK")) == 4
    assert len({packet.data for packet in pair.wire.seen("ACK")}) == 1
    assert alice.names() == ["answered", "established"]
    assert bob.names() == ["established"]
    alice.session.hang_up()
    both_ended_once(pair)


def test_an_ack_that_is_lost_for_ever_ends_the_call_after_64_t1(pair: Pair) -> None:
    pair.wire.lose("ACK", times=100)
    alice = pair.alice.call(pair.bob.uri())
    pair.run(31.9)
    assert pair.bob.person.events == []
    pair.run(0.5)
    assert pair.bob.person.end == ("line", 408, "no ACK")
    assert alice.end == ("caller", 200, "")
    both_ended_once(pair)


def test_offers_that_cross_are_both_refused_and_made_again_at_different_times(pair: Pair) -> None:
    alice, bob = pair.up()
    alice.session.offer(b"hold by alice")
    bob.session.offer(b"hold by bob")
    pair.run(0.1)
    assert len(pair.wire.seen("491 INVITE")) == 2
    assert alice.of("offered") == []
    assert bob.of("offered") == []
    pair.run(10)
    assert alice.of("offered") == [(b"hold by bob",)]
    assert bob.of("offered") == [(b"hold by alice",)]
    assert alice.of("answered")[-1] == (b"answer to hold by alice",)
    assert bob.of("answered")[-1] == (b"answer to hold by bob",)
    # Section 14.1: the owner of the Call-ID waits 2.1 to 4 seconds, the other up to 2.
    again = {packet.source: packet.time for packet in pair.wire.seen("INVITE")[3:]}
    refused = pair.wire.seen("491 INVITE")[0].time + LATENCY
    assert again["10.0.0.1"] - refused == pytest.approx(2.1 + 0.95)
    assert again["10.0.0.2"] - refused == pytest.approx(1.0)
    alice.session.hang_up()
    both_ended_once(pair)


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_the_waits_after_glare_stay_within_the_rfcs_bounds(pair: Pair, chance: float) -> None:
    alice, bob = pair.up()
    pair.alice.chance = pair.bob.chance = chance
    alice.session.offer(b"one")
    bob.session.offer(b"two")
    pair.run(10)
    refused = pair.wire.seen("491 INVITE")[0].time + LATENCY
    again = {packet.source: packet.time - refused for packet in pair.wire.seen("INVITE")[3:]}
    assert 2.1 <= round(again["10.0.0.1"], 6) <= 4.0
    assert 0.0 <= round(again["10.0.0.2"], 6) <= 2.0


def test_a_bye_that_crosses_a_re_invite_ends_both_sides(pair: Pair) -> None:
    alice, bob = pair.up()
    outcomes: list[int] = []
    alice.session.offer(b"hold", outcomes.append)
    bob.session.hang_up()
    pair.run(1)
    assert alice.end == ("caller", 200, "")
    assert bob.end == ("us", 200, "")
    assert outcomes == [481]
    both_ended_once(pair)


def test_the_200_of_a_re_invite_that_comes_after_our_bye_is_still_acknowledged(pair: Pair) -> None:
    alice, bob = pair.up()
    pair.wire.delay("200 INVITE", 0.2)
    pair.wire.delay("BYE", 0.4)
    alice.session.offer(b"hold")
    pair.run(0.05)
    alice.session.hang_up()
    pair.run(1)
    assert len(pair.wire.seen("ACK")) == 2
    assert bob.of("offered") == [(b"hold",)]
    both_ended_once(pair)


def test_a_hang_up_while_our_200_to_a_re_invite_waits_for_its_ack(pair: Pair) -> None:
    alice, bob = pair.up()
    pair.wire.lose("ACK", times=100)
    alice.session.offer(b"hold")
    pair.run(0.1)
    bob.session.hang_up()
    pair.run(1)
    assert len(pair.wire.seen("200 INVITE")) == 2
    assert alice.end == ("caller", 200, "")
    both_ended_once(pair)


def test_an_update_during_a_re_invite_is_refused_with_491(pair: Pair) -> None:
    pair = Pair()
    stranger, tag = pair.met(headers=[("Allow", "INVITE, ACK, BYE, UPDATE")])
    pair.bob.person.session.offer(b"hold")
    pair.run(0.1)
    stranger.ask("UPDATE", to_tag=tag, cseq=2, body=b"other offer")
    stranger.ask("INVITE", to_tag=tag, cseq=3, body=b"third offer")
    stranger.ask("UPDATE", to_tag=tag, cseq=4)
    pair.run(0.1)
    by_cseq = {r.cseq: r.status for r in (*stranger.responses("UPDATE"), *stranger.responses("INVITE")[1:])}
    assert by_cseq == {2: 491, 3: 491, 4: 200}, "an UPDATE without SDP only says that they are there"
    assert pair.bob.person.of("offered") == []


def established_stranger(pair: Pair, **invite: object) -> tuple[Stranger, str, Person]:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer", **invite)  # type: ignore[arg-type]
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("ACK", to_tag=tag, cseq=stranger.responses("INVITE")[0].cseq)
    pair.run(0.1)
    return stranger, tag, pair.bob.person


def test_a_re_invite_before_the_first_answer_is_told_to_come_again(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("INVITE", to_tag=tag, cseq=2, body=b"offer 2")
    stranger.ask("UPDATE", to_tag=tag, cseq=3, body=b"offer 3")
    pair.run(0.1)
    for response in (stranger.responses("INVITE")[-1], stranger.responses("UPDATE")[-1]):
        assert response.status == 500
        assert 0 <= int(response.get("Retry-After") or "-1") <= 10


def test_a_re_invite_before_the_ack_is_taken_where_the_first_offer_has_its_answer(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("INVITE", to_tag=tag, cseq=2, body=b"offer 2")
    pair.run(0.1)
    assert stranger.statuses("INVITE") == [200, 200]
    stranger.ask("ACK", to_tag=tag, cseq=2)
    stranger.ask("ACK", to_tag=tag, cseq=1)
    pair.run(1)
    assert pair.bob.person.names() == ["established", "offered"]
    assert len(stranger.responses("INVITE")) == 2, "neither is repeated"


def test_a_re_invite_while_our_offer_in_the_200_has_no_answer_yet_is_491(pair: Pair) -> None:
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("INVITE", to_tag=tag, cseq=2, body=b"offer 2")
    pair.run(0.1)
    assert stranger.statuses("INVITE") == [200, 491]


def test_a_bye_for_an_unanswered_call_ends_it_with_487(pair: Pair) -> None:
    pair.bob.on_invited = lambda session, person: session.ring(180)
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE", body=b"offer")
    pair.run(0.1)
    tag = stranger.responses("INVITE")[0].to.tag
    stranger.ask("BYE", to_tag=tag, cseq=2)
    pair.run(0.1)
    assert stranger.statuses("BYE") == [200]
    assert 487 in stranger.statuses("INVITE")
    assert pair.bob.person.end == ("caller", 200, "")


def test_of_two_phones_that_answer_the_first_wins_and_the_other_is_ended(pair: Pair) -> None:
    stranger_answers(Stranger(pair.wire), pair, "one", "two")


def stranger_answers(fork: Stranger, pair: Pair, *tags: str) -> None:
    """Call the stranger, and have it answer as that many telephones."""

    def answer(request: Request) -> None:
        if request.method == "INVITE":
            for tag in tags:
                contact = ("Contact", f"<sip:{tag}@{fork.host}>")
                response = respond(
                    request,
                    200,
                    to_tag=tag,
                    headers=[contact],
                    body=f"answer of {tag}".encode(),
                    content_type="application/sdp",
                )
                fork.send(response, "10.0.0.1")
        elif request.method == "BYE":
            fork.send(respond(request, 200), "10.0.0.1")

    fork.on_request = answer
    caller = pair.alice.call(Uri.parse(f"sip:fork@{fork.host}"))
    pair.run(1)
    assert caller.names() == ["answered", "established"]
    assert caller.of("answered") == [(f"answer of {tags[0]}".encode(),)]
    acks = [request.to.tag for request in fork.requests("ACK")]
    assert sorted(acks) == sorted(tags), "every fork has its ACK"
    byes = [(request.to.tag, request.uri.user) for request in fork.requests("BYE")]
    assert byes == [(tag, tag) for tag in dict.fromkeys(tags[1:])], "all but the first are ended, once"
    caller.session.hang_up()
    pair.run(200)
    assert fork.requests("BYE")[-1].to.tag == tags[0]
    assert caller.end == ("us", 200, "")


def test_a_fork_that_answers_late_and_repeats_itself_gets_its_ack_each_time(pair: Pair) -> None:
    stranger_answers(Stranger(pair.wire), pair, "one", "two", "two", "two")


def test_so_many_forks_do_not_fill_any_table(pair: Pair) -> None:
    fork = Stranger(pair.wire)

    def ring(request: Request) -> None:
        if request.method == "INVITE":
            for number in range(50):
                contact = ("Contact", f"<sip:{number}@{fork.host}>")
                fork.send(respond(request, 180, to_tag=f"t{number}", headers=[contact]), "10.0.0.1")

    fork.on_request = ring
    caller = pair.alice.call(Uri.parse(f"sip:fork@{fork.host}"))
    pair.run(1)
    assert len(caller.of("ringing")) == 50
    assert caller.session.outbound is not None
    assert len(caller.session.outbound._early) == 8
    caller.session.hang_up()
    pair.run(200)
    assert pair.alice.clean()


def test_a_request_with_an_older_number_is_500_and_changes_nothing(pair: Pair) -> None:
    stranger, tag, person = established_stranger(pair, cseq=10)
    stranger.ask("INFO", to_tag=tag, cseq=12, body=b"x", content_type="text/plain")
    stranger.ask("INFO", to_tag=tag, cseq=11, body=b"y", content_type="text/plain")
    stranger.ask("BYE", to_tag=tag, cseq=12)
    pair.run(0.1)
    assert stranger.statuses("INFO") == [415, 500]
    assert stranger.statuses("BYE") == [500]
    assert person.names() == ["established", "info"]


def test_a_bye_lost_many_times_ends_our_side_at_once_and_theirs_when_it_arrives(pair: Pair) -> None:
    alice, bob = pair.up()
    pair.wire.lose("BYE", times=4)
    alice.session.hang_up()
    assert alice.end == ("us", 200, "")
    assert pair.alice.agent.sessions == 1
    pair.run(20)
    assert bob.end == ("caller", 200, "")
    both_ended_once(pair)


def test_a_bye_that_is_never_answered_is_given_up(pair: Pair) -> None:
    alice, bob = pair.up()
    pair.wire.lose("BYE", times=1000)
    alice.session.hang_up()
    pair.run(33)
    assert pair.alice.clean()
    bob.session.hang_up()
    pair.run(40)
    assert pair.bob.clean()


def test_a_key_sent_before_the_caller_knows_the_dialog_does_not_end_the_call(pair: Pair) -> None:
    def at_once(session: object, person: object) -> None:
        session.ring(180)  # type: ignore[attr-defined]
        session.info("text/plain", b"1")  # type: ignore[attr-defined]

    pair.bob.on_invited = at_once
    pair.wire.lose("180 INVITE")
    pair.alice.call(pair.bob.uri())
    pair.run(1)
    assert pair.wire.seen("481 INFO")
    assert pair.bob.person.session.state == "early"


def test_a_key_in_a_call_the_other_side_has_forgotten_ends_it(pair: Pair) -> None:
    _, bob = pair.up()
    pair.alice.agent._core.sessions.clear()
    bob.session.info("text/plain", b"1")
    pair.run(1)
    assert bob.end[:2] == ("line", 481)
