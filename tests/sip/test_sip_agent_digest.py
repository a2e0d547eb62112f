"""Who are you: digest as the one who asks and as the one who is asked, through every kind of request."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.clock import VirtualClock
from ivr.sip.digest import Credentials, DigestGate
from ivr.sip.message import Request, respond
from ivr.sip.uri import NameAddr, Uri
from tests.sip.two_agents import ANSWER, Pair, Stranger

ALICE = Credentials("alice", "wonderland")


class LateClock:
    """The clock of a pair that does not exist yet when its settings are made."""

    def __init__(self) -> None:
        self.clock: VirtualClock | None = None

    def time(self) -> float:
        return self.clock.time() if self.clock is not None else 0.0


def guarded(**settings: Any) -> Pair:
    clock: Any = LateClock()
    gate = DigestGate("hotline", {"alice": "wonderland"}.get, clock, b"k" * 32, life=5.0)
    pair = Pair(bob={"gate": gate, **settings})
    clock.clock = pair.clock
    return pair


def test_a_caller_who_knows_the_secret_gets_through_and_its_ack_says_so_too() -> None:
    pair = guarded()
    alice, _ = pair.up(credentials=ALICE)
    assert pair.wire.story()[:3] == ["INVITE", "401 INVITE", "ACK"]
    assert pair.wire.seen("ACK")[1].message.get("Authorization")
    assert len(pair.bob.people) == 1
    assert pair.bob.notices == [], "whoever is asked for the first time has done nothing wrong"
    alice.session.hang_up()
    pair.over()


@pytest.mark.parametrize("credentials", [None, Credentials("alice", "wrong"), Credentials("eve", "x")])
def test_a_caller_who_does_not_is_refused_after_one_try(credentials: Credentials | None) -> None:
    pair = guarded()
    alice = pair.alice.call(pair.bob.uri(), credentials=credentials)
    pair.run(1)
    assert alice.end[:2] == ("caller", 401)
    assert len(pair.wire.seen("INVITE")) == (2 if credentials else 1)
    assert pair.bob.notices == ([("unauthorised", "INVITE 401")] if credentials else [])
    assert pair.bob.people == []
    pair.over()


def test_a_trusted_host_is_not_asked() -> None:
    pair = guarded(trusted=lambda host: host == "10.0.0.1")
    alice, _ = pair.up()
    assert "401 INVITE" not in pair.wire.story()
    alice.session.hang_up()
    stranger = Stranger(pair.wire)
    stranger.ask("OPTIONS")
    pair.run(0.1)
    assert stranger.statuses("OPTIONS") == [401]


def test_one_forged_invite_draws_one_challenge_and_is_not_remembered() -> None:
    pair = guarded()
    stranger = Stranger(pair.wire)
    stranger.ask("INVITE")
    pair.run(0.1)
    assert pair.bob.agent.transactions == 0
    pair.run(60)
    assert stranger.statuses("INVITE") == [401]
    stranger.ask("ACK", to_tag=stranger.responses("INVITE")[0].to.tag)
    pair.run(1)
    assert pair.bob.notices == []


def test_a_nonce_that_grew_old_on_the_way_is_renewed() -> None:
    pair = guarded()
    pair.wire.delay("INVITE", 10.0, skip=1)
    pair.wire.lose("INVITE", times=4, skip=1)  # its repetitions
    alice = pair.alice.call(pair.bob.uri(), credentials=ALICE)
    pair.run(12)
    assert "established" in alice.names()
    assert len({packet.message.cseq for packet in pair.wire.seen("INVITE")}) == 3
    assert pair.bob.notices == []
    alice.session.hang_up()
    pair.over()


def challenged(pair: Pair, *methods: str, stale: int = 0, status: int = 401) -> Stranger:
    """A stranger who answers everything, and challenges each of these methods once (and `stale` times more)."""
    stranger = Stranger(pair.wire)
    counts: dict[str, int] = {}

    def answer(request: Request) -> None:
        if request.method == "ACK":
            return
        counts[request.method] = counts.get(request.method, 0) + 1
        tries = counts[request.method]
        if request.method in methods and tries <= 1 + stale:
            header = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            tail = ", stale=true" if tries > 1 else ""
            value = f'Digest realm="x", nonce="n{tries}", qop="auth", algorithm=MD5{tail}'
            stranger.send(respond(request, status, to_tag="s", headers=[(header, value)]), "10.0.0.1")
            return
        offer_answer = {"INVITE": ANSWER}.get(request.method, b"")
        stranger.send(
            respond(
                request,
                202 if request.method == "REFER" else 200,
                to_tag="s",
                headers=[("Contact", f"<sip:s@{stranger.host}>")],
                body=offer_answer,
                content_type="application/sdp" if offer_answer else "",
            ),
            "10.0.0.1",
        )

    stranger.on_request = answer
    return stranger


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("method", ["INVITE", "INFO", "REFER", "BYE"])
def test_every_kind_of_request_answers_a_challenge(method: str, status: int) -> None:
    pair = Pair()
    stranger = challenged(pair, method, status=status)
    alice = pair.alice.call(Uri.parse(f"sip:s@{stranger.host}"), credentials=ALICE)
    pair.run(0.2)
    assert "established" in alice.names()
    alice.session.info("text/plain", b"x")
    alice.session.refer(Uri.parse("sip:c@10.0.0.3"), report=lambda status: None)
    pair.run(0.2)
    alice.session.hang_up()
    pair.run(0.2)
    sent = stranger.requests(method)
    header = "Authorization" if status == 401 else "Proxy-Authorization"
    assert len(sent) == 2
    assert sent[1].cseq == sent[0].cseq + 1 or method in {"INFO", "REFER"}
    assert sent[1].cseq > sent[0].cseq
    assert header in sent[1]
    assert header not in sent[0]
    pair.run(300)
    assert pair.alice.clean()


def test_a_re_invite_answers_a_challenge_of_its_own() -> None:
    pair = guarded()
    stranger = challenged(pair)
    alice = pair.alice.call(Uri.parse(f"sip:s@{stranger.host}"), credentials=ALICE)
    pair.run(0.2)
    count = 0
    answer = stranger.on_request

    def challenge_once(request: Request) -> None:
        nonlocal count
        count += request.method == "INVITE"
        if request.method == "INVITE" and count == 1:
            value = 'Digest realm="x", nonce="n", algorithm=SHA-256, qop="auth"'
            stranger.send(respond(request, 401, headers=[("WWW-Authenticate", value)]), "10.0.0.1")
        else:
            answer(request)

    stranger.on_request = challenge_once
    outcomes: list[int] = []
    alice.session.offer(b"hold", outcomes.append)
    pair.run(0.2)
    assert outcomes == [200]
    assert stranger.requests("ACK")[-1].get("Authorization"), "the ACK carries the INVITE's credentials"


def test_a_stale_nonce_is_tried_once_more_and_not_for_ever() -> None:
    for stale, gets_through in ((1, True), (9, False)):
        pair = Pair()
        stranger = challenged(pair, "INVITE", stale=stale)
        alice = pair.alice.call(Uri.parse(f"sip:s@{stranger.host}"), credentials=ALICE)
        pair.run(1)
        assert ("established" in alice.names()) is gets_through
        assert len({request.cseq for request in stranger.requests("INVITE")}) == (3 if gets_through else 4)


def test_a_secret_is_in_no_text_of_anything() -> None:
    pair = guarded()
    alice, _ = pair.up(credentials=ALICE)
    assert b"wonderland" not in b"".join(packet.data for packet in pair.wire.packets)
    assert "wonderland" not in repr(alice.session.credentials)
    assert "gate" not in repr(pair.bob.agent._core.settings)


def test_requests_outside_of_a_call_answer_a_challenge_where_credentials_are_given() -> None:
    pair = guarded()
    outcomes: list[int] = []
    me = NameAddr.parse("<sip:alice@10.0.0.1>")
    for credentials in (ALICE, None):
        pair.alice.agent.request(
            "OPTIONS",
            pair.bob.uri(),
            lambda status, response: outcomes.append(status),
            from_=me,
            credentials=credentials,
        )
        pair.run(0.2)
    assert outcomes == [200, 401]
    pair.alice.agent.request(
        "OPTIONS", Uri.parse("sip:10.9.9.9"), lambda status, response: outcomes.append(status), from_=me
    )
    pair.run(33)
    assert outcomes == [200, 401, 408]
    pair.over()
